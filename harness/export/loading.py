"""Loading a champion by name or folder, and predicting with it: raw values in, original units out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.errors import ExportError, UsageError
from harness.export.batch import ROWS_A_CALL, Batch
from harness.export.champion import MODEL_FILE
from harness.export.description import FILE, Description, read_description
from harness.export.inputs import batch_of_arrays, batch_of_frame
from harness.export.modelfile import read_model
from harness.export.outputs import Predictions, predictions_of
from harness.store import Store, find_store
from harness.tracking import registry

if TYPE_CHECKING:
    import keras
    import pandas as pd


@dataclass(frozen=True)
class Champion:
    """A model that predicts.

    Attributes:
        description: What it is.
        model: The Keras model: `x` (and `lengths` where they differ) in raw values.
        where: Name or folder that it was loaded from.
    """

    description: Description
    model: keras.Model = field(repr=False)
    where: str = ""

    def predict(
        self, x: npt.ArrayLike, lengths: npt.ArrayLike | None = None, future: npt.ArrayLike | None = None
    ) -> npt.NDArray[np.float32]:
        """Predict from raw arrays.

        Args:
            x: (n, steps, channels) in raw units, channels in the order of `description.channels`; or numbers of tokens
                (n, steps), places in `description.vocabulary`.
            lengths: (n,) real steps of each sequence, where they differ; None when all steps are real.
            future: (n, horizon, known) in raw units, what is known in advance, in the order of `description.known`;
                None where nothing is.

        Returns:
            Forecast (n, horizon, targets) or number (n, 1) in original units, or probabilities: of classes (n,
            classes), or of each step's classes or labels (n, steps, outputs).

        Raises:
            DataError: The arrays do not fit the model, or hold what is no finite number.
        """
        return self.predict_batch(batch_of_arrays(self.description, x, lengths, future))

    def predict_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predict from a table of raw rows.

        Args:
            frame: For a forecast the series up to now, a row a time step: the `horizon_steps` after its last
                row are predicted; where channels are known in advance, those rows follow with the targets empty. For
                tokens a row a text in the column `text`. Else a row a step, with the card's `id` column naming the
                sequence.

        Returns:
            A row a predicted step with its time, a row a sequence, or a row a step of each sequence.

        Raises:
            DataError: A column is missing, there are too few rows, or a value is no number.
        """
        batch = batch_of_frame(self.description, frame, "the table")
        return self.tabulate(batch).table

    def predict_batch(self, batch: Batch, progress: Callable[[int], None] = lambda _: None) -> npt.NDArray[np.float32]:
        """Predict from a batch that was checked, a few hundred sequences at a time; the same shapes as `predict`.

        Args:
            batch: As many sequences as memory holds.
            progress: Called with the number of sequences done so far.
        """
        arrays = {"x": batch.x, "lengths": batch.lengths, "future": batch.future}
        feed = [array for name in self.description.inputs if (array := arrays[name]) is not None]
        outputs = []
        for start in range(0, len(batch.x), ROWS_A_CALL):
            outputs.append(self._call([values[start : start + ROWS_A_CALL] for values in feed]))
            progress(min(start + ROWS_A_CALL, len(batch.x)))
        return np.concatenate(outputs).astype(np.float32, copy=False)

    def tabulate(self, batch: Batch) -> Predictions:
        """Predictions with names, times and classes, as tables and as arrays."""
        return predictions_of(self.description, batch, self.predict_batch(batch))

    @cached_property
    def _call(self) -> Callable[[list[npt.NDArray[Any]]], npt.NDArray[Any]]:
        """The model as one function of any number of rows, traced once.

        `model.predict` sets up a pipeline for every call, 30 ms or more of them, and traces again for another number
        of rows; a server answers single rows from several threads.
        """
        import tensorflow as tf

        specs = [tf.TensorSpec(given.shape, given.dtype, name=given.name) for given in self.model.inputs]

        @tf.function(input_signature=[specs], autograph=False)  # type: ignore[untyped-decorator]
        def call(inputs: list[Any]) -> Any:
            return self.model(inputs if len(inputs) > 1 else inputs[0], training=False)

        types = [given.dtype for given in self.model.inputs]
        return lambda arrays: call(
            [tf.convert_to_tensor(values, kind) for values, kind in zip(arrays, types, strict=True)]
        ).numpy()

    def info(self) -> dict[str, Any]:
        """The description as plain values."""
        return {"where": self.where, **self.description.to_json()}


def load(name_or_path: str | Path, store: Store | None = None) -> Champion:
    """A champion, by its registered name or its folder.

    Args:
        name_or_path: A folder; or `name` (its champion, else its candidate), `name@alias`, `name/3`,
            `models:/…`.
        store: Where names are looked up; None for the usual place.

    Raises:
        UsageError: The name is unknown; the message offers near names.
        ExportError: The model cannot be loaded.
        StoreError: The store cannot be used.
    """
    return load_folder(*locate(name_or_path, store))


def locate(name_or_path: str | Path, store: Store | None = None) -> tuple[Path, str]:
    """The folder that a name or path means, and what messages call it; the arguments and errors of `load`."""
    text = str(name_or_path)
    path = Path(text).expanduser()
    if path.suffix == ".keras" and path.is_file():
        path = path.parent
    if isinstance(name_or_path, Path) or path.is_dir():
        if not (path / FILE).is_file():
            raise UsageError(f"{path}: expected a champion's folder, got one without {FILE}")
        return path, str(path)
    if text.startswith((".", "/", "~")) or path.suffix == ".keras":
        raise UsageError(f"{path}: expected a champion's folder or the name of a registered model")
    found = registry.resolve(store or find_store(), text)
    return found.path, f"models:/{found.name}/{found.version}"


def load_folder(folder: Path, where: str = "") -> Champion:
    """The champion in a folder: one that was saved, or one that MLflow's registry keeps.

    Args:
        folder: Holds `champion.json`, and `model.keras` beside it or where MLflow puts it, in `data/`.
        where: What messages call it; the folder when empty.

    Raises:
        ExportError: It cannot be loaded.
    """
    description = read_description(folder)
    files = (folder / MODEL_FILE, folder / "data" / MODEL_FILE)
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        raise ExportError(f"{folder}: expected {MODEL_FILE} beside {FILE}, got none")
    return Champion(description, read_model(file), where or str(folder))
