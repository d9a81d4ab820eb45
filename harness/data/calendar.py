"""Channels made from times: where a moment lies in the hour, the day, the week, the month, the year.

Each is a point on a circle, as sine and cosine, so that the end of a cycle is near its begin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data.arrays import Floats
from harness.data.sources.tables import parse_times
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
