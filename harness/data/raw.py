"""What sources and generators hand over: numbers as they came, not yet split, filled or scaled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.data.arrays import Floats, Whole, Wide
from harness.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One long series, a row a time step.

    Attributes:
        where: The file, as messages name it.
        values: (rows, columns), NaN where a value is missing; nothing is infinite.
        columns: Names of the columns.
        first_row: Rows of the source that were left out before the first one here.
        features: Which columns are inputs, in the order of the channels.
        notes: What reading had to say.
        calendar: Which of the features were made from the times.
        known: Which of the features are known in advance, the last ones: those of the calendar among them.
    """

    where: str
    values: Floats
    columns: tuple[str, ...]
    first_row: int
    features: tuple[str, ...]
    notes: tuple[str, ...] = ()
    calendar: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    def pick(self, names: tuple[str, ...]) -> Floats:
        """The named columns (rows, names), in that order."""
        return self.values[:, [self.columns.index(name) for name in names]]

    def place(self, at: tuple[int, ...]) -> str:
        """What messages call the value at (row, column)."""
        return f"{self.where}: column {self.columns[at[1]]!r}, row {self.first_row + at[0] + 1}"


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """Many sequences, each with one answer.

    Attributes:
        where: The file, as messages name it.
        x: (n, steps, channels), NaN where a value is missing, 0 beyond a sequence's length; nothing is
            infinite.
        lengths: Real steps (n,), from 1.
        y: Answers (n,) as they came: text, whole numbers, truth values or numbers; empty where none were
            asked for.
        channels: Names of the channels.
        name_of: Number of a sequence, from 0 → what messages call it, such as `id 'a7'`.
        own_parts: How many of the sequences, from the first one on, are the source's own train and test, or train,
            validation and test part; empty when it has none.
        notes: What reading had to say.
        groups: What each sequence belongs to (n,), such as a person; None where nothing is said of it.
    """

    where: str
    x: Floats
    lengths: Whole
    y: npt.NDArray[Any]
    channels: tuple[str, ...]
    name_of: Callable[[int], str]
    own_parts: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    groups: npt.NDArray[Any] | None = None

    def place(self, at: tuple[int, ...]) -> str:
        """What messages call the value at (sequence, step, channel)."""
        return f"{self.where}: {self.name_of(at[0])}, channel {self.channels[at[2]]!r}, step {at[1] + 1}"


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Many texts, or a single long one; tokens are made of them once it is known which of them are trained on.

    Attributes:
        where: The file, as messages name it.
        texts: The texts.
        y: Each text's label (n,), as text; empty where none were asked for.
        name_of: Number of a text, from 0 → what messages call it, such as `line 7`.
        own_parts: As in `Sequences`.
        notes: What reading had to say.
        groups: As in `Sequences`.
    """

    where: str
    texts: tuple[str, ...]
    y: npt.NDArray[Any]
    name_of: Callable[[int], str]
    own_parts: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    groups: npt.NDArray[Any] | None = None


def narrow(values: npt.NDArray[Any], place: Callable[[tuple[int, ...]], str]) -> Floats:
    """Numbers as float32, which everything after a source computes with.

    Args:
        values: Numbers; NaN where a value is missing.
        place: Index of a value → the file and place that a message names.

    Raises:
        DataError: A number is infinite, or too large for 32 bits.
    """
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    if (bad := np.isinf(numbers)).any():
        at = first(bad)
        raise DataError(f"{place(at)}: {values[at]:g}: expected a finite number, at most 3.4e38 in size")
    return numbers


def first(flags: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """Index of the first flag that is up."""
    return tuple(int(part) for part in np.unravel_index(int(flags.argmax()), flags.shape))


def pad(pieces: list[Wide]) -> tuple[Wide, Whole]:
    """Sequences of different lengths as one array, padded with 0 at the end.

    Args:
        pieces: Arrays (steps, channels), steps at will.

    Returns:
        x (n, longest, channels) and lengths (n,).
    """
    lengths = np.array([len(piece) for piece in pieces], np.int32)
    x = np.zeros((len(pieces), int(lengths.max()), pieces[0].shape[1]))
    for number, piece in enumerate(pieces):
        x[number, : len(piece)] = piece
    return x, lengths
