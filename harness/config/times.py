"""How a column of times is read: decided once from all of its values, then written down as a format.

Day and month are told apart by values over 12, by dots (day first), and by regular steps; where both readings fit
equally, the user is asked. A format is strptime's, or a word: `iso`, `quarters`, `numbers`, `seconds`, `milliseconds`,
`excel`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from harness.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

ISO, QUARTERS, NUMBERS = "iso", "quarters", "numbers"
EPOCHS = ("seconds", "milliseconds")
EXCEL, EXCEL_1970 = "excel", 25_569
"""Days as spreadsheets count them, times of day as their fractions; and the number of 1 January 1970."""
WORDS = (ISO, QUARTERS, NUMBERS, *EPOCHS, EXCEL)
TICKS = 1_000_000
"""Numbers of times a second, where times are numbers: microseconds, which reach beyond all calendars."""
EXPECTED = "expected a time such as 2024-05-31 14:30, or a number, in one form all through"

_SAMPLE = 1000
"""Values looked at before a candidate is tried on all of them."""

_EVEN, _UNEVEN = 0.98, 0.95
"""Shares of like steps from which on a reading is regular, and below which it is not."""
_FEWEST = 9
"""Times from which on steps tell readings apart: few may be even by chance."""


@dataclass(frozen=True, slots=True)
class Clock:
    """How the times of a table are read.

    Attributes:
        time_format: The format; empty where it is still to be decided from the values.
        zone: Time zone of stamps without an offset, and of the calendar; empty for UTC.
    """

    time_format: str = ""
    zone: str = ""

    def decided(self, values: pd.Series[Any], place: str) -> Clock:
        """The clock with its format.

        Args:
            values: All times of the table.
            place: File and column, as messages name them.

        Raises:
            DataError: Several readings fit all values equally.
        """
        return self if self.time_format else replace(self, time_format=decide_format(values, place))


UNDECIDED = Clock()


def time_names(time: str | Sequence[str] | None) -> tuple[str, ...]:
    """The columns that a config's `time` names: none, one, or several whose texts are joined by blanks."""
    return () if time is None else (time,) if isinstance(time, str) else tuple(time)


def time_column(frame: pd.DataFrame, time: str | Sequence[str]) -> pd.Series[Any]:
    """The column of times; of several columns, such as date and time of day, their texts joined by blanks."""
    names = time_names(time)
    if len(names) == 1:
        return frame[names[0]]
    missing = frame[list(names)].isna().any(axis=1)
    joined = frame[names[0]].astype(str)
    for name in names[1:]:
        joined = joined + " " + frame[name].astype(str)
    return joined.mask(missing).rename(" ".join(names))


