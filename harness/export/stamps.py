"""The times that come after the last one. Knows columns of times, nothing of models."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

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
        return _numbers(name, tail, steps)
    return _times(name, tail, steps)


def _numbers(name: str, tail: pd.Series[Any], steps: int) -> Stamps:
    difference, assumed = _usual_difference(tail)
    last = tail.iloc[-1].item()
    return Stamps(name, tuple(last + difference * step for step in range(1, steps + 1)), assumed)


def _times(name: str, tail: pd.Series[Any], steps: int) -> Stamps:
    import pandas as pd

    parsed, assumed = _parse(tail)
    rhythm = pd.infer_freq(pd.DatetimeIndex(parsed)) if len(parsed) > 2 else None
    if rhythm is not None:
        following = pd.date_range(parsed.iloc[-1], periods=steps + 1, freq=rhythm)[1:]
    else:
        difference, irregular = _usual_difference(parsed)
        assumed = " ".join(part for part in (assumed, irregular) if part)
        following = pd.DatetimeIndex([parsed.iloc[-1] + difference * step for step in range(1, steps + 1)])
    if following.tz is None and following[0] - parsed.iloc[-1] < pd.Timedelta(days=1):
        assumed = " ".join(part for part in (assumed, NO_OFFSET) if part)
    if pd.api.types.is_datetime64_any_dtype(tail):
        return Stamps(name, tuple(following), assumed)
    return Stamps(name, _written_like(str(tail.iloc[-1]), following), assumed)


def _parse(tail: pd.Series[Any]) -> tuple[pd.Series[Any], str]:
    import pandas as pd

    with warnings.catch_warnings():  # pandas warns where it finds no one format
        warnings.simplefilter("ignore", UserWarning)
        try:
            return pd.to_datetime(tail), ""
        except ValueError:
            parsed = pd.to_datetime(tail, utc=True)
    return parsed, "The times have different offsets from UTC: they go on in UTC."


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
