"""Baselines of whole sequences: classes and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.baselines.base import Candidate, Clock, Predict, at_once
from harness.baselines.kernels import Kernels
from harness.baselines.linear import Features, logistic, ridge
from harness.baselines.summaries import RawSteps, extra_trees, steps_apart, summaries
from harness.baselines.tokens import CountsOfTokens, counts_of_pairs
from harness.data import Part, Scaling, SequenceData

KERNELS_NAME = "random convolution kernels"

KERNELS = 2000
"""Random convolution kernels, where there is time for so many; the paper has 10,000."""

FEWEST_KERNELS = 200
"""Random convolution kernels of large data."""

MOST_CONVOLVED = 4e9
"""Multiplications and additions beyond which there are fewer kernels."""

_WIDTH = 9
"""Mean length of a kernel."""


def classifiers(data: SequenceData, seed: int) -> Sequence[Candidate]:
    """The baselines of a classification, the cheapest first.

    Args:
        data: The dataset.
        seed: For what is drawn by chance.
    """
    most = at_once("majority class", majority, data)

    def on(what: str, features: Features) -> Candidate:
        name = f"logistic regression on {what}"
        return Candidate(name, lambda clock: logistic(data, features, clock, seed))

    if data.vocabulary:
        return [most, *(on(*inputs) for inputs in _counts(data))]
    return [
        most,
        on("mean, spread and end", summaries),
        on(*_raw(data)),
        Candidate("extra trees on summaries", lambda clock: extra_trees(data, clock, seed)),
        Candidate(KERNELS_NAME, lambda clock: logistic(data, convolved(data, clock, seed), clock, seed)),
    ]


def regressors(data: SequenceData, seed: int) -> Sequence[Candidate]:
    """The baselines of a regression, the cheapest first.

    Args:
        data: The dataset.
        seed: For what is drawn by chance.
    """
    average, dense = at_once("mean", mean, data), not data.vocabulary

    def on(what: str, features: Features) -> Candidate:
        return Candidate(f"ridge on {what}", lambda clock: ridge(data, features, clock, standardised=dense))

    if data.vocabulary:
        return [average, *(on(*inputs) for inputs in _counts(data))]
    return [
        average,
        on("mean, spread and end", summaries),
        on(*_raw(data)),
        Candidate("extra trees on summaries", lambda clock: extra_trees(data, clock, seed)),
        Candidate(KERNELS_NAME, lambda clock: ridge(data, convolved(data, clock, seed), clock, standardised=True)),
    ]


def majority(data: SequenceData) -> Predict:
    """Each class as probable as it is frequent in the training part, whatever the sequence."""
    counts = np.bincount(data.train.y, minlength=len(data.classes))
    shares = counts / counts.sum()
    return lambda part: np.tile(shares, (len(part), 1))


def mean(data: SequenceData) -> Predict:
    """The training part's mean answer, whatever the sequence."""
    average = data.train.y.mean(axis=0, dtype=np.float64)
    return lambda part: np.tile(average, (len(part), 1))


def convolved(data: SequenceData, clock: Clock, seed: int) -> Features:
    """What random convolution kernels see, of as many kernels as the data's size leaves time for.

    Args:
        data: The dataset.
        clock: The time there is.
        seed: Draws the kernels.
    """
    _, steps, channels = data.train.x.shape
    a_kernel = 2.0 * _WIDTH * steps * channels
    a_kernel *= sum(data.facts.sizes)
    count = int(np.clip(MOST_CONVOLVED / a_kernel, FEWEST_KERNELS, KERNELS))
    clock.check_work(a_kernel * count)
    kernels = Kernels.drawn(count, steps, channels, np.random.default_rng(seed))
    return Convolved(kernels, data.scaling, channels)


@dataclass(frozen=True, slots=True, eq=False)
class Convolved:
    """What random convolution kernels see of scaled sequences.

    Attributes:
        kernels: The kernels.
        scaling: How the sequences are scaled.
        channels: Channels of a sequence.
    """

    kernels: Kernels
    scaling: Scaling
    channels: int

    def __call__(self, part: Part) -> Any:
        """(n, 2 · kernels)."""
        # Indicators of gaps, which are filled, follow the channels.
        return self.kernels.features(self.scaling.scale_inputs(part.x)[..., : self.channels], part.lengths)


def _counts(data: SequenceData) -> Sequence[tuple[str, Features]]:
    return (
        ("counts of tokens", CountsOfTokens(len(data.vocabulary))),
        ("tokens and pairs of them", counts_of_pairs(data)),
    )


def _raw(data: SequenceData) -> tuple[str, Features]:
    every = steps_apart(data.train)
    name = "raw steps" if every == 1 else f"one raw step in {every}"
    return name, RawSteps(data.scaling, every)
