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
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.config.sources import TableSource
from harness.config.tasks import ForecastTask
from harness.data.readers.paths import locate, shown
from harness.data.readers.streams import Piece, Stored, read_pieces, read_rows, stored_arrays
from harness.data.readers.tables import (
    filtered,
    kind_of_values,
    labels,
    numbers_of_names,
    require_columns,
    text_filters,
)
from harness.errors import DataError
from harness.export.artifact import Description
from harness.export.inputs.batches import (
    ARRAYS,
    batch_of_archive,
    batch_of_frame,
    id_column,
    input_source,
    kind_of,
    names_of_input,
    read_input,
    require_inputs,
)
from harness.export.inputs.forecasts import ROWS_A_CALL, Batch, in_time_order, series_batch
from harness.export.inputs.texts import require_tokens, text_column
from harness.export.stamps import LEAST_ROWS

if TYPE_CHECKING:
    import pandas as pd


def look_through(
    read: Callable[..., Iterator[Piece]], column: str, time: str | None, looked: Callable[[float], None]
) -> tuple[Mapping[str, Any], bool]:
    """Read the columns of ids and times once, before anything is made of them.

    Args:
        read: Gives the table in pieces, with the columns that it is told.
        column: Name of the column of ids.
        time: Name of the column of times, if there is one.
        looked: Called with the share of the file so far.

    Returns:
        The one type of all values of each column, by its name: ids are numbers only where each is just how its number
        is written, as `7` is and `007` is not; and whether the rows of every id stand together.
    """
    import pandas as pd

    kinds: set[Any] = set()
    times: set[str] = set()
    runs: list[npt.NDArray[np.uint64]] = []
    last: Any = None
    for piece in read(columns=(column,) if time is None else (column, time)):
        ids = piece.frame[column]
        kinds.add(numbers_of_names(ids).dtype)
        times.update(kind_of_values(piece.frame[time]) if time in piece.frame else ())
        # 8 bytes an id; should two ids have one hash, the table is read whole, and nothing else happens.
        hashes = pd.util.hash_pandas_object(ids, index=False).to_numpy()
        begins = np.concatenate([[last is None or hashes[0] != last], hashes[1:] != hashes[:-1]])
        runs.append(hashes[begins])
        last = hashes[-1]
        looked(piece.share)
    found = np.concatenate(runs)
    one = kinds.pop() if len(kinds) == 1 else None
    numbers = one is not None and pd.api.types.is_numeric_dtype(one)
    mixed = {time: str} if time is not None and len(times) > 1 else {}
    return {column: one if numbers else str, **mixed}, len(np.unique(found)) == len(found)


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
    pieces: Iterable[Piece],
    column: str | None,
    rows: int,
    where: str,
    looked: Callable[[float], None],
    order: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame,
) -> tuple[pd.DataFrame, dict[Any, int]]:
    """The last rows of each series of a table, in which rows of several series may stand in any order.

    Args:
        pieces: The table.
        column: Name of the column of ids; None for a single series.
        rows: How many of each series.
        where: The table, as messages name it.
        looked: Called with the share of the file so far.
        order: Puts rows into time order.

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
        frame = order(piece.frame if held is None else pd.concat([held, piece.frame], ignore_index=True))
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
    written: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[Portion]:
    """The sequences in a file, a few hundred at a time.

    Args:
        description: Of the champion that is to predict.
        path: A table, an NPZ file, or a text file.
        looked: Called with the share of the file that has been looked through before anything can be predicted.
        piece_rows: Rows of a table that are read at once.
        sequences: Sequences of a batch; other calls of the network may differ in the last digit.
        written: How a CSV is written, keys of `[source]`, where it is not written as the training data was.

    Raises:
        DataError: The file cannot be read or does not fit the champion.
    """
    kind = kind_of(description, path)
    found: Iterator[Portion] | None = None
    if kind == "npz":
        found = _archive(description, path, sequences)
    elif kind != "text":
        source = input_source(description, path, kind, written)
        found = _table(description, source, piece_rows, sequences, looked)
    yield from found or [Portion(read_input(description, path, written), 0, 1)]


def _table(
    description: Description, source: TableSource, piece_rows: int, sequences: int, looked: Callable[[float], None]
) -> Iterator[Portion] | None:
    """The sequences of a table; None where it has to be read whole."""
    file, where = locate(source.path), shown(source.path)
    names = names_of_input(description)
    column, time = _check_columns(description, read_pieces(file, where, source, rows=1, names=names), where)
    read = partial(_wanted, partial(read_pieces, file, where, source, rows=piece_rows), source, names, where)
    if description.vocabulary and (text := text_column(description)) is not None:
        return _texts(description, read(types={text: str}), sequences, where)
    task = description.dataset_config.task
    types, together = (None, False) if column is None else look_through(read, column, time, looked)
    if isinstance(task, ForecastTask):
        ahead = description.horizon_steps if task.known_covariates else 0
        rows = max((description.steps or 0) + ahead, LEAST_ROWS)
        rows *= 2 if task.on_duplicates != "error" else 1
        order = partial(in_time_order, description)
        frame, left_out = ends_of_series(read(types=types), column, rows, where, looked, order)
        return iter([Portion(series_batch(description, frame, where, left_out), 0, 1)])
    if not together or column is None:
        return None
    return (
        Portion(batch_of_frame(description, frame, where, before), since, until)
        for frame, before, since, until in whole_sequences(read(types=types), column, sequences)
    )


def _wanted(
    read: Callable[..., Iterator[Piece]],
    source: TableSource,
    names: tuple[str, ...],
    where: str,
    *,
    types: Mapping[str, Any] | None = None,
    columns: tuple[str, ...] | None = None,
) -> Iterator[Piece]:
    """The rows of a table that the training data's config wants, in pieces none of which is empty.

    Raises:
        DataError: There are none.
    """
    texts = tuple(name for name in names if types is None or types.get(name, str) is str)
    known = None if columns is None else tuple(dict.fromkeys((*columns, *source.where)))
    found = False
    for piece in read(names=(*texts, *text_filters(source)), types=types, columns=known):
        frame = filtered(piece.frame, source, where)
        if len(frame):
            found = True
            yield Piece(frame.reset_index(drop=True), piece.share)
    if not found:
        raise DataError(f"{where}: has no such rows ([source] where)")


def _check_columns(description: Description, rows: Iterator[Piece], where: str) -> tuple[str | None, str | None]:
    """Refuse a table without a row or without a column that is needed; its columns of ids and of times, if any."""
    head = next((piece.frame for piece in rows if len(piece.frame)), None)
    if head is None:
        raise DataError(f"{where}: has no rows below its column names")
    if description.vocabulary:
        return require_tokens(description, head, where), None
    require_inputs(description, head, where)
    column = id_column(description, head)
    require_columns(head, [column], "id", where)
    time = getattr(description.dataset_config.task, "time", None)
    return column, time if time in head.columns else None


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
