"""A sheet of an Excel file, by pandas and openpyxl."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config.sources import TableSource
from harness.errors import DataError, nearest

if TYPE_CHECKING:
    import pandas as pd


def read_excel(file: Path, where: str, source: TableSource, names: tuple[str, ...]) -> pd.DataFrame:
    """The table on a sheet: column names in its first row, values below.

    Args:
        file: A file of `.xlsx`.
        where: The file, as messages name it.
        source: Its sheet, the rows above the column names, what stands for a missing value.
        names: Columns of names, read as text.

    Raises:
        DataError: openpyxl is not installed, the file is damaged, or it has several sheets and none is named.
    """
    import pandas as pd

    try:
        with warnings.catch_warnings(), pd.ExcelFile(file, engine="openpyxl") as book:
            warnings.simplefilter("ignore")  # of what openpyxl does not read, such as charts and validations
            sheet = _sheet(book.sheet_names, source.sheet, where)
            options: dict[str, Any] = {"sheet_name": sheet, "skiprows": source.skip_rows}
            frame: pd.DataFrame = book.parse(**options, dtype=dict.fromkeys(names, str))
            header = book.parse(**options, header=None, nrows=1, dtype=str).iloc[:1].to_numpy().ravel().tolist()
    except ImportError:
        install = 'pip install "lstm-gru-harness[excel]"'
        raise DataError(f"{where}: files of Excel need openpyxl, which is not installed: {install}") from None
    except (ValueError, KeyError, IndexError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{where}: cannot be read as .xlsx: {' '.join(str(error).split())}") from None
    if twice := next((name for name in header if isinstance(name, str) and header.count(name) > 1), None):
        raise DataError(f"{where}: two columns are called {twice!r}: expected each name once")
    return frame


def _sheet(known: list[Any], named: str, where: str) -> str:
    if named and named not in known:
        raise DataError(f"{where}: has no sheet {named!r} ([source] sheet). {nearest(named, known)}")
    if not named and len(known) > 1:
        raise DataError(f"{where}: has {len(known)} sheets: expected [source] sheet, one of {', '.join(known)}")
    return named or str(known[0])
