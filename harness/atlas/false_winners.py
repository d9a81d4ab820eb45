"""How often the rule names a winner between two halves of one family's own trials, where there is none.

The trials of a search are independent draws, so that any split of them into two halves is as likely as any other. Each
split is decided by the very comparison that decides sweeps, without an equivalence margin, which would only make
winners rarer. The share of a task is the mean over its data sets and families; its one-sided bound takes the sources
for the independent draws, by the variance of their sums (Liang and Zeger 1986) and Student's t.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.atlas.regression import Floats
from harness.atlas.standings import FAMILIES, objective_of, score_rows
from harness.atlas.tables import Tables
from harness.records import Direction, ScoreRow, TrialStatus, derive_seed
from harness.records.serialization import Record
from harness.stats.compare import PooledBootstrap
from harness.stats.differences import judge, sides_of
from harness.stats.levels import ERROR_CLAIMED, LEVEL, MINIMUM_TRIALS, compared_at

SPLITS = 200
"""Random splits of each family's trials on each data set."""

_HALVES = ("one", "other")


@dataclass(frozen=True, slots=True)
class FalseWinners(Record):
    """The share of named winners among splits.

    Attributes:
        task: Of which task; `all` for all of them.
        datasets: Data sets.
        sources: Sources.
        splits: Splits decided.
        share: Mean share that named a winner.
        lower: Lower bound of the share, one-sided, clustered by source.
        level: Level of the bound.
    """

    task: str
    datasets: int
    sources: int
    splits: int
    share: float
    lower: float
    level: float

    @property
    def holds(self) -> bool:
        """Whether the bound does not exceed what is claimed."""
        return self.lower <= ERROR_CLAIMED


def share_of_splits(rows: Sequence[ScoreRow], direction: Direction, splits: int = SPLITS) -> float | None:
    """The share of random splits of one family's trials whose halves are named better and worse.

    Args:
        rows: The family's rows on one data set.
        direction: Which scores are better.
        splits: Number of splits.

    Returns:
        The share; None where a half has too few trials to be judged.
    """
    completed = [row for row in rows if row.status is TrialStatus.COMPLETED]
    half = len(completed) // 2
    if half < MINIMUM_TRIALS:
        return None
    first = completed[0]
    random = np.random.default_rng(derive_seed("atlas splits", first.dataset, first.family))
    named = 0
    for split in range(splits):
        order = random.permutation(len(completed))
        drawn = [
            ScoreRow(first.dataset, _HALVES[place // half], 1, place % half + 1, row.validation, row.test)
            for place, row in enumerate(completed[at] for at in order[: 2 * half])
        ]
        sides = list(sides_of(drawn, _HALVES, direction).values())
        found = PooledBootstrap(f"{first.dataset} {split}", sides, half, compared_at(half, half), LEVEL, replaced=False)
        # Most splits end with the permutation test, at a tenth of the cost.
        if not found.no_winner_possible():
            difference = found.difference(*_HALVES)
            named += judge(difference, difference.p, 0.0, LEVEL).family is not None
    return named / splits


def check(tables: Tables, splits: int = SPLITS) -> tuple[FalseWinners, ...]:
    """The share over all data sets, then task by task.

    Args:
        tables: The Atlas's tables.
        splits: Splits of each family's trials on each data set.
    """
    shares: dict[tuple[str, str, str], list[float]] = {}
    for name in tables.complete:
        row, rows = tables.datasets[name], score_rows(tables.trials[name])
        for family in FAMILIES:
            its = [one for one in rows if one.family == family]
            share = share_of_splits(its, objective_of(row).direction, splits)
            if share is not None:
                shares.setdefault((row.task, row.source, name), []).append(share)
    keys = {"all": list(shares)} | {
        task: [key for key in shares if key[0] == task] for task in sorted({k[0] for k in shares})
    }
    return tuple(_of(task, {key: shares[key] for key in its}, splits) for task, its in keys.items() if its)


def _of(task: str, shares: Mapping[tuple[str, str, str], Sequence[float]], splits: int) -> FalseWinners:
    means = np.array([np.mean(its) for its in shares.values()])
    sources = [source for _, source, _ in shares]
    share, lower = clustered_lower(means, sources)
    return FalseWinners(
        task=task,
        datasets=len(shares),
        sources=len(set(sources)),
        splits=splits * sum(map(len, shares.values())),
        share=share,
        lower=lower,
        level=LEVEL,
    )


def clustered_lower(values: Floats, sources: Sequence[str], level: float = LEVEL) -> tuple[float, float]:
    """A mean and its one-sided lower bound, where the values of one source depend on one another.

    Args:
        values: One a data set (n,).
        sources: Whose each is.
        level: Level of the bound.

    Returns:
        Both; the bound is 0 where there is a single source.
    """
    from scipy import special

    mean, error, count = clustered(values, sources)
    if count < 2:
        return mean, 0.0
    return mean, max(0.0, mean - float(special.stdtrit(count - 1, level)) * error)


def clustered(values: Floats, sources: Sequence[str]) -> tuple[float, float, int]:
    """A mean, its standard error by the variance of the sources' sums, and the number of sources."""
    names, groups = np.unique(np.asarray(sources), return_inverse=True)
    mean = float(values.mean())
    sums = np.bincount(groups, values - mean)
    count = len(names)
    error = math.sqrt(float((sums**2).sum()) * count / max(count - 1, 1)) / len(values)
    return mean, error, count
