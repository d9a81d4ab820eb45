"""What the columns of a user's table hold: numbers, classes, times, ids, the steps of a wide table, or no input.

Each finding comes with its reason, in words; nothing is decided that the config does not show.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.config.inferred.dialect import best_reading
from harness.config.times import EXCEL, NUMBERS, Clock, decide_format, is_dated, parse_times, read_times, time_column
from harness.errors import DataError, UsageError
from harness.text import listed

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES = 20
TIME_NAMES = ("time", "timestamp", "datetime", "date", "ds", "t", "step")
ID_NAMES = ("id", "sequence", "series", "sample", "case", "subject", "recording")
_OF_A_DATE = re.compile(r"date|time|day|month|week|period|woche|datum|monat|^ds$", re.IGNORECASE)
_HOURS = ("hour", "hr", "hours", "stunde")
_PARTS = (("year", "yr", "yyyy"), ("month", "mnth", "mon", "mm"), ("day", "dd"), _HOURS, ("minute", "min"))
"""Names of columns that hold a date in parts, the largest first."""
ISO_WEEKS = "%G %V"
_WEEKS = (("year", "yr", "yyyy", "jahr", "isoyear", "iso_year"), ("week", "wk", "kw", "woche", "isoweek", "iso_week"))

_SEEN = 200
_FEWEST_STEPS = 8
"""Numbered columns that make a table wide."""


def is_numeric(column: pd.Series[Any]) -> bool:
    """Whether it holds numbers or truth values."""
    from pandas.api import types

    return types.is_numeric_dtype(column)


def is_class(column: pd.Series[Any]) -> bool:
    """Whether its values look like classes: text, truth values or few whole numbers, `1.0` among them."""
    from pandas.api import types

    if not types.is_numeric_dtype(column) or types.is_bool_dtype(column):
        return True
    known = column.dropna()
    return bool(len(known)) and bool((known % 1 == 0).all()) and known.nunique() <= MOST_CLASSES


_NAME_SIGNS = 10
"""Signs up to which texts are names and codes."""


def length_of_texts(column: pd.Series[Any]) -> float:
    """The mean number of signs of a column of free text, most of whose texts differ; 0 of any other column."""
    texts = column.dropna()
    if is_numeric(column) or 2 * texts.nunique() <= len(texts):
        return 0.0
    length = float(texts.astype(str).str.len().mean())
    return length if length > _NAME_SIGNS else 0.0


def is_constant_within(frame: pd.DataFrame, column: str, group: str) -> bool:
    """Whether a column has one value for each value of another."""
    return bool((frame.groupby(group)[column].nunique(dropna=False) == 1).all())


def rises(frame: pd.DataFrame, column: str, group: str | None) -> bool:
    """Whether a column never falls from one row to the next, within each value of `group` where there is one."""
    if group is None:
        return bool(frame[column].is_monotonic_increasing)
    return all(rows.is_monotonic_increasing for _, rows in frame.groupby(group)[column])


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


_SIGN = r"[$€£¥%‰]"
_WITH_UNIT = r"[-+\d][\d.,]*\s*([^\W\d][\w/²³]*|°\s?\w)"


def signed_numbers(column: pd.Series[Any]) -> str:
    """What to say of a column of text of numbers beside a sign, such as `5%`, or before one unit; else nothing."""
    texts = column.dropna().astype("str").str.strip()
    if not len(texts):
        return ""
    if texts.str.fullmatch(rf"-?{_SIGN} ?[-\d][\d.,]*|[-\d][\d.,]* ?{_SIGN}").all():
        return f"numbers with a sign, such as {texts.iloc[0]!r}"
    units = texts.str.extract(f"^{_WITH_UNIT}$")[0]
    if units.notna().all() and units.nunique() == 1 and texts.nunique() > MOST_CLASSES:
        return f"numbers with a unit, such as {texts.iloc[0]!r}"
    return ""


def refuse_written_numbers(column: pd.Series[Any], where: str) -> None:
    """Refuse a column of text that holds numbers, written with signs or in another dialect: they are no classes.

    Raises:
        UsageError: It is one.
    """
    if written := signed_numbers(column):
        raise UsageError(f"{where}: column {column.name!r} holds {written}: expected plain numbers, without it")
    reading = best_reading(column.astype(object))
    if reading.hint and column.nunique() > MOST_CLASSES:
        example = str(column.dropna().iloc[0])
        raise UsageError(
            f"{where}: column {column.name!r} holds numbers as text, such as {example!r}: expected numbers"
        )


@dataclass(frozen=True, slots=True)
class TimeRole:
    """The column of times.

    Attributes:
        columns: Its name, or the names of several that make the time together.
        time_format: How it is read.
        why: The reason, in words.
    """

    columns: str | tuple[str, ...]
    time_format: str
    why: str


_EPOCHS = {
    "seconds": (946_684_800, 4_102_444_800),
    "milliseconds": (946_684_800_000, 4_102_444_800_000),
    EXCEL: (36_526, 73_051),
}
"""Word of `--time-format` → how the years 2000 to 2099 are counted."""


def epoch_of(column: pd.Series[Any]) -> str:
    """The word of `--time-format` for what a column of numbers may count; empty where none fits."""
    if not is_numeric(column):
        return ""
    low, high = column.min(), column.max()
    return next((word for word, (first, last) in _EPOCHS.items() if first <= low and high < last), "")


def refuse_unread_times(frame: pd.DataFrame, free: Sequence[str], where: str) -> None:
    """Refuse a column that is called a time, and holds texts with digits in which no date is recognised.

    Raises:
        DataError: There is one; the message names the option that says how its times are written.
    """
    for name in free:
        column = frame[name]
        if is_numeric(column) or not column.notna().all():
            continue
        texts = column.astype(str)
        if len(forms := _forms_of_dates(texts)) > 1:
            such = listed([repr(one) for one in forms])
            raise DataError(
                f"{where}: column {name!r} holds dates in several forms, such as {such}: expected one form all "
                "through; or, if it holds no times, --features A,B, the inputs"
            )
        if name.lower() not in TIME_NAMES:
            continue
        if texts.nunique() > 0.9 * len(texts) and texts.str.contains(r"\d").all():
            raise DataError(
                f"{where}: column {name!r} is called a time, but {texts.iloc[0]!r} is not read as one: expected "
                f"--time {name} --time-format FORMAT as Python's strptime has it, months in English; or, if it holds "
                "no times, --features A,B, the inputs"
            )


_LOOKS_DATED = r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([ T].*)?"


def _forms_of_dates(texts: pd.Series[Any]) -> list[str]:
    """The first date of each form, digit for digit, in a column whose texts all look like dates; else none."""
    if not texts.str.fullmatch(_LOOKS_DATED).all():
        return []
    forms = texts.str.replace(r"\d+", lambda found: "9" * (1 + (len(found[0]) > 2)), regex=True)
    return texts[~forms.duplicated()].tolist()


def find_time(
    frame: pd.DataFrame, free: Sequence[str], group: str | None, where: str, told: str = ""
) -> TimeRole | None:
    """The column of times that a table seems to have, or the columns.

    Args:
        frame: The table.
        free: Columns that play no other part.
        group: The column that tells sequences apart, where one is known.
        where: The file, as messages name it.
        told: How times are written, where the user has said it.

    Raises:
        DataError: Day and month of the only column of dates cannot be told apart.
    """
    dated = {name: form for name in free if (form := _date_format(frame[name], where, told)) is not None}
    if dated:
        # A table may hold the day beside the time: the finer one orders the rows.
        best = max(dated, key=lambda name: frame[name].nunique())
        if (later := _time_of_day(frame, best, dated, free)) is not None:
            return TimeRole((best, later), "", f"{best} holds dates, {later} the time of day")
        return TimeRole(best, dated[best], "it holds dates or times")
    if parts := _date_parts(frame, free):
        return TimeRole(parts, "", "together they hold dates or times")
    if weeks := _year_and_week(frame, free):
        return TimeRole(weeks, ISO_WEEKS, "together they are weeks of ISO 8601")
    for name in free:
        if name.lower() in TIME_NAMES and is_numeric(frame[name]) and rises(frame, name, group):
            return TimeRole(name, "", "so it is called, and it rises")
    return None


def _date_format(values: pd.Series[Any], where: str, told: str) -> str | None:
    """How a column's dates or times are written; None where it holds none."""
    column, name = values.dropna(), str(values.name)
    if not len(column) or column.dtype.kind == "b":
        return None
    place = f"{where}: column {name!r}"
    if "%" in told and read_times(column.head(_SEEN), Clock(told)).notna().all():
        return told
    if is_numeric(column):
        if not _OF_A_DATE.search(name):
            return None
        form = decide_format(column, place)
        return None if form == NUMBERS else form
    head = column.head(_SEEN)
    if not _OF_A_DATE.search(name) and head.astype("str").str.fullmatch(r"\d+").all():
        return None  # ids and codes, such as 0007
    read = read_times(head, Clock(decide_format(head, place, month_first=True)))
    return decide_format(column, place) if is_dated(read) and read.notna().mean() > 0.5 else None


