"""What the columns of a user's table hold: numbers, classes, times, and the rhythm in which its rows come."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


MOST_CLASSES = 20


def is_numeric(column: pd.Series[Any]) -> bool:
    """Whether it holds numbers or truth values."""
    from pandas.api import types

    return types.is_numeric_dtype(column)


def is_class(column: pd.Series[Any]) -> bool:
    """Whether its values look like classes: text, truth values or few whole numbers."""
    from pandas.api import types

    if not types.is_numeric_dtype(column) or types.is_bool_dtype(column):
        return True
    return types.is_integer_dtype(column) and column.nunique() <= MOST_CLASSES


def is_constant_within(frame: pd.DataFrame, column: str, group: str) -> bool:
    """Whether a column has one value for each value of another."""
    return bool((frame.groupby(group)[column].nunique(dropna=False) == 1).all())


def rises(frame: pd.DataFrame, column: str, group: str | None) -> bool:
    """Whether a column never falls from one row to the next, within each value of `group` where there is one."""
    if group is None:
        return bool(frame[column].is_monotonic_increasing)
    return all(rows.is_monotonic_increasing for _, rows in frame.groupby(group)[column])


def is_dates(column: pd.Series[Any]) -> bool:
    """Whether it holds dates or times, judged by its beginning."""
    return seconds(column.dropna().head(200)) is not None


def seconds(column: pd.Series[Any]) -> pd.Series[float] | None:
    """Seconds since the first row; None where the column holds anything but dates or times."""
    if is_numeric(column) or not len(column):
        return None
    times = parse_times(column)
    return None if times.isna().any() else (times - times.iloc[0]).dt.total_seconds()


def parse_times(values: pd.Series[Any]) -> pd.Series[Any]:
    """Text as times of pandas, in UTC; NaT where it is none.

    Args:
        values: Text, dates or times.
    """
    import pandas as pd

    parsed = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
    if parsed.isna().any():
        with warnings.catch_warnings():  # pandas warns where it finds no one format; the gaps it leaves say so too
            warnings.simplefilter("ignore", UserWarning)
            parsed = pd.to_datetime(values, errors="coerce", utc=True)
    return parsed


def inputs(frame: pd.DataFrame, without: tuple[str | None, ...]) -> tuple[str, ...]:
    """The columns that can be inputs: numbers, apart from those that play another part.

    A column that pandas calls `Unnamed: 0` is mostly the row's number, which measures nothing.
    """
    return tuple(
        name
        for name in frame.columns
        if name not in without and is_numeric(frame[name]) and not name.startswith("Unnamed: ")
    )


def refuse_stray_text(column: pd.Series[Any], where: str) -> None:
    """Refuse a column of numbers with a few words in it: a fault of the table, and no classes.

    Raises:
        UsageError: It is one; the message names the first such row, counted from 1 below the column names.
    """
    import pandas as pd

    strange = pd.to_numeric(column, errors="coerce").isna() & column.notna()
    if 0 < strange.mean() < 0.5:
        row = int(strange.to_numpy().argmax())
        raise UsageError(f"{where}: column {column.name!r}, row {row + 1}: {column.iloc[row]!r}: expected a number")


_MINUTE, _HOUR, _DAY, _WEEK, _YEAR = 60.0, 3600.0, 86_400.0, 604_800.0, 365.25 * 86_400.0
_WORDS = {_MINUTE: "a minute", _HOUR: "an hour", _DAY: "a day", _WEEK: "a week", _YEAR: "a year"}

LONGEST_HORIZON, LONGEST_LOOKBACK, LONGEST_DAY = 48, 96, 288
SMALLEST_PART, FILLED = 0.15, 0.7
"""Share of the rows in the validation and test part, and how much of it one window may fill."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A season that data of this frequency is likely to have.

    Attributes:
        season_steps: Steps of the season, at least 2.
        words: Such as `a day at a step of 30 minutes`.
    """

    season_steps: int
    words: str


def rhythm_of(step_seconds: float) -> Rhythm | None:
    """The season of data with a row every `step_seconds`.

    A day for steps of 5 minutes to 6 hours, a week up to 42 hours, a year beyond; an hour or a minute for
    quicker data. None where not even two steps make a season.
    """
    if step_seconds <= 0:
        return None
    if _DAY / LONGEST_DAY <= step_seconds <= _DAY / 4:
        period = _DAY
    elif step_seconds < _DAY / LONGEST_DAY:
        period = _HOUR if step_seconds >= _HOUR / LONGEST_DAY else _MINUTE
    else:
        period = _WEEK if step_seconds <= _WEEK / 4 else _YEAR
    season = round(period / step_seconds)
    if season < 2:
        return None
    return Rhythm(season, f"{_WORDS[period]} at a step of {_duration(step_seconds)}")


def window_for(
    rows: int, rhythm: Rhythm | None, lookback: int | None, horizon: int | None
) -> tuple[int, int, list[str]] | None:
    """Lookback and horizon for a series of so many rows.

    Args:
        rows: Rows of the series.
        rhythm: Its season; None when it is not known.
        lookback: The user's; None leaves it to us.
        horizon: The user's; None leaves it to us.

    Returns:
        Lookback and horizon, and what was decided and why, a line each: one season ahead, from one season (several,
        where a season is short), less where a part would not hold it; None when the series is too short for any window.
    """
    season = rhythm.season_steps if rhythm else 0
    wanted_horizon = min(season, LONGEST_HORIZON) if season else 1
    wanted_lookback = min(season * (1 if season >= 24 else 4), LONGEST_LOOKBACK) if season else 24
    space_left = int(rows * SMALLEST_PART * FILLED)
    if space_left < 2:
        return None
    ahead = horizon or min(wanted_horizon, max(1, space_left // 3))
    back = lookback or min(wanted_lookback, max(1, space_left - ahead))
    because = []
    for name, guessed, given, wanted in (
        ("horizon_steps", ahead, horizon, wanted_horizon),
        ("lookback_steps", back, lookback, wanted_lookback),
    ):
        if given is None:
            short = f", less than {wanted} since there are only {rows:,} rows" if guessed < wanted else ""
            because.append(f"{name} = {guessed}{short}")
    return back, ahead, because


def _duration(seconds: float) -> str:
    for unit, word in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds >= unit:
            count = round(seconds / unit, 1)
            return f"{count:g} {word}{'s' if count != 1 else ''}"
    return f"{seconds:g} second{'s' if seconds != 1 else ''}"


MOST_PROPOSED = 20
"""Categories of a column up to which it is proposed as an input."""


def categories(frame: pd.DataFrame, without: tuple[str | None, ...]) -> tuple[str, ...]:
    """The columns that can be inputs as categories: text of few different values, apart from those of other parts."""
    return tuple(
        str(name)
        for name in frame.columns
        if name not in without and not is_numeric(frame[name]) and not is_dates(frame[name]) and _repeats(frame[name])
    )


def _repeats(column: pd.Series[Any]) -> bool:
    found = column.nunique()
    return 1 < found <= MOST_PROPOSED and 2 * found <= len(column)


def why_left_out(column: pd.Series[Any]) -> str:
    """Why a column is no input, in a few words."""
    if is_numeric(column):
        return "no name" if str(column.name).startswith("Unnamed: ") else "numbers"
    found = column.nunique()
    return "one value all through" if found < 2 else f"text with {found:,} different values"
