"""A long table whose `id` column groups rows into sequences with one answer each, or one a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.config.tasks import ClassifyTask, LabelTask, RegressTask
from harness.data.dataset import Indices, Sequences, Whole, first, narrow
from harness.data.readers.tables import labels, number_columns, numbers, require_columns, times
from harness.data.scaling import Floats
from harness.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def sequences_of_rows(
    frame: pd.DataFrame,
    task: ClassifyTask | RegressTask | LabelTask,
    where: str,
    group_column: str | None = None,
    first_row: int = 0,
) -> Sequences:
    """Rows of one id → one sequence with an answer, or one or several a step, in the order in which ids first appear.

    Args:
        frame: The table; of one for labels only the config's `last_rows` count, and without an id it is one sequence.
        task: Names the columns. Without `features` every column of numbers that plays no other part is an input;
            without a `target` only inputs are wanted.
        where: The file, as messages name it.
        group_column: Column with each row's group, for a split by group.
        first_row: Rows of the file before the table's first one.

    Raises:
        DataError: A column is missing, a value is no finite number, times repeat within a sequence, or the target of a
            whole sequence changes within one.
    """
    total, known_by_then = len(frame), False
    if isinstance(task, LabelTask):
        targets, known_by_then = task.target, task.ahead_steps > 0
        frame = frame.iloc[-task.last_rows :].reset_index(drop=True) if task.last_rows else frame
    else:
        targets = (task.target,) if task.target else ()
    for key, names in (("id", (task.id,)), ("time", (task.time,)), ("target", targets)):
        require_columns(frame, [name for name in names if name], key, where)
    require_columns(frame, [group_column] if group_column else [], "group", where, "split")
    require_columns(frame, task.features, "features", where)
    channels, notes = task.features, tuple[str, ...]()
    if not channels:
        roles = (task.id, task.time, group_column, *(() if known_by_then else targets))
        channels, notes = number_columns(frame, [name for name in roles if name])
    if not channels:
        raise DataError(f"{where}: no column of numbers is left for the inputs. Columns: {', '.join(frame.columns)}")
    if len(frame) < total:
        notes = (f"last {len(frame):,} of {total:,} rows", *notes)
    layout = _laid_out(frame, task.id, task.time, where, first_row)
    groups = layout.one_each(labels(frame, group_column, where), group_column, where) if group_column else None
    y: npt.NDArray[Any] = np.empty(0)
    if targets and not isinstance(task, LabelTask):
        y = layout.one_each(_answers(frame, task, targets[0], where), targets[0], where)
    elif targets and isinstance(task, LabelTask):
        y = layout.place(_inputs(frame, targets, where) if task.multi_label else labels(frame, targets[0], where))
    return Sequences(
        where,
        layout.place(_inputs(frame, channels, where, first_row)),
        layout.lengths,
        y,
        channels,
        lambda at: f"{task.id} {str(layout.ids[at])!r}" if task.id else "the table",
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

    def one_each(self, column: npt.NDArray[Any], name: str, where: str) -> npt.NDArray[Any]:
        """The one value that a column has in each sequence.

        Raises:
            DataError: It has several in one.
        """
        start = np.full(len(self.ids), len(column))
        np.minimum.at(start, self.group, np.arange(len(column)))
        values: npt.NDArray[Any] = column[start]
        if (bad := column != values[self.group]).any():
            (at,) = first(bad)
            raise DataError(
                f"{where}: column {name!r}, row {at + 1}: {str(column[at])!r} differs from "
                f"{str(values[self.group[at]])!r} earlier in the sequence {str(self.ids[self.group[at]])!r}: "
                "expected one value a sequence"
            )
        return values


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


def _answers(frame: pd.DataFrame, task: ClassifyTask | RegressTask, target: str, where: str) -> npt.NDArray[Any]:
    if task.kind == "classify":
        return labels(frame, target, where)
    column = numbers(frame, target, where)
    if (bad := ~np.isfinite(column)).any():
        (at,) = first(bad)
        raise DataError(f"{where}: column {target!r}, row {at + 1}: {column[at]}: expected a finite number")
    return column
