"""A table with a row a time step, for forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.cards.schema import FileSource, ForecastTask
from harness.data.calendar import channel_names, with_calendar
from harness.data.guards import odd_times, odd_years
from harness.data.raw import Series, first, narrow
from harness.data.sources.files import shown
from harness.data.sources.tables import (
    labels,
    number_columns,
    numbers,
    parse_times,
    read_table,
    read_tail,
    require_columns,
    times,
)
from harness.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


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
    return (series_of(frame, task, shown(source.path), first_row, calendar),)


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
    if task.id is None:
        return (series_of(frame, task, where, calendar=calendar),)
    require_columns(frame, [task.id], "id", where)
    labels(frame, task.id, where)  # refuses rows without an id
    pieces = [(name, piece.reset_index(drop=True)) for name, piece in frame.groupby(task.id, sort=False)]
    named = [(f"{where}: {task.id} {str(name)!r}", piece) for name, piece in pieces]
    return tuple(series_of(piece, task, place, calendar=calendar) for place, piece in named)


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
    require_columns(frame, task.target, "target", where)
    require_columns(frame, task.features, "features", where)
    require_columns(frame, task.known_covariates, "known_covariates", where)
    require_columns(frame, [task.time] if task.time else [], "time", where)
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
    values = np.stack([numbers(frame, name, where, first_row) for name in columns], axis=1)
    empty = Series(where, np.empty((0, 0), np.float32), columns, first_row, features)
    return Series(where, narrow(values, empty.place), columns, first_row, features)


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
