"""What a user hands in → arrays as a champion takes them, checked: files, tables, arrays, texts.

Knows the description of a champion, never its network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.config.dataset import texts_in
from harness.config.sources import HOW_IT_IS_WRITTEN, TABLE_SUFFIXES, ArraysSource, FileSource, TableKind, TableSource
from harness.config.tasks import ClassifyTask, LabelTask, RegressTask
from harness.config.times import time_names
from harness.data.dataset import Sequences, finite, numbered
from harness.data.encoding import fill_gaps, refuse_missing
from harness.data.readers.arrays import read_arrays, read_plain_arrays, sequences_of
from harness.data.readers.categories import encode_categories, raw_columns
from harness.data.readers.formats.delimited import suffix_of
from harness.data.readers.paths import locate, shown
from harness.data.readers.sequences import sequences_of_rows
from harness.data.readers.series import channel_names
from harness.data.readers.streams import read_pieces
from harness.data.readers.tables import read_table, require_columns
from harness.data.scaling import Floats
from harness.errors import DataError
from harness.export.artifact import Description
from harness.export.inputs.forecasts import Batch, clock_of, series_batch
from harness.export.inputs.texts import SEQUENCE, batch_of_token_table, is_token_file, read_token_file
from harness.metrics import without_padding
from harness.records import TaskKind
from harness.text import counted

if TYPE_CHECKING:
    import pandas as pd


ARRAYS = ("x", "lengths", "future")
"""The arrays of an NPZ file; the last two may be left out."""

Kind: TypeAlias = TableKind | Literal["npz", "text"]

_KINDS: dict[str, Kind] = {**TABLE_SUFFIXES, ".npz": "npz", ".txt": "text"}


def read_input(description: Description, path: Path, written: Mapping[str, Any] = MappingProxyType({})) -> Batch:
    """The sequences in a table or an NPZ file, or the texts in a text file, all at once.

    Args:
        description: Of the champion that is to predict.
        path: The file.
        written: How a CSV is written, keys of `[source]`, where it is not written as the training data was.

    Raises:
        DataError: The file cannot be read or does not fit the champion.
    """
    kind, where = kind_of(description, path), shown(str(path.absolute()))
    if kind == "text":
        return read_token_file(description, path, where)
    if kind == "npz" and (description.vocabulary or description.known):
        return batch_of_archive(description, read_plain_arrays(path, where, ARRAYS), where)
    if kind == "npz":
        raw = read_arrays(ArraysSource(kind=kind, path=str(path.absolute())), labelled=False, padded=description.masked)
        return _checked(description, raw, SEQUENCE, range(len(raw.x)))
    source = input_source(description, path, kind, written)
    return batch_of_frame(description, read_table(source, names_of_input(description)), where)


def input_source(
    description: Description, path: Path, kind: TableKind, written: Mapping[str, Any] = MappingProxyType({})
) -> FileSource:
    """How a table is read that a champion is to predict from: as the table that it was trained on.

    Args:
        description: Of the champion.
        path: The file.
        kind: What it is.
        written: What is said of this file, keys of `[source]`, and goes before what the training data's config says.

    Returns:
        The source; of `where`, the columns that the file has.

    Raises:
        DataError: Something is said that means nothing for such a file.
    """
    trained = description.dataset_config.source
    if written and kind != "csv":
        key = next(iter(written))
        raise DataError(f"--{key.replace('_', '-')}: expected it only for a CSV, got {path}")
    new = FileSource(kind=kind, path=str(path.absolute()), **written)
    if not isinstance(trained, TableSource):
        return new
    own = {"kind", "path", "sha256", *written}
    if trained.table != kind:
        own |= {*HOW_IT_IS_WRITTEN}
    source = new.model_copy(update={key: getattr(trained, key) for key in TableSource.model_fields if key not in own})
    # A file of the wanted rows alone need not say which rows are wanted.
    head = next(read_pieces(locate(new.path), shown(new.path), source, rows=1)).frame if source.where else None
    there = {name: value for name, value in source.where.items() if head is not None and name in head.columns}
    return source.model_copy(update={"where": there})


def names_of_input(description: Description) -> tuple[str, ...]:
    """The columns of ids, texts, tokens and categories of a table that a champion is to predict from: read as text."""
    task = description.dataset_config.task
    named = getattr(task, "id", None)
    ids = (named,) if named is not None else (SEQUENCE,) if SEQUENCE not in description.channels else ()
    return (*ids, *texts_in(task))


def batch_of_archive(
    description: Description, arrays: Mapping[str, npt.NDArray[Any]], where: str, before: int = 0
) -> Batch:
    """The arrays of an NPZ file: all of their sequences, or those after the first `before` ones.

    Raises:
        DataError: They do not fit the champion.
    """
    if description.vocabulary or description.known:
        x, lengths, future = (arrays.get(name) for name in ARRAYS)
        return batch_of_arrays(description, x, lengths, future, before)
    source = ArraysSource(kind="npz", path=where)
    raw = sequences_of(arrays, source, where, labelled=False, before=before, padded=description.masked)
    return _checked(description, raw, SEQUENCE, range(before, before + len(raw.x)))


def kind_of(description: Description, path: Path) -> Kind:
    """What an input is, by its suffix; one as the training data's has is such a file as that was.

    Raises:
        DataError: Nothing that the champion takes has such a suffix.
    """
    trained = description.dataset_config.source
    suffix = suffix_of(path)
    if isinstance(trained, TableSource) and suffix == suffix_of(Path(trained.path)):
        return trained.table
    kind = _KINDS.get(suffix)
    if is_token_file(description, path, [suffix for suffix, of in _KINDS.items() if of != "text"]):
        return "text"
    if kind == "text":
        kind = "csv" if isinstance(trained, TableSource) and trained.table == "csv" else None
    if kind is None or (kind == "npz" and suffix != path.suffix.lower()):
        known = [suffix for suffix, of in _KINDS.items() if of != "text" or description.vocabulary]
        raise DataError(f"{path}: expected a file that ends in {', '.join(known)}")
    return kind


def batch_of_arrays(
    description: Description,
    x: npt.ArrayLike | None,
    lengths: npt.ArrayLike | None,
    future: npt.ArrayLike | None = None,
    before: int = 0,
) -> Batch:
    """Arrays as they came from Python, or those of a file that come after its first `before` sequences.

    Raises:
        DataError: They do not fit the champion.
    """
    values, size = np.asarray(x), len(description.vocabulary)
    if size and (
        values.ndim != 2
        or not values.size
        or values.dtype.kind not in "iu"
        or not 0 <= values.min() <= values.max() < size
    ):
        expected = f"numbers of tokens (sequences, steps) from 0 to {size - 1}"
        raise DataError(f"x: {values.dtype} {values.shape}: expected {expected}")
    if not size and (values.ndim != 3 or not values.size or values.dtype.kind not in "biuf"):
        raise DataError(
            f"x: {values.dtype} {values.shape}: expected numbers (sequences, steps, channels), none of them 0"
        )
    count, steps = values.shape[:2]
    real = np.full(count, steps, np.int32) if lengths is None else np.asarray(lengths)
    if real.shape != (count,) or real.dtype.kind not in "iu" or real.min() < 1 or real.max() > steps:
        raise DataError(f"lengths: {real.dtype} {real.shape}: expected {count} whole numbers from 1 to {steps}")
    values, real, names = without_padding(values, real), real.astype(np.int32), range(before, before + count)
    if size:
        return Batch(values.astype(np.int32), real, SEQUENCE, tuple(names))
    fits = len(description.channels) == values.shape[2]
    raw = Sequences(
        "x",
        finite(values, lambda at: f"x{[before + at[0], *at[1:]]}"),
        real,
        np.empty(0),
        description.channels if fits else numbered("channel", values.shape[2]),
        lambda at: f"x[{before + at}]",
    )
    return replace(_checked(description, raw, SEQUENCE, names), future=_future(description, future, count, before))


def _future(description: Description, future: npt.ArrayLike | None, count: int, before: int) -> Floats | None:
    """What is known in advance, checked."""
    if not description.known:
        if future is not None:
            raise DataError("future: expected none: this model knows nothing in advance")
        return None
    values = np.asarray(future)
    expected = (count, description.horizon_steps, len(description.known))
    if values.shape != expected or values.dtype.kind not in "biuf":
        raise DataError(
            f"future: {values.dtype} {values.shape}: expected numbers {expected}: {', '.join(description.known)} over "
            "the horizon"
        )

    def place(at: tuple[int, ...]) -> str:
        return f"future{[before + at[0], *at[1:]]}"

    refuse_missing(values.astype(np.float64), place)
    return finite(values, place).astype(description.dtype)


def batch_of_frame(description: Description, frame: pd.DataFrame, where: str, before: int = 0) -> Batch:
    """A table of raw rows.

    Args:
        description: Of the champion that is to predict.
        frame: For a forecast a row a time step, of which the last `steps` count; for tokens a row a text, where the
            champion was trained on texts; else a row a step, grouped by the config's `id` column, else by a column
            `sequence`, or all one sequence where there is none.
        where: The table, as messages name it.
        before: Rows of the file before the table's first one.

    Raises:
        DataError: It does not fit the champion.
    """
    if not len(frame):
        raise DataError(f"{where}: has no rows")
    if description.vocabulary:
        return batch_of_token_table(description, frame, where, before)
    require_inputs(description, frame, where)
    if description.task is TaskKind.FORECAST:
        return series_batch(description, frame, where)
    return _groups(description, frame, where, before)


def require_inputs(description: Description, frame: pd.DataFrame, where: str) -> None:
    """Refuse a table without a column that the champion needs.

    Raises:
        DataError: A column is missing; the message offers near names.
    """
    config = description.dataset_config
    made, columns = channel_names(config.encoding.calendar), getattr(config.task, "categorical", ())
    require_columns(frame, time_names(getattr(config.task, "time", None)) if made else [], "time", where)
    wanted = raw_columns([name for name in description.channels if name not in made], columns)
    if getattr(config.task, "layout", "long") == "wide":
        wanted = tuple(getattr(config.task, "features", ()))
    require_columns(frame, wanted, "features", where)


def id_column(description: Description, frame: pd.DataFrame) -> str | None:
    """The column that says which rows are a sequence's; None where all rows are one.

    Where the config has no `id`, as with arrays, a column `sequence` is taken, as tables of predictions call it.
    """
    named = getattr(description.dataset_config.task, "id", None)
    if named is not None or description.task is TaskKind.FORECAST:
        return named
    return SEQUENCE if SEQUENCE in frame.columns and SEQUENCE not in description.channels else None


def _groups(description: Description, frame: pd.DataFrame, where: str, before: int) -> Batch:
    """Rows grouped into sequences."""
    task = description.dataset_config.task
    assert isinstance(task, ClassifyTask | RegressTask | LabelTask)
    if getattr(task, "layout", "long") == "wide":
        steps = frame.drop(columns=task.target or "", errors="ignore")
        raw = sequences_of_rows(steps, task.model_copy(update={"target": None}), where, first_row=before)
        return _checked(description, raw, SEQUENCE, range(before, before + len(raw.x)))
    column = id_column(description, frame)
    if column is None:
        column, frame = SEQUENCE, frame.assign(**{SEQUENCE: 0})
    frame, unknown = encode_categories(frame, description.channels, task.categorical, where)
    wanted = {"id": column, "features": description.channels, "target": None, "categorical": ()}
    if isinstance(task, LabelTask):
        wanted |= {"target": (), "last_rows": None}
    clock = clock_of(description, frame)
    raw = sequences_of_rows(frame, task.model_copy(update=wanted), where, first_row=before, clock=clock)
    batch = _checked(description, raw, column, frame[column].drop_duplicates().tolist())
    return replace(batch, unknown=unknown)


def _checked(description: Description, raw: Sequences, label: str, names: Sequence[Any]) -> Batch:
    """Refuse sequences that the champion cannot take, fill gaps where its config allows them."""
    if raw.x.shape[2] != len(description.channels):
        raise DataError(
            f"{raw.where}: {counted(raw.x.shape[2], 'channel')}: expected {len(description.channels)}: "
            f"{', '.join(description.channels)}"
        )
    if description.steps is not None:
        raw = _of_steps(raw, description.steps, cut=description.task is TaskKind.FORECAST)
    if description.card["missing"] == "error":
        refuse_missing(raw.x, raw.place)
    x = raw.x.astype(description.dtype, copy=False)
    if description.card["missing"] != "mask":
        x = fill_gaps(
            x,
            raw.lengths,
            lambda at: f"{raw.where}: {raw.name_of(at[0])}: channel {description.channels[at[2]]!r} has no value",
        )
    return Batch(x, raw.lengths, label, tuple(names))


def _of_steps(raw: Sequences, steps: int, *, cut: bool) -> Sequences:
    """Sequences of exactly this many steps; a forecast needs only the last of longer ones."""
    short = raw.lengths < steps
    wrong = short if cut else raw.lengths != steps
    if wrong.any():
        at = int(wrong.argmax())
        expected = f"at least {steps}" if cut else f"{steps}"
        raise DataError(
            f"{raw.where}: {raw.name_of(at)} has {counted(int(raw.lengths[at]), 'step')}: expected {expected}"
        )
    rows = raw.lengths[:, None] - steps + np.arange(steps)[None, :]
    x = np.take_along_axis(raw.x, rows[:, :, None], axis=1)
    return replace(raw, x=x, lengths=np.full(len(x), steps, np.int32))
