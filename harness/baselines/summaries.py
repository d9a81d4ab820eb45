"""Sequences in a few numbers: what a model sees that knows no order, or little of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.baselines.base import Numbers
from harness.baselines.linear import MOST_COLUMNS
from harness.data import Part, SequenceData
from harness.metrics import mask_of, without_padding

_THIRDS = 3


def summaries(part: Part) -> npt.NDArray[np.float64]:
    """Each channel's mean, standard deviation and last value over the real steps.

    Args:
        part: Sequences.

    Returns:
        (n, 3 · channels): all means, then all deviations, then all last values.
    """
    real = mask_of(part.lengths, part.x.shape[1])
    last = part.x[np.arange(len(part)), part.lengths - 1].astype(np.float64)
    return np.concatenate([*_moments(part.x, real), last], axis=1)


def many_summaries(part: Part) -> npt.NDArray[np.float64]:
    """Moments, extremes and changes of each channel, over the real steps and over each third of them.

    Args:
        part: Sequences.

    Returns:
        (n, 25 · channels + 1), the sequence's length last.
    """
    steps = np.arange(part.x.shape[1])
    found = [part.x[np.arange(len(part)), part.lengths - 1].astype(np.float64)]
    for first, last in ((0, _THIRDS), *((third, third + 1) for third in range(_THIRDS))):
        begin, end = (np.ceil(part.lengths * edge / _THIRDS)[:, None] for edge in (first, last))
        end = np.maximum(end, np.minimum(begin + 1, part.lengths[:, None]))  # of a short sequence, a step at least
        begin = np.minimum(begin, end - 1)
        inside = (steps >= begin) & (steps < end)
        among = inside[..., None]
        moves = (
            np.abs(np.diff(part.x, axis=1)).mean(axis=1, where=among[:, 1:] & among[:, :-1]) if len(steps) > 1 else 0
        )
        extremes = (
            np.where(among, part.x, np.inf).min(axis=1),
            np.where(among, part.x, -np.inf).max(axis=1),
        )
        began = np.take_along_axis(part.x, begin[..., None].astype(np.int64), axis=1)[:, 0]
        found += [*_moments(part.x, inside), *extremes, np.nan_to_num(moves + 0 * began), began]
    return np.concatenate([*found, part.lengths[:, None]], axis=1).astype(np.float64)


def _moments(x: npt.NDArray[np.generic], real: npt.NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    """Mean and standard deviation (n, channels) over some steps (n, steps)."""
    among, count = real[..., None], real.sum(axis=1)[:, None].astype(np.float64)
    average = x.sum(axis=1, dtype=np.float64, where=among) / count
    squares = np.square(x - average[:, None, :]).sum(axis=1, where=among) / count
    return average, np.sqrt(squares)


def raw_steps(data: SequenceData, part: Part) -> npt.NDArray[np.float32]:
    """The scaled values themselves, of every second, third, … step where they are many; 0 beyond a sequence's end.

    Returns:
        (n, steps · channels).
    """
    every = steps_apart(part)
    scaled = without_padding(data.scaling.scale_inputs(part.x[:, ::every]), -(-part.lengths // every))
    return np.asarray(scaled.reshape(len(part), -1), np.float32)


def steps_apart(part: Part) -> int:
    """How many steps further the next one lies that a linear model sees, so that it has at most `MOST_COLUMNS`."""
    _, steps, channels = part.x.shape
    return -(-steps * channels // MOST_COLUMNS)
