"""A model's outputs with their names: tables and arrays in original units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.data.dataset import Values
from harness.data.scaling import Floats
from harness.export.artifact import Description
from harness.export.inputs.forecasts import Batch
from harness.export.intervals import intervals_for, with_intervals
from harness.metrics import at_real_steps, without_padding
from harness.records import Answer, TaskKind

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a champion says.

    Attributes:
        table: A row a predicted step, or a row a sequence.
        arrays: The same as arrays (sequences, …), for `.npz`; 0 beyond a sequence's length.
        names: What their last axis means, also for `.npz`.
    """

    table: pd.DataFrame
    arrays: Mapping[str, npt.NDArray[Any]]
    names: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


def predictions_of(
    description: Description,
    batch: Batch,
    outputs: Floats,
    interval: Sequence[int] = (),
    truth: Values | None = None,
) -> Predictions:
    """Give a model's outputs their names.

    Args:
        description: Of the champion.
        batch: What it predicted for.
        outputs: Forecast (n, horizon, targets), numbers (n, 1), or probabilities: (n, classes), or of each step (n,
            steps, outputs).
        interval: Levels in percent, which `intervals_for` has let pass.
        truth: The answers, as in a `Part`; None where they are not known.

    Returns:
        Forecast: a row a step, with its time where the input had times, else with its number from 1, and the
        sequence's where there are several; a column a target. Of windows of series, such as a test part's, also `row`,
        the place of the predicted step in its series in time order, from 1, and `step`. Classes: `class`, and a column
        `p(<class>)` for each. Numbers: a column with the target's name. Labels: a row a step; the class and its
        probabilities, or the probability of each label. Next tokens: a row a step; the token read, the most probable
        next one and its probability. With a level, such as 80: `<target>_lower_80` and `<target>_upper_80`, or
        `set_80`, the classes in the set with `|` between them. With the answers a column `<column>_actual` for each
        that it is the truth of.
    """
    found = _named(description, batch, outputs)
    if truth is not None:
        found = replace(found, table=found.table.assign(**_actual(description, batch, truth)))
    return _with_intervals(description, batch, found, outputs, interval) if interval else found


def _actual(description: Description, batch: Batch, truth: Values) -> dict[str, Any]:
    """The answers as columns of the table, named after those that they are the truth of."""
    if description.task.per_step:
        truth = at_real_steps(truth, batch.lengths)
    match description.answer:
        case Answer.CLASS if description.task is TaskKind.NEXT_TOKEN:
            return {"next_actual": np.array(description.vocabulary)[truth]}
        case Answer.CLASS:
            name = "class" if description.task is TaskKind.CLASSIFY else description.targets[0]
            return {f"{name}_actual": np.array(description.classes)[truth]}
        case Answer.FLAGS:
            return {f"{name}_actual": truth[:, at].astype(np.int32) for at, name in enumerate(description.targets)}
        case _:
            flat = truth.reshape(-1, truth.shape[-1])
            return {f"{name}_actual": flat[:, at] for at, name in enumerate(description.targets)}


def _with_intervals(
    description: Description, batch: Batch, found: Predictions, outputs: Floats, interval: Sequence[int]
) -> Predictions:
    given = with_intervals(intervals_for(description, interval), batch.x, outputs, interval)
    columns: dict[str, Any] = {}
    arrays: dict[str, npt.NDArray[Any]] = {}
    classes = np.array(description.classes)
    for level in interval:
        if level in given.sets:
            flags = arrays[f"set_{level}"] = given.sets[level]
            columns[f"set_{level}"] = ["|".join(classes[held]) for held in flags]
            continue
        for side, bounds in (("lower", given.lower[level]), ("upper", given.upper[level])):
            arrays[f"{side}_{level}"] = bounds
            flat = bounds.reshape(-1, bounds.shape[-1])
            columns |= {f"{name}_{side}_{level}": flat[:, at] for at, name in enumerate(description.targets)}
    return replace(found, table=found.table.assign(**columns), arrays={**found.arrays, **arrays})