def decide_format(values: pd.Series[Any], place: str, *, month_first: bool = False) -> str:
    """The format of times, from all of their values.

    Args:
        values: Text, dates, times or numbers; missing ones do not count.
        place: File and column, as messages name them.
        month_first: What to take where several readings fit, as 0.2.0.dev0 and before did; else the user is asked.

    Returns:
        The format that reads the most values: all of them, unless some are no times at all.

    Raises:
        DataError: Two readings fit all values, and neither dots nor steps tell which is meant.
    """
    from pandas.api import types

    known = values.dropna()
    if types.is_numeric_dtype(values):
        return _of_numbers(known, str(values.name))
    if not len(known) or not isinstance(known.iloc[0], str):
        return ISO
    example = str(known.iloc[0]).strip()
    if re.match(r"\d{4}(?!\d)", example) and parse_times(known, ISO).notna().all():
        return ISO
    sample = known.iloc[:: max(1, len(known) // _SAMPLE)]
    found = {candidate: int(parse_times(sample, candidate).isna().sum()) for candidate in _candidates(sample)}
    if not found:
        return ISO
    fewest = min(found.values())
    readings = {name: parse_times(known, name) for name, count in found.items() if count == fewest}
    unread = {name: int(times.isna().sum()) for name, times in readings.items()}
    readings = {name: times for name, times in readings.items() if unread[name] == min(unread.values())}
    readings = {name: times for name, times in readings.items() if name.replace("%B", "%b") not in {*readings} - {name}}
    if month_first and (american := [name for name in readings if name.startswith("%m")]):
        return american[0]
    if min(unread.values()):
        return ISO if example[:4].isdigit() else next(iter(readings))
    return next(iter(readings)) if len(readings) == 1 else _told_apart(readings, known, place)


def read_times(values: pd.Series[Any], clock: Clock) -> pd.Series[Any]:
    """Times of pandas in UTC, or numbers; NaT or NaN where a value is none.

    Args:
        values: Text, dates, times or numbers, in the order of the table.
        clock: With its format. An hour that the zone's clocks repeat is the first one where it stands for the first
            time, the second where it stands again.
    """
    from pandas.api import types

    if types.is_numeric_dtype(values) and clock.time_format in ("", ISO, NUMBERS):
        return values
    form = clock.time_format or ISO
    times: Any = parse_times(values, form, utc=not clock.zone).dt.as_unit("us")
    if times.dt.tz is None:
        return _localized(times, clock.zone)
    stamps: pd.Series[Any] = times.dt.tz_convert("UTC")
    if clock.zone and (bare := _without_offset(values)).any():
        local = _localized(parse_times(values[bare], form, utc=False).dt.as_unit("us"), clock.zone)
        stamps = stamps.where(~bare, local)
    return stamps


def _localized(times: Any, zone: str) -> pd.Series[Any]:
    """Times of a zone's clocks in UTC."""
    first = ~times.duplicated().to_numpy()
    local: pd.Series[Any] = times.dt.tz_localize(zone, ambiguous=first, nonexistent="NaT").dt.tz_convert("UTC")
    return local


_OFFSET = r"\d[T ]\d{2}.*(?:Z|UTC|[+-]\d{2}(?::?\d{2})?)\s*$"


def _without_offset(values: pd.Series[Any]) -> pd.Series[Any]:
    """Whether each value is a text that says no offset (rows,); some of a table may, and others not."""
    from pandas.api import types

    if not len(values) or not (types.is_object_dtype(values) or types.is_string_dtype(values)):
        return values.isna() & False
    texts = values.astype("string")
    bare: pd.Series[Any] = (~texts.str.contains(_OFFSET, regex=True)).fillna(False).astype(bool)
    return bare


def expected_time(value: pd.Series[Any], clock: Clock) -> str:
    """What was expected in the place of a value (1,) that is no time."""
    if clock.zone and parse_times(value, clock.time_format).notna().all():
        return f"the clocks of {clock.zone} leap over it: expected times of the zone that [encoding] time_zone names"
    if re.search(r"(?<!\d)24[:.]00", str(value.iloc[0])):
        return "expected 00:00 of the next day in the place of 24:00"
    form = clock.time_format if "%" in clock.time_format else ""
    return f"expected a time of the form {form}, in one form all through" if form else EXPECTED


def two_centuries(times: pd.Series[Any], time_format: str) -> bool:
    """Whether years of two digits were read as some of this century's middle and others of the last one.

    Python's strptime takes 69 to 99 for 1969 to 1999, and 00 to 68 for 2000 to 2068.
    """
    years = times.dt.year if "%y" in time_format else times[:0]
    return bool(len(years)) and bool(years.min() < 2000 and years.max() >= 2050)


TWO_CENTURIES = (
    "years of two digits are read as 1969 to 2068, and these lie in both centuries: expected years of four digits"
)


def is_dated(times: pd.Series[Any]) -> bool:
    """Whether times that were read are dates, not plain numbers."""
    from pandas.api import types

    return bool(types.is_datetime64_any_dtype(times))


def say_format(values: pd.Series[Any], time_format: str) -> str:
    """How times were read, with an example; empty where nothing had to be decided."""
    if time_format in ("", ISO, NUMBERS):
        return ""
    head = values.dropna().head(_SAMPLE)
    if not len(read := head[parse_times(head, time_format).notna()]):
        return ""
    example = read.iloc[0]
    return (
        f"times in {str(values.name)!r} are read as {time_format}: {str(example)!r} is {_shown(example, time_format)}"
    )


def _shown(example: Any, time_format: str) -> str:
    import pandas as pd

    at = parse_times(pd.Series([example]), time_format).iloc[0]
    words = f"{at.day} {at:%B %Y}"
    return words if at == at.normalize() else f"{words}, {at:%H:%M:%S}"


def parse_times(values: pd.Series[Any], time_format: str, *, utc: bool = True) -> pd.Series[Any]:
    """Times of pandas in one format; NaT where a value is none.

    Args:
        values: Text, dates, times or numbers.
        time_format: The format.
        utc: Whether they are given in UTC; else as they are written, with the one offset that they have, or none.
    """
    import pandas as pd
    from pandas.api import types

    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp()
    if types.is_datetime64_any_dtype(values):
        return pd.to_datetime(values, utc=utc)
    if types.is_timedelta64_dtype(values):
        return pd.Series(pd.NaT, values.index, dtype="datetime64[ns, UTC]")
    if time_format in EPOCHS:
        numbers = pd.to_numeric(values, errors="coerce")
        return pd.to_datetime(numbers, unit="s" if time_format == "seconds" else "ms", errors="coerce", utc=utc)
    if time_format == EXCEL:
        days = pd.to_numeric(values, errors="coerce") - EXCEL_1970
        return pd.to_datetime(days, unit="D", errors="coerce", utc=utc).dt.round("s")  # a fraction is seldom exact
    if time_format in (ISO, NUMBERS):
        return _to_datetime(values, "ISO8601", utc)
    texts = _texts(values)
    if time_format == QUARTERS:
        parts = texts.str.extract(QUARTER)
        year = parts["year"].fillna(parts["later"])
        month = pd.to_numeric(parts["quarter"].fillna(parts["first"])) * 3 - 2
        return _to_datetime((year + "-" + month.astype("Int64").astype("string").str.zfill(2)), "%Y-%m", utc)
    if re.search(r"%[VWU]", time_format) and not re.search(r"%[uwaA]", time_format):
        return _to_datetime(texts + " 1", f"{time_format} %u", utc)
    return _to_datetime(texts, time_format, utc)


def _to_datetime(values: pd.Series[Any], time_format: str, utc: bool) -> pd.Series[Any]:
    import pandas as pd

    try:
        return pd.to_datetime(values, errors="coerce", utc=utc, format=time_format)
    except ValueError:  # some have an offset, others none, or another one
        pass
    try:
        return pd.to_datetime(values, errors="coerce", utc=True, format=time_format)
    except ValueError as error:
        raise DataError(
            f'time_format = "{time_format}": {" ".join(str(error).split())}: expected a pattern as Python\'s strptime '
            f"has it, such as %d.%m.%Y %H:%M, or one of {', '.join(WORDS)}"
        ) from None


def _texts(values: pd.Series[Any]) -> pd.Series[Any]:
    from pandas.api import types

    if types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype("string").str.strip()


QUARTER = re.compile(
    r"^(?:(?P<year>\d{4})[-\s./]?[Qq](?P<quarter>[1-4])|[Qq](?P<first>[1-4])[-\s./]?(?P<later>\d{4}))$"
)


def _of_numbers(known: pd.Series[Any], name: str) -> str:
    """Numbers as dates where all are: 20200131, 202001, and weeks such as 202053; else as numbers."""
    if not len(known) or known.dtype.kind == "b" or not (known % 1 == 0).all():
        return NUMBERS
    low, high = float(known.min()), float(known.max())
    weeks = bool(re.search(r"week|woche|\bkw", name, re.IGNORECASE))
    if 17_000_101 <= low <= high <= 22_001_231:
        formats: tuple[str, ...] = ("%Y%m%d",)
    elif 170_001 <= low <= high <= 220_053:
        formats = ("%G%V",) if weeks else ("%Y%m",)
    else:
        return NUMBERS
    return next((form for form in formats if parse_times(known.drop_duplicates(), form).notna().all()), NUMBERS)


_CLOCK = re.compile(
    r"^(?P<date>.*?\d.*?)(?P<gap>[T ,:]+)(?P<hour>\d{1,2})"
    r"(?:(?P<mark>[:.])(?P<minute>\d{2})(?:(?P=mark)(?P<second>\d{2})(?:(?P<point>[.,])\d+)?)?)?"
    r"(?P<half>\s?[AaPp]\.?[Mm]\.?)?(?P<offset>\s?(?:Z|UTC|[+-]\d{2}:?\d{2}))?$"
)


def _candidates(sample: pd.Series[Any]) -> list[str]:
    """Formats that the sample's texts may be written in, the likelier first."""
    found: dict[str, None] = {}
    for text in dict.fromkeys(str(value).strip() for value in sample.iloc[[0, len(sample) // 2, -1]]):
        if QUARTER.match(text):
            found[QUARTERS] = None
        found.update(dict.fromkeys(_dates(text)))
        if (clock := _CLOCK.match(text)) is not None:
            later = _clock_format(clock)
            found.update(dict.fromkeys(f"{date}{later}" for date in _dates(clock["date"])))
    return list(found)


def _clock_format(clock: re.Match[str]) -> str:
    half, mark = clock["half"], clock["mark"] or ""
    parts = [clock["gap"], "%I" if half else "%H"]
    parts += [f"{mark}%M"] if clock["minute"] else []
    parts += [f"{mark}%S"] if clock["second"] else []
    parts += [f"{clock['point']}%f"] if clock["point"] else []
    for name, directive in (("half", "%p"), ("offset", "%z")):
        if clock[name]:
            parts.append((" " if clock[name][0].isspace() else "") + directive)
    return "".join(parts)


def _dates(text: str) -> list[str]:
    """Formats that a date without a time of day may be written in."""
    tokens = re.findall(r"\d+|[^\W\d_]+|[\W_]+", text)
    digits = [token for token in tokens if token.isdigit()]
    words = [_word(token) for token in tokens if token.isalpha()]
    if re.fullmatch(r"\d{4}-?W\d{2}", text):
        return [text[4:-2].join(("%G", "%V"))]
    if not digits or not all(words) or len(tokens) > 9:
        return []
    orders = _orders([len(token) for token in digits], any({"%b", "%B"} & {*word} for word in words))
    found = []
    for order, names in product(orders, product(*words)):
        numbers, spelled = iter(order), iter(names)
        found.append(
            "".join(
                next(numbers) if token.isdigit() else next(spelled) if token.isalpha() else token.replace("%", "%%")
                for token in tokens
            )
        )
    return found


_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def _word(token: str) -> tuple[str, ...]:
    """Directives for a name of a month or a weekday; none for another word."""
    lower = token.lower()
    for names, short, long in ((_MONTHS, "%b", "%B"), (_WEEKDAYS, "%a", "%A")):
        if lower == "may":
            return "%b", "%B"
        if lower in names:
            return (long, short)[: 1 if len(lower) > 3 else 2]
        if lower in (name[:3] for name in names):
            return (short,)
    return ()


def _orders(lengths: list[int], named_month: bool) -> list[tuple[str, ...]]:
    """What numbers of so many digits may be, the likelier first."""
    kinds = tuple("Y" if length == 4 else "n" if length <= 2 else str(length) for length in lengths)
    if named_month:
        with_name: dict[tuple[str, ...], list[tuple[str, ...]]] = {
            ("Y",): [("%Y",)],
            ("n",): [("%y",)],
            ("n", "Y"): [("%d", "%Y")],
            ("Y", "n"): [("%Y", "%d")],
            ("n", "n"): [("%d", "%y")],
        }
        return with_name.get(kinds, [])
    plain: dict[tuple[str, ...], list[tuple[str, ...]]] = {
        ("8",): [("%Y%m%d",)],
        ("6",): [("%Y%m",)],
        ("Y",): [("%Y",)],
        ("Y", "n"): [("%Y", "%m")],
        ("n", "Y"): [("%m", "%Y")],
        ("Y", "n", "n"): [("%Y", "%m", "%d"), ("%Y", "%d", "%m")],
        ("n", "n", "Y"): [("%d", "%m", "%Y"), ("%m", "%d", "%Y")],
        ("n", "n", "n"): [("%d", "%m", "%y"), ("%m", "%d", "%y"), ("%y", "%m", "%d")],
    }
    return plain.get(kinds, [])


def _told_apart(readings: dict[str, pd.Series[Any]], values: pd.Series[Any], place: str) -> str:
    """The one of several readings of all values that is meant."""
    one, *others = (times.to_numpy() for times in readings.values())
    differ = next((one != other for other in others if (one != other).any()), one != one)
    example = str(values.iloc[int(differ.argmax())]).strip()  # one that tells them apart, where there is one
    if dotted := [name for name in readings if re.match(r"(\D*%H\D.*)?%d\.", name)]:
        return dotted[0]
    if first := [name for name in readings if name.startswith("%Y")]:  # a year first: month and day follow it
        return first[0]
    enough = all(times.nunique() >= _FEWEST for times in readings.values())
    shares = {name: evenness(times) if enough else 0.0 for name, times in readings.items()}
    even = [name for name, share in shares.items() if share >= _EVEN]
    if len(even) == 1 and all(share < _UNEVEN for name, share in shares.items() if name != even[0]):
        return even[0]
    known = " or ".join(f'"{name}" ({_shown(example, name)})' for name in readings)
    raise DataError(
        f"{place}: {example!r} can be read in several ways, and all fit: expected time_format = {known}; "
        "in [source], or as --time-format"
    )


def evenness(times: pd.Series[Any]) -> float:
    """The share of steps between distinct times that are as long as the usual one, or a month, quarter or year."""
    import numpy as np

    distinct = times.dropna().drop_duplicates().sort_values()
    if len(distinct) < 3:
        return 0.0
    seconds = np.diff(distinct.to_numpy(dtype="datetime64[s]").astype(np.int64)).astype(np.float64)
    usual = float(np.median(seconds))
    share = float((np.abs(seconds - usual) <= 0.1 * usual).mean())
    if usual < 25 * 86_400 or distinct.dt.day.nunique() > 4:  # days of a month, or its end
        return share
    months = np.diff((distinct.dt.year * 12 + distinct.dt.month).to_numpy())
    return float((months == np.median(months)).mean())
