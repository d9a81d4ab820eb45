"""A table of one series, or of a panel → what a forecast's champion looks back on, and the times after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.config.inferred.rhythm import order_of
from harness.config.tasks import ForecastTask
from harness.config.times import Clock, decide_format, is_dated, read_times, time_column, time_names
from harness.data.dataset import Indices, Values, Whole
from harness.data.encoding import fill_gaps, refuse_missing
from harness.data.readers.categories import encode_categories
from harness.data.readers.series import select_columns, with_calendar
from harness.data.readers.tables import split_by_id, times
from harness.data.scaling import Floats
from harness.errors import DataError
from harness.export.artifact import Description
from harness.export.stamps import Stamps, continue_stamps
from harness.text import counted

if TYPE_CHECKING:
    import pandas as pd


ROWS_A_CALL = 256
"""Sequences that a network is called with at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Sequences to predict for.

    Attributes:
        x: (n, steps, channels) in raw units, or numbers of tokens (n, steps); 0 beyond a sequence's length.
        lengths: (n,) real steps.
        label: What the sequences' names are, such as the id column.
        names: Name of each sequence.
        stamps: Times of each forecast's steps, where the input had times; else empty.
        future: (n, horizon, known) in raw units, where channels are known in advance.
        unknown: Column of categories → rows with a category that the model does not know, where there are any.
        note: What there is to say of how the input was read.
        rows: Of windows of series, the place of each one's first predicted step in its series in time order (n,), from
            1; None where each series is given up to now.
    """

    x: Values
    lengths: Whole
    label: str
    names: tuple[Any, ...]
    stamps: tuple[Stamps, ...] = ()
    future: Floats | None = None
    unknown: Mapping[str, int] = field(default_factory=dict)
    note: str = ""
    rows: Indices | None = None

    @property
    def assumed(self) -> str:
        """What had to be assumed of the times or of the file, in one sentence; empty where nothing had."""
        return self.note or next((stamps.assumed for stamps in self.stamps if stamps.assumed), "")


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
        DataError: A series is too short, has gaps that the config does not allow, or its times go back.
    """
    task = description.dataset_config.task
    assert isinstance(task, ForecastTask)
    frame, unknown = encode_categories(frame, description.channels, task.categorical, where, task.id)
    given = split_by_id(frame, task.id, where)
    pieces = [(name, in_time_order(description, piece), place) for name, piece, place in given]
    moved = any(piece is not before for (_, piece, _), (_, before, _) in zip(pieces, given, strict=True))
    clock = clock_of(description, frame)
    found = [
        _one(description, task, _each_time_once(task, piece, clock), place, left_out.get(name, 0), clock)
        for name, piece, place in pieces
    ]
    stamps = tuple(one[2] for one in found if one[2] is not None)
    if moved and stamps:
        stamps = (replace(stamps[0], assumed=f"{SORTED} {stamps[0].assumed}".strip()), *stamps[1:])
    return Batch(
        np.concatenate([one[0] for one in found]),
        np.full(len(found), description.steps, np.int32),
        task.id or "sequence",
        tuple(name for name, _, _ in pieces),
        stamps if len(stamps) == len(found) else (),
        np.concatenate([one[1] for one in found]) if description.known else None,
        unknown,
    )


SORTED = "Rows that came after a later one are sorted by time."


