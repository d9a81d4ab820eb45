"""A table of one series, or of a panel → what a forecast's champion looks back on, and the times after it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from harness.config.columns import parse_times
from harness.config.tasks import ForecastTask
from harness.data.dataset import Values, Whole
from harness.data.encoding import fill_gaps, refuse_missing
from harness.data.readers.categories import encode_categories
from harness.data.readers.series import select_columns, with_calendar
from harness.data.readers.tables import split_by_id, times
from harness.data.scaling import Floats
from harness.errors import DataError
from harness.export.artifact import Description

if TYPE_CHECKING:
    import pandas as pd


NO_OFFSET = "The times have no offset from UTC: they go on as if no clock were ever changed."

LEAST_ROWS = 10
"""Rows looked at to learn the rhythm, where the lookback is shorter."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """Times of a forecast's steps.

    Attributes:
        column: Name of the time column.
        values: One a step, written as the input's are.
        assumed: What had to be assumed, in one sentence; empty where nothing had.
    """

    column: str
    values: tuple[Any, ...]
    assumed: str = ""


def continue_stamps(column: pd.Series[Any], steps: int, lookback: int) -> Stamps | None:
    """Go on after the last time, in the rhythm of the last rows.

    Calendar rhythms (months, business days) are recognised; where the rows have none, the most common
    difference is taken and said. Times with changing offsets from UTC (daylight saving) go on in UTC. Times without an
    offset, in steps shorter than a day, go on as if no clock were ever changed. Each is said.

    Args:
        column: Times, dates or step numbers in ascending order.
        steps: How many.
        lookback: Rows that the model looks back on.

    Returns:
        The times; None where a single row shows no rhythm.
    """
    from pandas.api import types

    tail = column.iloc[-max(lookback, LEAST_ROWS) :]
    name = str(column.name)
    if len(tail) < 2:
        return None
    if types.is_numeric_dtype(tail):
        difference, assumed = _usual_difference(tail)
        last = tail.iloc[-1].item()
        return Stamps(name, tuple(last + difference * step for step in range(1, steps + 1)), assumed)
    return _times(name, tail, steps)


def _times(name: str, tail: pd.Series[Any], steps: int) -> Stamps:
    import pandas as pd

    assumed: tuple[str, ...] = ()
    with warnings.catch_warnings():  # pandas warns where it finds no one format
        warnings.simplefilter("ignore", UserWarning)
        try:
            parsed = pd.to_datetime(tail)
        except ValueError:
            parsed, assumed = parse_times(tail), ("The times have different offsets from UTC: they go on in UTC.",)
    rhythm = pd.infer_freq(pd.DatetimeIndex(parsed)) if len(parsed) > 2 else None
    if rhythm is not None:
        following = pd.date_range(parsed.iloc[-1], periods=steps + 1, freq=rhythm)[1:]
    else:
        difference, irregular = _usual_difference(parsed)
        assumed = (*assumed, irregular)
        following = pd.DatetimeIndex([parsed.iloc[-1] + difference * step for step in range(1, steps + 1)])
    if following.tz is None and following[0] - parsed.iloc[-1] < pd.Timedelta(days=1):
        assumed = (*assumed, NO_OFFSET)
    assumption = " ".join(filter(None, assumed))
    if pd.api.types.is_datetime64_any_dtype(tail):
        return Stamps(name, tuple(following), assumption)
    return Stamps(name, _written_like(str(tail.iloc[-1]), following), assumption)


def _usual_difference(values: pd.Series[Any]) -> tuple[Any, str]:
    """The most common difference of neighbours, and what to say if it is not the only one."""
    import pandas as pd

    differences = pd.Series(values.to_numpy()[1:] - values.to_numpy()[:-1])
    usual = differences.mode().iloc[-1]
    if (differences == usual).all():
        return usual, ""
    return usual, f"The times are irregular: they go on in steps of {usual}, the most common difference."


def _written_like(example: str, stamps: pd.DatetimeIndex) -> tuple[str, ...]:
    """ISO 8601 with as much of it as the example shows."""
    if ":" not in example and all(stamp == stamp.normalize() for stamp in stamps):
        return tuple(stamp.date().isoformat() for stamp in stamps)
    separator = "T" if "T" in example else " "
    unit: Literal["minutes", "auto"] = "minutes" if example.count(":") == 1 else "auto"
    texts = (stamp.isoformat(sep=separator, timespec=unit) for stamp in stamps)
    return tuple(text.replace("+00:00", "Z") if example.endswith("Z") else text for text in texts)


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
    """

    x: Values
    lengths: Whole
    label: str
    names: tuple[Any, ...]
    stamps: tuple[Stamps, ...] = ()
    future: Floats | None = None
    unknown: Mapping[str, int] = field(default_factory=dict)
    note: str = ""

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
    frame, unknown = encode_categories(frame, description.channels, task.categorical, where)
    pieces = split_by_id(frame, task.id, where)
    found = [_one(description, task, piece, place, left_out.get(name, 0)) for name, piece, place in pieces]
    stamps = tuple(one[2] for one in found if one[2] is not None)
    return Batch(
        np.concatenate([one[0] for one in found]),
        np.full(len(found), description.steps, np.int32),
        task.id or "sequence",
        tuple(name for name, _, _ in pieces),
        stamps if len(stamps) == len(found) else (),
        np.concatenate([one[1] for one in found]) if description.known else None,
        unknown,
    )


def _one(
    description: Description, task: ForecastTask, frame: pd.DataFrame, where: str, before: int
) -> tuple[Floats, Floats, Stamps | None]:
    """What one series gives: x (1, lookback, channels), future (1, horizon, known) and the times ahead."""
    import pandas as pd

    lookback, ahead = description.steps or 0, description.horizon_steps if task.known_covariates else 0
    if len(frame) < lookback + ahead:
        known = f" and {ahead} with {', '.join(task.known_covariates)} in advance" if ahead else ""
        raise DataError(f"{where}: has {len(frame)} rows: expected at least {lookback}, the model's lookback{known}")
    now = len(frame) - ahead
    past, coming = frame.iloc[now - lookback : now], frame.iloc[now:]
    _refuse_known_targets(description, task, coming, where)
    stamps = _stamps(description, task, frame, now, where, before)
    cycles = description.dataset_config.encoding.calendar
    x = _values(
        description, with_calendar(past, task.time, cycles, where), description.channels, before + now - lookback, where
    )
    if not description.known:
        return x, np.empty((1, 0, 0), np.float32), stamps
    if cycles and not ahead:  # nothing is known of the rows ahead but their times
        if stamps is None:
            raise DataError(f"{where}: has no times to go on from: expected a column of times, two rows at least")
        coming = pd.DataFrame({stamps.column: list(stamps.values)})
    future = _values(
        description, with_calendar(coming, task.time, cycles, where), description.known, before + now, where
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
    return fill_gaps(
        x, refusal=lambda at: f"{where}: column {columns[at[2]]!r} has no value in its last {x.shape[1]} rows"
    )
