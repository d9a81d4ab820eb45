"""A file that need not fit into memory → the batches in it, in the order in which it has them.

A sequence is in one batch, wherever in the file its rows begin and end, and batches hold as many sequences as a call of
the network takes, so that a file gives the same numbers to the last digit whatever the pieces it is read in. Of a
series only its end is kept. What cannot be read in pieces is read whole: texts of `.txt` files, tables without an id
(one sequence), tables whose ids come back after others, arrays that lie in memory by columns.

Knows the description of a champion, never its network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.config.sources import FileSource
from harness.config.tasks import ForecastTask
from harness.data.readers.paths import locate, shown
from harness.data.readers.streams import Piece, Stored, read_pieces, read_rows, stored_arrays
from harness.data.readers.tables import labels, require_columns
from harness.errors import DataError
from harness.export.artifact import Description
from harness.export.forecast_inputs import LEAST_ROWS, ROWS_A_CALL, Batch, series_batch
from harness.export.inputs import (
    ARRAYS,
    batch_of_archive,
    batch_of_frame,
    id_column,
    kind_of,
    read_input,
    require_inputs,
)
from harness.export.token_inputs import require_tokens, text_column

if TYPE_CHECKING:
    import pandas as pd


def look_through(
    read: Callable[..., Iterator[Piece]],
    column: str,
    looked: Callable[[float], None],
    types: Mapping[str, Any] | None = None,
) -> tuple[Mapping[str, Any], bool]:
    """Read a column of ids once, before anything is made of it; twice where its pieces are not of one type.

    Args:
        read: Gives the table in pieces, with the columns and types that it is told.
        column: Name of the column.
        looked: Called with the share of the file so far.
        types: As returned, where they are known.

    Returns:
        The one type that all of its values can be read as, by the column's name, else `007` could be a number in one
        piece and text in another; and whether the rows of every id stand together.
    """
    import pandas as pd

    kinds: list[Any] = []
    runs: list[npt.NDArray[np.uint64]] = []
    last: Any = None
    for piece in read(columns=(column,), types=types):
        ids = piece.frame[column]
        kinds.append(ids.dtype)
        # 8 bytes an id; should two ids have one hash, the table is read whole, and nothing else happens.
        hashes = pd.util.hash_pandas_object(ids, index=False).to_numpy()
        begins = np.concatenate([[last is None or hashes[0] != last], hashes[1:] != hashes[:-1]])
        runs.append(hashes[begins])
        last = hashes[-1]
        looked(piece.share)
    if types is None and len(set(kinds)) > 1:
        return look_through(read, column, looked, {column: _common(kinds)})
    found = np.concatenate(runs)
    return {column: _common(kinds)}, len(np.unique(found)) == len(found)


def _common(types: list[Any]) -> Any:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if len(set(types)) == 1 and is_numeric_dtype(types[0]):
        return types[0]
    numbers = all(is_numeric_dtype(kind) and not is_bool_dtype(kind) for kind in types)
    return np.dtype(np.float64) if numbers else str


def whole_sequences(
    pieces: Iterable[Piece], column: str, at_once: int
) -> Iterator[tuple[pd.DataFrame, int, float, float]]:
    """The sequences of a table whose ids stand together, so many at a time.

    Args:
        pieces: The table.
        column: Name of the column of ids.
        at_once: Sequences of a frame; the last one may hold fewer.

    Yields:
        Rows, how many rows come before them, and the shares of the file up to their first and last one.
    """
    import pandas as pd

    held: list[pd.DataFrame] = []
    before, since = 0, 0.0
    for piece in pieces:
        held.append(piece.frame)
        if len(held) > 1 and (piece.frame[column] == held[0][column].iloc[-1]).all():
            continue  # still the sequence that was open
        frame = pd.concat(held, ignore_index=True) if len(held) > 1 else piece.frame.reset_index(drop=True)
        ids = frame[column]
        begins = np.flatnonzero((ids != ids.shift()).to_numpy()).tolist()  # the rows in which an id begins
        full = (len(begins) - 1) // at_once  # the last sequence may go on in the next piece
        for number in range(full):
            low, high = begins[number * at_once], begins[(number + 1) * at_once]
            until = since + (piece.share - since) * (high - low) / (len(frame) - low)
            yield frame.iloc[low:high].reset_index(drop=True), before + low, since, until
            since = until
        rest = begins[full * at_once]
        held, before = [frame.iloc[rest:].reset_index(drop=True)], before + rest
    if held:
        yield pd.concat(held, ignore_index=True), before, since, 1.0


def ends_of_series(
    pieces: Iterable[Piece], column: str | None, rows: int, where: str, looked: Callable[[float], None]
) -> tuple[pd.DataFrame, dict[Any, int]]:
    """The last rows of each series of a table, in which rows of several series may stand in any order.

    Args:
        pieces: The table.
        column: Name of the column of ids; None for a single series.
        rows: How many of each series.
        where: The table, as messages name it.
        looked: Called with the share of the file so far.

    Returns:
        The rows, series by series in the order in which they first appear; and how many rows of each are left out, by
        its name, 0 for a single series.

    Raises:
        DataError: A row has no id.
    """
    import pandas as pd

    held: pd.DataFrame | None = None
    counts: dict[Any, int] = {}
    total = 0
    for piece in pieces:
        frame = piece.frame if held is None else pd.concat([held, piece.frame], ignore_index=True)
        if column is None:
            counts[0] = total + len(piece.frame)
            held = frame.iloc[-rows:]
        else:
            labels(piece.frame, column, where, total)  # refuses rows without an id
            for name, count in piece.frame.groupby(column, sort=False).size().items():
                counts[name] = counts.get(name, 0) + int(count)
            held = frame.groupby(column, sort=False).tail(rows)
        total += len(piece.frame)
        looked(piece.share)
    assert held is not None  # whoever looked at the columns has seen a row
    if column is not None:
        places = {name: place for place, name in enumerate(counts)}
        held = held.iloc[np.argsort(held[column].map(places).to_numpy(), kind="stable")]
    return held.reset_index(drop=True), {name: max(count - rows, 0) for name, count in counts.items()}


PIECE_ROWS = 50_000
"""Rows of a table that are read at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Portion:
    """Some of an input's sequences.

    Attributes:
        batch: The sequences.
        since: How much of the input lies before them, from 0 to 1.
        until: How much of it has been read with them.
    """

    batch: Batch
    since: float
    until: float


