"""A function of the user's that makes the data: loaded by its path, never by changing `sys.path`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.cards.schema import ArraysSource, ClassifyTask, ForecastTask, LabelTask, LoaderSource, RegressTask
from harness.data.raw import Sequences, Series
from harness.data.sources.arrays import sequences_of
from harness.data.sources.files import shown
from harness.data.sources.grouped import group_rows, label_rows
from harness.data.sources.series import panel_of
from harness.errors import DataError, UsageError
from harness.user_code import load_function


def read_loaded(
    source: LoaderSource, task: ClassifyTask | RegressTask | LabelTask, group: str | None = None
) -> Sequences:
    """The sequences that the user's function returns.

    Args:
        source: The function.
        task: Names the columns where it returns a table.
        group: Column with each row's group, for a split by group.

    Raises:
        DataError: The function is missing, raises, or returns something else.
    """
    import pandas as pd

    where, made = _call(source)
    if isinstance(made, pd.DataFrame):
        if isinstance(task, LabelTask):
            return label_rows(made, task, where, group)
        if task.id is None or task.target is None:
            raise DataError(f"{where}: returned a table: expected [task] target and id, which say what is a sequence")
        return group_rows(made, task, where, group)
    if not isinstance(made, Mapping) or not {"x", "y"} <= made.keys():
        raise DataError(f"{where}: returned {_kind(made)}: expected a pandas table, or a dictionary with x and y")
    groups = "groups" if "groups" in made else None
    names = ArraysSource(kind="npz", path=source.loader, groups=groups)
    return sequences_of(made, names, where, per_step=isinstance(task, LabelTask))


def read_loaded_series(source: LoaderSource, task: ForecastTask, calendar: Sequence[str] = ()) -> tuple[Series, ...]:
    """The table, a row a time step, that the user's function returns: one series, or each of a panel.

    Args:
        source: The function.
        task: Names the columns.
        calendar: Cycles whose channels are made from the times.

    Raises:
        DataError: The function is missing, raises, or returns something else.
    """
    import pandas as pd

    where, made = _call(source)
    if not isinstance(made, pd.DataFrame) or not len(made):
        raise DataError(f"{where}: returned {_kind(made)}: expected a pandas table with rows")
    return panel_of(made, task, where, calendar)


def _call(source: LoaderSource) -> tuple[str, Any]:
    where = shown(source.loader)
    try:
        function = load_function(source.loader)
    except UsageError as error:
        raise DataError(str(error)) from error
    try:
        return where, function(**source.arguments)
    except Exception as error:  # whatever the user's code does
        raise DataError(f"{where}: raised {type(error).__name__}: {' '.join(str(error).split())}") from error


def _kind(made: Any) -> str:
    return f"a {type(made).__name__}" if made is not None else "nothing"
