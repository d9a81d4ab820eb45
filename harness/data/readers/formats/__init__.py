"""Formats of files: text in columns, Excel, ARFF, Monash's `.tsf`, JSON lines; and folders of sounds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.config.sources import TableSource
from harness.data.readers.formats.arff import read_arff
from harness.data.readers.formats.excel import read_excel
from harness.data.readers.formats.jsonl import read_jsonl
from harness.data.readers.formats.tsf import read_tsf
from harness.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def read_format(
    file: Path, where: str, source: TableSource, columns: tuple[str, ...] | None, names: tuple[str, ...]
) -> pd.DataFrame:
    """The whole table in a file.

    Args:
        file: The file.
        where: The file, as messages name it.
        source: What kind of file it is, and how it is written.
        columns: The columns that are wanted; all when None.
        names: Columns of names, read as text.

    Raises:
        DataError: It is no such file, or has two columns of one name.
    """
    read = {"excel": read_excel, "arff": read_arff, "tsf": read_tsf, "jsonl": read_jsonl}[source.table]
    frame = read(file, where, source, names)
    called = [str(name) for name in frame.columns]
    if twice := next((name for name in called if called.count(name) > 1), None):
        raise DataError(f"{where}: two columns are called {twice!r}: expected each name once")
    return frame if columns is None else frame[[name for name in frame.columns if str(name) in columns]]
