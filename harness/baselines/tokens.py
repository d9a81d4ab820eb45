"""Baselines of sequences of tokens: linear models on counts of tokens, and what is usual of each token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.data import Part, SequenceData
from harness.metrics import at_real_steps


def counts_of_tokens(data: SequenceData) -> Callable[[Part], Any]:
    """A part → how often each token of the vocabulary is in each sequence, as a sparse array (n, tokens).

    Args:
        data: The dataset.
    """
    from scipy.sparse import csr_array

    def counts(part: Part) -> Any:
        rows = np.repeat(np.arange(len(part)), part.lengths)
        shape = (len(part), len(data.vocabulary))
        return csr_array((np.ones(len(rows)), (rows, at_real_steps(part.x, part.lengths))), shape=shape)

    return counts


def class_of_token(data: SequenceData) -> Callable[[Part], npt.NDArray[np.float64]]:
    """A part → each class as probable at each step as it is frequent for the step's token (n, steps, classes).

    Counts begin at the classes' shares in all (one step's worth), so that what never occurred is not impossible and
    what is said of a token that was never seen is what is usual.

    Args:
        data: A dataset of labels.
    """
    size = len(data.classes)
    tokens = at_real_steps(data.train.x, data.train.lengths).astype(np.int64)
    answers = at_real_steps(data.train.y, data.train.lengths)
    counts = np.bincount(tokens * size + answers, minlength=len(data.vocabulary) * size).reshape(-1, size)
    shares = counts.sum(axis=0) / counts.sum()
    table = (counts + shares) / (counts.sum(axis=1, keepdims=True) + 1)
    return lambda part: table[part.x]
