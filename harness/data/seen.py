"""Which cases of a dataset a model has seen that was trained on other rows of the same table.

A model keeps hashes of the runs of steps that it was trained and selected on. By them new data's windows and sequences
are told apart, wherever in the new table the old rows stand; nothing of the data itself can be read from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.cards.schema import DatasetCard, ForecastTask
from harness.data.arrays import Flags, Indices, Part, SequenceData, Values, Whole

Hashes = npt.NDArray[np.uint64]

SHORTEST_RUN = 8
"""Steps that two places of a series rarely share by chance; shorter runs only where a case itself is shorter."""

_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
_MIX = np.uint64(0xBF58476D1CE4E5B9)

_CASES_A_TIME = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a model was trained and selected on.

    Attributes:
        kind: What the cases are, in a word; cases of another kind cannot be compared with them.
        steps: Steps of a run; 0 where whole sequences are told.
        runs: Hashes of all runs of the training and validation part, in order.
    """

    kind: str
    steps: int
    runs: Hashes


@dataclass(frozen=True, slots=True)
class _Reading:
    """How the cases of a dataset are read.

    Attributes:
        kind: As in `Seen`.
        steps: As in `Seen`.
        first: The first run of a case that tells whether it was seen; those before it lie in its lookback alone.
        targets: Places of the targets among the channels, where a forecast's answers continue its inputs.
        reach: Rows between two windows' first ones below which they may share answers, where no run tells it.
    """

    kind: str
    steps: int
    first: int = 0
    targets: tuple[int, ...] = ()
    reach: int = 0


def seen_by(data: SequenceData, card: DatasetCard) -> Seen | None:
    """What a model of this dataset has seen: its training and validation part.

    Args:
        data: The dataset.
        card: Its card.

    Returns:
        None where the windows are too far apart for their runs to tell.
    """
    how = _reading(data, card)
    if how is None:
        return None
    found = [np.unique(hashes[valid]) for part in (data.train, data.validation) for hashes, valid in _runs(part, how)]
    return Seen(how.kind, how.steps, np.unique(np.concatenate(found)))


def unseen(data: SequenceData, card: DatasetCard, part: Part, seen: Seen) -> Flags | None:
    """Which cases of a part hold no answer that a model has seen.

    Args:
        data: The dataset that the part is of.
        card: Its card.
        part: One of its parts.
        seen: What the model was trained and selected on.

    Returns:
        A flag a case (n,); None where the model's cases were of another kind, so that nothing can be told.
    """
    how = _reading(data, card)
    if how is None or (how.kind, how.steps) != (seen.kind, seen.steps):
        return None
    found = [(np.isin(hashes, seen.runs) & valid)[:, how.first :].any(axis=1) for hashes, valid in _runs(part, how)]
    known = np.concatenate(found)
    return np.asarray(~(known | _within_reach(part.rows, part.rows[known], how.reach)))


def _reading(data: SequenceData, card: DatasetCard) -> _Reading | None:
    """Runs as long as they can be while each one of a block is in some window of it, however windows are aligned."""
    task = card.task
    if isinstance(task, ForecastTask):
        back, ahead, stride = task.lookback_steps, task.horizon_steps, task.window_stride
        kind = f"windows of {back} + {ahead} steps, {stride} apart"
        if min(data.target_channels) >= 0:
            steps = _run(back + ahead + 1 - stride, back + 1)
            return _Reading(kind, steps, back + 1 - steps, data.target_channels) if steps else None
        steps = _run(back + 1 - stride, back)
        return _Reading(kind, steps, back - steps, reach=ahead + stride - 1) if steps else None
    if window := getattr(task, "window_steps", None):
        stride = getattr(task, "window_stride", None) or window
        # Of two windows that are nowhere aligned one still holds half of the other.
        steps = _run(window - stride // 2, window)
        return _Reading(f"pieces of {window} steps, {stride} apart", steps) if steps else None
    return _Reading("sequences", 0)


def _run(steps: int, most: int) -> int:
    """Steps of a run, at most so many; 0 where it would be too short to tell places of a series apart."""
    return min(steps, most) if steps >= min(SHORTEST_RUN, most) else 0


def _runs(part: Part, how: _Reading) -> list[tuple[Hashes, Flags]]:
    """Hashes of each case's runs, by the step they begin at (n, runs), and which of them are there."""
    return [
        _hashed(part.at(np.arange(start, min(start + _CASES_A_TIME, len(part)))), how)
        for start in range(0, len(part), _CASES_A_TIME)
    ]


def _hashed(part: Part, how: _Reading) -> tuple[Hashes, Flags]:
    x, lengths = part.x, part.lengths
    if how.targets:
        x = np.concatenate([x[:, :, list(how.targets)], part.y], axis=1)
        lengths = np.full(len(x), x.shape[1], np.int32)
    sums = _prefix_sums(_of_steps(x, lengths))
    if not how.steps:
        last = np.take_along_axis(sums, lengths[:, None].astype(np.int64), axis=1)
        return _mixed(last + lengths[:, None].astype(np.uint64)), np.ones((len(x), 1), np.bool_)
    starts = np.arange(max(1, x.shape[1] - how.steps + 1))
    ends = np.minimum(starts + how.steps, x.shape[1])
    hashes = (sums[:, ends] - sums[:, starts]) * _powers(_BASE, len(starts))
    return _mixed(hashes), (starts[None] == 0) | (ends[None] <= lengths[:, None])


def _of_steps(x: Values, lengths: Whole) -> Hashes:
    """A hash of each step's values (n, steps), 0 beyond a sequence's length."""
    columns = x[:, :, None] if x.ndim == 2 else x
    hashes = np.zeros(columns.shape[:2], np.uint64)
    for channel in range(columns.shape[2]):
        values = np.ascontiguousarray(columns[:, :, channel])
        bits = (values + np.zeros((), values.dtype)).view(np.uint32)  # -0 and 0 are one value
        hashes = _mixed(hashes * np.uint64(_BASE) + bits + np.uint64(1))
    return np.where(np.arange(x.shape[1]) < lengths[:, None], hashes, np.uint64(0))


def _prefix_sums(hashes: Hashes) -> Hashes:
    """(n, steps + 1): sums of the steps before, each weighed by its place, so that two make the hash of any run."""
    weighed = np.cumsum(hashes * _powers(_INVERSE, hashes.shape[1]), axis=1, dtype=np.uint64)
    return np.concatenate([np.zeros((len(hashes), 1), np.uint64), weighed], axis=1)


def _powers(base: int, count: int) -> Hashes:
    """base⁰, base¹, … modulo 2⁶⁴ (count,)."""
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)


def _mixed(hashes: Hashes) -> Hashes:
    mixed = (hashes ^ (hashes >> np.uint64(31))) * _MIX
    return np.asarray(mixed ^ (mixed >> np.uint64(29)), np.uint64)


def _within_reach(rows: Indices, seen: Indices, reach: int) -> Flags:
    """Which rows are less than `reach` from one that was seen."""
    if not reach or not len(seen):
        return np.zeros(len(rows), np.bool_)
    ordered = np.sort(seen)
    after = np.searchsorted(ordered, rows)
    near = (ordered[np.maximum(after - 1, 0)], ordered[np.minimum(after, len(ordered) - 1)])
    return np.asarray(np.minimum(*(np.abs(rows - one) for one in near)) < reach)
