"""Columns of categories as channels of 0 and 1, one a category, named `column=category`.

An empty cell is a category of its own. Which categories are told apart is decided by the training part, once it is
known (`harness.data.encoding.unseen_categories`); what comes later and is none of them has 0 in all of its channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt

from harness.config.tasks import ClassifyTask, ForecastTask, LabelTask, RegressTask
from harness.data.encoding import is_category
from harness.data.readers.tables import require_columns
from harness.errors import DataError
from harness.text import counted

if TYPE_CHECKING:
    import pandas as pd

EMPTY = "(empty)"
"""The category of an empty cell."""

MOST_CATEGORIES = 50
"""Categories of a column, each of which is a channel."""

TableTask: TypeAlias = ForecastTask | ClassifyTask | RegressTask | LabelTask
Task = TypeVar("Task", bound=TableTask)


def with_categories(frame: pd.DataFrame, task: Task, where: str) -> tuple[pd.DataFrame, Task, tuple[str, ...]]:
    """A table whose columns of categories are channels, and the task that names these in their place.

    Args:
        frame: The table.
        task: Its `categorical` names the columns.
        where: The table, as messages name it.

    Returns:
        The table, the task, and what there is to say of empty cells.

    Raises:
        DataError: A column is missing, has too many categories, or a channel is called as a column of the table is.
    """
    if not task.categorical:
        return frame, task, ()
    require_columns(frame, task.categorical, "categorical", where)
    kept = task.id if isinstance(task, ForecastTask) else None  # it tells series apart beside its channels
    made: dict[str, tuple[str, ...]] = {}
    notes = []
    for column in task.categorical:
        codes, names = _coded(frame[column])
        if len(names) > MOST_CATEGORIES:
            raise DataError(
                f"{where}: column {column!r} ([task] categorical) has {len(names):,} categories: expected at most "
                f"{MOST_CATEGORIES}, a channel each: put rare ones together in the table, or leave the column out"
            )
        if EMPTY in names:
            count = int((codes == names.index(EMPTY)).sum())
            notes.append(f"{counted(count, 'empty cell')} of {column!r}: a category of its own")
        made[column] = tuple(f"{column}={name}" for name in names)
        frame = _replaced(frame, column, made[column], codes, where, kept=column == kept)
    return frame, cast(Task, task.model_copy(update=_renamed(task, made))), tuple(notes)


def encode_categories(
    frame: pd.DataFrame, channels: Sequence[str], columns: Sequence[str], where: str, kept: str | None = None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """A new table with the channels that a model was trained on in the place of its columns of categories.

    Args:
        frame: The table.
        channels: Names of the model's channels.
        columns: The columns of categories.
        where: The table, as messages name it.
        kept: The one of them that tells series apart, and stays beside its channels.

    Returns:
        The table; and in how many rows each column holds a category that the model does not know, where there are any.

    Raises:
        DataError: A column is missing, or a channel is called as a column of the table is.
    """
    require_columns(frame, columns, "categorical", where)
    unknown = {}
    for column in columns:
        known = tuple(name for name in channels if is_category(name, (column,)))
        codes, names = _coded(frame[column])
        places = {name: place for place, name in enumerate(known)}
        # One more place than there are names, for -1 as in a column without a row.
        told = np.array([places.get(f"{column}={name}", -1) for name in names] or [-1])[codes]
        if count := int((told < 0).sum()):
            unknown[column] = count
        frame = _replaced(frame, column, known, told, where, kept=column == kept)
    return frame, unknown


def raw_columns(channels: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    """The columns of a table that channels are made of, each once.

    Args:
        channels: Names of a model's channels.
        columns: The columns of categories.
    """
    return tuple(
        dict.fromkeys(
            next((column for column in columns if is_category(channel, (column,))), channel) for channel in channels
        )
    )


def _coded(column: pd.Series[Any]) -> tuple[npt.NDArray[Any], list[str]]:
    """Each row's place among the names of the categories, and these in order, the empty cell's last."""
    import pandas as pd

    codes, found = pd.factorize(column, use_na_sentinel=True)
    texts = [*(_text(value) for value in found.tolist()), EMPTY]  # the last for -1, the place of what is missing
    names = sorted({texts[code] for code in np.unique(codes)}, key=lambda name: (name == EMPTY, name))
    order = {name: place for place, name in enumerate(names)}
    return np.array([order.get(text, -1) for text in texts])[codes], names


def _text(value: Any) -> str:
    # A column of whole numbers with a gap is one of floats: its categories are called as those without a gap are.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip() or EMPTY


def _replaced(
    frame: pd.DataFrame, column: str, channels: Sequence[str], codes: npt.NDArray[Any], where: str, *, kept: bool
) -> pd.DataFrame:
    if taken := next((name for name in channels if name in frame.columns), None):
        raise DataError(f"{where}: has a column {taken!r} already: expected none that {column!r} makes")
    flags = {name: (codes == place).astype(np.float32) for place, name in enumerate(channels)}
    return (frame if kept else frame.drop(columns=column)).assign(**flags)


def _renamed(task: TableTask, made: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The task's lists of inputs with each column of categories as its channels."""

    def channels_of(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(channel for name in names for channel in made.get(name, (name,)))

    update: dict[str, tuple[str, ...]] = {"categorical": ()}
    in_advance: tuple[str, ...] = getattr(task, "known_covariates", ())
    if in_advance:
        update["known_covariates"] = channels_of(in_advance)
    if task.features:
        others = [name for name in made if name not in (*task.features, *in_advance)]
        update["features"] = channels_of((*task.features, *others))
    return update