def _named(description: Description, batch: Batch, outputs: Floats) -> Predictions:
    match description.task:
        case TaskKind.FORECAST:
            return Predictions(_forecast(description, batch, outputs), {"prediction": outputs})
        case TaskKind.CLASSIFY:
            named = np.array(description.classes)[outputs.argmax(axis=1)]
            table = _sequences(batch, {"class": named, **_probabilities(description, outputs)})
            arrays = {"class": named, "probabilities": outputs}
            return Predictions(table, arrays, {"classes": np.array(description.classes)})
        case TaskKind.LABEL:
            return _labels(description, batch, outputs)
        case TaskKind.NEXT_TOKEN:
            return _next_tokens(description, batch, outputs)
        case TaskKind.REGRESS:
            columns = {name: outputs[:, number] for number, name in enumerate(description.targets)}
            return Predictions(_sequences(batch, columns), {"prediction": outputs})


def _forecast(description: Description, batch: Batch, outputs: Floats) -> pd.DataFrame:
    import pandas as pd

    count, horizon, _ = outputs.shape
    table: dict[str, Any] = {}
    windows = batch.rows is not None
    if any(name != 0 for name in batch.names) if windows else count > 1 or batch.names != (0,):
        table[batch.label] = np.repeat(np.array(batch.names), horizon)
    if batch.rows is not None:
        table["row"] = (batch.rows[:, None] + np.arange(horizon)).reshape(-1)
    if batch.stamps:
        table[batch.stamps[0].column] = [value for stamps in batch.stamps for value in stamps.values]
    if windows or not batch.stamps:
        table["step"] = np.tile(np.arange(1, horizon + 1), count)
    for number, name in enumerate(description.targets):
        table[name] = outputs[:, :, number].reshape(-1)
    return pd.DataFrame(table)


def _labels(description: Description, batch: Batch, outputs: Floats) -> Predictions:
    real = at_real_steps(outputs, batch.lengths)
    arrays = _probabilities_of_steps(batch, outputs)
    if description.answer is Answer.FLAGS:
        columns = {f"p({name})": real[:, number] for number, name in enumerate(description.targets)}
        return Predictions(_steps(batch, columns), arrays, {"labels": np.array(description.targets)})
    classes = np.array(description.classes)
    columns = {description.targets[0]: classes[real.argmax(axis=1)], **_probabilities(description, real)}
    return Predictions(_steps(batch, columns), arrays, {"classes": classes})


def _next_tokens(description: Description, batch: Batch, outputs: Floats) -> Predictions:
    real, vocabulary = at_real_steps(outputs, batch.lengths), np.array(description.vocabulary)
    columns = {
        "token": vocabulary[at_real_steps(batch.x, batch.lengths)],
        "next": vocabulary[real.argmax(axis=1)],
        "p(next)": real.max(axis=1),
    }
    return Predictions(_steps(batch, columns), _probabilities_of_steps(batch, outputs), {"vocabulary": vocabulary})


def _probabilities_of_steps(batch: Batch, outputs: Floats) -> dict[str, npt.NDArray[Any]]:
    return {"probabilities": without_padding(outputs, batch.lengths), "lengths": batch.lengths}


def _steps(batch: Batch, columns: Mapping[str, npt.NDArray[Any]]) -> pd.DataFrame:
    """A row for each real step, numbered from 1 within its sequence."""
    import pandas as pd

    names = np.repeat(np.array(batch.names), batch.lengths)
    steps = np.concatenate([np.arange(1, length + 1) for length in batch.lengths])
    return pd.DataFrame({batch.label: names, "step": steps, **columns})


def _probabilities(description: Description, outputs: Floats) -> dict[str, Floats]:
    return {f"p({name})": outputs[:, number] for number, name in enumerate(description.classes)}


def _sequences(batch: Batch, columns: Mapping[str, npt.NDArray[Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({batch.label: list(batch.names), **columns})
