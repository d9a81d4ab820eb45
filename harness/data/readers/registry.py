"""From a config to raw sequences: the one place that knows which module reads which kind of source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from harness.config.addresses import folder_of, remote_files
from harness.config.dataset import DatasetConfig, text_columns, texts_in
from harness.config.sources import ArraysSource, LoaderSource, TableSource
from harness.config.tasks import ClassifyTask, ForecastTask, LabelTask, RegressTask
from harness.config.times import Clock
from harness.data.dataset import Sequences, Series, TokenSequences
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
from harness.machine import here
from harness.text import with_article
from harness.user_code import load_function

if TYPE_CHECKING:
    import pandas as pd


def _read_loaded(
    source: LoaderSource,
    task: ClassifyTask | RegressTask | LabelTask,
    group: str | None,
    clock: Clock,
    unanswered: bool,
) -> Sequences:
    """The sequences that the user's function returns."""
    import pandas as pd

    where, made = _call(source)
    if isinstance(made, pd.DataFrame):
        if not isinstance(task, LabelTask) and (task.target is None or (task.id is None and task.layout == "long")):
            raise DataError(f"{where}: returned a table: expected [task] target and id, which say what is a sequence")
        return sequences_of_rows(made, task, where, group, clock=clock, unanswered=unanswered)
    if task.categorical:
        raise DataError(f"{where}: returned {_kind(made)}: expected a pandas table for [task] categorical")
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
    return {"folder": str(here(cache_folder() / folder_of(files)))}


def _kind(made: Any) -> str:
    return with_article(type(made).__name__) if made is not None else "nothing"


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
    source, group, zone = config.source, config.split.group or config.split.part, config.encoding.time_zone
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
            raw = _read_loaded(source, task, group, Clock(source.time_format, zone), config.missing != "error")
        case "csv" | "parquet" | "excel" | "arff" | "tsf" | "jsonl" | "openml" | "huggingface":
            frame, clock = read_table(source, text_columns(config), texts_in(task)), Clock(source.time_format, zone)
            raw = sequences_of_rows(
                frame, task, shown(source.path), group, clock=clock, unanswered=config.missing != "error"
            )
        case "wav":
            raw = read_wav(source)
        case "text" | "conll" | "conllu":
            raise DataError(f"{config.name}: holds tokens: expected another [source] for inputs of numbers")
    raw = in_parts(raw, config.split.part) if config.split.part else raw
    # A table of categories has put its channels in order itself, and one row a sequence has no channels to choose.
    names = () if task.categorical or getattr(task, "layout", "long") == "wide" else task.features
    for name in names:
        if name not in raw.channels:
            raise DataError(f"{raw.where}: has no channel {name!r} ([task] features). {nearest(name, raw.channels)}")
    if not names or names == raw.channels:
        return raw
    y = raw.y if raw.y.size else raw.x  # answers that are channels stay as they are
    return replace(raw, x=raw.x[:, :, [raw.channels.index(name) for name in names]], y=y, channels=names)


def read_frame(config: DatasetConfig) -> tuple[pd.DataFrame, str]:
    """The whole table that a config names, and what messages call it.

    Args:
        config: A config whose source is a table, or a function that returns one.

    Raises:
        DataError: It is missing, has changed or is none.
    """
    import pandas as pd

    if isinstance(config.source, LoaderSource):
        where, made = _call(config.source)
        if not isinstance(made, pd.DataFrame) or not len(made):
            raise DataError(f"{where}: returned {_kind(made)}: expected a pandas table with rows")
        return made, where
    assert isinstance(config.source, TableSource)  # the only other source of tables
    frame = read_table(config.source, text_columns(config), texts_in(config.task))
    return frame, shown(config.source.path)


_OWN_PARTS = {"train": 0, "training": 0, "validation": 1, "valid": 1, "val": 1, "dev": 1, "test": 2}
"""What a column of official parts may say → the part's number."""

Raw = TypeVar("Raw", Sequences, TokenSequences)


def in_parts(raw: Raw, column: str) -> Raw:
    """The sequences with those of the official training part first, then the validation part's and the test part's.

    Args:
        raw: Sequences whose groups are the names of their parts.
        column: The column that holds them.

    Raises:
        DataError: A name is none of a part, or there is no training or no test part.
    """
    assert raw.groups is not None
    names = [str(name).strip().lower() for name in raw.groups]
    for at, name in enumerate(names):
        if name not in _OWN_PARTS:
            raise DataError(
                f"{raw.where}: {raw.name_of(at)}: column {column!r} ([split] part) says {str(raw.groups[at])!r}: "
                "expected train, validation (or dev) or test"
            )
    parts = np.array([_OWN_PARTS[name] for name in names])
    counts = np.bincount(parts, minlength=3).tolist()
    for name, count in (("train", counts[0]), ("test", counts[2])):
        if not count:
            raise DataError(f"{raw.where}: column {column!r} ([split] part) names no {name} part")
    order = np.argsort(parts, kind="stable")
    update: dict[str, Any] = {
        "y": raw.y[order] if raw.y.size else raw.y,
        "name_of": lambda at: raw.name_of(int(order[at])),
        "own_parts": tuple(count for count in counts if count),
        "groups": None,
    }
    if isinstance(raw, TokenSequences):
        return replace(raw, tokens=tuple(raw.tokens[at] for at in order), **update)
    return replace(raw, x=raw.x[order], lengths=raw.lengths[order], **update)
