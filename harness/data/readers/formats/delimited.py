"""Tables as text, with a separator between their columns: unpacked, decoded and read in pieces."""

from __future__ import annotations

import csv
import io
import lzma
import re
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from harness.config.inferred.dialect import key_named, looks_like, number_pattern, to_numbers
from harness.config.sources import ONLY_FOR, TABLE_SUFFIXES, FileSource, TableKind, TableSource
from harness.data.readers.formats.sniffer import LINES, encoding_of, sniff
from harness.data.readers.paths import locate
from harness.errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd

PACKED = (".gz", ".bz2", ".xz", ".zip", ".tar", ".zst")
"""Suffixes of files that are unpacked while they are read."""

HEAD = 1 << 20
"""Characters of a file, or bytes, that its dialect is told from."""

_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, KeyError, RuntimeError, ImportError)


def lines_of(text: str) -> list[str]:
    r"""The lines of a text, which \n, \r\n and \r end; `str.splitlines` ends them at other signs, too."""
    lines = re.split(r"\r\n|\n|\r", text)
    return lines if lines[-1] else lines[:-1]


def suffix_of(file: Path) -> str:
    """A file's suffix in small letters, below that of a packed one: `.csv` of `a.csv.gz`."""
    return (Path(file.stem) if file.suffix.lower() in PACKED else file).suffix.lower()


