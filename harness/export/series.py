"""A table of one series, or of a panel of several, → what a forecast's champion looks back on, and the times ahead."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.cards.schema import ForecastTask
from harness.data.arrays import Floats
from harness.data.calendar import with_calendar
from harness.data.encoding import fill_gaps, refuse_missing
from harness.data.sources.series import select_columns
from harness.data.sources.tables import labels, require_columns, times
from harness.errors import DataError
from harness.export.batch import Batch
from harness.export.description import Description
from harness.export.stamps import Stamps, continue_stamps

if TYPE_CHECKING:
    import pandas as pd


def series_batch(
    description: Description, frame: pd.DataFrame, where: str, left_out: Mapping[Any, int] = MappingProxyType({})
) -> Batch:
    """The last rows of each series.

    Args:
        description: Of the champion that is to predict.
        frame: A row a time step. Where channels are known in advance, the last `horizon_steps` rows of a series hold
            them, and no target yet.
        where: The table, as messages name it.
        left_out: How many rows of each series, by its name, come before its first one here.

    Raises:
        DataError: A series is too short, has gaps that the card does not allow, or its times go back.
    """
    task = description.dataset_card.task
    assert isinstance(task, ForecastTask)
    if task.id is None:
        names: tuple[Any, ...] = (0,)
        pieces = [frame]
    else:
        require_columns(frame, [task.id], "id", where)
        labels(frame, task.id, where)  # refuses rows without an id
        grouped = list(frame.groupby(task.id, sort=False))
        names, pieces = tuple(name for name, _ in grouped), [piece for _, piece in grouped]
    places = [where if task.id is None else f"{where}: {task.id} {str(name)!r}" for name in names]
    found = [
        _one(description, task, piece, place, left_out.get(name, 0))
        for name, piece, place in zip(names, pieces, places, strict=True)
    ]
    stamps = tuple(one[2] for one in found if one[2] is not None)
    return Batch(
        np.concatenate([one[0] for one in found]),
        np.full(len(found), description.steps, np.int32),
        task.id or "sequence",
        names,
        stamps if len(stamps) == len(found) else (),
        np.concatenate([one[1] for one in found]) if description.known else None,
    )


def _one(
    description: Description, task: ForecastTask, frame: pd.DataFrame, where: str, before: int
) -> tuple[Floats, Floats, Stamps | None]:
    """What one series gives: x (1, lookback, channels), future (1, horizon, known) and the times ahead."""
    lookback, ahead = description.steps or 0, description.horizon_steps if task.known_covariates else 0
    if len(frame) < lookback + ahead:
        known = f" and {ahead} with {', '.join(task.known_covariates)} in advance" if ahead else ""
        raise DataError(f"{where}: has {len(frame)} rows: expected at least {lookback}, the model's lookback{known}")
    now = len(frame) - ahead
    past, coming = frame.iloc[now - lookback : now], frame.iloc[now:]
    _refuse_known_targets(description, task, coming, where)
    stamps = _stamps(description, task, frame, now, where, before)
    cycles = description.dataset_card.encoding.calendar
    x = _values(
        description, with_calendar(past, task.time, cycles, where), description.channels, before + now - lookback, where
    )
    if not description.known:
        return x, np.empty((1, 0, 0), np.float32), stamps
    if cycles and not ahead:
        coming = _times_alone(stamps, where)
    future = _values(
        description, with_calendar(coming, task.time, cycles, where), description.known, before + now, where
    )
    return x, future if not np.isnan(future).any() else _filled(future, description.known, where), stamps


def _times_alone(stamps: Stamps | None, where: str) -> pd.DataFrame:
    """The rows ahead of which nothing is known but their times."""
    import pandas as pd

    if stamps is None:
        raise DataError(f"{where}: has no times to go on from: expected a column of times, two rows at least")
    return pd.DataFrame({stamps.column: list(stamps.values)})


def _refuse_known_targets(description: Description, task: ForecastTask, coming: pd.DataFrame, where: str) -> None:
    for name in description.targets:
        if name in coming.columns and coming[name].notna().any():
            raise DataError(
                f"{where}: the last {len(coming)} rows hold {name!r}: expected rows that are still to come, with "
                f"{', '.join(task.known_covariates)} and without {name!r}"
            )


def _stamps(
    description: Description, task: ForecastTask, frame: pd.DataFrame, now: int, where: str, before: int
) -> Stamps | None:
    if task.time is None or task.time not in frame.columns:
        return None
    lookback = description.steps or 0
    first = now - lookback
    if (np.diff(times(frame.iloc[first:], task.time, where, before + first)) <= 0).any():
        raise DataError(f"{where}: column {task.time!r}: expected the rows in time order, each time once")
    if now < len(frame):
        return Stamps(task.time, tuple(frame[task.time].iloc[now : now + description.horizon_steps]))
    return continue_stamps(frame[task.time], description.horizon_steps, lookback)


def _values(
    description: Description, frame: pd.DataFrame, columns: tuple[str, ...], first_row: int, where: str
) -> Floats:
    series = select_columns(frame, columns, (), where, first_row)
    x = series.pick(columns)
    if description.card["missing"] == "error":
        refuse_missing(x, series.place)
    if description.card["missing"] == "mask":  # the model itself tells of gaps
        return x[None]
    return _filled(x[None], columns, where)


def _filled(x: Floats, columns: tuple[str, ...], where: str) -> Floats:
    filled = fill_gaps(x)
    if np.isnan(filled).any():
        channel = columns[int(np.argwhere(np.isnan(filled))[0][2])]
        raise DataError(f"{where}: column {channel!r} has no value in its last {x.shape[1]} rows")
    return filled
