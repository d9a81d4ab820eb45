"""Sequences made by rule, whose answer is known: the same for the same seed, on any machine."""

from __future__ import annotations

import numpy as np

from harness.cards.schema import GeneratorSource
from harness.data.raw import Sequences
from harness.records import derive_seed


def adding(source: GeneratorSource) -> Sequences:
    """The adding problem: remember two marked numbers among many, and add them up.

    Two channels: numbers, uniform in [0, 1), and a marker that is 1 at two places, one in each half of the
    sequence, and 0 elsewhere. The answer is the sum of the two marked numbers; always saying 1 costs a
    squared error of 1/6.

    Source: S. Hochreiter and J. Schmidhuber (1997), "Long Short-Term Memory", experiment 4, in the form of Q.
    V. Le, N. Jaitly and G. E. Hinton (2015), arXiv 1504.00941, section 4.1.

    Args:
        source: Steps, number of sequences and seed.
    """
    random = np.random.default_rng(derive_seed("adding", source.seed))
    n, steps = source.sequences, source.steps
    every = np.arange(n)
    marked = random.integers(0, steps // 2, n), random.integers(steps // 2, steps, n)
    x = np.zeros((n, steps, 2), np.float32)
    x[:, :, 0] = random.random((n, steps), dtype=np.float32)
    for places in marked:
        x[every, places, 1] = 1
    y = x[every, marked[0], 0] + x[every, marked[1], 0]
    lengths = np.full(n, steps, np.int32)
    return Sequences("generator adding", x, lengths, y, ("number", "marker"), lambda at: f"sequence {at}")


GENERATORS = {"adding": adding}
"""Every generator, by its name on cards. All give one number a sequence."""