@contextmanager
def unpacked(file: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked where its suffix says so."""
    if file.suffix.lower() not in PACKED:
        with file.open("rb") as stream:
            yield stream
        return
    from pandas.io.common import get_handle  # type: ignore[import-not-found]

    with get_handle(str(file), "rb", is_text=False, compression="infer") as handles:
        yield handles.handle


class _ZeroByteError(ValueError):
    """A text holds the sign of number 0, at which pandas ends a value in silence."""


class _Text(io.TextIOWrapper):
    """Decoded text without zero bytes, which loggers leave behind where their power fails."""

    line = 1

    def read(self, size: int | None = -1, /) -> str:
        text = super().read(size)
        if (at := text.find("\0")) >= 0:
            raise _ZeroByteError(f"line {self.line + text.count(chr(10), 0, at)}")
        self.line += text.count("\n")
        return text


@contextmanager
def decoded(file: Path, source: TableSource) -> Iterator[tuple[io.TextIOWrapper, IO[bytes]]]:
    """The text of a file below the lines that are skipped, and the bytes that it is made of."""
    with unpacked(file) as stream:
        encoding = "utf-8-sig" if source.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else source.encoding
        # pandas reads rows twice that begin with a blank after a lone \r: it is given no other line end than \n.
        text = _Text(stream, encoding=encoding, newline=None)
        for _ in range(source.skip_rows):
            text.readline()
        text.line += source.skip_rows
        yield text, stream
        with suppress(ValueError):  # whoever read it has closed it
            text.detach()


@contextmanager
def faults(file: Path, where: str, source: TableSource) -> Iterator[None]:
    """Errors of reading a file of text, as one line."""
    what = "CSV" if source.table == "csv" else f".{source.table}"
    try:
        yield
    except UnicodeDecodeError as error:
        called = "UTF-8" if source.encoding == "utf-8" else source.encoding
        raise DataError(
            f"{where}: byte {error.object[error.start]:#04x} is not {called}: expected a {what} in {called}; for "
            f"another encoding, such as cp1252, there is {key_named('encoding')}"
        ) from None
    except _ZeroByteError as error:
        raise DataError(
            f"{where}, {error}: holds zero bytes: expected {source.encoding} without any; {key_named('encoding')} may "
            "be utf-16"
        ) from None
    except csv.Error as error:
        raise DataError(f"{where}: cannot be read as {what}: {error}") from None
    except _BROKEN as error:
        if file.suffix.lower() not in PACKED:  # a link in an archive, a password, a library that is not installed
            raise
        raise DataError(f"{where}: cannot be unpacked: {' '.join(str(error).split())}") from None
    except (ValueError, OverflowError, OSError, EOFError) as error:
        phrase = " ".join(str(error).removeprefix("Error tokenizing data. C error: ").split())
        hint = "" if isinstance(error, EOFError) else other_dialect(file, where, source)
        raise DataError(f"{where}: cannot be read as {what}: {phrase}{hint}") from None


def read_delimited(
    file: Path,
    where: str,
    source: TableSource,
    rows: int,
    columns: tuple[str, ...] | None,
    types: Mapping[str, Any],
    names: tuple[str, ...],
) -> Iterator[tuple[pd.DataFrame, float]]:
    """The rows of a table of text in their order, and how much of the file has been read with them, from 0 to 1.

    Args:
        file: The file.
        where: The file, as messages name it.
        source: How it is written.
        rows: The most rows of a piece.
        columns: The columns that are wanted; all when None.
        types: Types of columns, by name; what is not named is guessed in each piece of its own.
        names: Columns of names, read as text without the blanks around it.

    Raises:
        DataError: It cannot be read as such a table, or two columns have one name.
    """
    import pandas as pd

    header = list(source.columns) or None
    if header is None:
        _refuse_two_columns_of_one_name(file, where, source)
    options: dict[str, Any] = {"names": header, "header": None if header else 0, "usecols": columns}
    options |= {"sep": r"\s+" if source.separator == "whitespace" else source.separator, "decimal": source.decimal}
    # Where thousands are marked, every value is checked before the marks are dropped: pandas reads `1,5` as 15.
    options["dtype"] = str if source.thousands else {**types, **dict.fromkeys(names, str)}
    options |= {"na_values": list(source.missing_values), "index_col": False, "chunksize": rows, "low_memory": False}
    size = file.stat().st_size
    with faults(file, where, source), decoded(file, source) as (text, stream):
        plain = file.suffix.lower() not in PACKED
        try:
            with pd.read_csv(text, **options) as frames:
                while (frame := _next(frames)) is not None:
                    if source.thousands:
                        frame = _numbers(frame, source, types, names)
                    for name in {*names} & {*frame.columns}:
                        frame[name] = frame[name].str.strip()
                    yield frame, stream.tell() / size if plain else 0.0
        except pd.errors.EmptyDataError:
            raise DataError(f"{where}: the file is empty") from None
        except pd.errors.ParserWarning:
            hint = other_dialect(file, where, source)
            raise DataError(f"{where}: rows have more fields than there are column names{hint}") from None


def _next(frames: Iterator[pd.DataFrame]) -> pd.DataFrame | None:
    """The next rows, None after the last; warnings are turned for the call alone, not while others use the rows."""
    import pandas as pd

    with warnings.catch_warnings():
        # Rows with one field too many would else shift every column by one, or lose their last one in silence.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        # A column may be numbers in one piece and text in another: whoever reads the table whole sees to it.
        warnings.simplefilter("ignore", pd.errors.DtypeWarning)
        return next(frames, None)


def _numbers(
    frame: pd.DataFrame, source: TableSource, types: Mapping[str, Any], names: tuple[str, ...]
) -> pd.DataFrame:
    """A piece of text → numbers, in the columns that hold nothing else."""
    pattern = number_pattern(source.decimal, source.thousands)
    found = {}
    for name in {*frame.columns} - {*names}:
        column = frame[name]
        if types.get(name) is not str and (column.str.fullmatch(pattern).fillna(False) | column.isna()).all():
            numbers = to_numbers(column, source.decimal, source.thousands)
            found[name] = numbers.astype(types[name]) if name in types else numbers
    return without_marks(frame.assign(**found), source.missing_values)


def without_marks(frame: pd.DataFrame, marks: Sequence[str | float]) -> pd.DataFrame:
    """A table without the values that stand for a missing one.

    Args:
        frame: The table.
        marks: The values; numbers are compared with numbers, and what is written as one of them with text.
    """
    from pandas.api.types import is_numeric_dtype

    numbers = [float(mark) for mark in marks if not isinstance(mark, str)]
    texts = [str(mark) for mark in marks]
    for name in frame.columns if marks else ():
        bad = frame[name].isin(numbers if is_numeric_dtype(frame[name]) else texts)
        if bad.any():
            frame = frame.assign(**{name: frame[name].mask(bad)})
    return frame


def _refuse_two_columns_of_one_name(file: Path, where: str, source: TableSource) -> None:
    # pandas renames the second one to `name.1` without a word, and a config could then mean either.
    with faults(file, where, source), decoded(file, source) as (text, _):
        if source.separator == "whitespace":
            header = next((line.split() for line in text if line.strip()), [])
        else:
            header = next((line for line in csv.reader(text, delimiter=source.separator) if line), [])
    if any("\0" in name for name in header):
        raise DataError(f"{where}: holds zero bytes: expected {source.encoding}; {key_named('encoding')} may be utf-16")
    if twice := next((name for name in header if name and header.count(name) > 1), None):
        raise DataError(f"{where}: two columns are called {twice!r}: expected each name once")


def head_of(file: Path, source: TableSource) -> str:
    """The first lines of a file of text, whole ones."""
    with decoded(file, source) as (text, _):
        head = text.read(HEAD)
    whole = head if len(head) < HEAD else head[: max(head.rfind("\n"), head.rfind("\r")) + 1]
    return "\n".join(lines_of(whole)[:LINES])


def described(file: Path, written: Mapping[str, Any]) -> tuple[FileSource, tuple[str, ...]]:
    """How a table is to be read that no config tells of.

    Args:
        file: The table.
        written: What the user has said of it, keys of `[source]`; the rest is told from the file.

    Returns:
        The source, and what was decided and why, a line each.

    Raises:
        UsageError: It is no table, or two readings fit.
        DataError: It cannot be unpacked or is not in its encoding.
    """
    where = str(file)
    kinds: dict[str, TableKind] = {**TABLE_SUFFIXES, ".txt": "csv"}
    if (kind := kinds.get(suffix_of(file))) is None:
        raise UsageError(f"{file}: expected a file that ends in {', '.join(kinds)}")
    plain = FileSource(kind=kind, path=str(locate(str(file.absolute()))))
    for key in written:
        if kind not in ONLY_FOR.get(key, (kind,)):
            raise UsageError(
                f"--{key.replace('_', '-')}: expected it only for {' or '.join(ONLY_FOR[key])}, got {file}"
            )
    if kind != "csv":
        return plain.model_copy(update=written), ()
    because = []
    if "encoding" not in written:
        with faults(file, where, plain), unpacked(file) as stream:
            encoding = encoding_of(stream.read(HEAD), where)
        if encoding != "utf-8":
            written = {**written, "encoding": encoding}
            because = [f"encoding = {encoding!r}: its byte order mark"]
    source = plain.model_copy(update=written)
    with faults(file, where, source):
        dialect = sniff(head_of(file, source.model_copy(update={"skip_rows": 0})), written, where)
    return source.model_copy(update=dialect.keys), (*because, *dialect.because)


def other_dialect(file: Path, where: str, source: TableSource) -> str:
    """What a file looks like that cannot be read as its config says, as the end of a message; empty where unknown."""
    if source.table != "csv":
        return ""
    given = {key: getattr(source, key) for key in ("skip_rows", "columns", "missing_values") if getattr(source, key)}
    try:
        keys = sniff(head_of(file, source.model_copy(update={"skip_rows": 0})), given, where).keys
    except (UsageError, ValueError, OSError, EOFError, csv.Error, *_BROKEN):
        return ""
    if keys.get("separator", ",") == source.separator:
        return ""
    shown = {key: value for key, value in keys.items() if key in ("separator", "decimal", "thousands")}
    return f"; {looks_like(shown)}"