def _time_of_day(frame: pd.DataFrame, date: str, dated: Collection[str], free: Sequence[str]) -> str | None:
    """The column that holds the time of day beside one of dates that repeat."""
    if not frame[date].duplicated().any() or _has_time_of_day(frame[date].dropna()):
        return None
    days = frame[date].nunique()
    for name in free:
        if name in dated or name == date:
            continue
        column = frame[name].dropna()
        if is_numeric(column):
            fits = bool(name.lower() in _HOURS and column.between(0, 23).all() and (column % 1 == 0).all())
        else:
            fits = _are_times_of_day(column)
        if fits and column.nunique() > 1 and len(frame[[date, name]].drop_duplicates()) > 1.5 * days:
            return name
    return None


def _has_time_of_day(dates: pd.Series[Any]) -> bool:
    from pandas.api import types

    if types.is_datetime64_any_dtype(dates):  # a sheet's dates are read as midnights
        return bool((dates != dates.dt.normalize()).any())
    return bool(re.search(r"\d[:.]\d\d", str(dates.iloc[0])[10:]))


def _are_times_of_day(column: pd.Series[Any]) -> bool:
    texts = column.dropna().head(_SEEN).astype(str)
    return bool(len(texts)) and bool(texts.str.fullmatch(r"\d{1,2}[:.]\d\d([:.]\d\d)?").all())


