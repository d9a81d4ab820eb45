"""Two ways to compare families: the pooled bootstrap for independent trials, Welch over replicates for others.

The replicate is then the unit: the test score of the trial that each search selected by validation, compared
by Welch's t. Knows nothing of the trials that were not selected, but for the gain of the budget's second
half.

Compares the expected test score of the best of n trials by validation (`best_of`). A winner has to pass two tests at
one level. Its interval by bootstrap over trials must exclude zero; alone that names false winners too often where few
trials decide, since a resample knows nothing of the better trials that were not drawn. And at most as many random
exchanges of trials between the families may differ as much: a permutation test (Fisher 1935), whose error is exact
where the families are alike, however skewed their scores; alone it would take a difference of spreads for one of
scores.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.records import ScoreRow, derive_seed
from harness.stats import best_of_n
from harness.stats.best_of_n import Floats, Resampled, Sample, deviation
from harness.stats.differences import Difference, Evidence, Gain, Side, convincing, score
from harness.stats.levels import MINIMUM_REPLICATES, RESAMPLES, SHUFFLES


def compare_replicates(sides: Sequence[Side], trials: int, margin: float, level: float) -> Evidence:
    """Compare families by the selected trials of their replicates.

    Args:
        sides: The families, each with at least one completed trial.
        trials: Budget n of a search.
        margin: Half-width of the equivalence margin.
        level: Level of the intervals.

    Returns:
        Mean selected losses, all pairs (the better one first) and the gain of the budget's second half.
    """
    losses = {side.name: selected_losses(side) for side in sides}
    middle = float(np.median(np.concatenate(list(losses.values()))))
    selected = {name: its - middle for name, its in losses.items()}  # so that equal scores differ by exactly 0
    expected = {name: float(np.mean(its)) for name, its in losses.items()}
    ranked = sorted(selected, key=lambda name: (expected[name], name))
    differences = tuple(
        welch(better, worse, selected[better], selected[worse], margin, level)
        for better, worse in itertools.combinations(ranked, 2)
    )
    reasons = tuple(
        f"the selected scores of {pair.first} and of {pair.second} are the same in every replicate: "
        "no spread to judge by"
        for pair in differences
        if pair.spread == 0 and pair.value != 0
    )
    gains = {
        side.name: _gain(side, trials, level)
        for side in sides
        if trials > 1 and len(selected[side.name]) >= MINIMUM_REPLICATES
    }
    return Evidence(expected, differences, gains, reasons)


def selected_losses(side: Side) -> Floats:
    """Test loss of the trial each replicate selects by validation (replicates,); tied trials are averaged."""
    return np.array(
        [np.mean([side.sign * score(row, "test") for row in selected_rows(search)]) for search in side.searches()],
        dtype=np.float64,
    )


def selected_rows(search: Sequence[ScoreRow]) -> list[ScoreRow]:
    """The rows of one search that share its best validation score."""
    return [row for row in search if row.validation == search[0].validation]


def welch(
    first: str, second: str, first_losses: Floats, second_losses: Floats, margin: float, level: float
) -> Difference:
    """Difference of two means with Welch's interval (Welch 1947; Satterthwaite's degrees of freedom).

    The probabilities are those of the Bayesian posterior under flat priors as far as Welch's t stands for it.

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
        unknown = math.nan
        return Difference(first, second, value, unknown, unknown, 1.0, (unknown,) * 3, unknown)
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


