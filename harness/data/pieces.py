"""Cutting long sequences into pieces for tasks with an answer at every step.

Knows lengths and places; no values and no cards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.data.arrays import Indices, Values, Whole


@dataclass(frozen=True, slots=True)
class Span:
    """A run of steps of one sequence, all of which belong to one part of the dataset.

    Attributes:
        sequence: Number of the sequence, from 0.
        steps: Its steps.
    """

    sequence: int
    steps: range


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Where pieces lie.

    Attributes:
        sequence: Sequence of each piece (pieces,).
        start: First step of each piece's inputs (pieces,).
        lengths: Steps of each piece (pieces,), from 1.
        dropped: Steps at the ends of sequences that fill no piece.
    """

    sequence: Indices
    start: Indices
    lengths: Whole
    dropped: int

    def __len__(self) -> int:
        return len(self.start)


def cut(
    spans: Iterable[Span], ahead_steps: int, window_steps: int | None, stride: int | None, *, keep_rest: bool = False
) -> Pieces:
    """Pieces of spans; a step is in one only if its answer, `ahead_steps` later, lies in the same span.

    A span that is longer than a piece gives whole pieces alone, so that no step is padding where none need be; a
    shorter one is a piece by itself.

    Args:
        spans: The spans.
        ahead_steps: How many steps after its input an answer stands.
        window_steps: The most steps of a piece; None for no limit.
        stride: Steps from one piece to the next; None for `window_steps`.
        keep_rest: Whether what is left at the end of a longer span is a piece too; for sequences that differ in length
            in any case.
    """
    found: list[tuple[int, int, int]] = []
    dropped = 0
    for span in spans:
        usable = len(span.steps) - ahead_steps
        if usable < 1:
            dropped += len(span.steps)
            continue
        window = min(usable, window_steps or usable)
        starts = range(0, usable - window + 1, stride or window)
        found += [(span.sequence, span.steps.start + start, window) for start in starts]
        rest = usable - (starts[-1] + window)
        if rest and keep_rest:
            found.append((span.sequence, span.steps.start + usable - rest, rest))
        else:
            dropped += rest
    sequence, start, lengths = np.array(found, np.int64).reshape(-1, 3).T
    return Pieces(sequence, start, lengths.astype(np.int32), dropped)


def take(values: npt.NDArray[np.generic], pieces: Pieces, ahead_steps: int = 0, width: int | None = None) -> Values:
    """The values of each piece, 0 beyond its length.

    Args:
        values: (sequences, steps, …).
        pieces: The pieces.
        ahead_steps: How many steps later than the piece's own they begin.
        width: Steps of the result; None for those of the longest piece.

    Returns:
        (pieces, width, …).
    """
    offsets = np.arange(width or int(pieces.lengths.max()))
    real = offsets < pieces.lengths[:, None]
    steps = np.where(real, pieces.start[:, None] + ahead_steps + offsets, 0)
    taken = values[pieces.sequence[:, None], steps]
    shape = real.reshape(*real.shape, *(1,) * (values.ndim - 2))
    return np.where(shape, taken, np.zeros((), values.dtype))
