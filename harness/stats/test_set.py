"""The second interval: what the size of the test set allows.

The first one, over trials, holds on this test set. Another test set of the same size would have scored every trial
otherwise; how much so is seen by drawing the test cases again, all trials keeping their places by validation. The
difference of two families is then a mean over test cases, of what each case says of the trials that searches select.

Knows numbers per case, not what a case is. Scores here are losses: lower is better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from harness.records import CaseInterval, CaseScores
from harness.stats import best_of_n
from harness.stats.best_of_n import Floats, Ints
from harness.stats.compare import selected_rows
from harness.stats.differences import Side
from harness.stats.levels import CASE_RESAMPLES

Cases = Mapping[tuple[str, int, int], CaseScores]
"""Scores over test cases by family, replicate and trial."""

_NEGLIGIBLE = 1e-3


def between(first: Side, second: Side, cases: Cases, trials: int, level: float, adaptive: bool) -> CaseInterval | None:
    """Interval over test cases of how much better the first family's expected test score is.

    Args:
        first: One family.
        second: The other.
        cases: What the test cases say of each trial.
        trials: Budget n of a search.
        level: Level of the interval.
        adaptive: Whether the replicate is the unit.

    Returns:
        The interval; None where what is known of the test cases does not cover the trials that count.
    """
    shapes = {(one.cases, one.block, len(one.values)) for one in cases.values()}
    if len(shapes) != 1 or not (first.completed and second.completed):
        return None
    mine, others = (_spread(side, cases, trials, adaptive) for side in (first, second))
    if mine is None or others is None:
        return None
    count, block, _ = shapes.pop()
    return interval(others - mine, count, block, level)


def interval(differences: Floats, cases: int, block: int, level: float) -> CaseInterval:
    """Interval of a mean difference over test cases (percentiles of the circular block bootstrap).

    Args:
        differences: How much better the first is in each group of cases (groups,).
        cases: Number of test cases.
        block: Neighbouring groups that are drawn together.
        level: Level of the interval.
    """
    low, high = np.quantile(resampled_means(differences, block), ((1 - level) / 2, (1 + level) / 2))
    return CaseInterval(float(low), float(high), cases, max(1, round(block * cases / len(differences))))


def resampled_means(values: Floats, block: int) -> Floats:
    """Mean of each resample of the test cases; the same cases for all values of one length, so that they pair.

    Args:
        values: One number for each group of cases (groups,).
        block: Neighbouring groups that are drawn together.
    """
    middle = values.mean()
    return np.asarray(_means(values - middle, _places(len(values), block)) + middle, dtype=np.float64)


def trial_weights(side: Side, trials: int, adaptive: bool) -> Floats:
    """How much each completed trial, best validation first, counts in the family's expected score (N,).

    Args:
        side: The family.
        trials: Budget n of a search.
        adaptive: Whether only the selected trial of each replicate counts.
    """
    if adaptive:
        searches = side.searches()
        chosen = [selected_rows(search) for search in searches]
        shares = {id(row): 1 / len(searches) / len(tied) for tied in chosen for row in tied}
        return np.array([shares.get(id(row), 0.0) for row in side.completed])
    weights = best_of_n.weights(len(side), min(trials, len(side)))
    _, starts, sizes = np.unique(side.validation, return_index=True, return_counts=True)
    return np.repeat(np.add.reduceat(weights, starts) / sizes, sizes)


def _spread(side: Side, cases: Cases, trials: int, adaptive: bool) -> Floats | None:
    """What each test case says of the family's expected loss (groups,)."""
    weights = trial_weights(side, trials, adaptive)
    known = [cases.get((row.family, row.replicate, row.trial)) for row in side.completed]
    counting = [(weight, its) for weight, its in zip(weights, known, strict=True) if its is not None]
    covered = math.fsum(weight for weight, _ in counting)
    if not covered >= 1 - _NEGLIGIBLE:
        return None
    values = np.array([its.values for _, its in counting], dtype=np.float64)
    return side.sign * (np.array([weight for weight, _ in counting]) / covered) @ values


@lru_cache(maxsize=8)
def _places(groups: int, block: int) -> Ints:
    """First places of the blocks of each resample (resamples, blocks), the same for every comparison of that size."""
    random = np.random.default_rng(groups * 1009 + block)
    return random.integers(0, groups, (CASE_RESAMPLES, -(-groups // block)))


def _means(values: Floats, starts: Ints) -> Floats:
    """Means of the resamples by the circular block bootstrap (Politis and Romano 1992)."""
    groups, blocks = len(values), starts.shape[1]
    block = -(-groups // blocks)
    sums = np.concatenate(([0.0], np.cumsum(np.concatenate((values, values[:block])))))
    return np.asarray((sums[starts + block] - sums[starts]).sum(axis=1) / (blocks * block), dtype=np.float64)