def _gain(side: Side, trials: int, level: float) -> Gain:
    """Fall of the best validation loss over the second half of the trials' numbers, mean over replicates."""
    from scipy import special

    falls = []
    for search in side.searches():
        early = [row for row in search if row.trial <= trials // 2]
        if early:
            falls.append(side.sign * score(early[0], "validation") - side.sign * score(search[0], "validation"))
    if len(falls) < MINIMUM_REPLICATES:
        return Gain(math.nan, math.nan, math.nan)
    value = float(np.mean(falls))
    reach = float(
        deviation(np.array(falls), ddof=1) / math.sqrt(len(falls)) * special.stdtrit(len(falls) - 1, (1 + level) / 2)
    )
    return Gain(value, value - reach, value + reach)


def compare_pooled(dataset: str, sides: Sequence[Side], trials: int, margin: float, level: float) -> Evidence:
    """Compare families whose completed trials are independent draws.

    The draws of chance are seeded by the dataset's name and each family's place by score, so that neither the
    order of rows nor the families' names nor the direction of the metric changes a digit.

    Args:
        dataset: Name of the dataset.
        sides: The families, each with at least one completed trial.
        trials: Budget n of a search.
        margin: Half-width of the equivalence margin.
        level: Level of the intervals.

    Returns:
        Expected losses, all pairs (the better one first) and the gain of the budget's second half.
    """
    samples, middle = _centred(sides)
    rounding = _rounding(list(samples.values()), trials)
    points, ranked = _ranked(samples, trials)
    resampled = {
        name: best_of_n.resample(samples[name], trials, RESAMPLES, derive_seed("resample", dataset, place))
        for place, name in enumerate(ranked)
    }
    differences = []
    for better, worse in itertools.combinations(ranked, 2):
        value = _snap(np.array([points[worse] - points[better]]), rounding)[0]
        draws = _snap(resampled[worse].test - resampled[better].test, rounding)
        difference = from_draws(better, worse, float(value), draws, margin, level)
        if convincing(difference.p, level):
            seed = derive_seed("exchange", dataset, ranked.index(better), ranked.index(worse))
            difference = _permutation_p(difference, samples, trials, rounding, seed)
        differences.append(difference)
    gains = {name: _gain_of_trials(samples[name], resampled[name], trials, level) for name in samples if trials > 1}
    expected = {name: point + middle for name, point in points.items()}
    return Evidence(expected, tuple(differences), gains)


def hopeless(dataset: str, sides: Sequence[Side], trials: int, level: float) -> bool:
    """Whether the exchange of trials alone rules out a winner between two families, asked for no longer than it takes.

    What `compare` would say, but for the interval: of two families alike most replays end here, at a tenth of its cost.

    Args:
        dataset: Name of the dataset.
        sides: The two families.
        trials: Budget n of a search.
        level: Level of the test.
    """
    samples, _ = _centred(sides)
    rounding = _rounding(list(samples.values()), trials)
    points, ranked = _ranked(samples, trials)
    better, worse = ranked
    value = float(_snap(np.array([points[worse] - points[better]]), rounding)[0])
    matching = 0.0
    for block in best_of_n.permute(
        samples[better], samples[worse], trials, SHUFFLES, derive_seed("exchange", dataset, 0, 1)
    ):
        matching += _matching(block, value, rounding)
        if not convincing(_share(matching), level):
            return True
    return value == 0


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
        spread=best_of_n.deviation(draws),
    )


def _permutation_p(
    difference: Difference, samples: Mapping[str, Sample], trials: int, rounding: float, seed: int
) -> Difference:
    """The difference with the share of exchanges that match it; exact matches count half (Lancaster 1961).

    Half, because a single search's difference is that of two trials and is met again by half of all
    exchanges.
    """
    first, second = samples[difference.first], samples[difference.second]
    blocks = best_of_n.permute(first, second, trials, SHUFFLES, seed)
    share = _share(sum(_matching(block, difference.value, rounding) for block in blocks))
    return replace(difference, p=max(difference.p, share), permutation_p=share)


def _matching(differences: Floats, value: float, rounding: float) -> float:
    """How many exchanges differ as much; exact matches count half (Lancaster 1961)."""
    sizes = np.abs(differences)
    same = np.abs(sizes - value) <= rounding
    return float(np.sum((sizes > value) & ~same) + 0.5 * np.sum(same))


def _share(matching: float) -> float:
    return (matching + 0.5) / (SHUFFLES + 1)


def _centred(sides: Sequence[Side]) -> tuple[dict[str, Sample], float]:
    """The families' samples with test losses measured from the median of all, and that median."""
    middle = float(np.median(np.concatenate([side.sample.test for side in sides])))
    samples = {
        side.name: Sample(side.sample.validation, side.sample.test - middle, side.sample.starts) for side in sides
    }
    return samples, middle


def _ranked(samples: Mapping[str, Sample], trials: int) -> tuple[dict[str, float], list[str]]:
    """The expected loss of each family, and the families by it, best first."""
    points = {name: best_of_n.expected(sample, trials) for name, sample in samples.items()}
    return points, sorted(samples, key=lambda name: (points[name], name))


def _gain_of_trials(sample: Sample, resampled: Resampled, trials: int, level: float) -> Gain:
    half, whole = (
        best_of_n.expected(sample, n, sample.validation - sample.validation[0]) for n in (max(trials // 2, 1), trials)
    )
    low, high = np.quantile(resampled.gain, ((1 - level) / 2, (1 + level) / 2))
    value = half - whole
    return Gain(value, min(float(low), value), max(float(high), value))


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
