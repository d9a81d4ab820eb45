"""The answers in what a user hands in, where it holds some: what pictures of a champion's errors compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.config.tasks import ForecastTask
from harness.data.dataset import Values, Whole
from harness.data.readers.paths import shown
from harness.data.readers.sequences import sequences_of_rows
from harness.data.readers.tables import labels, number_table, read_table, split_by_id
from harness.errors import UsageError, nearest
from harness.export.artifact import Description
from harness.export.inputs.batches import (
    batch_of_frame,
    id_column,
    input_source,
    kind_of,
    names_of_input,
    read_input,
)
from harness.export.inputs.forecasts import Batch, clock_of, in_time_order, series_batch
from harness.export.inputs.texts import require_tokens
from harness.metrics import mask_of
from harness.records import Answer, TaskKind

if TYPE_CHECKING:
    import pandas as pd


def with_answers(description: Description, path: Path, written: Mapping[str, Any]) -> tuple[Batch, Values] | None:
    """What a champion is to predict from, and the truth.

    Of a forecast the last `horizon_steps` rows of each series are the truth for what lies before them.

    Args:
        description: Of the champion.
        path: The file.
        written: How a CSV is written, as for `read_input`.

    Returns:
        None where the file holds no answers.

    Raises:
        DataError: The file cannot be read, or does not fit the champion.
        UsageError: An answer is a class that the champion does not know.
    """
    if description.task is TaskKind.NEXT_TOKEN:
        return _tokens_after(read_input(description, path, written))
    kind, where = kind_of(description, path), shown(str(path.absolute()))
    if kind == "npz" or kind == "text":
        return None
    source = input_source(description, path, kind, written)
    frame = read_table(source, names_of_input(description))
    task = description.dataset_config.task
    if isinstance(task, ForecastTask):
        return _held_back(description, task, frame, where)
    named = getattr(task, "target", None)
    targets = (named,) if isinstance(named, str) else tuple(named or ())
    if not targets or not {*targets} <= {*frame.columns} or description.card["task"].get("ahead_steps"):
        return None
    if description.task is TaskKind.LABEL:
        return None if description.vocabulary else _labels(description, frame, where)
    column = require_tokens(description, frame, where) if description.vocabulary else id_column(description, frame)
    batch = batch_of_frame(description, frame, where)
    if getattr(task, "layout", "long") != "wide" and (column is not None or len(batch.x) < len(frame)):
        frame = frame.drop_duplicates(column) if column else frame.iloc[:1]
    truth = (
        class_numbers(description, labels(frame, targets[0], where, gaps=True), where)
        if description.answer is Answer.CLASS
        else number_table(frame, targets, where)
    )
    known = np.flatnonzero(truth >= 0 if description.answer is Answer.CLASS else np.isfinite(truth).all(axis=1))
    if not len(known):
        return None
    names = tuple(batch.names[at] for at in known)
    return replace(batch, x=batch.x[known], lengths=batch.lengths[known], names=names), truth[known]


def class_numbers(description: Description, answers: Values, where: str) -> Whole:
    """The number of each answer's class; -1 where there is no answer.

    Args:
        description: Of the champion.
        answers: Names (n,).
        where: The table, as messages name it.

    Raises:
        UsageError: One is no class of the champion's.
    """
    known = {name: number for number, name in enumerate(description.classes)}
    found = np.full(len(answers), -1, np.int32)
    for at, answer in enumerate(answers.tolist()):
        if answer is None or answer != answer:
            continue
        name = str(int(answer)) if isinstance(answer, float) and answer.is_integer() else str(answer)
        if name not in known:
            raise UsageError(
                f"{where}: class {name!r}: expected one that the model knows. {nearest(name, description.classes)}"
            )
        found[at] = known[name]
    return found


def _held_back(
    description: Description, task: ForecastTask, frame: pd.DataFrame, where: str
) -> tuple[Batch, Values] | None:
    """The series without their last rows, and the targets in those; None where a series is too short for that."""
    import pandas as pd

    horizon, steps = description.horizon_steps, description.steps or 0
    if task.known_covariates or not {*description.targets} <= {*frame.columns}:
        return None  # the last rows are those ahead, without answers
    pieces = [in_time_order(description, piece) for _, piece, _ in split_by_id(frame, task.id, where)]
    if any(len(piece) < steps + horizon for piece in pieces):
        return None
    truth = np.stack([number_table(piece.iloc[-horizon:], description.targets, where) for piece in pieces])
    if np.isnan(truth).any():
        return None
    return series_batch(description, pd.concat([piece.iloc[:-horizon] for piece in pieces]), where), truth


def _labels(description: Description, frame: pd.DataFrame, where: str) -> tuple[Batch, Values]:
    task, column = description.dataset_config.task, id_column(description, frame)
    named = frame if column else frame.assign(sequence=0)
    wanted = {"id": column or "sequence", "last_rows": None}
    raw = sequences_of_rows(named, task.model_copy(update=wanted), where, clock=clock_of(description, frame))  # type: ignore[arg-type]
    if description.answer is Answer.FLAGS:
        return batch_of_frame(description, frame, where), raw.y
    real = mask_of(raw.lengths, raw.y.shape[1])
    truth = np.zeros(raw.y.shape, np.int32)
    truth[real] = class_numbers(description, raw.y[real], where)
    return batch_of_frame(description, frame, where), truth


def _tokens_after(batch: Batch) -> tuple[Batch, Values] | None:
    """Each token but the last as the input, and the next one as the truth."""
    long = np.flatnonzero(batch.lengths > 1)
    if not len(long):
        return None
    x, names = batch.x[long], tuple(batch.names[at] for at in long)
    return replace(batch, x=x[:, :-1], lengths=batch.lengths[long] - 1, names=names), x[:, 1:]
