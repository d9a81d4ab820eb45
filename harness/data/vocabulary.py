"""From text to numbers of tokens and back: characters or words, a vocabulary, one number for all that is unknown.

A vocabulary is fitted on what it is given; that this is the training part alone is the caller's word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from harness.data.arrays import Whole

Tokens = Literal["characters", "words"]

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
"""The token with number 0: whatever the vocabulary does not hold."""

_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def tokenize(text: str, tokens: Tokens) -> list[str]:
    """A text's tokens: its characters, or its words and each punctuation mark; words drop the blanks between them.

    Args:
        text: The text.
        tokens: What a token is.
    """
    return list(text) if tokens == "characters" else _WORD.findall(text)


def join(tokens: Iterable[str], kind: Tokens) -> str:
    """Tokens as a text again: for characters what `tokenize` took apart, for words with one blank between any two.

    Args:
        tokens: The tokens.
        kind: What a token is.
    """
    return ("" if kind == "characters" else " ").join(tokens)


def fit_vocabulary(sequences: Iterable[Sequence[str]], size: int) -> tuple[str, ...]:
    """The unknown token, and the most frequent tokens after it; among equally frequent ones in the order of the text.

    Args:
        sequences: Sequences of tokens.
        size: The most tokens, the unknown one among them.
    """
    counts: Counter[str] = Counter()
    for sequence in sequences:
        counts.update(sequence)
    counts.pop(UNKNOWN, None)
    return (UNKNOWN, *(token for token, _ in counts.most_common(size - 1)))


def to_numbers(tokens: Sequence[str], vocabulary: Sequence[str]) -> Whole:
    """Numbers of tokens (tokens,): places in the vocabulary, 0 for what it does not hold."""
    places = {token: place for place, token in enumerate(vocabulary)}
    return np.fromiter((places.get(token, 0) for token in tokens), np.int32, len(tokens))


def to_tokens(numbers: Whole, vocabulary: Sequence[str]) -> list[str]:
    """The tokens that numbers stand for (steps,)."""
    return [vocabulary[number] for number in numbers.tolist()]
