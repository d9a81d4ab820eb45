"""How a table is written as text: its separator, its decimal and thousands marks, what stands for a missing value.

Pure: takes columns, opens no file. Where two readings fit, neither is chosen: both are named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas", "whitespace": "blanks"}
_MARKS = {",": "commas", ".": "points", " ": "blanks", "'": "apostrophes", "\u00a0": "blanks", "\u202f": "blanks"}


_AS_OPTIONS: ContextVar[bool] = ContextVar("as_options", default=False)


@contextmanager
def named_as_options() -> Iterator[None]:
    """Messages name options of the command line in the place of keys of `[source]`: there is no config to edit."""
    before = _AS_OPTIONS.set(True)
    try:
        yield
    finally:
        _AS_OPTIONS.reset(before)


def key_named(key: str) -> str:
    """What settles something of how a file is written: `[source] encoding`, or `--encoding`."""
    return f"--{key.replace('_', '-')}" if _AS_OPTIONS.get() else f"[source] {key}"


def _with_value(key: str, value: Any) -> str:
    shown = _quoted(value)
    return f"{key_named(key)} {shown}" if _AS_OPTIONS.get() else f"{key} = {shown}"


def number_pattern(decimal: str, thousands: str) -> str:
    """A regular expression of the numbers of a dialect; thousands only where each group has its three digits.

    Args:
        decimal: The decimal mark.
        thousands: The mark between thousands; empty for none.
    """
    whole = r"[0-9]+"
    if thousands:
        whole = rf"(?:[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+|[0-9]+)"
    mark = re.escape(decimal)
    return rf"\s*[+-]?(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?\s*"


def to_numbers(texts: pd.Series[Any], decimal: str, thousands: str) -> pd.Series[Any]:
    """Text as numbers (rows,), NaN where it is none in this dialect.

    Args:
        texts: Text, or missing.
        decimal: The decimal mark.
        thousands: The mark between thousands; empty for none.
    """
    import pandas as pd

    fits = texts.str.fullmatch(number_pattern(decimal, thousands)).fillna(False).astype(bool)
    plain = texts.where(fits)
    if thousands:
        plain = plain.str.replace(thousands, "", regex=False)
    if decimal != ".":
        plain = plain.str.replace(decimal, ".", regex=False)
    return pd.to_numeric(plain.str.strip(), errors="coerce")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a column of text holds when it is read as numbers.

    Attributes:
        bad: Whether each value is there and no number (rows,), in the reading that makes the most of them numbers; in
            the known one where there is a hint.
        hint: What the config should say, where that reading makes every value a number; else empty.
    """

    bad: pd.Series[Any]
    hint: str = ""


def best_reading(column: pd.Series[Any], known: tuple[str, str] = (".", "")) -> Reading:
    """The dialect in which the most values of a column are numbers; the known one where others are no better.

    Args:
        column: Text and other values, as objects.
        known: The decimal mark and the one between thousands that the config says.
    """
    import pandas as pd

    there = column.notna()
    texts = column.where(there).map(str, na_action="ignore").astype("str")
    plain = there & pd.to_numeric(column, errors="coerce").isna() & to_numbers(texts, *known).isna()
    best, found = plain, list[tuple[str, str]]()
    for decimal, thousands in _READINGS:
        bad = there & to_numbers(texts, decimal, thousands).isna()
        if bad.sum() < best.sum():
            best, found = bad, [(decimal, thousands)]
        elif found == [(",", "")] and thousands == "," and bad.sum() == best.sum():
            found.append((decimal, thousands))
    return Reading(best) if best.any() or not found else Reading(plain, _hint_of_marks(found))


_READINGS = ((",", ""), (".", ","), (",", "."), *((decimal, mark) for mark in " '\u00a0\u202f" for decimal in ".,"))


def _hint_of_marks(found: Sequence[tuple[str, str]]) -> str:
    if len(found) > 1:
        either = f"{_with_value('decimal', ',')} or {_with_value('thousands', ',')}"
        return f"looks like decimal commas, or commas between thousands: {either}"
    ((decimal, thousands),) = found
    return looks_like({"decimal": decimal, "thousands": thousands})


def looks_like(keys: Mapping[str, Any], options: bool = False) -> str:
    """A sentence that names a dialect and the keys of `[source]`, or the options, that say it.

    Args:
        keys: Keys of `[source]` and their values; those with their defaults are left out.
        options: Whether to name options of the command line.
    """
    usual = {"separator": ",", "decimal": ".", "thousands": ""}
    told = {key: value for key, value in keys.items() if value != usual[key]}
    words = {"separator": SEPARATORS, "decimal": {",": "decimal commas"}}
    named = [words[key].get(value, value) for key, value in told.items() if key in words]
    if "thousands" in told:
        named.append(f"{_MARKS[told['thousands']]} between thousands")
    if options and not _AS_OPTIONS.get():
        with named_as_options():
            return looks_like(keys)
    if not told:
        return f"looks like {SEPARATORS[',']}: {_with_value('separator', ',')}"
    between = " " if _AS_OPTIONS.get() else ", "
    return f"looks like {' and '.join(named)}: {between.join(_with_value(key, value) for key, value in told.items())}"


def _quoted(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)
