"""Baselines of sequences of tokens: linear models on counts of tokens, and what is usual of each token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.data import Part, SequenceData
from harness.metrics import at_real_steps, mask_of


@dataclass(frozen=True, slots=True)
class CountsOfTokens:
    """How often each token of the vocabulary is in each sequence.

    Attributes:
        size: Tokens of the vocabulary.
    """

    size: int

    def __call__(self, part: Part) -> Any:
        """A sparse array (n, tokens)."""
        from scipy.sparse import csr_array

        rows = np.repeat(np.arange(len(part)), part.lengths)
        shape = (len(part), self.size)
        return csr_array((np.ones(len(rows)), (rows, at_real_steps(part.x, part.lengths))), shape=shape)


_PAIRS = 1 << 16
"""Columns that pairs of tokens share, each pair one of them."""


def counts_of_pairs(data: SequenceData) -> Callable[[Part], Any]:
    """A part → how often each token and each pair of neighbouring tokens is in each sequence, as logarithms.

    Args:
        data: The dataset.

    Returns:
        Gives a sparse array (n, tokens + 65,536), 0 where a count is 0.
    """
    from scipy.sparse import csr_array, hstack

    single = CountsOfTokens(len(data.vocabulary))

    def counts(part: Part) -> Any:
        tokens = part.x.astype(np.int64)
        hashed = (tokens[:, :-1] * 1_000_003 + tokens[:, 1:]) % _PAIRS
        there = mask_of(np.maximum(part.lengths - 1, 0), hashed.shape[1])
        rows = np.repeat(np.arange(len(part)), there.sum(axis=1))
        pairs = csr_array((np.ones(len(rows)), (rows, hashed[there])), shape=(len(part), _PAIRS))
        both = hstack([single(part), pairs], format="csr")
        both.sum_duplicates()
        both.data = np.log1p(both.data)
        return both

    return counts


@dataclass(frozen=True, slots=True, eq=False)
class ByToken:
    """Probabilities at each step that the step's token alone decides.

    Attributes:
        table: (tokens, answers).
    """

    table: npt.NDArray[Any]

    def __call__(self, part: Part) -> npt.NDArray[Any]:
        """(n, steps, answers)."""
        return np.asarray(self.table[part.x])


def class_of_token(data: SequenceData) -> ByToken:
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
    return ByToken((counts + shares) / (counts.sum(axis=1, keepdims=True) + 1))


NEIGHBOURS = 2
"""Tokens on either side that a linear model of a step sees."""

MOST_STEPS = 20_000
"""Training steps beyond which it is fitted on some sequences alone, drawn by chance."""


def logistic_on_neighbours(data: SequenceData) -> Callable[[Part], npt.NDArray[np.float64]]:
    """Multinomial logistic regression on a step's token and those beside it (n, steps, classes).

    Args:
        data: A dataset of labels.
    """
    from sklearn.linear_model import LogisticRegression

    kept = _some_sequences(data.train)
    answers = at_real_steps(kept.y, kept.lengths)
    model = LogisticRegression(max_iter=300).fit(_beside(kept, len(data.vocabulary)), answers)

    def predict(part: Part) -> npt.NDArray[np.float64]:
        said = np.zeros((*part.x.shape, len(data.classes)))
        real = mask_of(part.lengths, part.x.shape[1])
        found = np.zeros((int(real.sum()), len(data.classes)))
        found[:, model.classes_] = model.predict_proba(_beside(part, len(data.vocabulary)))
        said[real] = found
        return said

    return predict


def _some_sequences(part: Part) -> Part:
    """Sequences in the order of chance until they hold `MOST_STEPS`; all where they hold fewer."""
    order = np.random.default_rng(0).permutation(len(part))
    wanted = int(np.searchsorted(np.cumsum(part.lengths[order]), MOST_STEPS)) + 1
    return part.at(np.sort(order[:wanted]))


def _beside(part: Part, size: int) -> Any:
    """Each real step's token and its neighbours as a sparse array (real steps, places · tokens)."""
    from scipy.sparse import csr_array

    steps, places = part.x.shape[1], 2 * NEIGHBOURS + 1
    numbers = np.where(mask_of(part.lengths, steps), part.x, -1)
    wide = np.pad(numbers, ((0, 0), (NEIGHBOURS, NEIGHBOURS)), constant_values=-1)
    shifted = np.stack([wide[:, place : place + steps] + place * size for place in range(places)], axis=2)
    there = np.stack([wide[:, place : place + steps] >= 0 for place in range(places)], axis=2)
    columns, known = at_real_steps(shifted, part.lengths), at_real_steps(there, part.lengths)
    rows = np.repeat(np.arange(len(columns)), known.sum(axis=1))
    return csr_array((np.ones(len(rows)), (rows, columns[known])), shape=(len(columns), places * size))
