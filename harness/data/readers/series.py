"""A table with a row a time step, for forecasts; and the channels that are made from its times.

Each is a point on a circle, as sine and cosine, so that the end of a cycle is near its begin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.config.dataset import names_in, texts_in
from harness.config.inferred.rhythm import MIDNIGHTS, Order, gaps_of, midnights_misplaced, order_of
from harness.config.sources import TableSource
from harness.config.tasks import ForecastTask
from harness.config.times import TICKS, UNDECIDED, Clock, is_dated, read_times, say_format, time_column, time_names
from harness.data.checks import odd_times, odd_years
from harness.data.dataset import Indices, Series
from harness.data.readers.categories import with_categories
from harness.data.readers.paths import shown
from harness.data.readers.tables import (
    number_columns,
    number_table,
    read_columns,
    read_table,
    read_tail,
    require_columns,
    side_by_side,
    split_by_id,
    times,
)
from harness.data.scaling import Floats
from harness.errors import DataError
from harness.text import are, counted

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


def calendar_channels(stamps: pd.Series[Any], cycles: Sequence[str], place: str, clock: Clock = UNDECIDED) -> Floats:
    """The channels of some times.

    Args:
        stamps: The times, as read from a table.
        cycles: Keys of `[encoding] calendar`.
        place: File and column, as messages name them.
        clock: How they are read, and the zone whose calendar it is.

    Returns:
        (times, 2 · cycles), in the order of `channel_names`.

    Raises:
        DataError: The times are numbers, or no times.
    """
    return side_by_side(_waves(read_times(stamps, clock), cycles, place, clock))


def _waves(found: pd.Series[Any], cycles: Sequence[str], place: str, clock: Clock) -> list[Floats]:
    if not is_dated(found):
        raise DataError(f"{place} holds numbers: expected dates or times for [encoding] calendar")
    at = (found.dt.tz_convert(clock.zone) if clock.zone else found).dt
    places = [2 * np.pi * np.asarray(_PLACES[cycle](at), np.float64) for cycle in cycles]
    return [wave(angle).astype(np.float32) for angle in places for wave in (np.sin, np.cos)]


def with_calendar(
    frame: pd.DataFrame,
    time: str | Sequence[str] | None,
    cycles: Sequence[str],
    where: str,
    clock: Clock = UNDECIDED,
    ticks: Indices | None = None,
) -> pd.DataFrame:
    """A table with the calendar's channels as further columns.

    Args:
        frame: The table.
        time: Its column of times, or several.
        cycles: Keys of `[encoding] calendar`.
        where: The table, as messages name it.
        clock: How the times are read.
        ticks: The times (rows,), where they have been read already and are dates: microseconds since 1970 in UTC.

    Raises:
        DataError: The times are none, or a column is called as a channel of the calendar is.
    """
    if not cycles or time is None:
        return frame
    import pandas as pd

    names = channel_names(cycles)
    if taken := next((name for name in names if name in frame.columns), None):
        raise DataError(f"{where}: has a column {taken!r} already: expected none that [encoding] calendar makes")
    stamps = time_column(frame, time)
    found = read_times(stamps, clock) if ticks is None else pd.Series(pd.to_datetime(ticks, unit="us", utc=True))
    made = _waves(found, cycles, f"{where}: column {stamps.name!r}", clock)
    return frame.assign(**dict(zip(names, made, strict=True)))


def read_series(
    source: TableSource, task: ForecastTask, calendar: Sequence[str] = (), zone: str = ""
) -> tuple[Series, ...]:
    """The columns that a forecast needs, in time order: one series, or each of a panel.

    Args:
        source: A table in a file.
        task: Names the columns; only its `last_rows`, the last ones in time, are read as numbers. Without `features`
            every column of numbers is an input, the targets among them.
        calendar: Cycles whose channels are made from the times.
        zone: Time zone of the calendar, and of times without an offset.

    Raises:
        DataError: The file or a column is missing, a value is no finite number, or times repeat that may not.
    """
    where, clock = shown(source.path), Clock(source.time_format, zone)
    if task.id is not None:
        return panel_of(read_table(source, names_in(task), texts_in(task)), task, where, calendar, clock)
    first_row, frame = 0, None
    if task.last_rows and task.time:
        # The last rows in time are the file's last ones where all of its times rise.
        known = read_columns(source, time_names(task.time))
        require_columns(known, time_names(task.time), "time", where)
        clock = clock.decided(time_column(known, task.time), where)
        if order_of(times(known, task.time, where, clock=clock)).moved:
            frame = read_table(source, names_in(task), texts_in(task))
    if frame is None:
        frame, first_row = read_tail(source, task.last_rows, names_in(task), texts_in(task))
    frame, task, notes = with_categories(frame, task, where)
    clock = _decided(clock, frame, task, where)
    return _noted([_arranged(frame, task, where, first_row, calendar, clock)], notes)


def panel_of(
    frame: pd.DataFrame, task: ForecastTask, where: str, calendar: Sequence[str] = (), clock: Clock = UNDECIDED
) -> tuple[Series, ...]:
    """The series of a table, one for each id in the order in which the ids first appear, or a single one.

    Args:
        frame: The table; its rows may stand in any order.
        task: Names the columns.
        where: The table, as messages name it.
        calendar: Cycles whose channels are made from the times.
        clock: How the times are read; what it leaves open is decided from all rows together.

    Raises:
        DataError: As `read_series`.
    """
    frame, task, notes = with_categories(frame, task, where)
    pieces = split_by_id(frame, task.id, where)
    clock = _decided(clock, frame, task, where)
    arranged = [(name, _arranged(piece, task, place, 0, calendar, clock)) for name, piece, place in pieces]
    named = [replace(one, series=replace(one.series, name=name)) for name, one in arranged]
    return _noted(named, notes)


@dataclass(frozen=True, slots=True, eq=False)
class _Arranged:
    # A series in time order, and what became of the table's order.
    series: Series
    order: Order | None


def _decided(clock: Clock, frame: pd.DataFrame, task: ForecastTask, where: str) -> Clock:
    if task.time is None:
        return clock
    require_columns(frame, time_names(task.time), "time", where)
    stamps = time_column(frame, task.time)
    return clock.decided(stamps, f"{where}: column {stamps.name!r}")


def _noted(arranged: Sequence[_Arranged], more: Sequence[str] = ()) -> tuple[Series, ...]:
    """The series; what became of the order of all of them is a note of the first, with what else there is to say."""
    first, orders = arranged[0].series, [one.order for one in arranged if one.order is not None]
    notes = []
    if moved := sum(order.moved for order in orders):
        notes.append(f"{counted(moved, 'row')} that came after a later one {are(moved)} sorted by time")
    if repeated := sum(order.repeated for order in orders):
        notes.append(f"{counted(repeated, 'row')} of times that repeat {are(repeated)} merged ([task] on_duplicates)")
    return (replace(first, notes=(*first.notes, *notes, *more)), *(one.series for one in arranged[1:]))


def _arranged(
    frame: pd.DataFrame, task: ForecastTask, where: str, before: int, calendar: Sequence[str], clock: Clock
) -> _Arranged:
    """The columns that a forecast needs, of a table with `before` rows of the source before its first one."""
    total = before + len(frame)
    for key in ("target", "features", "known_covariates"):
        require_columns(frame, getattr(task, key), key, where)
    stamps, order = None, None
    if task.time is not None:
        stamps = times(frame, task.time, where, before, clock)
        order = order_of(stamps)
    if task.last_rows and (order is None or not order.moved):
        frame = frame.iloc[-task.last_rows :]
        stamps = None if stamps is None else stamps[-task.last_rows :]
        order = None if stamps is None else order_of(stamps)
    first_row = total - len(frame)
    features = task.features
    notes: tuple[str, ...] = ()
    if not features:
        roles = (*time_names(task.time), task.id)
        features, notes = number_columns(frame, [name for name in roles if name], task.target)
    made = channel_names(calendar)
    known = (*task.known_covariates, *made)
    features = (*(name for name in features if name not in known), *known)
    dated = stamps is not None and is_dated(read_times(time_column(frame.iloc[:1], task.time or ""), clock))
    series = select_columns(
        with_calendar(frame, task.time, calendar, where, clock, stamps if dated else None),
        features,
        task.target,
        where,
        first_row,
    )
    series = replace(series, calendar=made, known=known)
    if stamps is not None and order is not None:
        column = time_column(frame, task.time or "")
        series, stamps = _in_order(series, stamps, order, column, task)
        read = read_times(column.iloc[:1], clock)
        series, odd = _with_gaps(series, stamps, task, str(column.name), dated=is_dated(read))
        told = say_format(column, clock.time_format)
        if (
            order.moved
            and is_dated(read)
            and midnights_misplaced(times(frame, task.time or "", where, 0, clock) / TICKS)
        ):
            odd = [*odd, f"warning: times in {str(column.name)!r}: {MIDNIGHTS}"]
        written = column if series.places is None else column.iloc[series.places + (series.first_row - first_row)]
        series = replace(series, time_format=clock.time_format, stamps=written)
        notes = (*notes, *([told] if told else []), *odd)
    if series.first_row:
        notes = (f"last {len(series.values):,} of {total:,} rows", *notes)
    return _Arranged(replace(series, notes=notes), order)


def _in_order(
    series: Series, stamps: Any, order: Order, column: pd.Series[Any], task: ForecastTask
) -> tuple[Series, Any]:
    """The series in time order, each time once, of which the last rows that are wanted; and their times."""
    if order.repeated and task.on_duplicates == "error":
        _refuse_repeated(series, stamps, order, column)
    if not order.moved and not order.repeated:
        return series, stamps
    values = series.values[order.rows]
    ends = np.append(order.starts[1:], len(order.rows))
    at = ends - 1 if task.on_duplicates == "last" else order.starts
    merged = _means(values, order.starts, ends) if order.repeated and task.on_duplicates == "mean" else values[at]
    cut = max(len(at) - task.last_rows, 0) if task.last_rows else 0
    first_row = series.first_row + cut
    rows: Indices = order.rows[at][cut:]
    # `place` counts from the first row, as it does where rows stand in the file's order.
    series = replace(series, values=merged[cut:], first_row=first_row, places=rows - cut)
    return series, stamps[rows]


def _means(values: Floats, starts: Indices, ends: Indices) -> Floats:
    """The mean of each run of rows (rows, columns) → (runs, columns), of the values that are there."""
    known = ~np.isnan(values)
    sums = np.add.reduceat(np.where(known, values, 0).astype(np.float64), starts, axis=0)
    counts = np.add.reduceat(known.astype(np.float64), starts, axis=0)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).astype(values.dtype)
    return np.where((ends - starts == 1)[:, None], values[starts], means)


def _refuse_repeated(series: Series, stamps: Any, order: Order, column: pd.Series[Any]) -> None:
    at = int(np.flatnonzero(np.diff(stamps[order.rows]) == 0)[0])
    earlier, later = sorted(int(row) for row in order.rows[at : at + 2])
    more = f" ({order.repeated:,} such rows)" if order.repeated > 1 else ""
    raise DataError(
        f"{series.where}: column {column.name!r}, row {series.first_row + later + 1}: {str(column.iloc[later])!r} "
        f"stands in row {series.first_row + earlier + 1} as well{more}: expected each time once, or [task] "
        'on_duplicates = "first", "last" or "mean"'
    )


def _with_gaps(
    series: Series, stamps: Any, task: ForecastTask, column: str, *, dated: bool
) -> tuple[Series, list[str]]:
    """The series with the rows before which a gap lies, and what is odd about its times."""
    import pandas as pd

    passed = (stamps - stamps[0]) / TICKS if dated else (stamps - stamps[0]).astype(np.float64)
    # Weeks begin on Monday, 5 January 1970.
    since = stamps[0] / TICKS - 4 * 86_400.0 if dated else 0.0
    breaks, allowed = gaps_of(passed + since, task.max_gap_steps, dated=dated)
    series = replace(series, breaks=breaks)
    if not dated:
        return series, odd_times(passed, column, lambda step: f"{step:g}", len(breaks), allowed)
    since_year, until_year = (int(pd.Timestamp(int(stamp), unit="us").year) for stamp in (stamps[0], stamps[-1]))
    odd = odd_times(passed, column, lambda step: str(pd.Timedelta(seconds=step)), len(breaks), allowed)
    return series, [*odd, *odd_years(since_year, until_year, column)]


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
