"""A long table whose `id` column groups rows into sequences, for classes and for one number a sequence."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.cards.schema import ClassifyTask, FileSource, RegressTask
from harness.data.arrays import Indices
from harness.data.raw import Sequences, first, narrow
from harness.data.sources.files import shown
from harness.data.sources.tables import labels, number_columns, numbers, read_table, require_columns, times
from harness.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def read_grouped(source: FileSource, task: ClassifyTask | RegressTask, group: str | None = None) -> Sequences:
    """The sequences of a long table, in the order in which their ids first appear.

    Args:
        source: A CSV or Parquet file.
        task: Names the columns. Without `features` every column of numbers that plays no other part is an
            input.
        group: Column with each row's group, for a split by group.

    Raises:
        DataError: The file or a column is missing, a value is no finite number, times repeat within a
            sequence, or the target changes within one.
    """
    where, frame = shown(source.path), read_table(source)
    return group_rows(frame, task, where, group)


def group_rows(
    frame: pd.DataFrame, task: ClassifyTask | RegressTask, where: str, group_column: str | None = None
) -> Sequences:
    """Rows of one id → one sequence.

    Args:
        frame: The table.
        task: Names the columns; without a `target` only inputs are wanted.
        where: The file, as messages name it.
        group_column: Column with each row's group, for a split by group.

    Raises:
        DataError: As `read_grouped`.
    """
    import pandas as pd

    assert task.id is not None  # a card with a table has one
    roles = {"id": task.id, "time": task.time, "target": task.target}
    for key, name in roles.items():
        require_columns(frame, [name] if name else [], key, where)
    require_columns(frame, [group_column] if group_column else [], "group", where, "split")
    apart = [name for name in (*roles.values(), group_column) if name]
    channels, notes = _channels(frame, task.features, apart, where)
    labels(frame, task.id, where)  # refuses rows without an id
    group, ids = pd.factorize(frame[task.id])
    order = _order(frame, group, ids, task.time, where)
    values = np.stack([numbers(frame, name, where) for name in channels], axis=1)
    flat = narrow(values, lambda at: f"{where}: column {channels[at[1]]!r}, row {at[0] + 1}")[order]
    lengths = np.bincount(group, minlength=len(ids)).astype(np.int32)
    steps = np.arange(len(frame)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    x = np.zeros((len(ids), int(lengths.max()), len(channels)), np.float32)
    x[group[order], steps] = flat
    y = _answers(frame, group, ids, task, where) if task.target else np.empty(0)
    groups = _one_each(labels(frame, group_column, where), group, ids, group_column, where) if group_column else None
    name_of = partial(_name, str(task.id), ids)
    return Sequences(where, x, lengths, y, channels, name_of, notes=notes, groups=groups)


def _channels(
    frame: pd.DataFrame, features: tuple[str, ...], roles: list[str], where: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the channels, and what there is to say about the columns left out."""
    require_columns(frame, features, "features", where)
    if features:
        return features, ()
    found, notes = number_columns(frame, roles)
    if not found:
        raise DataError(f"{where}: no column of numbers is left for the inputs. Columns: {', '.join(frame.columns)}")
    return found, notes


def _order(frame: pd.DataFrame, group: Indices, ids: Any, time: str | None, where: str) -> Indices:
    """Places of the rows, sequence by sequence, each in its own order."""
    if time is None:
        return np.argsort(group, kind="stable")
    stamps = times(frame, time, where)
    order = np.lexsort((stamps, group))
    repeated = (np.diff(group[order]) == 0) & (np.diff(stamps[order]) == 0)
    if repeated.any():
        (at,) = first(repeated)
        row = max(order[at], order[at + 1])
        raise DataError(
            f"{where}: column {time!r}, row {row + 1}: {str(frame[time].iloc[row])!r} repeats within the "
            f"sequence {str(ids[group[row]])!r}: expected each time once"
        )
    return order


def _answers(
    frame: pd.DataFrame, group: Indices, ids: Any, task: ClassifyTask | RegressTask, where: str
) -> npt.NDArray[Any]:
    target, classify = str(task.target), task.kind == "classify"
    column = labels(frame, target, where) if classify else numbers(frame, target, where)
    if not classify and (bad := ~np.isfinite(column)).any():
        (at,) = first(bad)
        raise DataError(f"{where}: column {target!r}, row {at + 1}: {column[at]}: expected a finite number")
    return _one_each(column, group, ids, target, where)


def _one_each(column: npt.NDArray[Any], group: Indices, ids: Any, name: str, where: str) -> npt.NDArray[Any]:
    """The one value that a column has in each sequence."""
    start = np.full(len(ids), len(column))
    np.minimum.at(start, group, np.arange(len(column)))
    if (bad := column != column[start][group]).any():
        (at,) = first(bad)
        earlier = column[start[group[at]]]
        raise DataError(
            f"{where}: column {name!r}, row {at + 1}: {str(column[at])!r} differs from {str(earlier)!r} "
            f"earlier in the sequence {str(ids[group[at]])!r}: expected one value a sequence"
        )
    values: npt.NDArray[Any] = column[start]
    return values


def _name(column: str, ids: Any, at: int) -> str:
    return f"{column} {str(ids[at])!r}"