def _year_and_week(frame: pd.DataFrame, free: Sequence[str]) -> tuple[str, ...]:
    """Columns of a year and its week; empty where there are none, or some are no weeks of ISO 8601."""
    found = [next((name for name in free if name.lower() in names and is_numeric(frame[name])), "") for names in _WEEKS]
    if not all(found) or not all((frame[name] % 1 == 0).all() for name in found):
        return ()
    read = parse_times(time_column(frame, found).drop_duplicates(), ISO_WEEKS)
    return tuple(found) if frame[found[0]].between(1700, 2200).all() and read.notna().all() else ()


def _date_parts(frame: pd.DataFrame, free: Sequence[str]) -> tuple[str, ...]:
    """Columns such as year, month, day and hour; empty where there is no year with a month."""
    found: list[str] = []
    for names in _PARTS:
        part = next((name for name in free if name.lower() in names and is_numeric(frame[name])), None)
        if part is None:
            break
        found.append(part)
    if len(found) < 2 or not frame[found[0]].between(1700, 2200).all():
        return ()
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Repeats:
    """How times repeat in a table.

    Attributes:
        count: Rows whose time stands in an earlier row as well, within each series where there are several.
        id: The column that tells the series of a panel apart; None where no column does.
        why: The reason, in words.
    """

    count: int
    id: str | None = None
    why: str = ""


def find_panel(frame: pd.DataFrame, time: str | Sequence[str], free: Sequence[str]) -> Repeats:
    """Whether times repeat because several series stand in one table, and what tells them apart.

    Args:
        frame: The table.
        time: Its times.
        free: Columns that may be an id.
    """
    stamps = time_column(frame, time)
    repeated = int(stamps.duplicated().sum())
    if not repeated:
        return Repeats(0)
    ranked = sorted((name for name in free if _may_tell_apart(frame[name])), key=lambda name: _rank(frame, name))
    for name in ranked:
        within = int(frame[[name]].assign(**{"\0time": stamps}).duplicated().sum())
        if within <= 0.1 * repeated and within <= 0.02 * len(frame):
            most = stamps.value_counts()
            why = (
                f"its {frame[name].nunique():,} values tell series apart: {most.index[0]} stands in {most.iloc[0]} rows"
            )
            return Repeats(within, name, why)
    return Repeats(repeated)


