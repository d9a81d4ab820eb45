"""Weka's ARFF: a header that names the attributes and their types, then rows of values with commas between them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.config.sources import TableSource
from harness.data.readers.formats.delimited import decoded, faults
from harness.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = ("numeric", "real", "integer")
_ATTRIBUTE = re.compile(r"""@attribute\s+('(?:\\.|[^'])*'|"(?:\\.|[^"])*"|\S+)\s+(.+)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A column.

    Attributes:
        name: Its name.
        kind: `numeric`, `string`, `date` or `nominal`.
        values: Those that a nominal one may have.
    """

    name: str
    kind: str
    values: tuple[str, ...] = ()


def read_arff(file: Path, where: str, source: TableSource, names: tuple[str, ...]) -> pd.DataFrame:
    """The table in an ARFF file: numbers, and text for nominal, string and date attributes; `?` is a missing value.

    Args:
        file: The file.
        where: The file, as messages name it.
        source: Its encoding.
        names: Columns of names, read as text.

    Raises:
        DataError: It is no ARFF file, is sparse or has relational attributes.
    """
    import pandas as pd

    with faults(file, where, source), decoded(file, source) as (text, _):
        lines = enumerate(text, start=1)
        attributes = _header(lines, where)
        rows = "".join(_rows(lines, where))
    types: dict[str, Any] = {one.name: float if one.kind == "numeric" else str for one in attributes}
    types |= dict.fromkeys(names, str)
    quote = "'" if "'" in rows or '"' not in rows else '"'
    options: dict[str, Any] = {"names": [one.name for one in attributes], "header": None, "index_col": False}
    options |= {"na_values": ["?"], "keep_default_na": False, "quotechar": quote, "escapechar": "\\"}
    try:
        frame: pd.DataFrame = pd.read_csv(
            StringIO(rows), dtype=types, skipinitialspace=True, on_bad_lines="error", **options
        )
    except pd.errors.EmptyDataError:
        raise DataError(f"{where}: has no rows below @data") from None
    except ValueError as error:
        raise DataError(f"{where}: cannot be read as ARFF: {' '.join(str(error).split())}") from None
    texts = [name for name, kind in types.items() if kind is str and name in frame.columns]
    frame = frame.assign(**{name: frame[name].str.strip() for name in texts})
    for one in attributes:
        strange = ~frame[one.name].isin([*one.values, None, np.nan])
        if one.kind == "nominal" and strange.any():
            row = int(strange.to_numpy().argmax())
            known = f"{', '.join(one.values[:8])}{', …' if len(one.values) > 8 else ''}"
            raise DataError(
                f"{where}: column {one.name!r}, row {row + 1}: {frame[one.name].iloc[row]!r}: expected one of the "
                f"values that its @attribute names: {known}"
            )
    return frame


def _values(listed: str) -> tuple[str, ...]:
    """The values between the braces of a nominal attribute."""
    inner = listed.strip().removeprefix("{").partition("}")[0]
    quote = '"' if '"' in inner and "'" not in inner else "'"
    (cells,) = csv.reader([inner], quotechar=quote, skipinitialspace=True, escapechar="\\")
    return tuple(cell.strip() for cell in cells)


def _header(lines: Iterator[tuple[int, str]], where: str) -> tuple[Attribute, ...]:
    found: list[Attribute] = []
    for number, line in lines:
        plain = line.strip()
        if plain.lower().startswith("@data"):
            break
        if not plain or plain.startswith("%") or plain.lower().startswith("@relation"):
            continue
        if not (parts := _ATTRIBUTE.match(plain)):
            raise DataError(f"{where}, line {number}: {plain[:40]!r}: expected @attribute with a name and a type")
        name, kind = parts[1].strip("'\"").replace("\\", ""), parts[2].split()[0].lower()
        if kind in _NUMBERS:
            kind = "numeric"
        elif kind.startswith("{"):
            kind = "nominal"
        elif kind not in ("string", "date"):
            expected = "numeric, string, date or a list of values in braces"
            raise DataError(f"{where}, line {number}: attribute {name!r} is {kind}: expected {expected}")
        if any(one.name == name for one in found):
            raise DataError(f"{where}: two columns are called {name!r}: expected each name once")
        values = _values(parts[2]) if kind == "nominal" else ()
        found.append(Attribute(name, kind, values))
    if not found:
        raise DataError(f"{where}: has no @attribute: expected a file of ARFF")
    return tuple(found)


def _rows(lines: Iterable[tuple[int, str]], where: str) -> Iterator[str]:
    for number, line in lines:
        if line.startswith("{"):
            raise DataError(f"{where}, line {number}: a sparse row: expected a value for each attribute")
        if line.strip() and not line.startswith("%"):
            yield line if line.endswith(("\n", "\r")) else f"{line}\n"
