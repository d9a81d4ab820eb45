"""A long table whose `id` column groups rows into sequences with one answer each, or one a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.config.tasks import ClassifyTask, LabelTask, RegressTask
from harness.config.times import UNDECIDED, Clock, say_format, time_column, time_names
from harness.data.dataset import Indices, Sequences, Whole, first
from harness.data.readers.categories import with_categories
from harness.data.readers.tables import labels, number_columns, number_table, numbers, require_columns, times
from harness.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def sequences_of_rows(
    frame: pd.DataFrame,
    task: ClassifyTask | RegressTask | LabelTask,
    where: str,
    group_column: str | None = None,
    first_row: int = 0,
    clock: Clock = UNDECIDED,
    *,
    unanswered: bool = False,
) -> Sequences:
    """Rows of one id → one sequence with an answer, or one or several a step, in the order in which ids first appear.

    Args:
        frame: The table; of one for labels only the config's `last_rows` count, and without an id it is one sequence.
        task: Names the columns. Without `features` every column of numbers that plays no other part is an input;
            without a `target` only inputs are wanted.
        where: The file, as messages name it.
        group_column: Column with each row's group, for a split by group.
        first_row: Rows of the file before the table's first one.
        clock: How the times are read.
        unanswered: Whether whole sequences may be without an answer.

    Raises:
        DataError: A column is missing, a value is no finite number, times repeat within a sequence, or the target of a
            whole sequence changes within one.
    """
    if not isinstance(task, LabelTask) and task.layout == "wide":
        return _wide(frame, task, where, group_column, first_row, unanswered)
    frame, task, empty = with_categories(frame, task, where)
    total, known_by_then = len(frame), False
    if isinstance(task, LabelTask):
        targets, known_by_then = task.target, task.ahead_steps > 0
        frame = frame.iloc[-task.last_rows :].reset_index(drop=True) if task.last_rows else frame
    else:
        targets = (task.target,) if task.target else ()
    for key, names in (("id", (task.id,)), ("time", time_names(task.time)), ("target", targets)):
        require_columns(frame, names, key, where)
    require_columns(frame, [group_column], "group", where, "split")
    require_columns(frame, task.features, "features", where)
    channels, notes = task.features, tuple[str, ...]()
    if not channels:
        roles = (task.id, *time_names(task.time), group_column, *(() if known_by_then else targets))
        channels, notes = number_columns(frame, [name for name in roles if name])
    if not channels:
        raise DataError(f"{where}: no column of numbers is left for the inputs. Columns: {', '.join(frame.columns)}")
    if len(frame) < total:
        notes = (f"last {len(frame):,} of {total:,} rows", *notes)
    if task.time is not None:
        stamps = time_column(frame, task.time)
        clock = clock.decided(stamps, f"{where}: column {stamps.name!r}")
        told = say_format(stamps, clock.time_format)
        notes = (*notes, told) if told else notes
    layout = _Layout(frame, task.id, task.time, where, first_row, clock)
    groups = layout.one_each(labels(frame, group_column, where), group_column, where) if group_column else None
    y: npt.NDArray[Any] = np.empty(0)
    if targets and not isinstance(task, LabelTask):
        y = layout.one_each(_answers(frame, task, targets[0], where, unanswered), targets[0], where)
    elif targets and isinstance(task, LabelTask):
        y = layout.place(
            number_table(frame, targets, where) if task.multi_label else _classes(frame, targets[0], where)
        )
    return Sequences(
        where,
        layout.place(number_table(frame, channels, where, first_row)),
        layout.lengths,
        y,
        channels,
        lambda at: f"{task.id} {str(layout.ids[at])!r}" if task.id else "the table",
        notes=(*notes, *empty),
        groups=groups,
        time_format=clock.time_format if task.time is not None else "",
    )


WIDE_CHANNEL = "value"
"""The one channel of a table with a sequence a row."""


def steps_of_rows(
    frame: pd.DataFrame, task: ClassifyTask | RegressTask, group_column: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of a wide table that are a sequence's steps, and what there is to say about the others."""
    if task.features:
        return task.features, ()
    return number_columns(frame, [name for name in (task.target, group_column) if name])


def _wide(
    frame: pd.DataFrame,
    task: ClassifyTask | RegressTask,
    where: str,
    group_column: str | None,
    first_row: int,
    unanswered: bool,
) -> Sequences:
    """A sequence a row, its steps side by side."""
    require_columns(frame, [task.target], "target", where)
    require_columns(frame, task.features, "features", where)
    require_columns(frame, [group_column], "group", where, "split")
    steps, notes = steps_of_rows(frame, task, group_column)
    if not steps:
        raise DataError(f"{where}: no column of numbers is left for the steps. Columns: {', '.join(frame.columns)}")
    return Sequences(
        where,
        number_table(frame, steps, where, first_row)[:, :, None],
        np.full(len(frame), len(steps), np.int32),
        _answers(frame, task, task.target, where, unanswered) if task.target else np.empty(0),
        (WIDE_CHANNEL,),
        lambda at: f"row {first_row + at + 1}",
        notes=notes,
        groups=labels(frame, group_column, where) if group_column else None,
    )


