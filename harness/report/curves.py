"""Expected test score against budget, for figures and tables. The estimator is the verdicts'; here is only the loop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.records import ComparisonResult, Direction, ScoreRow, TrialStatus

if TYPE_CHECKING:
    from harness.verdicts.best_of import Sample

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
    """The curve of every arm that has completed trials, by the arm's name; intervals have the verdict's level."""
    curves = ((arm.arm.name, _curve(comparison, arm.arm.name)) for arm in comparison.arms)
    return {name: curve for name, curve in curves if curve.trials}


def leads_of(comparison: ComparisonResult) -> tuple[tuple[int, str], ...]:
    """Who leads at which budget, by the same estimate as the verdict's at every number of trials.

    Returns:
        (trials, arm): the arm that has the best expected test score from so many trials on, up to twice the budget as
        far as there are trials; one entry where the lead never changes hands, none where no two can be compared.
    """
    from harness.verdicts.best_of import expected

    samples = {arm.arm.name: _sample(comparison, arm.arm.name) for arm in comparison.arms}
    known = {name: sample for name, sample in samples.items() if sample is not None}
    if len(known) < 2:
        return ()
    last = min(min(map(len, known.values())), 2 * comparison.verdict.trials)
    changes: list[tuple[int, str]] = []
    for trials in range(1, last + 1):
        scores = {name: expected(sample, trials) for name, sample in known.items()}
        leader = min(scores, key=lambda name: scores[name])
        if not changes or (leader != changes[-1][1] and scores[leader] < scores[changes[-1][1]]):
            changes.append((trials, leader))
    return tuple(changes)


def budgets(completed: int, trials: int) -> tuple[int, ...]:
    """The numbers of trials at which a curve is worked out.

    Args:
        completed: Completed trials of the arm.
        trials: The budget, which is among them where it can be.

    Returns:
        Whole numbers from 1 to twice the budget, as far as there are trials, closer together where they are small.
    """
    last = min(completed, 2 * trials)
    if last < 1:
        return ()
    steps = (last ** (step / (MOST_BUDGETS - 2)) for step in range(MOST_BUDGETS - 1))
    return tuple(sorted({min(round(step), last) for step in steps} | ({trials} if trials <= last else set())))


def _sample(comparison: ComparisonResult, arm: str) -> Sample | None:
    """An arm's completed trials as losses; None where it has none."""
    import numpy as np

    from harness.verdicts.best_of import Sample

    rows = [row for row in comparison.rows if row.family == arm and _scored(row)]
    if not rows:
        return None
    sign = _sign(comparison)
    return Sample.of(
        sign * np.array([row.validation for row in rows], dtype=np.float64),
        sign * np.array([row.test for row in rows], dtype=np.float64),
    )


def _sign(comparison: ComparisonResult) -> float:
    return 1.0 if comparison.objective.direction is Direction.MIN else -1.0  # the estimator knows losses only


def _curve(comparison: ComparisonResult, arm: str) -> Curve:
    sample, sign = _sample(comparison, arm), _sign(comparison)
    if sample is None:
        return Curve()
    trials = budgets(len(sample), comparison.verdict.trials)
    verdict = comparison.verdict
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
    import numpy as np

    from harness.verdicts.best_of import expected, resample

    middle = expected(sample, n)
    # One seed for all: the same resamples at every n, so that a band has no steps of chance along it.
    draws = resample(sample, n, resamples, seed=1).test
    low, high = np.quantile(draws, ((1 - level) / 2, (1 + level) / 2))
    return middle, min(float(low), middle), max(float(high), middle)


def _scored(row: ScoreRow) -> bool:
    scores = (row.validation, row.test)
    return row.status is TrialStatus.COMPLETED and all(score is not None and math.isfinite(score) for score in scores)
