"""Monash's `.tsf`: series of unequal length, one a line, as a panel with a row a value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.config.inferred.infer import HORIZON
from harness.config.sources import TableSource
from harness.data.readers.formats.delimited import decoded, faults
from harness.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

NAME, TIME, VALUE, START = "series_name", "timestamp", "value", "start_timestamp"

_STEPS: dict[str, tuple[str, int]] = {
    "seconds": ("seconds", 1),
    "minutely": ("minutes", 1),
    "minutes": ("minutes", 1),
    "half_hourly": ("minutes", 30),
    "hourly": ("hours", 1),
    "daily": ("days", 1),
    "weekly": ("weeks", 1),
    "monthly": ("months", 1),
    "quarterly": ("months", 3),
    "yearly": ("years", 1),
}
"""Word of `@frequency` → unit and count of a step; `4_seconds` and `10_minutes` have their count before the word."""


def read_tsf(file: Path, where: str, source: TableSource, names: tuple[str, ...]) -> pd.DataFrame:  # noqa: ARG001
    """The panel in a `.tsf` file.

    Args:
        file: The file.
        where: The file, as messages name it.
        source: Its encoding.
        names: Not needed: names of series are text.

    Returns:
        A row a value: the attributes of its series, `series_name` among them; `timestamp`, which goes on from the
        series' start by the file's frequency, or the number of the step from 0 where the file has none of both;
        `value`, missing where the file has `?`. Its `attrs` hold the horizon that the file states.

    Raises:
        DataError: It is no such file.
    """
    with faults(file, where, source), decoded(file, source) as (text, _):
        lines = enumerate(text, start=1)
        attributes, frequency, horizon = _header(lines, where)
        frame = _panel(lines, attributes, frequency, where)
    if horizon is not None:
        frame.attrs[HORIZON] = horizon
    return frame


def _header(lines: Iterator[tuple[int, str]], where: str) -> tuple[dict[str, str], str, int | None]:
    """Attributes with their types, the frequency, empty where there is none, and the horizon, None where none is."""
    attributes: dict[str, str] = {}
    frequency, horizon = "", None
    for number, line in lines:
        tag, *rest = line.split() or ("#",)
        match tag.lower():
            case "@attribute" if len(rest) == 2:
                attributes[rest[0]] = rest[1].lower()
            case "@attribute":
                raise DataError(f"{where}, line {number}: expected @attribute with a name and a type")
            case "@frequency" if rest:
                frequency = rest[0].lower()
            case "@horizon" if rest and rest[0].isdecimal() and int(rest[0]):
                horizon = int(rest[0])
            case "@data":
                break
            case tag if not tag.startswith(("#", "@")):
                raise DataError(f"{where}, line {number}: {line[:40]!r}: expected a line that begins with @ or #")
    if NAME not in attributes:
        raise DataError(f"{where}: has no @attribute {NAME}: expected a file of Monash's .tsf")
    return attributes, frequency, horizon


def _panel(lines: Iterator[tuple[int, str]], attributes: dict[str, str], frequency: str, where: str) -> pd.DataFrame:
    import pandas as pd

    made: list[pd.DataFrame] = []
    for number, line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        *told, values = line.strip().split(":")
        if len(told) != len(attributes):
            expected = f"{len(attributes)} attributes and values, with colons between them"
            raise DataError(f"{where}, line {number}: {len(told)} attributes: expected {expected}")
        cells = ["nan" if cell.strip() == "?" else cell for cell in values.split(",")]
        try:
            numbers = np.array(cells, np.float64)
        except ValueError as error:
            raise DataError(f"{where}, line {number}: {error}: expected numbers, or ? for a missing one") from None
        held = dict(zip(attributes, told, strict=True))
        stamps = _stamps(held.pop(START, ""), frequency, len(numbers), f"{where}, line {number}")
        made.append(pd.DataFrame({**held, TIME: stamps, VALUE: numbers}))
    if not made:
        raise DataError(f"{where}: has no series below @data")
    frame = pd.concat(made, ignore_index=True)
    numeric = [name for name, kind in attributes.items() if kind in ("numeric", "real", "integer") and name in frame]
    return frame.assign(**{name: pd.to_numeric(frame[name], errors="coerce") for name in numeric})


def _stamps(start: str, frequency: str, count: int, place: str) -> Any:
    import pandas as pd

    if not start or not frequency:
        return np.arange(count)
    times, word = frequency.split("_", 1) if frequency[0].isdigit() and "_" in frequency else ("1", frequency)
    if word not in _STEPS or not times.isdigit():
        raise DataError(f"{place}: @frequency {frequency}: expected one of {', '.join(_STEPS)}, or such as 10_minutes")
    unit, size = _STEPS[word]
    try:
        begin = pd.to_datetime(start, format="%Y-%m-%d %H-%M-%S" if " " in start else "%Y-%m-%d")
        given: Any = {unit: size * int(times)}
        step: Any = pd.DateOffset(**given)
        return pd.date_range(begin, periods=count, freq=step)
    except (ValueError, OverflowError):
        raise DataError(f"{place}: {START} {start!r}: expected a time such as 1996-03-18 00-00-00") from None
