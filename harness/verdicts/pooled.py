"""The first way: random search, whose trials are independent draws, so that all of them are one sample.

Compares the expected test score of the best of n trials by validation (`best_of`). A winner has to pass two tests at
one level. Its interval by bootstrap over trials must exclude zero; alone that names false winners too often where few
trials decide, since a resample knows nothing of the better trials that were not drawn. And at most as many random
exchanges of trials between the families may differ as much: a permutation test (Fisher 1935), whose error is exact
where the families are alike, however skewed their scores; alone it would take a difference of spreads for one of
scores.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.records import derive_seed
from harness.verdicts import best_of
from harness.verdicts.best_of import Floats, Resampled, Sample
from harness.verdicts.constants import RESAMPLES, SHUFFLES
from harness.verdicts.differences import Difference, Evidence, Gain, convincing
from harness.verdicts.entrants import Entrant


def compare(dataset: str, entrants: Sequence[Entrant], trials: int, region: float, level: float) -> Evidence:
    """Compare families whose completed trials are independent draws.

    The draws of chance are seeded by the dataset's name and each family's place by score, so that neither the
    order of rows nor the families' names nor the direction of the metric changes a digit.

    Args:
        dataset: Name of the dataset.
        entrants: The families, each with at least one completed trial.
        trials: Budget n of a search.
        region: Half-width of the region of practical equivalence.
        level: Level of the intervals.

    Returns:
        Expected losses, all pairs (the better one first) and the gain of the budget's second half.
    """
    samples, middle = _centred(entrants)
    rounding = _rounding(list(samples.values()), trials)
    points, ranked = _ranked(samples, trials)
    resampled = {
        name: best_of.resample(samples[name], trials, RESAMPLES, derive_seed("resample", dataset, place))
        for place, name in enumerate(ranked)
    }
    differences = []
    for better, worse in itertools.combinations(ranked, 2):
        value = _snap(np.array([points[worse] - points[better]]), rounding)[0]
        draws = _snap(resampled[worse].test - resampled[better].test, rounding)
        difference = from_draws(better, worse, float(value), draws, region, level)
        if convincing(difference.p, level):
            seed = derive_seed("exchange", dataset, ranked.index(better), ranked.index(worse))
            difference = _shuffled(difference, samples, trials, rounding, seed)
        differences.append(difference)
    gains = {name: _gain(samples[name], resampled[name], trials, level) for name in samples if trials > 1}
    expected = {name: point + middle for name, point in points.items()}
    return Evidence(expected, tuple(differences), gains)


def hopeless(dataset: str, entrants: Sequence[Entrant], trials: int, level: float) -> bool:
    """Whether the exchange of trials alone rules out a winner between two families, asked for no longer than it takes.

    What `compare` would say, but for the interval: of two families alike most replays end here, at a tenth of its cost.

    Args:
        dataset: Name of the dataset.
        entrants: The two families.
        trials: Budget n of a search.
        level: Level of the test.
    """
    samples, _ = _centred(entrants)
    rounding = _rounding(list(samples.values()), trials)
    points, ranked = _ranked(samples, trials)
    better, worse = ranked
    value = float(_snap(np.array([points[worse] - points[better]]), rounding)[0])
    matching = 0.0
    for block in best_of.exchange(
        samples[better], samples[worse], trials, SHUFFLES, derive_seed("exchange", dataset, 0, 1)
    ):
        matching += _matching(block, value, rounding)
        if not convincing(_share(matching), level):
            return True
    return value == 0


def from_draws(first: str, second: str, value: float, draws: Floats, region: float, level: float) -> Difference:
    """A difference with its percentile interval, from bootstrap draws of it.

    The interval is stretched to the exact estimate where the resamples miss it, as those of one search can:
    so a difference whose resamples contradict its own sign decides nothing.

    Args:
        first: The family that the exact estimate calls better (or equal).
        second: The other.
        value: The exact estimate, at least 0.
        draws: The resampled differences.
        region: Half-width of the region of practical equivalence.
        level: Level of the interval.
    """
    ordered = np.sort(draws)
    tail = int((1 - level) / 2 * len(draws) + 1e-6)
    share_against = float(np.mean(draws <= 0))
    better, worse = float(np.mean(draws > region)), float(np.mean(draws < -region))
    return Difference(
        first=first,
        second=second,
        value=value,
        low=min(float(ordered[tail]), value),
        high=max(float(ordered[-1 - tail]), value),
        p=min(1.0, 2 * share_against) if value > 0 else 1.0,
        probabilities=(better, max(0.0, 1.0 - better - worse), worse),
        spread=best_of.deviation(draws),
    )


def _shuffled(
    difference: Difference, samples: Mapping[str, Sample], trials: int, rounding: float, seed: int
) -> Difference:
    """The difference with the share of exchanges that match it; exact matches count half (Lancaster 1961).

    Half, because a single search's difference is that of two trials and is met again by half of all
    exchanges.
    """
    first, second = samples[difference.first], samples[difference.second]
    blocks = best_of.exchange(first, second, trials, SHUFFLES, seed)
    share = _share(sum(_matching(block, difference.value, rounding) for block in blocks))
    return replace(difference, p=max(difference.p, share), shuffled=share)


def _matching(differences: Floats, value: float, rounding: float) -> float:
    """How many exchanges differ as much; exact matches count half (Lancaster 1961)."""
    sizes = np.abs(differences)
    same = np.abs(sizes - value) <= rounding
    return float(np.sum((sizes > value) & ~same) + 0.5 * np.sum(same))


def _share(matching: float) -> float:
    return (matching + 0.5) / (SHUFFLES + 1)


def _centred(entrants: Sequence[Entrant]) -> tuple[dict[str, Sample], float]:
    """The families' samples with test losses measured from the median of all, and that median."""
    middle = float(np.median(np.concatenate([entrant.sample.test for entrant in entrants])))
    samples = {
        entrant.name: Sample(entrant.sample.validation, entrant.sample.test - middle, entrant.sample.starts)
        for entrant in entrants
    }
    return samples, middle


def _ranked(samples: Mapping[str, Sample], trials: int) -> tuple[dict[str, float], list[str]]:
    """The expected loss of each family, and the families by it, best first."""
    points = {name: best_of.expected(sample, trials) for name, sample in samples.items()}
    return points, sorted(samples, key=lambda name: (points[name], name))


def _gain(sample: Sample, resampled: Resampled, trials: int, level: float) -> Gain:
    half, whole = (
        best_of.expected(sample, n, sample.validation - sample.validation[0]) for n in (max(trials // 2, 1), trials)
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
        abs(sample.test[0]) + best_of.beyond_with_replacement(len(sample), trials)[1:-1] @ np.abs(np.diff(sample.test))
        for sample in samples
    ]
    return 1e-12 * float(max(terms))


def _snap(values: Floats, rounding: float) -> Floats:
    return np.where(np.abs(values) <= rounding, 0.0, values)
