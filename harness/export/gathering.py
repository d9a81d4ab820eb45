"""Rows that belong together, out of a table that is read in pieces: whole sequences, and the ends of series.

Knows pieces and a column's name, nothing of champions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.data.sources.streams import Piece
from harness.data.sources.tables import labels

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Ids:
    """What a column of ids is like.

    Attributes:
        types: The one type that all of its values can be read as, by the column's name; else `007` could be a number in
            one piece and text in another.
        agreed: Whether every piece was read as that type.
        in_one_place: Whether the rows of every id stand together.
    """

    types: dict[str, Any]
    agreed: bool
    in_one_place: bool


def look_through(pieces: Iterable[Piece], column: str, looked: Callable[[float], None]) -> Ids:
    """Read a column of ids once, before anything is made of it.

    Args:
        pieces: The table; its other columns are not looked at.
        column: Name of the column.
        looked: Called with the share of the file so far.
    """
    import pandas as pd

    types: list[Any] = []
    runs: list[npt.NDArray[np.uint64]] = []
    last: Any = None
    for piece in pieces:
        ids = piece.frame[column]
        types.append(ids.dtype)
        # 8 bytes an id; should two ids have one hash, the table is read whole, and nothing else happens.
        hashes = pd.util.hash_pandas_object(ids, index=False).to_numpy()
        begins = np.concatenate([[last is None or hashes[0] != last], hashes[1:] != hashes[:-1]])
        runs.append(hashes[begins])
        last = hashes[-1]
        looked(piece.share)
    found = np.concatenate(runs)
    return Ids({column: _common(types)}, len(set(types)) == 1, len(np.unique(found)) == len(found))


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
        begins = _begins(frame[column])
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


def _begins(ids: pd.Series[Any]) -> list[int]:
    """Rows in which an id begins."""
    return [int(row) for row in np.flatnonzero((ids != ids.shift()).to_numpy())]


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
