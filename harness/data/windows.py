"""From a long series to windows: the lookback that goes in, the horizon that is to come out.

A window lies wholly inside one block of rows; nothing of another block is looked at, not even to fill a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from harness.cards.schema import ForecastTask
from harness.data.arrays import Flags, Floats, Part
from harness.data.encoding import fill_gaps
from harness.data.raw import Series
from harness.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """The windows of one block.

    Attributes:
        part: The windows.
        dropped: Windows left out because a channel has no value in the whole lookback, or a target none.
    """

    part: Part
    dropped: int


def cut_windows(series: Series, task: ForecastTask, block: range, *, masked: bool = False) -> Cut:
    """The windows that lie inside a block, `window_stride` rows from one to the next.

    A missing input is filled from its own lookback alone: a line to a later value would show the network what
    it is to predict. A missing target is filled within the block.

    Args:
        series: The whole series.
        task: Lookback, horizon, stride and the columns.
        block: Rows of the block, at least one window long.
        masked: Leave missing inputs as they are, and leave out windows whose targets are missing.
    """
    rows = slice(block.start, block.stop)
    inputs, targets = series.pick(series.features)[rows], series.pick(task.target)[rows]
    if not masked and np.isnan(targets).any():
        targets = fill_gaps(targets[None])[0]
    count = len(block) - task.lookback_steps - task.horizon_steps + 1
    x = _windows(inputs, task.lookback_steps, count, task.window_stride)
    y = _windows(targets[task.lookback_steps :], task.horizon_steps, count, task.window_stride)
    starts = np.arange(0, count, task.window_stride) + block.start + series.first_row
    kept: Flags = np.ones(len(x), np.bool_)
    if masked:
        kept = np.asarray(~np.isnan(y).any(axis=(1, 2)))
        x, y, starts = x[kept], y[kept], starts[kept]
    elif (holed := np.isnan(x).any(axis=(1, 2))).any():
        x[holed] = fill_gaps(x[holed])
        kept = np.asarray(~np.isnan(x).any(axis=(1, 2)))
        x, y, starts = x[kept], y[kept], starts[kept]
    lengths = np.full(len(x), task.lookback_steps, np.int32)
    future = None
    if series.known:
        ahead = series.pick(series.known)[rows][task.lookback_steps :]
        future = _windows(ahead, task.horizon_steps, count, task.window_stride)[kept]
        if np.isnan(future).any():
            future = _known(future, series)
    return Cut(Part(x, lengths, y, starts, future), int((~kept).sum()))


def _known(future: Floats, series: Series) -> Floats:
    """What is known in advance without gaps, each filled within its own horizon."""
    filled = fill_gaps(future)
    if (left := np.isnan(filled)).any():
        _, _, channel = np.argwhere(left)[0]
        raise DataError(
            f"{series.where}: column {series.known[channel]!r} has no value over a whole horizon: expected one at "
            "least where it is known in advance ([task] known_covariates)"
        )
    return filled


def _windows(values: Floats, steps: int, count: int, stride: int) -> Floats:
    """(rows, columns) → (windows, steps, columns), copied only for the windows that are kept."""
    views = sliding_window_view(values, steps, axis=0)[:count:stride]
    return np.ascontiguousarray(views.transpose(0, 2, 1))
