"""What two families differ by on one dataset, and what follows from it for this pair alone.

Pure numbers: knows neither how they were estimated nor who asks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist

from harness.records import Outcome, Pair
from harness.verdicts.constants import CHANCE_TO_DECIDE, HOPELESS

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
        shuffled: Share of random exchanges of trials that differ as much; None where it was not asked.
    """

    first: str
    second: str
    value: float
    low: float
    high: float
    p: float
    probabilities: tuple[float, float, float]
    spread: float
    shuffled: float | None = None

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


@dataclass(frozen=True, slots=True)
class Gain:
    """How much the second half of the budget improved the expected validation score, with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What either way of estimating hands to the decision. Losses: lower is better.

    Attributes:
        expected: Expected test loss of each family's search.
        differences: Every pair of families.
        gains: Gain of the budget's second half, of each family where it could be estimated.
        reasons: Why the estimate does not support a verdict; empty when it does.
    """

    expected: Mapping[str, float]
    differences: tuple[Difference, ...]
    gains: Mapping[str, Gain] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    def between(self, first: str, second: str) -> Difference:
        """The difference of two families, turned so that a positive one says `first` is better."""
        for difference in self.differences:
            if (difference.first, difference.second) == (first, second):
                return difference
            if (difference.first, difference.second) == (second, first):
                return difference.turned()
        unknown = math.nan
        return Difference(first, second, unknown, unknown, unknown, unknown, (unknown,) * 3, unknown)


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


def judge(difference: Difference, p: float, region: float, level: float) -> Pair:
    """The answer for one pair.

    `practically_equal` when the interval lies within a region of equivalence that is wider than nothing, even
    if it excludes zero: a difference that is sure but too small to matter. Else the better one when `p` is
    small enough.

    Args:
        difference: The estimate.
        p: Its p, adjusted for the number of pairs.
        region: Half-width of the region of practical equivalence.
        level: Level of the interval.

    Returns:
        The pair with its outcome.
    """
    outcome, family = Outcome.UNDECIDED, None
    if region > 0 and -region <= difference.low and difference.high <= region:
        outcome = Outcome.PRACTICALLY_EQUAL
    elif convincing(p, level):
        outcome = Outcome.WINNER
        family = difference.first if difference.value > 0 else difference.second
    return Pair(
        difference.first,
        difference.second,
        difference.value,
        difference.low,
        difference.high,
        p,
        outcome,
        family,
    )


def more_trials(difference: Difference, completed: int, trials: int, region: float, level: float) -> int | None:
    """Estimate of the further completed trials a family that would probably decide this pair.

    Takes the difference seen for the true one and lets its standard error shrink with the square root of the
    number of trials (of replicates, which comes to the same): at N' trials the interval clears the nearer
    edge (zero, or for equality the region's) with the chance `CHANCE_TO_DECIDE` when margin = (z(level) +
    z(chance)) · spread · √(N/N').

    Args:
        difference: The undecided estimate.
        completed: Completed trials N of each family.
        trials: Budget of a search; the answer is a whole number of searches.
        region: Half-width of the region of practical equivalence.
        level: Level of the interval.

    Returns:
        The estimate; None when more than `HOPELESS` times the trials there are would be needed.
    """
    size = abs(difference.value)
    margin = max(size, region - size)
    normal = NormalDist()
    steps = normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(CHANCE_TO_DECIDE)
    if not margin > 0 or not math.isfinite(difference.spread):
        return None
    factor = (steps * difference.spread / margin) ** 2
    if factor > 1 + HOPELESS:
        return None
    return trials * max(1, math.ceil((factor - 1) * completed / trials - _ROUNDING))
