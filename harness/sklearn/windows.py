"""Every window of a series, with what follows it: what a forecast is scored on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.config.tasks import ForecastTask
from harness.data.readers.categories import encode_categories
from harness.data.readers.series import with_calendar
from harness.data.readers.tables import require_columns, split_by_id
from harness.errors import DataError
from harness.export import Description
from harness.export.inputs.batches import require_inputs
from harness.export.inputs.forecasts import clock_of, in_time_order
from harness.export.inputs.in_memory import with_index


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows in raw units; those with a missing value are left out.

    Attributes:
        x: (n, lookback, channels).
        future: (n, horizon, known); None where nothing is known in advance.
        truth: (n, horizon, targets).
    """

    x: npt.NDArray[np.float64]
    future: npt.NDArray[np.float64] | None
    truth: npt.NDArray[np.float64]


def windows_of(description: Description, frame: pd.DataFrame) -> Windows:
    """Cut a table into all its windows, each series of a panel by itself.

    Args:
        description: Of a forecast's champion.
        frame: A row a time step, targets and all inputs among its columns.

    Raises:
        DataError: A column is missing, or no series has rows for a window and what follows it.
    """
    task, about = description.dataset_config.task, description
    assert isinstance(task, ForecastTask)
    frame = with_index(about, frame)
    require_inputs(about, frame, "X")
    require_columns(frame, about.targets, "target", "X")
    frame, _ = encode_categories(frame, about.channels, task.categorical, "X", task.id)
    cycles, clock = about.dataset_config.encoding.calendar, clock_of(about, frame)
    pieces = [in_time_order(about, piece) for _, piece, _ in split_by_id(frame, task.id, "X")]
    lookback, horizon = about.steps or 0, about.horizon_steps
    if (longest := max(map(len, pieces))) < lookback + horizon:
        raise DataError(f"X has {longest} rows: expected at least {lookback + horizon}, a window and what follows it")
    cut: list[tuple[Any, ...]] = []
    for piece in pieces:
        rows = with_calendar(piece, task.time, cycles, "X", clock)
        x = _slid(rows, about.channels, lookback)[:-horizon]
        ahead = [_slid(rows, names, horizon)[lookback:] for names in (about.known, about.targets)]
        cut.append((x, *ahead))
    x, future, truth = (np.concatenate(parts) for parts in zip(*cut, strict=True))
    real = ~np.any([np.isnan(part).any(axis=(1, 2)) for part in (x, future, truth)], axis=0)
    return Windows(x[real], future[real] if about.known else None, truth[real])


def _slid(rows: pd.DataFrame, names: Sequence[str], steps: int) -> npt.NDArray[np.float64]:
    """Every run of so many rows: (runs, steps, names)."""
    values = rows[[*names]].to_numpy(np.float64)
    if len(values) < steps:
        return np.empty((0, steps, len(names)))
    return np.lib.stride_tricks.sliding_window_view(values, steps, axis=0).swapaxes(1, 2)
