"""From a config to raw sequences: the one place that knows which module reads which kind of source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.config.addresses import folder_of, remote_files
from harness.config.dataset import DatasetConfig, text_columns
from harness.config.sources import ArraysSource, LoaderSource
from harness.config.tasks import ClassifyTask, ForecastTask, LabelTask, RegressTask
from harness.config.times import Clock
from harness.data.dataset import Sequences, Series
from harness.data.generators import GENERATORS
from harness.data.readers.arrays import read_arrays, sequences_of
from harness.data.readers.formats.wav import read_wav
from harness.data.readers.packaged import read_digits, read_keras
from harness.data.readers.paths import cache_folder, shown
from harness.data.readers.sequences import sequences_of_rows
from harness.data.readers.series import panel_of
from harness.data.readers.tables import read_table
from harness.data.readers.ts import read_mat, read_ts
from harness.errors import DataError, UsageError, nearest
from harness.user_code import load_function


def _read_loaded(
    source: LoaderSource, task: ClassifyTask | RegressTask | LabelTask, group: str | None, clock: Clock
) -> Sequences:
    """The sequences that the user's function returns."""
    import pandas as pd

    where, made = _call(source)
    if isinstance(made, pd.DataFrame):
        if not isinstance(task, LabelTask) and (task.target is None or (task.id is None and task.layout == "long")):
            raise DataError(f"{where}: returned a table: expected [task] target and id, which say what is a sequence")
        return sequences_of_rows(made, task, where, group, clock=clock)
    if not isinstance(made, Mapping) or not {"x", "y"} <= made.keys():
        raise DataError(f"{where}: returned {_kind(made)}: expected a pandas table, or a dictionary with x and y")
    groups = "groups" if "groups" in made else None
    names = ArraysSource(kind="npz", path=source.loader, groups=groups)
    return sequences_of(made, names, where, per_step=isinstance(task, LabelTask))


def read_loaded_series(
    source: LoaderSource, task: ForecastTask, calendar: Sequence[str] = (), zone: str = ""
) -> tuple[Series, ...]:
    """The table, a row a time step, that the user's function returns: one series, or each of a panel.

    Args:
        source: The function.
        task: Names the columns.
        calendar: Cycles whose channels are made from the times.
        zone: Time zone of the calendar, and of times without an offset.

    Raises:
        DataError: The function is missing, raises, or returns something else.
    """
    import pandas as pd

    where, made = _call(source)
    if not isinstance(made, pd.DataFrame) or not len(made):
        raise DataError(f"{where}: returned {_kind(made)}: expected a pandas table with rows")
    return panel_of(made, task, where, calendar, Clock(source.time_format, zone))


def _call(source: LoaderSource) -> tuple[str, Any]:
    where = shown(source.loader)
    try:
        function = load_function(source.loader)
    except UsageError as error:
        raise DataError(str(error)) from error
    try:
        return where, function(**source.arguments, **_folder(source))
    except Exception as error:  # whatever the user's code does
        raise DataError(f"{where}: raised {type(error).__name__}: {' '.join(str(error).split())}") from error


def _folder(source: LoaderSource) -> dict[str, str]:
    """Where the files of a source lie that has any, as the function's `folder`."""
    if not (files := remote_files(source.model_dump(include={"url", "files"}))):
        return {}
    return {"folder": str(cache_folder() / folder_of(files))}


def _kind(made: Any) -> str:
    return f"a {type(made).__name__}" if made is not None else "nothing"


def read_sequences(config: DatasetConfig, task: ClassifyTask | RegressTask | LabelTask) -> Sequences:
    """The sequences that a config names, with the channels that it asks for.

    Args:
        config: The dataset's config.
        task: Its task.

    Returns:
        Sequences, each with one answer; for labels `y` is (n, steps) or (n, steps, answers), or empty where the answers
        are the channels.

    Raises:
        DataError: They are missing, have changed or are not what the config says.
    """
    source, group, zone = config.source, config.split.group, config.encoding.time_zone
    match source.kind:
        case "generator":
            raw = GENERATORS[source.generator](source)
        case "ts":
            raw = read_ts(source)
        case "mat":
            raw = read_mat(source)
        case "npz" | "npy":
            raw = read_arrays(source, per_step=isinstance(task, LabelTask))
        case "sklearn":
            raw = read_digits()
        case "keras":
            raw = read_keras(source)
        case "loader":
            raw = _read_loaded(source, task, group, Clock(source.time_format, zone))
        case "csv" | "parquet" | "excel" | "arff" | "tsf":
            frame, clock = read_table(source, text_columns(config)), Clock(source.time_format, zone)
            raw = sequences_of_rows(frame, task, shown(source.path), group, clock=clock)
        case "wav":
            raw = read_wav(source)
        case "text":
            raise DataError(f"{config.name}: text is not read yet")
    names = task.features if getattr(task, "layout", "long") == "long" else ()
    for name in names:
        if name not in raw.channels:
            raise DataError(f"{raw.where}: has no channel {name!r} ([task] features). {nearest(name, raw.channels)}")
    if not names or names == raw.channels:
        return raw
    y = raw.y if raw.y.size else raw.x  # answers that are channels stay as they are
    return replace(raw, x=raw.x[:, :, [raw.channels.index(name) for name in names]], y=y, channels=names)
