"""From values as they came to numbers a network can take: gaps, classes, tokens, statistics of the scaling.

Every statistic here is fitted on what it is given; that this is the training part alone is the caller's word.

A vocabulary is fitted on what it is given; that this is the training part alone is the caller's word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np

from harness.data.dataset import Flags, Sequences, Texts, Whole, first
from harness.data.scaling import Floats
from harness.errors import DataError


def refuse_missing(values: Floats, place: Callable[[tuple[int, ...]], str]) -> None:
    """Refuse gaps, for configs that allow none.

    Args:
        values: Numbers, NaN where a value is missing.
        place: Index of a value → the file and place that a message names.

    Raises:
        DataError: A value is missing.
    """
    if (gaps := np.isnan(values)).any():
        raise DataError(
            f"{place(first(gaps))}: missing value ({int(gaps.sum()):,} in all): expected a number; "
            'the config may say missing = "interpolate"'
        )


def fill_gaps(x: Floats) -> Floats:
    """Missing values on the straight line between their neighbours in time; at an end, the nearest value.

    What is filled depends on nothing outside the sequence it is in.

    Args:
        x: (n, steps, channels), NaN where a value is missing.

    Returns:
        The same shape; NaN is left only where a channel has no value in the whole sequence.
    """
    steps = x.shape[1]
    here = np.arange(steps)[None, :, None]
    known = ~np.isnan(x)
    before = np.maximum.accumulate(np.where(known, here, -1), axis=1)
    after = np.minimum.accumulate(np.where(known, here, steps)[:, ::-1], axis=1)[:, ::-1]
    left = np.where(before < 0, after, before) % steps  # where nothing is known both point at a NaN
    right = np.where(after == steps, before, after) % steps
    share = (here - left) / np.maximum(right - left, 1)
    a, b = np.take_along_axis(x, left, axis=1), np.take_along_axis(x, right, axis=1)
    return np.where(left == right, a, a * (1 - share) + b * share).astype(np.float32)


def constant_channels(x: Floats, names: tuple[str, ...]) -> tuple[str, ...]:
    """The channels that tell nothing, because they have one value all through.

    Args:
        x: (values, channels) of the training part.
        names: Names of the channels.
    """
    flat = np.nanmax(x, axis=0) == np.nanmin(x, axis=0)
    return tuple(name for name, constant in zip(names, flat, strict=True) if constant)


def real_steps(x: Floats, lengths: Whole) -> Floats:
    """The steps that are no padding.

    Args:
        x: (n, steps, channels).
        lengths: Real steps of each sequence (n,).

    Returns:
        (sum of lengths, channels).
    """
    real: Flags = np.arange(x.shape[1]) < lengths[:, None]
    return x[real]


def number_classes(raw: Sequences | Texts) -> tuple[tuple[str, ...], Whole]:
    """Names of the classes and each sequence's class number.

    Args:
        raw: Sequences whose answers are names: text, whole numbers or truth values.

    Returns:
        Names, whole numbers in their order and text by the alphabet; class numbers (n,).

    Raises:
        DataError: An answer is no name, or there are fewer than two classes.
    """
    names = [_class_name(answer, raw, at) for at, answer in enumerate(raw.y.tolist())]
    distinct = sorted(set(names), key=_class_order)
    if len(distinct) < 2:
        raise DataError(f"{raw.where}: all sequences are of the class {distinct[0]!r}: expected two classes or more")
    numbers = {name: number for number, name in enumerate(distinct)}
    return tuple(distinct), np.array([numbers[name] for name in names], np.int32)


def number_answers(raw: Sequences) -> Floats:
    """Each sequence's one number.

    Args:
        raw: Sequences whose answers are numbers, or text of numbers.

    Returns:
        (n, 1).

    Raises:
        DataError: An answer is no finite number.
    """
    values = np.empty(len(raw.y))
    for at, answer in enumerate(raw.y.tolist()):
        try:
            values[at] = float(answer)
        except ValueError:
            values[at] = np.nan
        if not abs(values[at]) <= np.finfo(np.float32).max:
            raise DataError(f"{raw.where}: {raw.name_of(at)}: target {answer!r}: expected a finite number")
    return values.astype(np.float32)[:, None]


def _class_name(answer: Any, raw: Sequences | Texts, at: int) -> str:
    if isinstance(answer, float):
        if not answer.is_integer():
            raise DataError(
                f"{raw.where}: {raw.name_of(at)}: class {answer!r}: expected text or a whole number; "
                'to predict a number, write kind = "regress"'
            )
        answer = int(answer)
    return str(answer)


def _class_order(name: str) -> tuple[bool, int, str]:
    whole = name.removeprefix("-").isdecimal()
    return (not whole, int(name) if whole else 0, name)


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
