"""Windows of a series, and pieces of long sequences: what a network is shown at once.

A window lies wholly inside one block of rows; nothing of another block is looked at, not even to fill a gap.

Knows lengths and places; no values and no configs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from harness.config.tasks import ForecastTask
from harness.data.dataset import Flags, Indices, Part, Series, Values, Whole
from harness.data.encoding import fill_gaps
from harness.data.scaling import Floats
from harness.metrics import mask_of, without_padding

UNMEASURED = "a target was not measured"
EMPTY = "a channel has no value in the lookback"
ACROSS = "they span a gap in time ([task] max_gap_steps)"
"""Why windows are left out."""


def cut_windows(
    series: Series, task: ForecastTask, block: range, *, masked: bool = False
) -> tuple[Part, Mapping[str, int]]:
    """The windows that lie inside a block, `window_stride` rows from one to the next, as views where nothing is filled.

    A missing input is filled from its own lookback alone: a line to a later value would show the network what
    it is to predict. A missing target is never filled: what was not measured is no answer.

    Args:
        series: The whole series.
        task: Lookback, horizon, stride and the columns.
        block: Rows of the block, at least one window long.
        masked: Leave missing inputs as they are.

    Returns:
        The windows, and how many were left out, by the reason.
    """
    back, ahead, rows = task.lookback_steps, task.horizon_steps, slice(block.start, block.stop)
    inputs, targets = (np.array(series.pick(names, rows), order="C") for names in (series.features, task.target))
    count = len(block) - back - ahead + 1
    first = -block.start % task.window_stride if task.window_grid == "series" else 0
    starts = np.arange(first, count, task.window_stride)
    measured = ~_holed(targets[back:], ahead, starts)
    starts = starts[measured]
    x, y = _windows(inputs, back, starts), _windows(targets[back:], ahead, starts)
    filled: Flags = np.ones(len(starts), np.bool_)
    if not masked and (holed := _holed(inputs, back, starts)).any():
        x = np.array(x, order="C")
        x[holed] = fill_gaps(x[holed])  # in place: windows overlap, and all of them may fill the memory
        filled = np.asarray(~np.isnan(x).any(axis=(1, 2)))
        x, y, starts = x[filled], y[filled], starts[filled]
    future = None
    if series.known:
        known = np.ascontiguousarray(series.pick(series.known, rows)[back:])
        future = fill_gaps(
            _windows(known, ahead, starts),
            refusal=lambda at: (
                f"{series.where}: column {series.known[at[2]]!r} has no value over a whole horizon: expected one at "
                "least where it is known in advance ([task] known_covariates)"
            ),
        )
    lengths = np.full(len(x), back, np.int32)
    part = Part(x, lengths, y, starts + block.start + series.first_row, future)
    return part, {UNMEASURED: int((~measured).sum()), EMPTY: int((~filled).sum())}


def seasons_apart(task: ForecastTask, blocks: Iterable[Sequence[range]]) -> tuple[int, ...]:
    """The seasons whose places differ between the windows that are trained on and those of the other parts.

    They do where strides are counted from each part's first row and have a factor in common with the season: by hours
    and a stride of 12, say, a part's windows begin at two hours of the day, and those may be two others.

    Args:
        task: Stride and seasons.
        blocks: Of each series, the blocks of rows of the training, validation and test part.
    """
    if task.window_grid == "series":
        return ()
    starts = [[block.start for block in of_part] for of_part in zip(*blocks, strict=True)]
    factors = {season: math.gcd(task.window_stride, season) for season in task.seasons}
    places = {season: [{start % by for start in of_part} for of_part in starts] for season, by in factors.items()}
    return tuple(season for season, (train, *others) in places.items() if set().union(*others) - train)


def _holed(values: Floats, steps: int, starts: Indices) -> Flags:
    """Which windows of so many steps of (rows, columns) lack a value, by their starts."""
    gaps = np.concatenate([[0], np.cumsum(np.isnan(values).any(axis=1))])
    return np.asarray(gaps[starts + steps] > gaps[starts])


def _windows(values: Floats, steps: int, starts: Indices) -> Floats:
    """(rows, columns) → (windows, steps, columns): views where windows are evenly apart, else copies."""
    views = sliding_window_view(values, steps, axis=0).transpose(0, 2, 1)
    apart = np.diff(starts)
    if len(apart) and (apart == apart[0]).all():
        return views[starts[0] : starts[-1] + 1 : apart[0]]
    return views[starts]


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
    width = width or int(pieces.lengths.max())
    steps = np.where(mask_of(pieces.lengths, width), pieces.start[:, None] + ahead_steps + np.arange(width), 0)
    return without_padding(values[pieces.sequence[:, None], steps], pieces.lengths)


def without_gaps(part: Part, series: Series, window: int) -> tuple[Part, int]:
    """The windows that span no gap in time.

    Args:
        part: Windows of the series.
        series: The series, with its gaps.
        window: Rows of a window, horizon and all.

    Returns:
        The others, and how many were left out.
    """
    if not len(series.breaks):
        return part, 0
    begins = part.rows - series.first_row
    before, within = (np.searchsorted(series.breaks, rows, side="right") for rows in (begins, begins + window - 1))
    kept = np.flatnonzero(before == within)
    return part.at(kept), len(part) - len(kept)
