"""What is computed for figures and tables: expected score against budget, importance of hyperparameters.

A forest learns from its hyperparameters how well a trial ranks by validation. Each tree is asked about the trials that
it has not seen, once as they were and once with one hyperparameter permuted among them. What it is worth is
half of how much worse that makes the answers, as a share of the ranks' variance: the share of the variance that it
accounts for (Gregorutti, Michel and Saint-Pierre 2017, proposition 1). Ranks, because a diverged trial is as bad as any
other bad one and would be all that a forest of losses learns.

What is found are associations within the ranges that were searched, of each hyperparameter by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.records import ComparisonResult, ScoreRow, TrialStatus, Value
from harness.stats.best_of_n import Floats, Sample, Term, expected, resample

RESAMPLES = 1000
"""Bootstrap samples behind an interval that is written in numbers."""

BAND_RESAMPLES = 400
"""Bootstrap samples behind a band: enough to draw it."""

MOST_BUDGETS = 12
"""Numbers of trials for which the expected score is worked out; the lines between are straight."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Expected test score of the best of n trials by validation, for several n.

    Attributes:
        trials: The numbers of trials n, ascending.
        expected: Expected test score for each.
        low: Lower end of its interval for each.
        high: Upper end of its interval for each.
    """

    trials: tuple[int, ...] = ()
    expected: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    def at(self, trials: int) -> tuple[float, float]:
        """The interval for one number of trials; not a number where the curve has none."""
        if trials not in self.trials:
            return math.nan, math.nan
        place = self.trials.index(trials)
        return self.low[place], self.high[place]


def curves_of(comparison: ComparisonResult) -> dict[str, Curve]:
    """Expected test score of the trial selected out of n, for n up to twice the budget.

    Args:
        comparison: A decided comparison; its verdict has the budget and the level of the intervals.

    Returns:
        The curve of every family that has completed trials, by the family's name.
    """
    return {name: _curve(comparison, sample) for name, sample in _samples(comparison).items()}


def leads_of(comparison: ComparisonResult) -> tuple[tuple[int, str], ...]:
    """Who leads at which budget, by the same estimate as the verdict's at every number of trials.

    Returns:
        (trials, family): the family that has the best expected test score from so many trials on, up to twice the
        budget as far as there are trials; one entry where the lead never changes hands, none where no two can be
        compared.
    """
    samples = _samples(comparison)
    if len(samples) < 2:
        return ()
    last = min(*map(len, samples.values()), 2 * comparison.verdict.trials)
    changes: list[tuple[int, str]] = []
    for trials in range(1, last + 1):
        scores = {name: expected(sample, trials) for name, sample in samples.items()}
        leader = min(scores, key=lambda name: scores[name])
        if not changes or (leader != changes[-1][1] and scores[leader] < scores[changes[-1][1]]):
            changes.append((trials, leader))
    return tuple(changes)


def budgets(completed: int, trials: int) -> tuple[int, ...]:
    """The numbers of trials at which a curve is worked out.

    Args:
        completed: Completed trials of the family.
        trials: The budget, which is among them where it can be.

    Returns:
        Whole numbers from 1 to twice the budget, as far as there are trials, closer together where they are small.
    """
    last = min(completed, 2 * trials)
    if last < 1:
        return ()
    steps = (last ** (step / (MOST_BUDGETS - 2)) for step in range(MOST_BUDGETS - 1))
    return tuple(sorted({min(round(step), last) for step in steps} | ({trials} if trials <= last else set())))


def _samples(comparison: ComparisonResult) -> dict[str, Sample]:
    """The completed trials of each family that has any, as losses."""
    samples, sign = {}, comparison.objective.direction.sign
    for family in comparison.families:
        rows = [row for row in comparison.rows if row.family == family.family.name and _scored(row)]
        if rows:
            scores = np.array([(row.validation, row.test) for row in rows], dtype=np.float64)
            samples[family.family.name] = Sample.of(*(sign * scores.T))
    return samples


def _curve(comparison: ComparisonResult, sample: Sample) -> Curve:
    verdict, sign = comparison.verdict, comparison.objective.direction.sign
    trials = budgets(len(sample), verdict.trials)
    points = [_point(sample, n, verdict.level, RESAMPLES if n == verdict.trials else BAND_RESAMPLES) for n in trials]
    ends = [sorted((sign * low, sign * high)) for _, low, high in points]
    return Curve(
        trials,
        tuple(sign * middle for middle, _, _ in points),
        tuple(low for low, _ in ends),
        tuple(high for _, high in ends),
    )


def _point(sample: Sample, n: int, level: float, resamples: int) -> tuple[float, float, float]:
    """Expected loss of the best of n, and the ends of its interval.

    As in the verdict itself, the interval is stretched to the exact value where the resamples miss it.
    """
    middle = expected(sample, n)
    # One seed for all: the same resamples at every n, so that a band has no steps of chance along it.
    draws = resample(sample, [[Term(n, sample.test)]], resamples, seed=1)[0]
    low, high = np.quantile(draws, ((1 - level) / 2, (1 + level) / 2))
    return middle, min(float(low), middle), max(float(high), middle)


def _scored(row: ScoreRow) -> bool:
    scores = (row.validation, row.test)
    return row.status is TrialStatus.COMPLETED and all(score is not None and math.isfinite(score) for score in scores)


FEWEST_TRIALS = 20
"""Completed trials of a family below which a forest has nothing to learn from."""

TREES = 60
_ABSENT = -1.0


def importances_of(comparison: ComparisonResult) -> dict[str, dict[str, float]]:
    """Share of the ranks' variance that each hyperparameter accounts for; most important first.

    Args:
        comparison: What was searched.

    Returns:
        The shares of each family that has trials enough, by the family's name.
    """
    found = {family.family.name: _importances(comparison, family.family.name) for family in comparison.families}
    return {name: its for name, its in found.items() if its}


def permutation_importances(x: Floats, y: Floats, seed: int = 1) -> tuple[float, ...]:
    """How much worse a forest answers when a column is permuted, as a share of the variance of `y`; 0 at the least.

    Args:
        x: Inputs (trials, columns).
        y: Answers (trials,), not all the same.
        seed: Of the forest and of the permutations.
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


def _importances(comparison: ComparisonResult, family: str) -> dict[str, float]:
    completed = [
        trial
        for trial in comparison.trials
        if trial.key.family == family and trial.status is TrialStatus.COMPLETED and trial.validation_score is not None
    ]
    values = [comparison.values[str(trial.key)] for trial in completed]
    every = dict.fromkeys(name for one in values for name in one)
    names = [name for name in every if len({one.get(name) for one in values}) > 1]
    losses = comparison.objective.direction.sign * np.array([trial.validation_score for trial in completed], np.float64)
    if len(completed) < FEWEST_TRIALS or not names or np.ptp(losses) == 0:
        return {}
    columns = np.array([_numbers([one.get(name) for one in values]) for name in names]).T
    from scipy.stats import rankdata

    found = [min(worth / 2, 1.0) for worth in permutation_importances(columns, rankdata(losses) - 1)]
    return dict(sorted(zip(names, found, strict=True), key=lambda item: (-item[1], item[0])))


def _numbers(values: Sequence[Value | None]) -> list[float]:
    """A hyperparameter as numbers: words by their place in the alphabet, what is absent below everything."""
    words = sorted({value for value in values if isinstance(value, str)})
    return [
        _ABSENT if value is None else float(words.index(value) if isinstance(value, str) else value) for value in values
    ]
