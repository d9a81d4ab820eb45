"""From the time between two rows to a season, and to how far back and ahead a first forecast should look."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Window:
    """How far a forecast looks.

    Attributes:
        lookback_steps: Steps that a network sees.
        horizon_steps: Steps that it predicts.
        because: What was decided and why, a line each.
    """

    lookback_steps: int
    horizon_steps: int
    because: tuple[str, ...]


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


def window_for(rows: int, rhythm: Rhythm | None, lookback: int | None, horizon: int | None) -> Window | None:
    """Lookback and horizon for a series of so many rows.

    Args:
        rows: Rows of the series.
        rhythm: Its season; None when it is not known.
        lookback: The user's; None leaves it to us.
        horizon: The user's; None leaves it to us.

    Returns:
        One season ahead, from one season (several, where a season is short), less where a part would not hold
        it; None when the series is too short for any window.
    """
    season = rhythm.season_steps if rhythm else 0
    wanted_horizon = min(season, LONGEST_HORIZON) if season else 1
    wanted_lookback = min(season * (1 if season >= 24 else 4), LONGEST_LOOKBACK) if season else 24
    room = int(rows * SMALLEST_PART * FILLED)
    if room < 2:
        return None
    ahead = horizon or min(wanted_horizon, max(1, room // 3))
    back = lookback or min(wanted_lookback, max(1, room - ahead))
    because = []
    for name, guessed, given, wanted in (
        ("horizon_steps", ahead, horizon, wanted_horizon),
        ("lookback_steps", back, lookback, wanted_lookback),
    ):
        if given is None:
            short = f", less than {wanted} since there are only {rows:,} rows" if guessed < wanted else ""
            because.append(f"{name} = {guessed}{short}")
    return Window(back, ahead, tuple(because))


def _duration(seconds: float) -> str:
    for unit, word in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds >= unit:
            count = round(seconds / unit, 1)
            return f"{count:g} {word}{'s' if count != 1 else ''}"
    return f"{seconds:g} second{'s' if seconds != 1 else ''}"
