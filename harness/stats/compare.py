"""Two ways to compare families: Welch's t over replicates, and the pooled bootstrap where trials are independent.

Over replicates the replicate is the unit: the test score of the trial that each search selected by validation, compared
by Welch's t. It knows nothing of the trials that were not selected, but for the gain of the budget's second half.

The pooled bootstrap compares the expected test score of the best of k trials by validation (`best_of_n`), where k is at
most the budget n: few searches of n say next to nothing of the best of n, whose score rests on one trial of each, and
a good deal of the best of a quarter as many. A winner must lead at n too, and has to pass two tests at one level. Its
interval by bootstrap over trials must exclude zero; alone that names false winners too often where few trials decide,
since a resample knows nothing of the better trials that were not drawn. And the p-value of a permutation test (Fisher
1935) of which trial belongs to which family must be small: its error is exact where the families are alike, however
skewed their scores; alone it would take a difference of spreads for one of scores.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from harness.records import ScoreRow, derive_seed
from harness.stats import best_of_n
from harness.stats.best_of_n import Floats, Sample, Term, deviation
from harness.stats.differences import Difference, Gain, Side, convincing, score
from harness.stats.levels import MINIMUM_REPLICATES, PERMUTATIONS, RESAMPLES


class Comparison:
    """The families of one dataset compared; this one where no trial was completed, so that nothing is known.

    Attributes:
        expected: Expected test loss of each family's search of the budget n.
        expected_at: Expected test loss of each family's search of k trials, which differences are about.
        reasons: Why the estimate does not support a verdict; empty when it does.
    """

    def __init__(
        self, expected: Mapping[str, float] | None = None, expected_at: Mapping[str, float] | None = None
    ) -> None:
        self.expected = expected or {}
        self.expected_at = expected_at or self.expected
        self.reasons: tuple[str, ...] = ()

    def gains(self) -> dict[str, Gain]:
        """What the second half of the budget gained, as a fall of validation loss.

        Returns:
            The gain by the family's name, of each where it can be estimated.
        """
        return {}

    def difference(self, first: str, second: str, margin: float = 0.0) -> Difference:
        """How much better `first` is than `second`, in units of the metric.

        Args:
            first: One family.
            second: The other.
            margin: Half-width of the equivalence margin.

        Returns:
            The difference, positive where `first` is better; without numbers where one of them has no completed trial.
        """
        if not {first, second} <= set(self.expected):
            return Difference.unknown(first, second)
        if self._rank(first) < self._rank(second):
            return self._between(first, second, margin)
        return self._between(second, first, margin).turned()

    def _rank(self, family: str) -> tuple[float, str]:
        """What families are sorted by, best first."""
        return self.expected_at[family], family

    def _between(self, better: str, worse: str, margin: float) -> Difference:  # noqa: ARG002 (those that know use it)
        """The difference of two families of `expected`; here, where nothing is known, there is none."""
        return Difference.unknown(better, worse)


class WelchOverReplicates(Comparison):
    """Families compared by the selected trials of their replicates.

    Args:
        sides: The families, each with at least one completed trial.
        trials: Budget n of a search.
        level: Level of the intervals.
    """

    def __init__(self, sides: Sequence[Side], trials: int, level: float) -> None:
        losses = {side.name: selected_losses(side) for side in sides}
        super().__init__({name: float(np.mean(its)) for name, its in losses.items()})
        middle = float(np.median(np.concatenate(list(losses.values()))))
        self._selected = {name: its - middle for name, its in losses.items()}  # equal scores differ by exactly 0
        self._sides, self._trials, self._level = sides, trials, level
        self.reasons = tuple(
            f"the selected scores of {pair.first} and of {pair.second} are the same in every replicate: "
            "no spread to judge by"
            for pair in itertools.starmap(self.difference, itertools.combinations(sorted(losses, key=self._rank), 2))
            if pair.spread == 0 and pair.value != 0
        )

    def gains(self) -> dict[str, Gain]:
        """Fall of the best validation loss over the second half of the trials' numbers, mean over replicates."""
        return {
            side.name: self._gain(side)
            for side in self._sides
            if self._trials > 1 and len(self._selected[side.name]) >= MINIMUM_REPLICATES
        }

    def _gain(self, side: Side) -> Gain:
        from scipy import special

        falls = []
        for search in side.searches():
            early = [row for row in search if row.trial <= self._trials // 2]
            if early:
                falls.append(side.sign * (score(early[0], "validation") - score(search[0], "validation")))
        if len(falls) < MINIMUM_REPLICATES:
            return Gain(math.nan, math.nan, math.nan)
        value, error = float(np.mean(falls)), deviation(np.array(falls), ddof=1) / math.sqrt(len(falls))
        reach = float(error * special.stdtrit(len(falls) - 1, (1 + self._level) / 2))
        return Gain(value, value - reach, value + reach)

    def _between(self, better: str, worse: str, margin: float) -> Difference:
        return welch(better, worse, self._selected[better], self._selected[worse], margin, self._level)


def selected_losses(side: Side) -> Floats:
    """Test loss of the trial each replicate selects by validation; tied trials are averaged.

    Args:
        side: The family.

    Returns:
        One loss a replicate that has a completed trial (replicates,), in the replicates' order.
    """
    return np.array(
        [np.mean([side.sign * score(row, "test") for row in selected_rows(search)]) for search in side.searches()],
        dtype=np.float64,
    )


def selected_rows(search: Sequence[ScoreRow]) -> list[ScoreRow]:
    """The rows of one search that share its best validation score.

    Args:
        search: Completed rows of one replicate, best validation first, at least one.
    """
    return [row for row in search if row.validation == search[0].validation]


def welch(
    first: str, second: str, first_losses: Floats, second_losses: Floats, margin: float, level: float
) -> Difference:
    """Difference of two means with Welch's interval (Welch 1947; Satterthwaite's degrees of freedom).

    The probabilities are those of the Bayesian posterior under flat priors as far as Welch's t stands for it.
    `scipy.stats.ttest_ind` gives the same interval, but warns of one family whose scores do not vary.

    Args:
        first: One family.
        second: The other.
        first_losses: The first's selected test losses.
        second_losses: The second's.
        margin: Half-width of the equivalence margin.
        level: Level of the interval.

    Returns:
        The difference; without an interval (NaN) where a family has fewer than two replicates, and with one
        of no width where no score varies.
    """
    value = float(np.mean(second_losses) - np.mean(first_losses))
    if min(len(first_losses), len(second_losses)) < 2:
        return Difference.unknown(first, second, value, p=1.0)
    errors = [deviation(losses, ddof=1) / math.sqrt(len(losses)) for losses in (first_losses, second_losses)]
    spread = math.hypot(*errors)
    if spread == 0:
        sure = (float(value > margin), float(abs(value) <= margin), float(value < -margin))
        return Difference(first, second, value, value, value, 1.0, sure, 0.0)
    from scipy import special  # here: half a second that a table of random trials need not wait

    parts = [(error / spread) ** 2 for error in errors]
    freedom = 1 / (parts[0] ** 2 / (len(first_losses) - 1) + parts[1] ** 2 / (len(second_losses) - 1))
    reach = spread * float(special.stdtrit(freedom, (1 + level) / 2))
    better = float(special.stdtr(freedom, (value - margin) / spread))
    worse = float(special.stdtr(freedom, (-value - margin) / spread))
    return Difference(
        first=first,
        second=second,
        value=value,
        low=value - reach,
        high=value + reach,
        p=2 * float(special.stdtr(freedom, -abs(value) / spread)),
        probabilities=(better, max(0.0, 1.0 - better - worse), worse),
        spread=spread,
    )


class PooledBootstrap(Comparison):
    """Families compared whose completed trials are independent draws.

    The draws of chance are seeded by the dataset's name and each family's place by score, so that neither the
    order of rows nor the families' names nor the direction of the metric changes a digit.

    Args:
        dataset: Name of the dataset.
        sides: The families, each with at least one completed trial.
        trials: Budget n of a search.
        compared_at: Trials k of the search that differences are about, at most n.
        level: Level of the intervals.
        replaced: Whether a resample is drawn from with replacement where k is below n, as by the first rule; where k
            is n it always is.
    """

    def __init__(
        self,
        dataset: str,
        sides: Sequence[Side],
        trials: int,
        compared_at: int,
        level: float,
        *,
        replaced: bool = False,
    ) -> None:
        middle = float(np.median(np.concatenate([side.test for side in sides])))
        self._samples = {side.name: Sample(side.validation, side.test - middle, side.starts) for side in sides}
        self._points, self._at_budget = (
            {name: best_of_n.expected(sample, n) for name, sample in self._samples.items()}
            for n in (compared_at, trials)
        )
        self._ranked = sorted(self._samples, key=self._rank)
        super().__init__(
            *({name: point + middle for name, point in points.items()} for points in (self._at_budget, self._points))
        )
        self._dataset, self._trials, self._compared_at, self._level = dataset, trials, compared_at, level
        self._replaced = replaced or compared_at == trials
        self._rounding = _rounding(list(self._samples.values()), compared_at)

    @cached_property
    def _resampled(self) -> dict[str, Floats]:
        """Expected test loss and gain of each family in each resample: (2, resamples)."""
        half = max(self._trials // 2, 1)
        return {
            name: best_of_n.resample(
                sample := self._samples[name],
                (
                    (Term(self._compared_at, sample.test, self._replaced),),
                    (Term(half, sample.validation), Term(self._trials, -sample.validation)),
                ),
                RESAMPLES,
                derive_seed("resample", self._dataset, place),
            )
            for place, name in enumerate(self._ranked)
        }

    def gains(self) -> dict[str, Gain]:
        """Fall of the expected validation loss from the best of n/2 to the best of n trials."""
        return {name: self._gain(name) for name in self._samples if self._trials > 1}

    def _gain(self, name: str) -> Gain:
        sample = self._samples[name]
        half, whole = (
            best_of_n.expected(sample, n, sample.validation - sample.validation[0])
            for n in (max(self._trials // 2, 1), self._trials)
        )
        low, high = np.quantile(self._resampled[name][1], ((1 - self._level) / 2, (1 + self._level) / 2))
        value = half - whole
        return Gain(value, min(float(low), value), max(float(high), value))

    def no_winner_possible(self) -> bool:
        """Whether a winner between two families is ruled out before the bootstrap, asked no longer than it takes.

        Of two families alike most replays end here, at a tenth of the cost.

        Returns:
            True where the permutation p-value is surely too large for the level, they do not differ at all, or the
            other one leads at the budget.
        """
        better, worse = self._ranked
        value, matching = self._value(better, worse), 0.0
        if not self._leads(better, worse):
            return True
        for found in self._matching(better, worse, value):
            matching += found
            if not convincing(_share(matching), self._level):
                return True
        return value == 0

    def _rank(self, family: str) -> tuple[float, str]:
        return self._points[family], family

    def _between(self, better: str, worse: str, margin: float) -> Difference:
        value = self._value(better, worse)
        draws = _snap(self._resampled[worse][0] - self._resampled[better][0], self._rounding)
        difference = replace(
            from_draws(better, worse, value, draws, margin, self._level), leads=self._leads(better, worse)
        )
        if not convincing(difference.p, self._level):
            return difference
        share = _share(sum(self._matching(better, worse, value)))
        return replace(difference, p=max(difference.p, share), permutation_p=share)

    def _value(self, better: str, worse: str) -> float:
        return float(_snap(np.array([self._points[worse] - self._points[better]]), self._rounding)[0])

    def _leads(self, better: str, worse: str) -> bool:
        """Whether the one that is better in a search of k trials is so in one of the budget, too."""
        return self._compared_at == self._trials or self._at_budget[worse] - self._at_budget[better] > self._rounding

    def _matching(self, better: str, worse: str, value: float) -> Iterator[float]:
        """How many permutations differ as much, for some more of them at a time.

        Exact matches count half (Lancaster 1961), because a single search's difference is that of two trials and is met
        again by half of all permutations.
        """
        seed = derive_seed("exchange", self._dataset, self._ranked.index(better), self._ranked.index(worse))
        both = best_of_n.pooled(self._samples[better], self._samples[worse])
        terms = (Term(self._compared_at, both.test),)
        for block in best_of_n.permute(both, len(self._samples[better]), terms, PERMUTATIONS, seed):
            sizes = np.abs(block)
            same = np.abs(sizes - value) <= self._rounding
            yield float(np.sum((sizes > value) & ~same) + 0.5 * np.sum(same))


def from_draws(first: str, second: str, value: float, draws: Floats, margin: float, level: float) -> Difference:
    """A difference with its percentile interval, from bootstrap draws of it.

    The interval is stretched to the exact estimate where the resamples miss it, as those of one search can:
    so a difference whose resamples contradict its own sign decides nothing.

    Args:
        first: The family that the exact estimate calls better (or equal).
        second: The other.
        value: The exact estimate, at least 0.
        draws: The resampled differences.
        margin: Half-width of the equivalence margin.
        level: Level of the interval.
    """
    ordered = np.sort(draws)
    tail = int((1 - level) / 2 * len(draws) + 1e-6)
    share_against = float(np.mean(draws <= 0))
    better, worse = float(np.mean(draws > margin)), float(np.mean(draws < -margin))
    return Difference(
        first=first,
        second=second,
        value=value,
        low=min(float(ordered[tail]), value),
        high=max(float(ordered[-1 - tail]), value),
        p=min(1.0, 2 * share_against) if value > 0 else 1.0,
        probabilities=(better, max(0.0, 1.0 - better - worse), worse),
        spread=deviation(draws),
    )


def _share(matching: float) -> float:
    return (matching + 0.5) / (PERMUTATIONS + 1)


def _rounding(samples: Sequence[Sample], trials: int) -> float:
    """How small a difference the arithmetic cannot tell from none.

    Sums of weights are 1 to within rounding only: what is smaller than that share of the terms that are summed (losses
    measured from the median) is set to 0, so that rounding never names a winner.
    """
    terms = [
        abs(sample.test[0])
        + best_of_n.beyond_with_replacement(len(sample), trials)[1:-1] @ np.abs(np.diff(sample.test))
        for sample in samples
    ]
    return 1e-12 * float(max(terms))


def _snap(values: Floats, rounding: float) -> Floats:
    return np.where(np.abs(values) <= rounding, 0.0, values)