def _may_tell_apart(column: pd.Series[Any]) -> bool:
    from pandas.api import types

    if types.is_float_dtype(column) or types.is_datetime64_any_dtype(column) or column.isna().any():
        return False
    if is_half_of_time(str(column.name)) or (not is_numeric(column) and _are_times_of_day(column)):
        return False
    return 1 < column.nunique() <= len(column) / 2


def is_half_of_time(name: str) -> bool:
    """Whether a column is called as the time of day is, which stands beside a date and tells no series apart."""
    return name.lower() in (*_HOURS, *TIME_NAMES, "minute", "uhrzeit", "zeit")


def _rank(frame: pd.DataFrame, name: str) -> tuple[int, int]:
    """An id by its name first, then text, then whole numbers; the fewer values the better."""
    order = 0 if is_id_name(name) else 2 if is_numeric(frame[name]) else 1
    return order, int(frame[name].nunique())


def is_id_name(name: str) -> bool:
    """Whether a column is called as an id is: it measures nothing."""
    lower = name.lower()
    return lower in ID_NAMES or lower.endswith(("_id", " id", "_no", "_nr")) or bool(re.search(r"[a-z](ID|Id)$", name))


def steps_of_wide(frame: pd.DataFrame, free: Sequence[str]) -> tuple[str, ...]:
    """The columns that are the steps of one sequence a row, such as `t0` … `t29`, in their order; empty where none are.

    Args:
        frame: The table.
        free: Columns that play no other part.
    """
    stems: dict[str, dict[int, str]] = {}
    for name in free:
        if is_numeric(frame[name]) and (found := re.fullmatch(r"(.*?)(\d+)", name)):
            stems.setdefault(found[1], {})[int(found[2])] = name
    if not stems:
        return ()
    numbered = max(stems.values(), key=len)
    places = sorted(numbered)
    whole = places == list(range(places[0], places[0] + len(places)))
    return tuple(numbered[at] for at in places) if whole and len(places) >= _FEWEST_STEPS else ()


def depend_on_order(frame: pd.DataFrame, columns: Sequence[str]) -> bool:
    """Whether rows resemble the row before them, by the correlation of any column with itself one row later."""
    if len(frame) < 50:
        return True
    limit = max(0.1, 3 / len(frame) ** 0.5)
    for name in columns:
        values = frame[name].astype(float).to_numpy()
        a, b = values[:-1], values[1:]
        known = np.isfinite(a) & np.isfinite(b)
        if known.sum() < 3 or a[known].std() == 0 or b[known].std() == 0:
            return True  # nothing can be said
        if abs(np.corrcoef(a[known], b[known])[0, 1]) > limit:
            return True
    return False


def no_input(column: pd.Series[Any], name: str) -> str:
    """Why a column can be no input; empty where it can."""
    if column.isna().all():
        return "no value"
    if not is_numeric(column):
        found = column.nunique()
        if written := signed_numbers(column):
            return written
        return "one value all through" if found < 2 else f"text with {found:,} different values"
    if name.startswith("Unnamed: "):
        return "no name"
    if is_id_name(name) and column.dtype.kind in "iu":
        return "an id"
    if column.dtype.kind in "iu" and len(column) > 2 and (np.diff(column.to_numpy()) == 1).all():
        return "numbers of the rows"
    return ""


MOST_PROPOSED = 20
"""Categories of a column up to which it is proposed as an input."""


def categories(frame: pd.DataFrame, without: tuple[str | None, ...]) -> tuple[str, ...]:
    """The columns that can be inputs as categories: text of few different values, apart from those of other parts."""
    return tuple(
        str(name)
        for name in frame.columns
        if name not in without
        and "=" not in str(name)
        and not is_numeric(frame[name])
        and _repeats(frame[name])
        and not _holds_dates(frame[name])
    )


def _repeats(column: pd.Series[Any]) -> bool:
    found = column.nunique()
    return 1 < found <= MOST_PROPOSED and 2 * found <= len(column)


def _holds_dates(column: pd.Series[Any]) -> bool:
    try:
        return _date_format(column, "", "") is not None
    except DataError:  # dates whose day and month cannot be told apart
        return True
