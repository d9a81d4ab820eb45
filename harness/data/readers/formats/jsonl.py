"""JSON lines: an object a row, its keys the columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config.sources import TableSource
from harness.data.readers.formats.delimited import decoded, faults
from harness.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def read_jsonl(file: Path, where: str, source: TableSource, names: tuple[str, ...]) -> pd.DataFrame:
    """The table in a file of JSON lines: numbers, truth values and texts as JSON has them; lists and objects as text.

    Args:
        file: The file.
        where: The file, as messages name it.
        source: Its encoding.
        names: Columns of names; whole numbers in them stay whole where a row has none.

    Raises:
        DataError: A line is no JSON object, or there is none.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    with faults(file, where, source), decoded(file, source) as (text, _):
        for number, line in enumerate(text, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise DataError(f"{where}, line {number}: is no JSON: {error}") from None
            if not isinstance(row, dict):
                raise DataError(f"{where}, line {number}: {line.strip()[:40]}: expected an object, a row of the table")
            rows.append({key: str(value) if isinstance(value, list | dict) else value for key, value in row.items()})
    if not rows:
        raise DataError(f"{where}: the file is empty")
    frame = pd.DataFrame.from_records(rows)
    whole = [name for name in names if name in frame.columns and frame[name].dtype.kind == "f"]
    values = {name: [row.get(name) for row in rows] for name in whole}
    return frame.assign(**{name: pd.Series(found, dtype=object) for name, found in values.items()})
