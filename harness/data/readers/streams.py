"""Files that need not fit into memory, a piece at a time: tables of CSV and Parquet, arrays of NPZ.

Knows files; what their columns mean is said in `tables`, what their arrays mean in `arrays`.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.config.sources import TableSource
from harness.data.readers.formats import read_format
from harness.data.readers.formats.delimited import read_delimited, without_marks
from harness.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

PIECE_ROWS = 200_000
"""Rows of a table that are in memory as text at once."""

BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Some rows of a table.

    Attributes:
        frame: The rows; all names of columns are text.
        share: How much of the file has been read by now, from 0 to 1; 0 all through where nobody can tell.
    """

    frame: pd.DataFrame
    share: float


def read_pieces(
    file: Path,
    where: str,
    source: TableSource,
    *,
    rows: int | None = None,
    columns: tuple[str, ...] | None = None,
    types: Mapping[str, Any] | None = None,
    names: tuple[str, ...] = (),
) -> Iterator[Piece]:
    """The rows of a table in their order.

    Args:
        file: The file.
        where: The file, as messages name it.
        source: What kind of file it is, and how it is written.
        rows: The most rows of a piece; `PIECE_ROWS` when None.
        columns: The columns that are wanted; all when None.
        types: Types of columns of a CSV, by name; what is not named is guessed in each piece of its own.
        names: Columns of names, read as text without the blanks around it; those of Parquet keep their types.

    Raises:
        DataError: It cannot be read as such a table, or two columns have one name.
    """
    pieces: Iterable[tuple[pd.DataFrame, float]]
    match source.table:
        case "parquet":
            pieces = _read_parquet(file, where, rows or PIECE_ROWS, columns, names)
        case "csv":
            pieces = read_delimited(file, where, source, rows or PIECE_ROWS, columns, types or {}, names)
        case _:
            pieces = [(read_format(file, where, source, columns, names), 1.0)]
    for frame, share in pieces:
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        yield Piece(frame if source.table == "csv" else without_marks(frame, source.missing_values), share)


def _read_parquet(
    file: Path, where: str, rows: int, columns: tuple[str, ...] | None, names: tuple[str, ...]
) -> Iterator[tuple[pd.DataFrame, float]]:
    import pandas as pd
    import pyarrow
    import pyarrow.parquet

    wanted = None if columns is None else list(columns)
    try:
        # Without a buffer Arrow keeps all columns that it has read until the last batch: 517 MB of a file of 480 MB.
        with pyarrow.parquet.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False) as stream:
            schema = stream.schema_arrow
            if _counted_index(schema):
                yield _plain(pd.read_parquet(file, columns=wanted).reset_index(), schema, names), 1.0
                return
            total, done = max(stream.metadata.num_rows, 1), 0
            if not stream.metadata.num_rows:
                empty = stream.read(wanted, use_pandas_metadata=True).to_pandas()
                yield _plain(_without_index(empty), schema, names), 1.0
            for batch in stream.iter_batches(rows, columns=wanted, use_pandas_metadata=True):
                done += batch.num_rows
                yield _plain(_without_index(batch.to_pandas()), schema, names), done / total
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{where}: cannot be read as Parquet: {' '.join(str(error).split())}") from None


def _plain(frame: pd.DataFrame, schema: Any, names: tuple[str, ...]) -> pd.DataFrame:
    """A table with decimals as numbers, but for names, whose digits count, and with lists and the like as text."""
    import pyarrow.types as types

    for field in schema:
        if field.name not in frame.columns:
            continue
        if types.is_nested(field.type):
            frame = frame.assign(**{field.name: frame[field.name].map(str, na_action="ignore")})
        elif types.is_decimal(field.type) and field.name not in names:
            frame = frame.assign(**{field.name: frame[field.name].astype("float64")})
    return frame


def _without_index(frame: pd.DataFrame) -> pd.DataFrame:
    # A table that pandas wrote with times as its index gives them back as one; without a name they are `time`.
    import pandas as pd

    timed = isinstance(frame.index, pd.DatetimeIndex | pd.PeriodIndex) and "time" not in frame.columns
    if frame.index.names == [None]:
        return frame.rename_axis("time").reset_index() if timed else frame
    return frame.reset_index()


def _counted_index(schema: Any) -> bool:
    """Whether pandas wrote the table's named index as begin, end and step alone, so that pieces would not have it."""
    index = (schema.pandas_metadata or {}).get("index_columns", [])
    return any(isinstance(column, dict) and column.get("name") for column in index)


@dataclass(frozen=True, slots=True)
class Stored:
    """What an `.npy` says of its array before the first number.

    Attributes:
        shape: Its shape.
        dtype: The type of its values.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


def stored_arrays(file: Path) -> dict[str, Stored] | None:
    """The arrays of an `.npz`, by name, none of which is read.

    Returns:
        None where one of them cannot be read row by row: it is no plain array, or lies in memory by columns.
    """
    found = {}
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.namelist():
                with archive.open(member) as stream:
                    if (header := _header(stream)) is None:
                        return None
                    found[member.removesuffix(".npy")] = header
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error):
        return None  # reading it whole says what is wrong
    return found


def read_rows(file: Path, where: str, names: tuple[str, ...], rows: int) -> Iterator[dict[str, npt.NDArray[Any]]]:
    """Some arrays of an `.npz` that `stored_arrays` has found, all of as many rows, so many rows at a time.

    Raises:
        DataError: The file is cut off or damaged.
    """
    try:
        with ExitStack() as opened:
            archive = opened.enter_context(zipfile.ZipFile(file))
            streams = {name: opened.enter_context(archive.open(f"{name}.npy")) for name in names}
            headers = {name: _header(stream) for name, stream in streams.items()}
            plain = {name: header for name, header in headers.items() if header is not None}
            total = min(header.shape[0] for header in plain.values())
            for start in range(0, total, rows):
                count = min(rows, total - start)
                yield {name: _rows(streams[name], header, count) for name, header in plain.items()}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{where}: cannot be read as .npz; is it cut off? {error}") from None


def _rows(stream: IO[bytes], header: Stored, count: int) -> npt.NDArray[Any]:
    wanted = header.row_bytes * count
    content = stream.read(wanted)  # a member of an archive gives all that it is asked for, or has ended
    if len(content) < wanted:
        raise EOFError(f"expected {wanted} bytes more, got {len(content)}")
    return np.frombuffer(content, header.dtype).reshape(count, *header.shape[1:])


def _header(stream: IO[bytes]) -> Stored | None:
    version = np.lib.format.read_magic(stream)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        return None
    shape, by_columns, dtype = read(stream)
    return None if dtype.hasobject or (by_columns and len(shape) > 1) or not shape else Stored(shape, dtype)
