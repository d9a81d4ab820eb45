"""How the times of a forecast's steps go on, written as the input's are."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from harness.config.times import (
    EPOCHS,
    EXCEL,
    EXCEL_1970,
    ISO,
    QUARTERS,
    UNDECIDED,
    Clock,
    decide_format,
    is_dated,
    parse_times,
    read_times,
)

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


def continue_stamps(column: pd.Series[Any], steps: int, lookback: int, clock: Clock = UNDECIDED) -> Stamps | None:
    """Go on after the last time, in the rhythm of the last rows.

    Calendar rhythms (months, business days) are recognised; where the rows have none, the most common
    difference is taken and said. Times with changing offsets from UTC (daylight saving) go on in UTC. Times without an
    offset, in steps shorter than a day, go on as if no clock were ever changed. Each is said.

    Args:
        column: Times, dates or step numbers in ascending order.
        steps: How many.
        lookback: Rows that the model looks back on.
        clock: How the times are read.

    Returns:
        The times; None where a single row shows no rhythm.
    """
    tail = column.iloc[-max(lookback, LEAST_ROWS) :]
    name = str(column.name)
    if len(tail) < 2:
        return None
    clock = clock if clock.time_format else replace(clock, time_format=decide_format(tail, name, month_first=True))
    if not is_dated(read_times(tail.iloc[:1], clock)):
        difference, assumed = _usual_difference(tail)
        return Stamps(name, tuple(_rounded(tail, difference, step) for step in range(1, steps + 1)), assumed)
    return _times(name, tail, steps, clock)


def _rounded(tail: pd.Series[Any], difference: Any, step: int) -> Any:
    """The number so many steps after the last one, with the decimals that the numbers have."""
    last = tail.iloc[-1].item()
    if isinstance(last, int) and float(difference).is_integer():
        return last + int(difference) * step
    decimals = max(len(repr(float(value)).partition(".")[2]) for value in (*tail, difference))
    return round(last + float(difference) * step, decimals)


def _times(name: str, tail: pd.Series[Any], steps: int, clock: Clock) -> Stamps:
    import pandas as pd

    parsed, assumed = _as_written(tail, clock)
    local = bool(clock.zone) and parsed.dt.tz is None
    if local:
        parsed = read_times(tail, clock).dt.tz_convert(clock.zone)
    rhythm = pd.infer_freq(pd.DatetimeIndex(parsed)) if len(parsed) > 2 and parsed.is_monotonic_increasing else None
    if rhythm is not None:
        following = pd.date_range(parsed.iloc[-1], periods=steps + 1, freq=rhythm)[1:]
    else:
        difference, irregular = _usual_difference(parsed)
        assumed = " ".join(filter(None, (assumed, irregular)))
        following = pd.DatetimeIndex([parsed.iloc[-1] + difference * step for step in range(1, steps + 1)])
    if following.tz is None and following[0] - parsed.iloc[-1] < pd.Timedelta(days=1):
        assumed = " ".join(filter(None, (assumed, NO_OFFSET)))
    following = following.tz_localize(None) if local else following
    if pd.api.types.is_datetime64_any_dtype(tail):
        return Stamps(name, tuple(following), assumed)
    return Stamps(name, _written(following, tail, clock.time_format), assumed)


def _usual_difference(values: pd.Series[Any]) -> tuple[Any, str]:
    """The most common difference of neighbours, and what to say if it is not the only one."""
    import pandas as pd

    differences = pd.Series(values.to_numpy()[1:] - values.to_numpy()[:-1])
    if pd.api.types.is_float_dtype(differences):  # 0.3 - 0.2 is not quite 0.1
        size = float(differences.abs().median())
        differences = differences.round(max(0, 9 - math.floor(math.log10(size)))) if size > 0 else differences
    usual = differences.mode().iloc[-1]
    if (differences == usual).all():
        return usual, ""
    return usual, f"The times are irregular: they go on in steps of {usual}, the most common difference."


def _as_written(values: pd.Series[Any], clock: Clock) -> tuple[pd.Series[Any], str]:
    """Times as they are written, with the offset from UTC that they have, if any.

    Returns:
        The times; and a sentence where they have several offsets, so that they are given in UTC.
    """
    import pandas as pd

    times = parse_times(values, clock.time_format or ISO, utc=False)
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        return times, ""
    known = read_times(values, clock)  # of which those without an offset are the zone's
    if _mixed(values, times) or (known != times.dt.tz_convert("UTC")).any():
        return known, "The times have different offsets from UTC: they go on in UTC."
    return times, ""


def _mixed(values: pd.Series[Any], times: pd.Series[Any]) -> bool:
    # Where pandas finds several offsets it can give UTC alone.
    from pandas.api import types

    if types.is_datetime64_any_dtype(values) or str(times.dt.tz) not in ("UTC", "UTC+00:00"):
        return False
    ends = {str(value).strip()[-6:] for value in values}
    return len(ends) > 1 and any(re.fullmatch(r"[+-]\d{2}:?\d{2}|.*[+-]\d{4}", end) for end in ends)


def _written(times: pd.DatetimeIndex, examples: pd.Series[Any], time_format: str) -> tuple[Any, ...]:
    """Times as the examples are written; numbers where these are numbers."""
    from pandas.api import types

    if time_format in ("", ISO):
        return _written_iso(str(examples.iloc[-1]).strip(), times)
    if time_format == QUARTERS:
        return tuple(_written_quarter(str(examples.iloc[-1]).strip(), time) for time in times)
    if time_format in EPOCHS:
        seconds = [time.timestamp() * (1000 if time_format == "milliseconds" else 1) for time in times]
        return tuple(round(value) if value % 1 == 0 else value for value in seconds)
    if time_format == EXCEL:
        days = [time.timestamp() / 86_400 + EXCEL_1970 for time in times]
        return tuple(round(value) if value % 1 == 0 else value for value in days)
    if types.is_numeric_dtype(examples):
        return tuple(int(time.strftime(time_format)) for time in times)
    # Python has no directive for a number without its nought that all systems know.
    known, given = parse_times(examples, time_format, utc=False), [str(value).strip() for value in examples]
    for bare in ("", "d", "H", "dm", "dmI", "dmH", "dmHI"):
        if [_formatted(time, time_format, bare) for time in known] == given:
            return tuple(_formatted(time, time_format, bare) for time in times)
    return tuple(_formatted(time, time_format, "") for time in times)


def _formatted(time: Any, time_format: str, bare: str) -> str:
    """A time as text; directives of these letters without a nought before a single digit."""
    return re.sub(
        r"%(.)",
        lambda found: time.strftime(found[0]).removeprefix("0") or "0" if found[1] in bare else time.strftime(found[0]),
        time_format,
    )


def _written_iso(example: str, times: pd.DatetimeIndex) -> tuple[str, ...]:
    """ISO 8601 with as much of it as the example shows, and what it has between year, month and day."""
    mark = example[4:5] if not example[4:5].isdigit() else "-"
    if re.fullmatch(r"\d{4}.\d{1,2}", example) and all(time.day == 1 and time == time.normalize() for time in times):
        return tuple(time.strftime(f"%Y{mark}%m") for time in times)
    if ":" not in example and all(time == time.normalize() for time in times):
        return tuple(time.strftime(f"%Y{mark}%m{mark}%d") for time in times)
    separator = "T" if "T" in example else " "
    unit: Literal["minutes", "auto"] = "minutes" if example.count(":") == 1 else "auto"
    texts = (time.isoformat(sep=separator, timespec=unit) for time in times)
    texts = (text[:10].replace("-", mark or "-") + text[10:] for text in texts)
    return tuple(text.replace("+00:00", "Z") if example.endswith("Z") else text for text in texts)


def _written_quarter(example: str, time: Any) -> str:
    quarter = str((time.month + 2) // 3)
    text = re.sub(r"\d{4}", str(time.year), example)
    return re.sub(r"([Qq])\d", lambda found: found[1] + quarter, text)