class _Layout:
    """Where each row of a table stands among the sequences: which one, and at which step.

    Args:
        frame: The table.
        id_column: The column that tells the sequences apart; None for a single one.
        time: The column, or columns, that order a sequence's rows; None for the table's own order.
        where: The table, as messages name it.
        first_row: Rows of the file before the table's first one.
        clock: How the times are read.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        id_column: str | None,
        time: str | Sequence[str] | None,
        where: str,
        first_row: int,
        clock: Clock,
    ) -> None:
        import pandas as pd

        self.group: Indices = np.zeros(len(frame), np.int64)
        self.ids: Any = np.zeros(1, np.int64)
        if id_column is not None:
            labels(frame, id_column, where, first_row)  # refuses rows without an id
            self.group, self.ids = pd.factorize(frame[id_column])
        self.lengths: Whole = np.bincount(self.group, minlength=len(self.ids)).astype(np.int32)
        # Places of the rows, sequence by sequence, each in its own order, and the step of each.
        self._order = self._ordered(frame, time, where, first_row, clock)
        self._steps = np.arange(len(frame)) - np.repeat(np.cumsum(self.lengths) - self.lengths, self.lengths)

    def _ordered(
        self, frame: pd.DataFrame, time: str | Sequence[str] | None, where: str, first_row: int, clock: Clock
    ) -> Indices:
        if time is None:
            return np.argsort(self.group, kind="stable")
        stamps = times(frame, time, where, first_row, clock)
        order = np.lexsort((stamps, self.group))
        repeated = (np.diff(self.group[order]) == 0) & (np.diff(stamps[order]) == 0)
        if repeated.any():
            (at,) = first(repeated)
            row, column = max(order[at], order[at + 1]), time_column(frame, time)
            raise DataError(
                f"{where}: column {column.name!r}, row {first_row + row + 1}: {str(column.iloc[row])!r} repeats within "
                f"the sequence {str(self.ids[self.group[row]])!r}: expected each time once"
            )
        return order

    def place(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values (rows, …) → (sequences, steps, …), padded with zeros or empty text."""
        placed = np.zeros((len(self.lengths), int(self.lengths.max()), *values.shape[1:]), values.dtype)
        placed[self.group[self._order], self._steps] = values[self._order]
        return placed

    def one_each(self, column: npt.NDArray[Any], name: str, where: str) -> npt.NDArray[Any]:
        """The one value that a column has in each sequence, which may be none.

        Raises:
            DataError: It has several in one.
        """
        start = np.full(len(self.ids), len(column))
        np.minimum.at(start, self.group, np.arange(len(column)))
        values: npt.NDArray[Any] = column[start]
        wanted = values[self.group]
        if (bad := (column != wanted) & ~(_is_gap(column) & _is_gap(wanted))).any():
            (at,) = first(bad)
            raise DataError(
                f"{where}: column {name!r}, row {at + 1}: {str(column[at])!r} differs from "
                f"{str(values[self.group[at]])!r} earlier in the sequence {str(self.ids[self.group[at]])!r}: "
                "expected one value a sequence"
            )
        return values


LEFT_OUT = '; missing = "interpolate" leaves sequences without an answer out'
"""What allows answers to be missing, as the end of a message."""


def _is_gap(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    import pandas as pd

    return np.asarray(pd.isna(values), np.bool_)


def _answers(
    frame: pd.DataFrame, task: ClassifyTask | RegressTask, target: str, where: str, unanswered: bool
) -> npt.NDArray[Any]:
    if task.kind == "classify":
        return _classes(frame, target, where, gaps=unanswered, cure=LEFT_OUT)
    column = numbers(frame, target, where)
    if (bad := ~np.isfinite(column) & ~(np.isnan(column) & unanswered)).any():
        (at,) = first(bad)
        cure = LEFT_OUT if np.isnan(column[at]) else ""
        raise DataError(f"{where}: column {target!r}, row {at + 1}: {column[at]}: expected a finite number{cure}")
    return column


def _classes(frame: pd.DataFrame, target: str, where: str, *, gaps: bool = False, cure: str = "") -> npt.NDArray[Any]:
    """A column of classes (rows,); measurements in it, which are no names, are refused."""
    found = labels(frame, target, where, gaps=gaps, cure=cure)
    texts = [value for value in found.tolist() if isinstance(value, str)] if found.dtype.kind in "UO" else []
    names = np.unique(np.array(texts, np.str_))
    try:
        values = names.astype(np.float64)
    except ValueError:  # text
        return found
    if (bad := np.isfinite(values) & (values != np.round(values))).any() and np.isfinite(values).all():
        raise DataError(
            f"{where}: column {target!r}: class {str(names[bad][0])!r}: expected text or a whole number at each step; "
            'to predict a number, write kind = "regress"'
        )
    return found
