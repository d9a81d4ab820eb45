"""Whole tables of files, and their columns as numbers, times or labels.

Knows columns; what they mean for a task is said in `series` and `sequences`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.config.inferred.columns import categories, inputs, no_input
from harness.config.inferred.dialect import best_reading, key_named, to_numbers
from harness.config.sources import SPLIT, TableSource
from harness.config.times import (
    TWO_CENTURIES,
    UNDECIDED,
    Clock,
    expected_time,
    is_dated,
    read_times,
    time_column,
    two_centuries,
)
from harness.data.dataset import Flags, finite, first
from harness.data.readers.formats.delimited import other_dialect
from harness.data.readers.paths import locate, shown
from harness.data.readers.streams import Piece, read_pieces
from harness.data.scaling import Floats, Wide
from harness.errors import DataError, nearest

if TYPE_CHECKING:
    import pandas as pd


MARKS = "marks"
"""What a table's `attrs` call the decimal mark and the one between thousands of its file; None where it has none."""


def read_table(source: TableSource, names: tuple[str, ...] = (), texts: tuple[str, ...] = ()) -> pd.DataFrame:
    """A whole table.

    Args:
        source: A CSV in UTF-8 with column names in its first line, unless the config says otherwise; or another file.
        names: Columns of names. They are read as text; where every text is just how its number is written, as `7` is
            and `007` is not, they become numbers. Those of Parquet keep their types.
        texts: Columns that are read as text and stay so.

    Raises:
        DataError: The file is missing, has changed, cannot be read as such a table, has no rows, or has two
            columns of one name.
    """
    return read_tail(source, names=names, texts=texts)[0]


def read_tail(
    source: TableSource, last_rows: int | None = None, names: tuple[str, ...] = (), texts: tuple[str, ...] = ()
) -> tuple[pd.DataFrame, int]:
    """The end of a table, read in pieces so that the rest of a large file is never in memory.

    A column has one type from its first row to its last: what is text in one piece is read as text in all of them.

    Args:
        source: The table.
        last_rows: Rows that are wanted; all when None.
        names: Columns of names, as for `read_table`.
        texts: Columns of text, as for `read_table`.

    Returns:
        The rows, and how many come before them.

    Raises:
        DataError: As `read_table`.
    """
    where = shown(source.path)
    read = partial(pieces_of, source, names=(*names, *texts, *text_filters(source)))
    whole, total, mixed = _tail(read(), source, where, last_rows)
    if mixed:
        whole, total, _ = _tail(read(types=dict.fromkeys(mixed, str)), source, where, last_rows)
    if not total:
        rows = "no such rows ([source] where)" if source.where else "no rows below its column names"
        raise DataError(f"{where}: has {rows}")
    if (
        source.table == "csv"
        and len(whole.columns) == 1
        and (hint := other_dialect(locate(source.path), where, source))
    ):
        raise DataError(f"{where}: has one column, {whole.columns[0]!r}{hint}")
    untyped = () if source.table in ("parquet", "jsonl") else tuple(name for name in names if name in whole.columns)
    found = {name: numbers_of_names(whole[name]) for name in untyped}
    whole = whole.assign(**found).reset_index(drop=True)
    whole.attrs[MARKS] = (source.decimal, source.thousands) if source.table == "csv" else None
    return whole, total - len(whole)


def column_names(source: TableSource) -> tuple[str, ...]:
    """The names of a table's columns.

    Raises:
        DataError: As `read_table`.
    """
    return next((tuple(piece.frame.columns) for piece in pieces_of(source, rows=1)), ())


def pieces_of(
    source: TableSource, *, columns: tuple[str, ...] | None = None, names: tuple[str, ...] = (), **options: Any
) -> Iterator[Piece]:
    """The rows of a table's file, or of its files one after another, which then have a column with their split.

    Args:
        source: The table.
        columns: The columns that are wanted; all when None.
        names: Columns of names.
        **options: As for `read_pieces`.

    Raises:
        DataError: As `read_table`.
    """
    for path, sha256, split in source.located:
        file, where = locate(path, sha256), shown(path)
        own = columns if columns is None or not split else tuple(name for name in columns if name != SPLIT)
        for piece in read_pieces(file, where, source, columns=own, names=names, **options):
            if split and SPLIT in piece.frame.columns:
                expected = "[source] data_files as a list, since the file says itself which split a row is of"
                raise DataError(f"{where}: has a column {SPLIT!r}: expected {expected}")
            yield Piece(piece.frame.assign(**{SPLIT: split}), piece.share) if split else piece


