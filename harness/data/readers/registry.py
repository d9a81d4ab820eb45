"""From a config to raw sequences: the one place that knows which module reads which kind of source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.config.dataset import DatasetConfig
from harness.config.sources import (
    ArraysSource,
    FileSource,
    GeneratorSource,
    KerasSource,
    LoaderSource,
    MatSource,
    SklearnSource,
    TextSource,
    TsSource,
)
from harness.config.tasks import ClassifyTask, ForecastTask, LabelTask, RegressTask
from harness.data.dataset import Sequences, Series
from harness.data.generators import GENERATORS
from harness.data.readers.arrays import read_arrays, sequences_of
from harness.data.readers.packaged import read_digits, read_keras
from harness.data.readers.paths import shown
from harness.data.readers.sequences import group_rows, label_rows, read_grouped
from harness.data.readers.series import panel_of
from harness.data.readers.tables import read_table
from harness.data.readers.ts import read_mat, read_ts
from harness.errors import DataError, UsageError, nearest
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


def read_sequences(config: DatasetConfig, task: ClassifyTask | RegressTask) -> Sequences:
    """The sequences that a config names.

    Args:
        config: The dataset's config.
        task: Its task.

    Raises:
        DataError: They are missing, have changed or are not what the config says.
    """
    match config.source:
        case GeneratorSource() as source:
            return GENERATORS[source.generator](source)
        case TsSource() as source:
            return read_ts(source)
        case ArraysSource() as source:
            return read_arrays(source)
        case SklearnSource():
            return read_digits()
        case KerasSource() as source:
            return read_keras(source)
        case LoaderSource() as source:
            return read_loaded(source, task, config.split.group)
        case FileSource() as source:
            return read_grouped(source, task, config.split.group)
        case TextSource() | MatSource():
            raise DataError(f"{config.name}: text is not read yet")


def read_steps(config: DatasetConfig, task: LabelTask) -> Sequences:
    """The sequences that a config names, with the channels that it asks for.

    Args:
        config: The dataset's config.
        task: Its task.

    Returns:
        Sequences whose `y` is (n, steps) or (n, steps, answers), or empty where the answers are the channels.

    Raises:
        DataError: They are missing, have changed or are not what the config says.
    """
    match config.source:
        case GeneratorSource() as source:
            return _with_channels(GENERATORS[source.generator](source), task)
        case MatSource() as source:
            return _with_channels(read_mat(source), task)
        case ArraysSource() as source:
            return _with_channels(read_arrays(source, per_step=True), task)
        case LoaderSource() as source:
            return read_loaded(source, task, config.split.group)
        case FileSource() as source:
            return label_rows(read_table(source), task, shown(source.path), config.split.group)
        case source:
            raise DataError(f"{config.name}: a source of kind {source.kind} has no answer at every step")


def _with_channels(raw: Sequences, task: LabelTask) -> Sequences:
    """The channels that the config asks for; the answers, where they are channels, stay as they are."""
    names = task.features
    for name in names:
        if name not in raw.channels:
            raise DataError(f"{raw.where}: has no channel {name!r} ([task] features). {nearest(name, raw.channels)}")
    if not names or names == raw.channels:
        return raw
    y = raw.y if raw.y.size else raw.x
    x = raw.x[:, :, [raw.channels.index(name) for name in names]]
    return replace(raw, x=x, y=y, channels=names)
