"""The rhythm of a series: its season, the order of its rows in time, and the gaps that no window may span.

A step is measured against the usual one, and in open time alone: hours or days of the week in which a series hardly
ever has a row, such as nights and weekends of an exchange, are no gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Seconds = npt.NDArray[np.float64]

_MINUTE, _HOUR, _DAY, _WEEK, _YEAR = 60.0, 3600.0, 86_400.0, 604_800.0, 365.25 * 86_400.0
_WORDS = {_MINUTE: "a minute", _HOUR: "an hour", _DAY: "a day", _WEEK: "a week", _YEAR: "a year"}

LONGEST_HORIZON, LONGEST_LOOKBACK, LONGEST_DAY = 48, 96, 288
LONGEST_SEASON = 400
"""Steps of the longest season that a lookback is made as long as."""
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


_MONDAY = 4 * _DAY
"""The first Monday after 1 January 1970."""


def rhythm_of_times(stamps: Seconds) -> Rhythm | None:
    """The season of rows at these times: as `rhythm_of`, in the rows that a day or a week really has.

    Half-hours of a shop have 18 rows a day, and days of an exchange 5 a week.

    Args:
        stamps: Rising times in seconds since 1970, each once.
    """
    if len(stamps) < 2:
        return None
    nominal = rhythm_of(float(np.median(np.diff(stamps))))
    period = next((one for one in (_DAY, _WEEK) if nominal and nominal.words.startswith(_WORDS[one])), None)
    if nominal is None or period is None:
        return nominal
    counts = np.unique((stamps - _MONDAY) // period, return_counts=True)[1][1:-1]
    if len(counts) < 3:
        return nominal
    usual = int(np.median(counts))
    steady = (np.abs(counts - usual) <= 0.1 * usual).mean() >= 0.6
    if usual < 2 or usual > 0.9 * nominal.season_steps or not steady:
        return nominal
    return Rhythm(usual, f"{_WORDS[period]} has {usual} rows, as a rule")


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


def lookbacks_for(rows: int, lookback: int, horizon: int, seasons: Sequence[int]) -> tuple[int, ...]:
    """Lookbacks for trials to choose from: the usual one, and each longer season that the smallest part has room for.

    Args:
        rows: Rows of the series.
        lookback: The usual one.
        horizon: Steps ahead.
        seasons: Steps of the seasons that the series has.
    """
    longest = min(LONGEST_SEASON, int(rows * SMALLEST_PART * FILLED) - horizon)
    return (lookback, *sorted({season for season in seasons if lookback < season <= longest}))


def cycles_of(stamps: Seconds) -> tuple[str, ...]:
    """The cycles of the calendar that rows at these times go round at least twice, and take several steps in.

    Args:
        stamps: Rising times in seconds since 1970.

    Returns:
        Keys of `[encoding] calendar`.
    """
    if len(stamps) < 2:
        return ()
    step, span = float(np.median(np.diff(stamps))), float(stamps[-1] - stamps[0])
    cycles = (("hour", _DAY, _DAY / 4), ("weekday", _WEEK, _WEEK / 4), ("year", _YEAR, _YEAR / 4))
    return tuple(name for name, period, longest in cycles if step <= longest and span >= 2 * period)


def _duration(seconds: float) -> str:
    for unit, word in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds >= unit:
            count = round(seconds / unit, 1)
            return f"{count:g} {word}{'s' if count != 1 else ''}"
    return f"{seconds:g} second{'s' if seconds != 1 else ''}"


_RARELY = 0.05
"""Share of the weeks with a row in an hour or a day of the week, up to which it is closed."""


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """How rows stand in time.

    Attributes:
        rows: Places of the rows in time order, each time's one after the other (rows,).
        starts: Where in `rows` each time begins (times,).
        moved: How many rows came after a later one.
    """

    rows: Rows
    starts: Rows
    moved: int

    @property
    def repeated(self) -> int:
        """Rows whose time stands in an earlier one as well."""
        return len(self.rows) - len(self.starts)


def order_of(stamps: npt.NDArray[Any]) -> Order:
    """The order of times (rows,), none of them missing."""
    later = np.maximum.accumulate(stamps) if len(stamps) else stamps
    moved = int((stamps < later).sum())
    rows = np.argsort(stamps, kind="stable") if moved else np.arange(len(stamps))
    placed = stamps[rows]
    begins = np.ones(len(rows), np.bool_)
    begins[1:] = placed[1:] != placed[:-1]
    return Order(rows.astype(np.int64), np.flatnonzero(begins), moved)


MIDNIGHTS = "all rows out of order stand at midnight, below the last row of their own date: do they belong to the next?"


def midnights_misplaced(seconds: Seconds) -> bool:
    """Whether the rows out of order are midnights below the other rows of their date, as some meters write them.

    Args:
        seconds: Times since 1970 (rows,), in the table's order.
    """
    late = np.flatnonzero(seconds < np.maximum.accumulate(seconds))
    if len(late) < 3:
        return False
    midnight, day = seconds[late] % _DAY == 0, seconds[late] // _DAY
    return bool((midnight & (seconds[late - 1] // _DAY == day)).all())


def gaps_of(stamps: Seconds, max_gap_steps: int | None, *, dated: bool) -> tuple[Rows, int]:
    """The rows before which a gap lies.

    Args:
        stamps: Rising times (rows,) in seconds, or numbers of steps.
        max_gap_steps: The most steps that are no gap. None for one step; for a week where a series of days leaves
            out days of every week, since holidays are as usual there; and for any number where times have no usual
            step: fewer than half of the steps are near the middle one.
        dated: Whether the times are dates, which have weeks.

    Returns:
        The rows, from 1; and the steps that were allowed, 0 for any number.
    """
    steps = np.diff(stamps)
    if len(steps) < 2:
        return np.empty(0, np.int64), max_gap_steps or 1
    usual = float(np.median(steps))
    allowed = max_gap_steps
    if dated:
        steps, open_days = _open_steps(stamps, steps, usual)
        allowed = allowed or open_days
        usual = float(np.median(steps)) or usual
    elif allowed is None:
        allowed = 1
    if max_gap_steps is None and (np.abs(steps - usual) <= 0.5 * usual).mean() < 0.5:
        return np.empty(0, np.int64), 0
    return np.flatnonzero(steps > (allowed + 0.5) * usual) + 1, allowed


def _open_steps(stamps: Seconds, steps: Seconds, usual: float) -> tuple[Seconds, int]:
    """Steps without the closed hours or days of the week in them, and how many are no gap unless it is said."""
    slot = _HOUR if usual <= _HOUR else _DAY if usual <= 1.5 * _DAY else 0.0
    weeks = (stamps[-1] - stamps[0]) / _WEEK
    if not slot or weeks < 3:
        return steps, 1
    places = np.unique((stamps // slot).astype(np.int64))
    count = int(_WEEK // slot)
    filled = np.bincount(places % count, minlength=count)
    closed = filled <= _RARELY * weeks
    if not closed.any():
        return steps, 1
    before = np.concatenate([[0.0], np.cumsum(closed) * slot])
    within = stamps % _WEEK
    at = np.minimum((within // slot).astype(np.int64), count - 1)
    shut = np.floor(stamps / _WEEK) * before[-1] + before[at] + np.where(closed[at], within - at * slot, 0.0)
    passed = np.diff(shut)
    # The hours at both ends of a night are open in part.
    edges = 2 * slot if slot == _HOUR else 0.0
    opened = np.where(passed > 0, np.maximum(steps - passed - edges, np.minimum(usual, steps)), steps)
    return opened, int((~closed).sum()) if slot == _DAY else 1


def spanning(breaks: Rows, rows: int, window: int) -> int:
    """How many of a series' windows span a gap.

    Args:
        breaks: Rows before which a gap lies.
        rows: Rows of the series.
        window: Rows of a window.
    """
    begins = np.arange(max(rows - window + 1, 0))
    return int(
        (np.searchsorted(breaks, begins, "right") != np.searchsorted(breaks, begins + window - 1, "right")).sum()
    )
