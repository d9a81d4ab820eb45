"""A table with a row a time step, for forecasts; and the channels that are made from its times.

Each is a point on a circle, as sine and cosine, so that the end of a cycle is near its begin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.config.columns import parse_times
from harness.config.sources import FileSource
from harness.config.tasks import ForecastTask
from harness.data.checks import odd_times, odd_years
from harness.data.dataset import Series, first
from harness.data.readers.categories import with_categories
from harness.data.readers.paths import shown
from harness.data.readers.tables import (
    number_columns,
    number_table,
    read_table,
    read_tail,
    require_columns,
    split_by_id,
    times,
)
from harness.data.scaling import Floats
from harness.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


_PLACES: Mapping[str, Callable[[Any], Any]] = {
    "minute": lambda at: at.minute / 60,
    "hour": lambda at: (at.hour + at.minute / 60) / 24,
    "weekday": lambda at: at.dayofweek / 7,
    "day": lambda at: (at.day - 1) / at.days_in_month,
    "month": lambda at: (at.month - 1) / 12,
    "year": lambda at: (at.dayofyear - 1) / 365.25,
}
"""Cycle → pandas' times → where in the cycle they lie, from 0 to 1."""


def channel_names(cycles: Sequence[str]) -> tuple[str, ...]:
    """Names of the channels, two a cycle."""
    return tuple(f"{cycle}_{wave}" for cycle in cycles for wave in ("sine", "cosine"))


