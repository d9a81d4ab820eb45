"""The expected test score of the best of n trials by validation, and how far chance moves it.

What a search of n trials delivers is the test score of the trial that is best by validation. A random
search's trials are independent draws, so all N completed trials of all replicates are one sample of them, and
the mean over all C(N, n) searches that could be made of that sample is known exactly: sorted by validation,
best first, trial i (from 0) is the best of n in C(N-1-i, n-1) of them.

The spread comes from the bootstrap over trials. Of the best of far fewer than N a resample is worth what any other
sample is, by the same weights. Where n is N those would leave it to whichever one trial is first; then a resample is
taken as a distribution to draw *independently* from, by the weights of n draws with replacement, (1 - i/N)ⁿ -
(1 - (i+1)/N)ⁿ. Those give every trial a share, the bad ones too, so that one gone astray may hide a difference.

Knows arrays only. Scores here are losses: lower is better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_CELLS = 50_000  # of one block of resamples: what stays in a core's cache is worked on three times as fast


@dataclass(frozen=True, slots=True)
class Sample:
    """Completed trials, best validation first.

    Attributes:
        validation: Validation losses (N,), ascending.
        test: Test losses (N,) in that order.
        starts: First place of each group of equal validation losses that differ in their test losses; all places where
            no group does, as copies of one trial do not.
    """

    validation: Floats
    test: Floats
    starts: Ints

    @classmethod
    def of(cls, validation: Floats, test: Floats) -> Sample:
        """The sample of trials in any order, which is forgotten: ties in validation are ordered by test."""
        order = np.lexsort((test, validation))
        ordered, scores = validation[order], test[order]
        tied = ordered[1:] == ordered[:-1]
        matters = bool((tied & (scores[1:] != scores[:-1])).any())
        starts = np.flatnonzero(np.concatenate(([True], ~tied))) if matters else np.arange(len(scores))
        return cls(ordered, scores, starts.astype(np.int64))

    def __len__(self) -> int:
        return len(self.test)


def beyond(size: int, n: int) -> Floats:
    """Share of searches of n among `size` trials, without replacement, whose best is beyond the first k.

    C(N-k, n) / C(N, n), by the recurrence C(N-k-1, n) / C(N-k, n) = (N-k-n) / (N-k), which does not overflow. What is
    left rather than what is reached, so that the tiny shares of the worst trials keep their digits: one of them may
    have a loss of 10¹².

    Args:
        size: Number of trials N.
        n: Budget of a search, at least 1.

    Returns:
        Shares for k = 0…N, from 1 to 0.
    """
    k = np.arange(size)
    return np.concatenate(([1.0], np.cumprod(np.maximum(size - k - n, 0) / (size - k))))


def beyond_with_replacement(size: int, n: int) -> Floats:
    """The same for n independent draws from the sample: (1 - k/N)ⁿ for k = 0…N."""
    return np.asarray((1.0 - np.arange(size + 1) / size) ** n, dtype=np.float64)


def weights(size: int, n: int) -> Floats:
    """Share of searches of n whose best is trial i of N sorted ones, C(N-1-i, n-1) / C(N, n): shape (N,)."""
    return -np.diff(beyond(size, n))


def expected(sample: Sample, n: int, values: Floats | None = None) -> float:
    """Expected value of the trial that is the best of n by validation; ties in validation are averaged.

    Args:
        sample: The trials.
        n: Budget of a search; at most the number of trials.
        values: What to expect of that trial, in the order of the sample; its test loss by default.

    Returns:
        The exact mean over all C(N, n) searches.
    """
    counts = np.ones((1, len(sample)), dtype=np.int64)
    chosen = sample.test if values is None else values
    shares = beyond(len(sample), n)
    return float(_mean_of_best(counts, np.cumsum(counts, axis=1), chosen, sample.starts, shares)[0])


class Term(NamedTuple):
    """The expected value of the trial that is the best of n by validation.

    Attributes:
        n: Trials of a search.
        values: Value of each trial, in the order of a sample.
        replaced: Whether a resample is drawn from with replacement.
    """

    n: int
    values: Floats
    replaced: bool = True


def resample(
    sample: Sample, statistics: Sequence[Sequence[Term]], resamples: int, seed: int
) -> npt.NDArray[np.float64]:
    """Bootstrap over trials (Efron 1979).

    Args:
        sample: The trials.
        statistics: Each a sum of terms.
        resamples: Number of resamples.
        seed: Of the draws, which do not depend on the scores.

    Returns:
        The expected value of each statistic in each resample (statistics, resamples).
    """
    random = np.random.default_rng(seed)
    size = len(sample)
    shares = [[(beyond_with_replacement if one.replaced else beyond)(size, one.n) for one in its] for its in statistics]
    found = np.zeros((len(statistics), resamples))
    for block in _blocks(resamples, size):
        counts = _counts(random, block.stop - block.start, size)
        reached = np.cumsum(counts, axis=1)
        for row, terms, its in zip(found, statistics, shares, strict=True):
            for term, left in zip(terms, its, strict=True):
                row[block] += _mean_of_best(counts, reached, term.values, sample.starts, left)
    return found


def pooled(first: Sample, second: Sample) -> Sample:
    """The trials of both families as one sample."""
    return Sample.of(np.concatenate((first.validation, second.validation)), np.concatenate((first.test, second.test)))


def permute(both: Sample, first: int, terms: Sequence[Term], permutations: int, seed: int) -> Iterator[Floats]:
    """Differences between two samples when chance says which trial belongs to which (a permutation test).

    Args:
        both: All trials.
        first: How many of them are the first family's.
        terms: The statistic, a sum of terms.
        permutations: Number of random divisions of all trials into two samples of those sizes.
        seed: Of the divisions.

    Yields:
        The statistic of the first minus that of the second, for some more of the divisions at a time.
    """
    random = np.random.default_rng(seed)
    shares = [(beyond(first, term.n), beyond(len(both) - first, term.n)) for term in terms]
    places = np.arange(1, len(both) + 1)
    for block in _blocks(permutations, len(both)):
        keys = random.random((block.stop - block.start, len(both)))
        last = np.partition(keys, first - 1, axis=1)[:, first - 1]
        mine = keys <= last[:, None]
        reached = np.cumsum(mine, axis=1, dtype=np.int64)
        found = np.zeros(len(keys))
        for term, (mine_left, others_left) in zip(terms, shares, strict=True):
            found += _mean_of_best(mine, reached, term.values, both.starts, mine_left)
            found -= _mean_of_best(~mine, places - reached, term.values, both.starts, others_left)
        yield found


def deviation(values: Floats, ddof: int = 0) -> float:
    """Standard deviation, in units of the largest value so that squares neither overflow nor vanish.

    Exactly 0 where nothing varies, which `np.std` alone does not promise.
    """
    if np.ptp(values) == 0:
        return 0.0
    scale = float(np.max(np.abs(values)))
    return scale * float(np.std(values / scale, ddof=ddof))


def _blocks(rows: int, size: int) -> Iterator[slice]:
    step = max(1, _CELLS // size)
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def _counts(random: np.random.Generator, rows: int, size: int) -> Ints:
    """How often each of `size` trials is in each resample of `size`; one flat `bincount` is the fast way."""
    drawn = random.integers(0, size, (rows, size))
    drawn += np.arange(0, rows * size, size)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size)


def _mean_of_best(counts: npt.NDArray[Any], reached: Ints, values: Floats, starts: Ints, shares: Floats) -> Floats:
    """Expected value of the best, for rows of counts of sorted trials; tied copies are equally likely.

    Args:
        counts: How often each trial is in a sample, as numbers or yes and no (samples, trials).
        reached: Their running sums.
        values: Value of each trial.
        starts: First place of each group of tied trials.
        shares: Share of searches whose best is beyond the first k copies, for k = 0….
    """
    if len(starts) == len(values):
        return _sum_by_parts(reached, values, shares)
    ends = reached[:, np.append(starts[1:], len(values)) - 1]
    in_group = np.diff(ends, axis=1, prepend=0)
    means = np.add.reduceat(counts * values, starts, axis=1) / np.maximum(in_group, 1)
    weight = -np.diff(shares.take(ends), axis=1, prepend=shares[0])
    return np.asarray((weight * means).sum(axis=1), dtype=np.float64)


def _sum_by_parts(reached: Ints, values: Floats, shares: Floats) -> Floats:
    """Σ (Q(kᵢ₋₁) - Q(kᵢ)) vᵢ as Q(0) v₀ + Σ Q(kᵢ) (vᵢ₊₁ - vᵢ): one look-up and one product; Q(N) is 0."""
    steps = np.append(values[1:] - values[:-1], 0.0)
    return np.asarray(shares[0] * values[0] + shares.take(reached) @ steps, dtype=np.float64)
