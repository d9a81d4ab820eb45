"""A file that need not fit into memory → the batches in it, in the order in which it has them.

A sequence is in one batch, wherever in the file its rows begin and end, and batches hold as many sequences as a call of
the network takes, so that a file gives the same numbers to the last digit whatever the pieces it is read in. Of a
series only its end is kept. What cannot be read in pieces is read whole: texts of `.txt` files, tables without an id
(one sequence), tables whose ids come back after others, arrays that lie in memory by columns.

Knows the description of a champion, never its network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.cards.schema import FileSource, ForecastTask
from harness.data.sources.files import locate, shown
from harness.data.sources.streams import Piece, Stored, read_pieces, read_rows, stored_arrays
from harness.data.sources.tables import require_columns
from harness.errors import DataError
from harness.export.batch import ROWS_A_CALL, Batch
from harness.export.description import Description
from harness.export.gathering import ends_of_series, look_through, whole_sequences
from harness.export.inputs import (
    ARRAYS,
    batch_of_archive,
    batch_of_frame,
    id_column,
    kind_of,
    read_input,
    require_inputs,
)
from harness.export.series import series_batch
from harness.export.stamps import LEAST_ROWS
from harness.export.texts import COLUMN, require_texts

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
    if description.vocabulary:
        return _texts(description, read(types={COLUMN: str}), sequences, where)
    ids = None if column is None else _ids(read, column, looked)
    if isinstance(task := description.dataset_card.task, ForecastTask):
        ahead = description.horizon_steps if task.known_covariates else 0
        rows = max((description.steps or 0) + ahead, LEAST_ROWS)
        frame, left_out = ends_of_series(read(types=ids and ids.types), column, rows, where, looked)
        return iter([Portion(series_batch(description, frame, where, left_out), 0, 1)])
    if ids is None or not ids.in_one_place or column is None:
        return None
    return (
        Portion(batch_of_frame(description, frame, where, before), since, until)
        for frame, before, since, until in whole_sequences(read(types=ids.types), column, sequences)
    )


def _check_columns(description: Description, rows: Iterator[Piece], where: str) -> str | None:
    """Refuse a table without a row or without a column that is needed; the name of its column of ids."""
    head = next((piece.frame for piece in rows if len(piece.frame)), None)
    if head is None:
        raise DataError(f"{where}: has no rows below its column names")
    if description.vocabulary:
        require_texts(head, where)
        return None
    require_inputs(description, head, where)
    column = id_column(description, head)
    require_columns(head, [column] if column else [], "id", where)
    return column


def _ids(read: Callable[..., Iterator[Piece]], column: str, looked: Callable[[float], None]) -> Any:
    found = look_through(read(columns=(column,)), column, looked)
    if found.agreed:
        return found
    return look_through(read(columns=(column,), types=found.types), column, looked)


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
