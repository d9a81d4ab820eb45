"""What follows some tokens, from how often it did: n-grams that back off to shorter contexts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.baselines.base import Clock, Fitted, Numbers, answers, everywhere
from harness.data import Part, SequenceData
from harness.metrics import mask_of
from harness.text import counted

LONGEST = 5
"""Tokens of the longest context that is tried."""

_STEPS_AT_A_TIME = 4096

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """What followed the contexts of one length in the training part.

    Attributes:
        pairs: For each context, its shorter one's number and the token before: the number of a context is its place
            here (contexts,), rising.
        counts: Sparse (contexts, answers): how often each answer followed.
    """

    pairs: Places
    counts: Any

    def places(self, pairs: Places) -> Places:
        """The numbers of contexts; -1 of one that the training part does not hold."""
        found = np.minimum(np.searchsorted(self.pairs, pairs), len(self.pairs) - 1)
        return np.where(self.pairs[found] == pairs, found, -1)


def back_off(data: SequenceData, sizes: int, clock: Clock) -> Fitted:
    """Each answer as probable as it is frequent after the present token and those before it.

    A context of k tokens is mixed with that of k - 1, the more of it the more often the context was seen and the fewer
    different answers followed. The validation part chooses the longest context.

    Source: I. H. Witten and T. C. Bell (1991), "The zero-frequency problem: estimating the probabilities of novel
    events in adaptive text compression", IEEE Transactions on Information Theory 37, method C, as interpolation.

    Args:
        data: A dataset of tokens whose answers are one for each step.
        sizes: Different answers.
        clock: The time there is.
    """
    shares = np.bincount(answers(data.train), minlength=sizes) + 1.0
    shares /= shares.sum()
    tables: list[_Table] = []
    grown = _grow(data, sizes, tables)
    best, best_length = data.score(data.validation, everywhere(data.validation, shares)), 0
    for length in range(1, LONGEST + 1):
        clock.check()
        next(grown)
        score = data.score(data.validation, _predicted(data, data.validation, tables, shares))
        if not data.objective.better(score, best):
            break
        best, best_length = score, length
    chosen = tables[:best_length]
    return Fitted(lambda part: _predicted(data, part, chosen, shares), f"contexts of {counted(best_length, 'token')}")


def _grow(data: SequenceData, sizes: int, tables: list[_Table]) -> Iterator[None]:
    """Add the table of the next longer contexts to `tables`, each time it is asked."""
    from scipy.sparse import csr_array

    real, true = mask_of(data.train.lengths, data.train.x.shape[1]), answers(data.train).astype(np.int64)
    contexts, size = np.zeros(len(true), np.int64), len(data.vocabulary) + 1
    for back in range(LONGEST):
        keys = contexts * size + _tokens_before(data.train, back, size - 1)[real]
        pairs, contexts = np.unique(keys, return_inverse=True)
        counts = csr_array((np.ones(len(true), np.float32), (contexts, true)), shape=(len(pairs), sizes))
        counts.sum_duplicates()
        tables.append(_Table(pairs, counts))
        yield


def _tokens_before(part: Part, back: int, none: int) -> Places:
    """The token so many steps before each step (n, steps); `none` before a sequence's first one."""
    tokens = part.x.astype(np.int64)
    return np.pad(tokens, ((0, 0), (back, 0)), constant_values=none)[:, : tokens.shape[1]]


def _predicted(data: SequenceData, part: Part, tables: list[_Table], shares: Numbers) -> Any:
    """(n, steps, answers)."""
    real, size = mask_of(part.lengths, part.x.shape[1]), len(data.vocabulary) + 1
    said = np.tile(shares.astype(np.float32), (int(real.sum()), 1))
    contexts = np.zeros(len(said), np.int64)
    for back, table in enumerate(tables):
        known = np.flatnonzero(contexts >= 0)
        pairs = contexts[known] * size + _tokens_before(part, back, size - 1)[real][known]
        contexts[known] = table.places(pairs)
        seen = known[contexts[known] >= 0]
        for start in range(0, len(seen), _STEPS_AT_A_TIME):
            rows = seen[start : start + _STEPS_AT_A_TIME]
            counts = table.counts[contexts[rows]]
            novel = np.diff(counts.indptr)[:, None]  # different answers that followed
            said[rows] = (counts.toarray() + novel * said[rows]) / (counts.sum(axis=1)[:, None] + novel)
    everything = np.zeros((*part.x.shape, said.shape[1]), np.float32)
    everything[real] = said
    return everything