def read_portions(
    description: Description,
    path: Path,
    looked: Callable[[float], None] = lambda _: None,
    *,
    piece_rows: int = PIECE_ROWS,
    sequences: int = ROWS_A_CALL,
) -> Iterator[Portion]:
    """The sequences in a file, a few hundred at a time.

    Args:
        description: Of the champion that is to predict.
        path: A CSV, Parquet or NPZ file, or a text file.
        looked: Called with the share of the file that has been looked through before anything can be predicted.
        piece_rows: Rows of a table that are read at once.
        sequences: Sequences of a batch; other calls of the network may differ in the last digit.

    Raises:
        DataError: The file cannot be read or does not fit the champion.
    """
    kind = kind_of(description, path)
    found: Iterator[Portion] | None = None
    if kind == "npz":
        found = _archive(description, path, sequences)
    elif kind != "text":
        found = _table(description, FileSource(kind=kind, path=str(path.absolute())), piece_rows, sequences, looked)
    yield from found or [Portion(read_input(description, path), 0, 1)]


def _table(
    description: Description, source: FileSource, piece_rows: int, sequences: int, looked: Callable[[float], None]
) -> Iterator[Portion] | None:
    """The sequences of a table; None where it has to be read whole."""
    file, where = locate(source.path), shown(source.path)
    read = partial(read_pieces, file, where, source)
    column = _check_columns(description, read(rows=1), where)
    read = partial(read, rows=piece_rows)
    if description.vocabulary and (text := text_column(description)) is not None:
        return _texts(description, read(types={text: str}), sequences, where)
    types, together = (None, False) if column is None else look_through(read, column, looked)
    if isinstance(task := description.dataset_config.task, ForecastTask):
        ahead = description.horizon_steps if task.known_covariates else 0
        rows = max((description.steps or 0) + ahead, LEAST_ROWS)
        frame, left_out = ends_of_series(read(types=types), column, rows, where, looked)
        return iter([Portion(series_batch(description, frame, where, left_out), 0, 1)])
    if not together or column is None:
        return None
    return (
        Portion(batch_of_frame(description, frame, where, before), since, until)
        for frame, before, since, until in whole_sequences(read(types=types), column, sequences)
    )


def _check_columns(description: Description, rows: Iterator[Piece], where: str) -> str | None:
    """Refuse a table without a row or without a column that is needed; the name of its column of ids."""
    head = next((piece.frame for piece in rows if len(piece.frame)), None)
    if head is None:
        raise DataError(f"{where}: has no rows below its column names")
    if description.vocabulary:
        return require_tokens(description, head, where)
    require_inputs(description, head, where)
    column = id_column(description, head)
    require_columns(head, [column], "id", where)
    return column


def _texts(description: Description, pieces: Iterator[Piece], sequences: int, where: str) -> Iterator[Portion]:
    before, since = 0, 0.0
    for piece in pieces:
        for low in range(0, len(piece.frame), sequences):
            frame = piece.frame.iloc[low : low + sequences]
            until = since + (piece.share - since) * len(frame) / (len(piece.frame) - low)
            yield Portion(batch_of_frame(description, frame, where, before + low), since, until)
            since = until
        before += len(piece.frame)


def _archive(description: Description, path: Path, sequences: int) -> Iterator[Portion] | None:
    """The sequences of an archive of arrays; None where it has to be read whole, if only to say what is wrong."""
    file, where = locate(str(path.absolute())), shown(str(path.absolute()))
    stored = stored_arrays(file) or {}
    names = tuple(name for name in ARRAYS if name in stored and (name != "future" or description.known))
    rows = {stored[name].shape[0] for name in names}
    if "x" not in names or len(rows) > 1 or 0 in rows:
        return None
    return _rows_of(description, file, where, names, stored["x"], sequences)


def _rows_of(
    description: Description, file: Path, where: str, names: tuple[str, ...], x: Stored, sequences: int
) -> Iterator[Portion]:
    before, total = 0, x.shape[0]
    for arrays in read_rows(file, where, names, sequences):
        after = before + len(arrays["x"])
        yield Portion(batch_of_archive(description, arrays, where, before), before / total, after / total)
        before = after
