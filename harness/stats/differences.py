"""The rows of one dataset by family, what two families differ by, and what follows from it for this pair alone.

Turning scores into losses here (a `max` score changes its sign) lets everything after it know one direction
only.

Pure numbers: knows neither how they were estimated nor who asks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from harness.errors import TableError
from harness.records import Direction, Outcome, Pair, ScoreRow, TrialStatus
from harness.stats.best_of_n import Floats, Sample
from harness.stats.levels import CHANCE_TO_DECIDE, HOPELESS


@dataclass(frozen=True, slots=True)
class Side(Sample):
    """One family's part in the comparison on one dataset: its completed trials as losses, and the rows they are from.

    Attributes:
        name: The family's name.
        asked: Trials asked for, failures included.
        completed: Rows with scores, in the order of the losses: best validation first.
        replicates: Number of searches with at least one row.
        sign: 1 when lower scores are better, -1 when higher ones are.
    """

    name: str
    asked: int
    completed: tuple[ScoreRow, ...]
    replicates: int
    sign: int

    @property
    def failed(self) -> int:
        """Trials without a score."""
        return self.asked - len(self.completed)

    def searches(self) -> list[list[ScoreRow]]:
        """The completed rows of each replicate that has any, best validation first."""
        by_replicate: dict[int, list[ScoreRow]] = {}
        for row in self.completed:
            by_replicate.setdefault(row.replicate, []).append(row)
        return [by_replicate[replicate] for replicate in sorted(by_replicate)]


def sides_of(rows: Iterable[ScoreRow], families: Sequence[str], direction: Direction) -> Mapping[str, Side]:
    """The families of one dataset with their rows.

    Args:
        rows: All rows of the dataset, in any order.
        families: Which families compare, in order; one without rows takes part with none.
        direction: Which scores are better.

    Raises:
        TableError: A completed row's validation or test score is missing or not finite.
    """
    by_family: dict[str, list[ScoreRow]] = {family: [] for family in families}
    for row in rows:
        by_family[row.family].append(row)
    return {family: _side(family, its, direction.sign) for family, its in by_family.items()}


def _side(name: str, rows: Sequence[ScoreRow], sign: int) -> Side:
    completed = [row for row in rows if row.status is TrialStatus.COMPLETED]
    losses = {id(row): (sign * score(row, "validation"), sign * score(row, "test")) for row in completed}
    completed.sort(key=lambda row: (*losses[id(row)], row.replicate, row.trial))
    ordered: Floats = np.array([losses[id(row)] for row in completed], dtype=np.float64).reshape(-1, 2)
    sample = Sample.of(ordered[:, 0], ordered[:, 1])
    return Side(
        sample.validation,
        sample.test,
        sample.starts,
        name=name,
        asked=len(rows),
        completed=tuple(completed),
        replicates=len({row.replicate for row in rows}),
        sign=sign,
    )


def score(row: ScoreRow, part: str) -> float:
    """A completed row's score on the `validation` or the `test` part.

    Raises:
        TableError: It is missing or not finite.
    """
    value = row.validation if part == "validation" else row.test
    if value is None or not math.isfinite(value):
        raise TableError(
            f"{row.dataset}, {row.family}, replicate {row.replicate}, trial {row.trial}: {part} = {value}: "
            "expected a finite score in a completed row"
        )
    return value


_ROUNDING = 1e-9  # of a level such as 0.95, whose complement is not exactly 0.05


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better one family is than another, by estimate.

    Attributes:
        first: One family.
        second: The other.
        value: Expected test loss of the second minus that of the first: positive says the first is better.
        low: Lower end of its interval.
        high: Upper end of its interval.
        p: Two-sided p of no difference.
        probabilities: That the first is better, practically equal, that the second is better.
        spread: Standard error of `value`.
        permutation_p: p-value of the permutation test; None where it was not asked.
        leads: Whether the better one is so at the whole budget too, without which it is no winner.
    """

    first: str
    second: str
    value: float
    low: float
    high: float
    p: float
    probabilities: tuple[float, float, float]
    spread: float
    permutation_p: float | None = None
    leads: bool = True

    def turned(self) -> Difference:
        """The same, seen from the other family."""
        return replace(
            self,
            first=self.second,
            second=self.first,
            value=0.0 - self.value,
            low=0.0 - self.high,
            high=0.0 - self.low,
            probabilities=(self.probabilities[2], self.probabilities[1], self.probabilities[0]),
        )

    @classmethod
    def unknown(cls, first: str, second: str, value: float = math.nan, p: float = math.nan) -> Difference:
        """A difference without an interval."""
        return cls(first, second, value, math.nan, math.nan, p, (math.nan,) * 3, math.nan)


@dataclass(frozen=True, slots=True)
class Gain:
    """How much the second half of the budget improved the expected validation score, with its interval."""

    value: float
    low: float
    high: float


def holm(values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number (Holm 1979).

    The i-th smallest (from 0) of m is multiplied by m - i; none is below the one before, none above 1.

    Args:
        values: p-values in any order.

    Returns:
        The adjusted ones in that order.
    """
    adjusted = [math.nan] * len(values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        highest = max(highest, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = highest
    return adjusted


def convincing(p: float, level: float) -> bool:
    """Whether a p is small enough at this level: at most its complement, to within rounding."""
    return p <= 1 - level + _ROUNDING


def judge(difference: Difference, p: float, margin: float, level: float) -> Pair:
    """The answer for one pair.

    `practically_equal` when the interval lies within an equivalence margin that is wider than nothing, even
    if it excludes zero: a difference that is sure but too small to matter. Else the better one when `p` is
    small enough and it leads at the whole budget too.

    Args:
        difference: The estimate.
        p: Its p, adjusted for the number of pairs.
        margin: Half-width of the equivalence margin.
        level: Level of the interval.

    Returns:
        The pair with its outcome.
    """
    outcome, family = Outcome.UNDECIDED, None
    if margin > 0 and -margin <= difference.low and difference.high <= margin:
        outcome = Outcome.PRACTICALLY_EQUAL
    elif difference.leads and convincing(p, level):
        outcome = Outcome.WINNER
        family = difference.first if difference.value > 0 else difference.second
    return Pair(
        difference.first, difference.second, difference.value, difference.low, difference.high, p, outcome, family
    )


def more_trials(difference: Difference, completed: int, trials: int, margin: float, level: float) -> int | None:
    """Estimate of the further completed trials a family that would probably decide this pair.

    Takes the difference seen for the true one and lets its standard error shrink with the square root of the
    number of trials (of replicates, which comes to the same): at N' trials the interval clears the nearer
    edge (zero, or for equality the margin's) with the chance `CHANCE_TO_DECIDE` when margin = (z(level) +
    z(chance)) · spread · √(N/N').

    Args:
        difference: The undecided estimate.
        completed: Completed trials N of each family.
        trials: Budget of a search; the answer is a whole number of searches.
        margin: Half-width of the equivalence margin.
        level: Level of the interval.

    Returns:
        The estimate; None when more than `HOPELESS` times the trials there are would be needed.
    """
    size = abs(difference.value)
    gap = max(size, margin - size)
    normal = NormalDist()
    steps = normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(CHANCE_TO_DECIDE)
    if not gap > 0 or not math.isfinite(difference.spread):
        return None
    factor = (steps * difference.spread / gap) ** 2
    if factor > 1 + HOPELESS:
        return None
    return trials * max(1, math.ceil((factor - 1) * completed / trials - _ROUNDING))
