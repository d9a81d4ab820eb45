"""A single series, put together again from the windows that were cut from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.data import Part, SequenceData


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The targets of a single series, as far as the windows of some parts show them.

    Attributes:
        first: Row of its first value.
        values: (rows, targets), in raw units; NaN where no window shows one.
    """

    first: int
    values: npt.NDArray[np.float64]

    def at(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The values at these rows (…, targets); NaN before the first and after the last."""
        places = rows - self.first
        inside = (places >= 0) & (places < len(self.values))
        return np.where(inside[..., None], self.values[np.where(inside, places, 0)], np.nan)


def history_of(data: SequenceData, parts: Sequence[Part]) -> History | None:
    """The series that the parts' windows were cut from: their inputs, and the answers of all parts but the last one.

    Args:
        data: A forecast.
        parts: The parts, the first one in time first; the last one is to be predicted.

    Returns:
        None where they were cut from several series, or a target is no input.
    """
    rows = np.concatenate([part.rows for part in parts])
    if -1 in data.target_channels or any((np.diff(part.rows) <= 0).any() for part in parts):
        return None
    steps, targets = data.train.x.shape[1], list(data.target_channels)
    first = int(rows.min())
    values = np.full((int(rows.max()) + steps + data.horizon_steps - first, len(targets)), np.nan)
    for part in parts[:-1]:
        for step in range(data.horizon_steps):
            values[part.rows - first + steps + step] = part.y[:, step]
    for part in parts:
        for step in range(steps):
            values[part.rows - first + step] = part.x[:, step, targets]
    return History(first, values)


def parts_until(data: SequenceData, part: Part) -> tuple[Part, ...]:
    """The parts that lie before a part in time, and it: what is known when its windows are predicted."""
    if part is data.train:
        return (part,)
    return (data.train, part) if part is data.validation else (data.train, data.validation, part)
