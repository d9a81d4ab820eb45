"""Predictions → tables and arrays with names, times and classes, and files of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.export.batch import Batch
from harness.export.description import Description
from harness.metrics import at_real_steps
from harness.records import Answer, TaskKind

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".parquet", ".npz")


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a champion says.

    Attributes:
        table: A row a predicted step, or a row a sequence.
        arrays: The same as arrays, for `.npz`.
    """

    table: pd.DataFrame
    arrays: Mapping[str, npt.NDArray[Any]]


def predictions_of(description: Description, batch: Batch, outputs: npt.NDArray[np.float32]) -> Predictions:
    """Give a model's outputs their names.

    Args:
        description: Of the champion.
        batch: What it predicted for.
        outputs: Forecast (n, horizon, targets), numbers (n, 1), or probabilities: (n, classes), or of each step (n,
            steps, outputs).

    Returns:
        Forecast: a row a step, with its time where the input had times, else with its number from 1, and the
            sequence's
        where there are several; a column a target. Classes: `class`, and a column `p(<class>)` for each.
        Numbers: a column with the target's name. Labels: a row a step; the class and its probabilities, or the
        probability of each label. Next tokens: a row a step; the token read, the most probable next one and its
        probability.
    """
    match description.task:
        case TaskKind.FORECAST:
            return Predictions(_forecast(description, batch, outputs), {"prediction": outputs})
        case TaskKind.CLASSIFY:
            named = np.array(description.classes)[outputs.argmax(axis=1)]
            table = _sequences(batch, {"class": named, **_probabilities(description, outputs)})
            return Predictions(
                table, {"class": named, "probabilities": outputs, "classes": np.array(description.classes)}
            )
        case TaskKind.LABEL:
            return _labels(description, batch, outputs)
        case TaskKind.NEXT_TOKEN:
            return _next_tokens(description, batch, outputs)
        case TaskKind.REGRESS:
            columns = {name: outputs[:, number] for number, name in enumerate(description.targets)}
            return Predictions(_sequences(batch, columns), {"prediction": outputs})


def check_output(path: Path) -> None:
    """Refuse a file that `write` could not write, before any work is done.

    Raises:
        UsageError: Its suffix is unknown, or its folder does not exist.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--output {path}: expected a file that ends in {', '.join(SUFFIXES)}")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--output {path}: the folder {path.parent} does not exist")


def write(predictions: Predictions, path: Path) -> None:
    """Write predictions, in the format that the file's suffix names.

    Raises:
        UsageError: The file cannot be written.
    """
    try:
        match path.suffix.lower():
            case ".npz":
                np.savez(path, allow_pickle=False, **dict(predictions.arrays))
            case ".parquet":
                predictions.table.to_parquet(path, index=False)
            case _:
                predictions.table.to_csv(path, index=False)
    except OSError as error:
        raise UsageError(f"--output {path}: cannot be written: {error}") from error


def _forecast(description: Description, batch: Batch, outputs: npt.NDArray[np.float32]) -> pd.DataFrame:
    import pandas as pd

    count, horizon, _ = outputs.shape
    table: dict[str, Any] = {}
    if count > 1 or batch.names != (0,):
        table[batch.label] = np.repeat(np.array(batch.names), horizon)
    if batch.stamps:
        table[batch.stamps[0].column] = [value for stamps in batch.stamps for value in stamps.values]
    else:
        table["step"] = np.tile(np.arange(1, horizon + 1), count)
    for number, name in enumerate(description.targets):
        table[name] = outputs[:, :, number].reshape(-1)
    return pd.DataFrame(table)


def _labels(description: Description, batch: Batch, outputs: npt.NDArray[np.float32]) -> Predictions:
    real = at_real_steps(outputs, batch.lengths)
    arrays = {"probabilities": outputs, "lengths": batch.lengths}
    if description.answer is Answer.FLAGS:
        columns = {f"p({name})": real[:, number] for number, name in enumerate(description.targets)}
        return Predictions(_steps(batch, columns), {**arrays, "labels": np.array(description.targets)})
    classes = np.array(description.classes)
    columns = {description.targets[0]: classes[real.argmax(axis=1)], **_probabilities(description, real)}
    return Predictions(_steps(batch, columns), {**arrays, "classes": classes})


def _next_tokens(description: Description, batch: Batch, outputs: npt.NDArray[np.float32]) -> Predictions:
    real, vocabulary = at_real_steps(outputs, batch.lengths), np.array(description.vocabulary)
    columns = {
        "token": vocabulary[at_real_steps(batch.x, batch.lengths)],
        "next": vocabulary[real.argmax(axis=1)],
        "p(next)": real.max(axis=1),
    }
    arrays = {"probabilities": outputs, "lengths": batch.lengths, "vocabulary": vocabulary}
    return Predictions(_steps(batch, columns), arrays)


def _steps(batch: Batch, columns: Mapping[str, npt.NDArray[Any]]) -> pd.DataFrame:
    """A row for each real step, numbered from 1 within its sequence."""
    import pandas as pd

    names = np.repeat(np.array(batch.names), batch.lengths)
    steps = np.concatenate([np.arange(1, length + 1) for length in batch.lengths])
    return pd.DataFrame({batch.label: names, "step": steps, **columns})


def _probabilities(description: Description, outputs: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float32]]:
    return {f"p({name})": outputs[:, number] for number, name in enumerate(description.classes)}


def _sequences(batch: Batch, columns: Mapping[str, npt.NDArray[Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({batch.label: list(batch.names), **columns})