def calendar_channels(stamps: pd.Series[Any], cycles: Sequence[str], place: str) -> Floats:
    """The channels of some times.

    Args:
        stamps: The times, as read from a table.
        cycles: Keys of `[encoding] calendar`.
        place: File and column, as messages name them.

    Returns:
        (times, 2 · cycles), in the order of `channel_names`.

    Raises:
        DataError: The times are numbers, or no times.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(stamps):
        raise DataError(f"{place} holds numbers: expected dates or times for [encoding] calendar")
    at = parse_times(stamps).dt
    places = [2 * np.pi * np.asarray(_PLACES[cycle](at), np.float64) for cycle in cycles]
    return np.stack([wave(angle) for angle in places for wave in (np.sin, np.cos)], axis=1).astype(np.float32)


def with_calendar(frame: pd.DataFrame, time: str | None, cycles: Sequence[str], where: str) -> pd.DataFrame:
    """A table with the calendar's channels as further columns.

    Args:
        frame: The table.
        time: Its column of times.
        cycles: Keys of `[encoding] calendar`.
        where: The table, as messages name it.

    Raises:
        DataError: The times are none, or a column is called as a channel of the calendar is.
    """
    if not cycles:
        return frame
    names = channel_names(cycles)
    if taken := next((name for name in names if name in frame.columns), None):
        raise DataError(f"{where}: has a column {taken!r} already: expected none that [encoding] calendar makes")
    made = calendar_channels(frame[time], cycles, f"{where}: column {time!r}")
    return frame.assign(**{name: made[:, number] for number, name in enumerate(names)})


def read_series(source: FileSource, task: ForecastTask, calendar: Sequence[str] = ()) -> tuple[Series, ...]:
    """The columns that a forecast needs, in time order: one series, or each of a panel.

    Args:
        source: A CSV or Parquet file.
        task: Names the columns; only its `last_rows` are read as numbers. Without `features` every column of
            numbers is an input, the targets among them.
        calendar: Cycles whose channels are made from the times.

    Raises:
        DataError: The file or a column is missing, a value is no finite number, or times repeat or go back.
    """
    if task.id is not None:
        return panel_of(read_table(source), task, shown(source.path), calendar)
    frame, first_row = read_tail(source, task.last_rows)
    frame, task, notes = with_categories(frame, task, shown(source.path))
    series = series_of(frame, task, shown(source.path), first_row, calendar)
    return (replace(series, notes=(*series.notes, *notes)),)


def panel_of(frame: pd.DataFrame, task: ForecastTask, where: str, calendar: Sequence[str] = ()) -> tuple[Series, ...]:
    """The series of a table, one for each id in the order in which the ids first appear, or a single one.

    Args:
        frame: The table; rows of several series may stand in any order among each other.
        task: Names the columns.
        where: The table, as messages name it.
        calendar: Cycles whose channels are made from the times.

    Raises:
        DataError: As `read_series`.
    """
    frame, task, notes = with_categories(frame, task, where)
    pieces = split_by_id(frame, task.id, where)
    panel = [series_of(piece, task, place, calendar=calendar) for _, piece, place in pieces]
    return tuple(replace(series, notes=(*series.notes, *notes)) for series in panel)


def series_of(
    frame: pd.DataFrame, task: ForecastTask, where: str, before: int = 0, calendar: Sequence[str] = ()
) -> Series:
    """The columns that a forecast needs, of a table in time order.

    Args:
        frame: The table.
        task: Names the columns.
        where: The table, as messages name it.
        before: Rows of the source before the table's first one.
        calendar: Cycles whose channels are made from the times.

    Raises:
        DataError: As `read_series`.
    """
    total = before + len(frame)
    for key in ("target", "features", "known_covariates"):
        require_columns(frame, getattr(task, key), key, where)
    require_columns(frame, [task.time], "time", where)
    frame = frame.iloc[-task.last_rows :] if task.last_rows else frame
    first_row = total - len(frame)
    odd = _check_times(frame, task.time, where, first_row) if task.time else []
    features = task.features
    notes: tuple[str, ...] = ()
    if not features:
        features, notes = number_columns(frame, [name for name in (task.time, task.id) if name], task.target)
    made = channel_names(calendar)
    known = (*task.known_covariates, *made)
    features = (*(name for name in features if name not in known), *known)
    frame = with_calendar(frame, task.time, calendar, where)
    if first_row:
        notes = (f"last {len(frame):,} of {total:,} rows", *notes)
    series = select_columns(frame, features, task.target, where, first_row)
    return replace(series, notes=(*notes, *odd), calendar=made, known=known)


def select_columns(
    frame: pd.DataFrame, features: tuple[str, ...], targets: tuple[str, ...], where: str, first_row: int = 0
) -> Series:
    """Columns of a table as numbers, a row a time step.

    Args:
        frame: The table.
        features: The inputs, in the order of the channels.
        targets: What is predicted; may be among the inputs; empty where only inputs are wanted.
        where: The file, as messages name it.
        first_row: Rows of the file before the table's first one.

    Raises:
        DataError: A column holds something else than finite numbers.
    """
    columns = tuple(dict.fromkeys((*features, *targets)))
    return Series(where, number_table(frame, columns, where, first_row), columns, first_row, features)


def _check_times(frame: pd.DataFrame, column: str, where: str, first_row: int) -> list[str]:
    """Refuse times that repeat or go back; what is odd about the others."""
    import pandas as pd

    stamps = times(frame, column, where, first_row)
    steps = np.diff(stamps)
    if not (bad := steps <= 0).any():
        if pd.api.types.is_numeric_dtype(frame[column]):
            return odd_times(stamps, column, lambda step: f"{step:g}")
        dates = parse_times(frame[column])
        passed = (dates - dates.iloc[0]).dt.total_seconds().to_numpy()
        years = odd_years(int(dates.iloc[0].year), int(dates.iloc[-1].year), column)
        return [*odd_times(passed, column, lambda step: str(pd.Timedelta(seconds=step))), *years]
    (at,) = first(bad)
    before, here = frame[column].iloc[at], frame[column].iloc[at + 1]
    place = f"{where}: column {column!r}, row {first_row + at + 2}: {str(here)!r}"
    if steps[at] == 0:
        raise DataError(f"{place} stands in row {first_row + at + 1} as well: expected each time once")
    raise DataError(f"{place} comes after {str(before)!r}: expected the rows in time order")
