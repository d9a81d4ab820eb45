"""A long table whose `id` column groups rows into sequences with one answer each, or one a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.config.sources import FileSource
from harness.config.tasks import ClassifyTask, LabelTask, RegressTask
from harness.data.dataset import Indices, Sequences, Whole, first, narrow
from harness.data.readers.paths import shown
from harness.data.readers.tables import labels, number_columns, numbers, read_table, require_columns, times
from harness.data.scaling import Floats
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
    frame: pd.DataFrame,
    task: ClassifyTask | RegressTask,
    where: str,
    group_column: str | None = None,
    first_row: int = 0,
) -> Sequences:
    """Rows of one id → one sequence.

    Args:
        frame: The table.
        task: Names the columns; without a `target` only inputs are wanted.
        where: The file, as messages name it.
        group_column: Column with each row's group, for a split by group.
        first_row: Rows of the file before the table's first one.

    Raises:
        DataError: As `read_grouped`.
    """
    assert task.id is not None  # a config with a table has one
    roles = {"id": task.id, "time": task.time, "target": task.target}
    channels, notes = _columns(frame, roles, task.features, group_column, where)
    layout = _laid_out(frame, task.id, task.time, where, first_row)
    y = _answers(frame, layout, task, where) if task.target else np.empty(0)
    groups = _one_each(labels(frame, group_column, where), layout, group_column, where) if group_column else None
    return Sequences(
        where,
        layout.place(_inputs(frame, channels, where, first_row)),
        layout.lengths,
        y,
        channels,
        partial(_name, task.id, layout.ids),
        notes=notes,
        groups=groups,
    )


def label_rows(
    frame: pd.DataFrame, task: LabelTask, where: str, group_column: str | None = None, first_row: int = 0
) -> Sequences:
    """Rows of one id → one sequence with an answer, or several, a step; a table without an id is one sequence.

    Args:
        frame: The table, of which the config's `last_rows` count.
        task: Names the columns; without a `target` only inputs are wanted.
        where: The file, as messages name it.
        group_column: Column with each row's group, for a split by group.
        first_row: Rows of the file before the table's first one.

    Raises:
        DataError: A column is missing, a value is no finite number, or times repeat within a sequence.
    """
    total = len(frame)
    frame = frame.iloc[-task.last_rows :].reset_index(drop=True) if task.last_rows else frame
    roles = {"id": task.id, "time": task.time}
    require_columns(frame, task.target, "target", where)
    separate = () if task.ahead_steps else task.target  # what is predicted may be an input where it is known by then
    channels, notes = _columns(frame, roles, task.features, group_column, where, separate)
    if len(frame) < total:
        notes = (f"last {len(frame):,} of {total:,} rows", *notes)
    layout = _laid_out(frame, task.id, task.time, where, first_row)
    groups = _one_each(labels(frame, group_column, where), layout, group_column, where) if group_column else None
    y: npt.NDArray[Any] = np.empty(0)
    if task.target and task.multi_label:
        y = layout.place(_inputs(frame, task.target, where))
    elif task.target:
        y = layout.place(labels(frame, task.target[0], where))
    return Sequences(
        where,
        layout.place(_inputs(frame, channels, where, first_row)),
        layout.lengths,
        y,
        channels,
        partial(_name, task.id, layout.ids) if task.id else lambda _: "the table",
        notes=notes,
        groups=groups,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """Where each row of a table stands among the sequences.

    Attributes:
        group: Sequence of each row (rows,).
        ids: What the sequences are called.
        order: Places of the rows, sequence by sequence, each in its own order.
        lengths: Steps of each sequence.
        steps: Step of each row, in that order.
    """

    group: Indices
    ids: Any
    order: Indices
    lengths: Whole
    steps: Indices

    def place(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values (rows, …) → (sequences, steps, …), padded with zeros or empty text."""
        placed = np.zeros((len(self.lengths), int(self.lengths.max()), *values.shape[1:]), values.dtype)
        placed[self.group[self.order], self.steps] = values[self.order]
        return placed


def _laid_out(frame: pd.DataFrame, id_column: str | None, time: str | None, where: str, first_row: int) -> _Layout:
    import pandas as pd

    group: Indices = np.zeros(len(frame), np.int64)
    ids: Any = np.zeros(1, np.int64)
    if id_column is not None:
        labels(frame, id_column, where, first_row)  # refuses rows without an id
        group, ids = pd.factorize(frame[id_column])
    order = _order(frame, group, ids, time, where, first_row)
    lengths = np.bincount(group, minlength=len(ids)).astype(np.int32)
    return _Layout(group, ids, order, lengths, np.arange(len(frame)) - np.repeat(np.cumsum(lengths) - lengths, lengths))


def _inputs(frame: pd.DataFrame, columns: tuple[str, ...], where: str, first_row: int = 0) -> Floats:
    values = np.stack([numbers(frame, name, where, first_row) for name in columns], axis=1)
    return narrow(values, lambda at: f"{where}: column {columns[at[1]]!r}, row {first_row + at[0] + 1}")


def _columns(
    frame: pd.DataFrame,
    roles: Mapping[str, str | None],
    features: tuple[str, ...],
    group_column: str | None,
    where: str,
    separate: tuple[str, ...] = (),
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the channels, and what there is to say about the columns left out; every column named is there."""
    for key, name in roles.items():
        require_columns(frame, [name] if name else [], key, where)
    require_columns(frame, [group_column] if group_column else [], "group", where, "split")
    return _channels(frame, features, [name for name in (*roles.values(), group_column, *separate) if name], where)


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


def _order(frame: pd.DataFrame, group: Indices, ids: Any, time: str | None, where: str, first_row: int) -> Indices:
    """Places of the rows, sequence by sequence, each in its own order."""
    if time is None:
        return np.argsort(group, kind="stable")
    stamps = times(frame, time, where, first_row)
    order = np.lexsort((stamps, group))
    repeated = (np.diff(group[order]) == 0) & (np.diff(stamps[order]) == 0)
    if repeated.any():
        (at,) = first(repeated)
        row = max(order[at], order[at + 1])
        raise DataError(
            f"{where}: column {time!r}, row {first_row + row + 1}: {str(frame[time].iloc[row])!r} repeats within the "
            f"sequence {str(ids[group[row]])!r}: expected each time once"
        )
    return order


def _answers(frame: pd.DataFrame, layout: _Layout, task: ClassifyTask | RegressTask, where: str) -> npt.NDArray[Any]:
    target, classify = str(task.target), task.kind == "classify"
    column = labels(frame, target, where) if classify else numbers(frame, target, where)
    if not classify and (bad := ~np.isfinite(column)).any():
        (at,) = first(bad)
        raise DataError(f"{where}: column {target!r}, row {at + 1}: {column[at]}: expected a finite number")
    return _one_each(column, layout, target, where)


def _one_each(column: npt.NDArray[Any], layout: _Layout, name: str, where: str) -> npt.NDArray[Any]:
    """The one value that a column has in each sequence."""
    group, ids = layout.group, layout.ids
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