def in_time_order(description: Description, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of one series or several, in time order; as they are where they have no times, or values that are none."""
    task, clock = description.dataset_config.task, clock_of(description, frame)
    names = time_names(getattr(task, "time", None))
    if not names or not {*names} <= {*frame.columns}:
        return frame
    stamps = read_times(time_column(frame, names), clock)
    if stamps.isna().any():
        return frame
    order = order_of(stamps.to_numpy(np.float64) if not is_dated(stamps) else stamps.astype("int64").to_numpy())
    return frame.iloc[order.rows] if order.moved else frame


def _each_time_once(task: ForecastTask, frame: pd.DataFrame, clock: Clock) -> pd.DataFrame:
    """Rows of one time as one row, by the config's rule for them."""
    names = time_names(task.time)
    if task.on_duplicates == "error" or not names or not {*names} <= {*frame.columns}:
        return frame
    stamps = read_times(time_column(frame, names), clock)
    if task.on_duplicates == "mean":
        numbers = frame.select_dtypes("number").columns.difference(list(names))
        frame = frame.assign(**{name: frame[name].groupby(stamps).transform("mean") for name in numbers})
    return frame[~stamps.duplicated(keep="last" if task.on_duplicates == "last" else "first").to_numpy()]


def clock_of(description: Description, frame: pd.DataFrame) -> Clock:
    """How a champion's times are read: as in training; champions of 0.2.0.dev0 and before read the month first."""
    config = description.dataset_config
    clock = Clock(getattr(config.source, "time_format", ""), config.encoding.time_zone)
    names = time_names(getattr(config.task, "time", None))
    if clock.time_format or not names or not {*names} <= {*frame.columns}:
        return clock
    stamps = time_column(frame, names)
    return replace(clock, time_format=decide_format(stamps, str(stamps.name), month_first=True))


def _one(
    description: Description, task: ForecastTask, frame: pd.DataFrame, where: str, before: int, clock: Clock
) -> tuple[Floats, Floats, Stamps | None]:
    """What one series gives: x (1, lookback, channels), future (1, horizon, known) and the times ahead."""
    import pandas as pd

    lookback, ahead = description.steps or 0, description.horizon_steps if task.known_covariates else 0
    if len(frame) < lookback + ahead:
        known = f" and {ahead} with {', '.join(task.known_covariates)} in advance" if ahead else ""
        raise DataError(
            f"{where}: has {counted(len(frame), 'row')}: expected at least {lookback}, the model's lookback{known}"
        )
    now = len(frame) - ahead
    past, coming = frame.iloc[now - lookback : now], frame.iloc[now:]
    _refuse_known_targets(description, task, coming, where)
    stamps = _stamps(description, task, frame, now, where, before, clock)
    cycles = description.dataset_config.encoding.calendar
    x = _values(
        description,
        with_calendar(past, task.time, cycles, where, clock),
        description.channels,
        before + now - lookback,
        where,
    )
    if not description.known:
        return x, np.empty((1, 0, 0), np.float32), stamps
    if cycles and not ahead:  # nothing is known of the rows ahead but their times
        if stamps is None:
            raise DataError(f"{where}: has no times to go on from: expected a column of times, two rows at least")
        coming = pd.DataFrame({stamps.column: list(stamps.values)})
    time = task.time if ahead or stamps is None else stamps.column
    future = _values(
        description, with_calendar(coming, time, cycles, where, clock), description.known, before + now, where
    )
    return x, _filled(future, description.known, where), stamps


def _refuse_known_targets(description: Description, task: ForecastTask, coming: pd.DataFrame, where: str) -> None:
    for name in description.targets:
        if name in coming.columns and coming[name].notna().any():
            raise DataError(
                f"{where}: the last {len(coming)} rows hold {name!r}: expected rows that are still to come, with "
                f"{', '.join(task.known_covariates)} and without {name!r}"
            )


def _stamps(
    description: Description, task: ForecastTask, frame: pd.DataFrame, now: int, where: str, before: int, clock: Clock
) -> Stamps | None:
    if task.time is None or not {*time_names(task.time)} <= {*frame.columns}:
        return None
    lookback, column = description.steps or 0, time_column(frame, task.time)
    first = now - lookback
    if (np.diff(times(frame.iloc[first:], task.time, where, before + first, clock)) <= 0).any():
        raise DataError(f"{where}: column {column.name!r}: expected the rows in time order, each time once")
    if now < len(frame):
        return Stamps(str(column.name), tuple(column.iloc[now : now + description.horizon_steps]))
    return continue_stamps(column, description.horizon_steps, lookback, clock)


def _values(
    description: Description, frame: pd.DataFrame, columns: tuple[str, ...], first_row: int, where: str
) -> Floats:
    series = select_columns(frame, columns, (), where, first_row)
    x = series.pick(columns).astype(description.dtype, copy=False)
    if description.card["missing"] == "error":
        refuse_missing(x, series.place)
    if description.card["missing"] == "mask":  # the model itself tells of gaps
        return x[None]
    return _filled(x[None], columns, where)


def _filled(x: Floats, columns: tuple[str, ...], where: str) -> Floats:
    return fill_gaps(
        x, refusal=lambda at: f"{where}: column {columns[at[2]]!r} has no value in its last {x.shape[1]} rows"
    )
