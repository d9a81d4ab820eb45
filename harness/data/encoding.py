"""From values as they came to numbers a network can take: gaps, classes, tokens, statistics of the scaling.

Every statistic and vocabulary is fitted on what it is given; that this is the training part alone is the caller's word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Literal, get_args

import numpy as np

from harness.data.dataset import Sequences, TokenSequences, Whole, first, pad
from harness.data.scaling import Floats, Scaling, narrow
from harness.errors import DataError
from harness.metrics import mask_of


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


def fill_gaps(
    x: Floats, lengths: Whole | None = None, refusal: Callable[[tuple[int, ...]], str] | None = None
) -> Floats:
    """Missing values on the straight line between their neighbours in time; at an end, the nearest value.

    What is filled depends on nothing outside the sequence it is in.

    Args:
        x: (n, steps, channels), NaN where a value is missing.
        lengths: Real steps of each sequence (n,), beyond which `x` is 0 and stays so; None where all are real.
        refusal: Index of a value → what to say where its channel has no value in the whole sequence.

    Returns:
        The same shape; without `refusal`, NaN is left where a channel has no value in the whole sequence.

    Raises:
        DataError: There is such a channel, and it is refused.
    """
    holed = np.isnan(x).any(axis=(1, 2))
    if not holed.any():
        return x
    filled = x.copy()
    if lengths is None:
        filled[holed] = _on_lines(x[holed])
    else:
        real = mask_of(lengths[holed], x.shape[1])[:, :, None]
        filled[holed] = np.where(real, _on_lines(np.where(real, x[holed], x.dtype.type(np.nan))), x.dtype.type(0))
    if refusal and (left := np.isnan(filled)).any():
        raise DataError(refusal(first(left)))
    return filled


def _on_lines(x: Floats) -> Floats:
    steps = x.shape[1]
    here = np.arange(steps)[None, :, None]
    known = ~np.isnan(x)
    before = np.maximum.accumulate(np.where(known, here, -1), axis=1)
    after = np.minimum.accumulate(np.where(known, here, steps)[:, ::-1], axis=1)[:, ::-1]
    left = np.where(before < 0, after, before) % steps  # where nothing is known both point at a NaN
    right = np.where(after == steps, before, after) % steps
    share = (here - left) / np.maximum(right - left, 1)
    a, b = np.take_along_axis(x, left, axis=1), np.take_along_axis(x, right, axis=1)
    return np.where(left == right, a, a * (1 - share) + b * share).astype(x.dtype)


def number_classes(raw: Sequences | TokenSequences) -> tuple[tuple[str, ...], Whole]:
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


def number_answers(raw: Sequences | TokenSequences) -> Floats:
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
    return narrow(values[:, None, None], np.ones(len(values), np.int32))[:, 0]


def _class_name(answer: Any, raw: Sequences | TokenSequences, at: int) -> str:
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


def is_category(channel: str, columns: Sequence[str]) -> bool:
    """Whether a channel stands for a category of one of these columns."""
    return any(channel.startswith(f"{column}=") for column in columns)


def category_places(channels: Sequence[str], columns: Sequence[str]) -> list[int]:
    """Places of the channels that stand for a category of one of these columns."""
    return [place for place, name in enumerate(channels) if is_category(name, columns)]


def unseen_categories(train: Floats, channels: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    """The channels of categories that are not in the training part.

    Args:
        train: (values, channels) of the training part.
        channels: Names of the channels.
        columns: The columns of categories, whose channels are called `column=category`.
    """
    return tuple(channels[place] for place in category_places(channels, columns) if not train[:, place].any())


def say_unseen(unseen: Sequence[str]) -> tuple[str, ...]:
    """A note of categories that are not in the training part; none where there are none."""
    if not unseen:
        return ()
    return (f"categories that are not in the training part, told by no channel: {', '.join(unseen)}",)


def keep_flags(scaling: Scaling, channels: Sequence[str], columns: Sequence[str]) -> Scaling:
    """The same scaling, which leaves the channels of categories as they are: 0 and 1.

    Args:
        scaling: Of the inputs.
        channels: Names of the channels.
        columns: The columns of categories.
    """
    if not columns:
        return scaling
    middle, spread, places = scaling.input_mean.copy(), scaling.input_scale.copy(), category_places(channels, columns)
    middle[places], spread[places] = 0, 1
    return replace(scaling, input_mean=middle, input_scale=spread)


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


def fit_vocabulary(sequences: Iterable[Sequence[str]], size: int, least: int = 1) -> tuple[str, ...]:
    """The unknown token, and the most frequent tokens after it; among equally frequent ones in the order of the text.

    Args:
        sequences: Sequences of tokens.
        size: The most tokens, the unknown one among them.
        least: How often a token must occur.
    """
    counts = Counter(chain.from_iterable(sequences))
    counts.pop(UNKNOWN, None)
    return (UNKNOWN, *(token for token, count in counts.most_common(size - 1) if count >= least))


def say_size(vocabulary: Sequence[str], channel: str) -> str:
    """How many tokens are told apart.

    Args:
        vocabulary: The tokens.
        channel: What a token is: characters, words, or the column that holds them.
    """
    what = channel if channel in get_args(Tokens) else f"values of {channel!r}"
    return f"vocabulary of {len(vocabulary):,} {what}"


def to_numbers(texts: Sequence[Sequence[str]], vocabulary: Sequence[str]) -> tuple[Whole, Whole]:
    """Numbers of texts' tokens, places in the vocabulary, 0 for what it does not hold.

    Args:
        texts: The tokens of each text.
        vocabulary: The tokens that have a number.

    Returns:
        Numbers (n, longest), 0 beyond a text's end, and lengths (n,).
    """
    places = {token: place for place, token in enumerate(vocabulary)}
    return pad([np.fromiter((places.get(token, 0) for token in text), np.int32, len(text)) for text in texts])