def _tail(
    pieces: Iterable[Piece], source: TableSource, where: str, last_rows: int | None
) -> tuple[pd.DataFrame, int, tuple[str, ...]]:
    """The last rows, how many there are in all, and the columns that have several kinds of values."""
    import pandas as pd

    kept: deque[pd.DataFrame] = deque()
    kinds: dict[str, set[str]] = {}
    total, held = 0, 0
    for piece in pieces:
        for name in piece.frame.columns:
            kinds.setdefault(name, set()).update(kind_of_values(piece.frame[name]))
        frame = filtered(piece.frame, source, where)
        kept.append(frame)
        total, held = total + len(frame), held + len(frame)
        while last_rows and held - len(kept[0]) >= last_rows:
            held -= len(kept.popleft())
    whole = kept[0] if len(kept) == 1 else pd.concat(kept, ignore_index=True)
    mixed = tuple(name for name, found in kinds.items() if len(found) > 1)
    return whole.iloc[-last_rows:] if last_rows else whole, total, mixed


def read_columns(source: TableSource, columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of a whole table, those of them that it has.

    Args:
        source: The table.
        columns: Their names.

    Raises:
        DataError: As `read_table`.
    """
    where = shown(source.path)
    known = column_names(source)
    wanted = tuple(name for name in dict.fromkeys((*columns, *source.where)) if name in known)
    read = partial(pieces_of, source, columns=wanted, names=text_filters(source))
    whole, _, mixed = _tail(read(), source, where, None)
    return _tail(read(types=dict.fromkeys(mixed, str)), source, where, None)[0] if mixed else whole


def kind_of_values(column: pd.Series[Any]) -> tuple[str, ...]:
    """What a column holds in one piece of a file: numbers, truth values or text; nothing where it is empty."""
    from pandas.api import types

    if types.is_bool_dtype(column):
        return ("truth",)
    if types.is_numeric_dtype(column):
        return () if types.is_float_dtype(column) and column.isna().all() else ("number",)
    kind = types.infer_dtype(column, skipna=True)
    return () if kind == "empty" else ("truth",) if kind == "boolean" else ("text",)


def numbers_of_names(column: pd.Series[Any]) -> pd.Series[Any]:
    """Names as numbers, where each is just how its number is written, so that two names never become one.

    Args:
        column: Text; anything else stays as it is. Where a name is missing, so is its number.
    """
    import pandas as pd

    codes, names = pd.factorize(column)
    if not len(names) or not isinstance(names[0], str):
        return column
    gaps = codes < 0
    for number, dtype in ((int, np.int64), (float, np.float64)):
        try:
            values = [number(name) for name in names]
            if all(str(value) == name for value, name in zip(values, names, strict=True)):
                found: Any = np.array(values, dtype)[codes]
                if gaps.any():
                    # Whole numbers that may be missing: as floating point 7 would be 7.0.
                    found = pd.array(found, dtype="Int64" if number is int else "Float64")
                    found[gaps] = pd.NA
                return pd.Series(found, index=column.index, name=column.name)
        except (ValueError, OverflowError):
            continue
    return column


def text_filters(source: TableSource) -> tuple[str, ...]:
    """The columns in which rows are chosen by a text."""
    return tuple(name for name, value in source.where.items() if isinstance(value, str))


def filtered(frame: pd.DataFrame, source: TableSource, where: str) -> pd.DataFrame:
    """The rows that a config wants: numbers are compared as numbers, text as it stands in the file.

    Raises:
        DataError: A column that it chooses by is missing.
    """
    import pandas as pd
    from pandas.api import types

    require_columns(frame, source.where, "where", where, "source")
    for name, value in source.where.items():
        column = frame[name]
        if isinstance(value, str):
            wanted = column.astype("str") == value.strip()
        elif isinstance(value, bool) or types.is_numeric_dtype(column):
            wanted = column == value
        else:
            plain = pd.to_numeric(column.astype(object), errors="coerce")
            wanted = plain.fillna(to_numbers(column.astype("str"), source.decimal, source.thousands)) == value
        frame = frame[wanted]
    return frame


def require_columns(
    frame: pd.DataFrame, wanted: Iterable[str | None], key: str, where: str, table: str = "task"
) -> None:
    """Refuse names that the table does not have.

    Args:
        frame: The table.
        wanted: Names of columns; None where the config names none.
        key: The config's key that names them.
        where: The file, as messages name it.
        table: The config's table that the key is in.

    Raises:
        DataError: A column is missing; the message offers near names.
    """
    for name in wanted:
        if name is not None and name not in frame.columns:
            missing = f"{where}: has no column {name!r} ([{table}] {key}). {nearest(name, frame.columns)}"
            raise DataError(" ".join(filter(None, (missing.rstrip(), _one_column(frame.columns)))))


def _one_column(columns: pd.Index[Any]) -> str:
    """A question where all columns seem to be one, because they are separated by another sign."""
    if len(columns) != 1 or not any(sign in str(columns[0]) for sign in ",;\t|"):
        return ""
    return f"- one column found: is its separator another one? ({key_named('separator')})"


def number_columns(
    frame: pd.DataFrame, without: Iterable[str], always: Iterable[str] = ()
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns that are inputs where the config names none.

    Args:
        frame: The table.
        without: Columns that play another part.
        always: Columns that are inputs in any case; if they hold no numbers, `numbers` will say so.

    Returns:
        Columns of numbers or truth values, and what there is to say about the others, which are left out.
    """
    good = {*inputs(frame, tuple(without)), *always}
    others = [name for name in frame.columns if name not in set(without)]
    found = tuple(name for name in others if name in good)
    left_out = [name for name in others if name not in found]
    told = (f"{name} ({no_input(frame[name], name)})" for name in left_out)
    hint = "; [task] categorical takes text of few values" if categories(frame, (*without, *found)) else ""
    phrase = f"columns left out: {', '.join(told)}{hint}"
    return found, (phrase,) if left_out else ()


def numbers(frame: pd.DataFrame, column: str, where: str, first_row: int = 0) -> Wide:
    """A column as numbers (rows,), NaN where a value is missing; true and false become 1 and 0.

    Args:
        frame: The table.
        column: Name of the column.
        where: The file, as messages name it.
        first_row: Rows of the file before the table's first one.

    Raises:
        DataError: The column holds times, or a value that is no number.
    """
    import pandas as pd
    from pandas.api import types

    values = frame[column]
    if types.is_datetime64_any_dtype(values) or types.is_timedelta64_dtype(values):
        raise DataError(f"{where}: column {column!r} holds times: expected numbers")
    if types.is_complex_dtype(values):
        raise DataError(f"{where}: column {column!r} holds complex numbers: expected real ones")
    if types.is_numeric_dtype(values):  # truth values and pandas' own nullable types among them
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    # Text of categories is a type of its own; as plain objects all columns of text are read the same way.
    plain = values.astype(object)
    parsed = pd.to_numeric(plain, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if (np.isnan(parsed) & plain.notna().to_numpy()).any():
        marks = frame.attrs.get(MARKS, (".", ""))
        reading = best_reading(plain, marks or (".", ""))
        hint = reading.hint if marks or not reading.hint else "numbers as text: write them as numbers"
        bad: Flags = reading.bad.to_numpy()
        (at,) = first(bad)
        raise DataError(
            f"{where}: column {column!r}, row {first_row + at + 1}: {_short(plain.iloc[at])}: expected a "
            f"number ({int(bad.sum()):,} of {len(bad):,} values are none)" + (f"; {hint}" if hint else "")
        )
    return parsed


def number_table(frame: pd.DataFrame, columns: Sequence[str], where: str, first_row: int = 0) -> Floats:
    """Columns as numbers (rows, columns); arguments and errors as for `numbers`."""
    values = side_by_side([numbers(frame, name, where, first_row) for name in columns])
    return finite(values, lambda at: f"{where}: column {columns[at[1]]!r}, row {first_row + at[0] + 1}")


_BLOCK = 4096
"""Rows whose columns stay in a processor's cache together."""


def side_by_side(columns: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Columns (rows,) of one type as a table (rows, columns): `np.column_stack`, three times as fast for many rows."""
    table = np.empty((len(columns[0]), len(columns)), columns[0].dtype)
    for start in range(0, len(table), _BLOCK):
        for place, column in enumerate(columns):
            table[start : start + _BLOCK, place] = column[start : start + _BLOCK]
    return table


def times(
    frame: pd.DataFrame, column: str | Sequence[str], where: str, first_row: int = 0, clock: Clock = UNDECIDED
) -> npt.NDArray[Any]:
    """A column of time stamps, dates or step numbers (rows,), as numbers that sort like the times.

    Args:
        frame: The table.
        column: Name of the column, or of several whose texts make the time together.
        where: The file, as messages name it.
        first_row: Rows of the file before the table's first one.
        clock: How they are read.

    Returns:
        Microseconds since 1970 in UTC (`TICKS` a second) for dates and times; numbers as they are.

    Raises:
        DataError: A value is missing or is no time.
    """
    from pandas.api import types

    values = time_column(frame, column)
    parsed = read_times(values, clock)
    bad: Flags = (parsed.isna() | parsed.isin([np.inf, -np.inf])).to_numpy()
    if bad.any():
        if not types.is_numeric_dtype(values):
            bad = _none_of_most(values, bad)
        (at,) = first(bad)
        raise DataError(
            f"{where}: column {values.name!r}, row {first_row + at + 1}: {_short(values.iloc[at])}: "
            f"{expected_time(values.iloc[[at]], clock)}"
        )
    if is_dated(parsed) and two_centuries(parsed, clock.time_format):
        raise DataError(f"{where}: column {values.name!r}: {TWO_CENTURIES}")
    return parsed.to_numpy(np.float64) if types.is_float_dtype(parsed) else parsed.astype("int64").to_numpy()


def _none_of_most(values: pd.Series[Any], bad: Flags) -> Flags:
    """Where most of a column's values are numbers, those that are none; else what is bad."""
    import pandas as pd

    none: Flags = pd.to_numeric(values.astype(object), errors="coerce").isna().to_numpy()
    return none if none.any() and none.mean() < 0.5 else bad


def labels(
    frame: pd.DataFrame, column: str, where: str, first_row: int = 0, *, gaps: bool = False, cure: str = ""
) -> npt.NDArray[Any]:
    """A column of names (rows,): text, whole numbers or truth values; None or NaN where one is missing.

    Args:
        frame: The table.
        column: Name of the column.
        where: The file, as messages name it.
        first_row: Rows of the file before the table's first one.
        gaps: Whether values may be missing.
        cure: What allows it, as the end of the message.

    Raises:
        DataError: A value is missing where none may be.
    """
    from pandas.api import types

    values = frame[column]
    if (bad := values.isna().to_numpy()).any() and not gaps:
        (at,) = first(bad)
        raise DataError(
            f"{where}: column {column!r}, row {first_row + at + 1}: expected a value, got an empty cell "
            f"(or a word that stands for one, such as NA, None or null){cure}"
        )
    if bad.any() and not types.is_float_dtype(values):
        return np.array([None if gap else str(value) for value, gap in zip(values, bad, strict=True)], dtype=object)
    kinds = ((types.is_bool_dtype, np.bool_), (types.is_integer_dtype, np.int64), (types.is_float_dtype, np.float64))
    for is_kind, dtype in kinds:
        if is_kind(values):
            return values.to_numpy(dtype=dtype)
    return np.array([str(value) for value in values], dtype=np.str_)


def split_by_id(frame: pd.DataFrame, column: str | None, where: str) -> list[tuple[Any, pd.DataFrame, str]]:
    """The series of a table, whose rows may stand in any order among each other.

    Args:
        frame: The table.
        column: The column that tells them apart; None for a single series.
        where: The table, as messages name it.

    Returns:
        Name, rows and what messages call it, in the order in which names first appear; 0 is the name of a single one.

    Raises:
        DataError: There is no such column, or a row without an id.
    """
    if column is None:
        return [(0, frame, where)]
    require_columns(frame, [column], "id", where)
    labels(frame, column, where)  # refuses rows without an id
    pieces = frame.groupby(column, sort=False)
    return [(name, piece.reset_index(drop=True), f"{where}: {column} {str(name)!r}") for name, piece in pieces]


def _short(value: object) -> str:
    if value is None or value != value:  # NaN and NaT, as pandas reads an empty cell
        return "an empty cell"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
