"""Which hyperparameters mattered: the permutation importance of a random forest over an arm's trials (Breiman 2001).

A forest learns from its hyperparameters how well a trial ranks by validation. Each tree is asked about the trials that
it has not seen, once as they were and once with one hyperparameter shuffled among them. What it is worth is
half of how much worse that makes the answers, as a share of the ranks' variance: the share of the variance that it
accounts for (Gregorutti, Michel and Saint-Pierre 2017, proposition 1). Ranks, because a diverged trial is as bad as any
other bad one and would be all that a forest of losses learns.

What is found are associations within the ranges that were searched, of each hyperparameter by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from harness.records import ComparisonResult, Direction, TrialStatus, Value

FEWEST_TRIALS = 20
"""Completed trials of an arm below which a forest has nothing to learn from."""

TREES = 60
_ABSENT = -1.0

Floats = npt.NDArray[np.float64]


def importances_of(comparison: ComparisonResult) -> dict[str, dict[str, float]]:
    """Share of the ranks' variance that each hyperparameter accounts for; most important first.

    Args:
        comparison: What was searched.

    Returns:
        The shares of each arm that has trials enough, by the arm's name.
    """
    found = {arm.arm.name: _importances(comparison, arm.arm.name) for arm in comparison.arms}
    return {name: its for name, its in found.items() if its}


def permutation_importances(x: Floats, y: Floats, seed: int = 1) -> tuple[float, ...]:
    """How much worse a forest answers when a column is shuffled, as a share of the variance of `y`; 0 at the least.

    Args:
        x: Inputs (trials, columns).
        y: Answers (trials,), not all the same.
        seed: Of the forest and of the shuffling.
    """
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(TREES, min_samples_leaf=2, random_state=seed).fit(x, y)
    random, worse, asked = np.random.default_rng(seed), np.zeros(x.shape[1]), 0
    for tree, drawn in zip(forest.estimators_, forest.estimators_samples_, strict=True):
        unseen = np.setdiff1d(np.arange(len(x)), drawn)
        asked += len(unseen)
        given = np.repeat(x[None, unseen], x.shape[1] + 1, axis=0)
        for column in range(x.shape[1]):
            given[column + 1, :, column] = random.permutation(x[unseen, column])
        answers = tree.predict(given.reshape(-1, x.shape[1])).reshape(x.shape[1] + 1, -1)
        errors = np.square(answers - y[unseen]).sum(axis=1)
        worse += errors[1:] - errors[0]
    return tuple(np.maximum(worse / asked / y.var(), 0.0).tolist())


def _importances(comparison: ComparisonResult, arm: str) -> dict[str, float]:
    completed = [
        trial
        for trial in comparison.trials
        if trial.key.arm == arm and trial.status is TrialStatus.COMPLETED and trial.validation_score is not None
    ]
    values = [comparison.values[str(trial.key)] for trial in completed]
    names = [name for name in dict.fromkeys(name for one in values for name in one) if _varies(values, name)]
    sign = 1.0 if comparison.objective.direction is Direction.MIN else -1.0
    losses = np.array([sign * float(trial.validation_score or 0.0) for trial in completed])
    if len(completed) < FEWEST_TRIALS or not names or np.ptp(losses) == 0:
        return {}
    columns = np.array([_numbers([one.get(name) for one in values]) for name in names]).T
    found = [min(worth / 2, 1.0) for worth in permutation_importances(columns, _ranks(losses))]
    return dict(sorted(zip(names, found, strict=True), key=lambda item: (-item[1], item[0])))


def _varies(values: Sequence[Mapping[str, Value]], name: str) -> bool:
    return len({one.get(name) for one in values}) > 1


def _numbers(values: Sequence[Value | None]) -> list[float]:
    """A hyperparameter as numbers: words by their place in the alphabet, what is absent below everything."""
    words = sorted({value for value in values if isinstance(value, str)})
    return [
        _ABSENT if value is None else float(words.index(value) if isinstance(value, str) else value) for value in values
    ]


def _ranks(losses: Floats) -> Floats:
    """Mean ranks, from 0."""
    _, places, counts = np.unique(losses, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts + 1) / 2)[places], dtype=np.float64)
