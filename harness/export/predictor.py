"""A champion by its name or folder, and what it predicts: raw values in, tables or arrays in original units out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard, overload

import numpy as np
import numpy.typing as npt

from harness._tensorflow import load_tensorflow
from harness.data.scaling import Floats
from harness.errors import ExportError, UsageError
from harness.export.artifact import CODE_FILE, FILE, MODEL_FILE, Description, read_description, read_model
from harness.export.inputs.batches import batch_of_arrays, batch_of_frame
from harness.export.inputs.forecasts import ROWS_A_CALL, Batch
from harness.export.inputs.in_memory import handed, with_index
from harness.export.intervals import IntervalPrediction, intervals_for, with_intervals
from harness.export.outputs.tables import Predictions, predictions_of
from harness.store import Store, find_store
from harness.tracking import registry
from harness.user_code import classes_of, named_file

if TYPE_CHECKING:
    import keras
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Champion:
    """A model that predicts.

    It pickles as the path and digest of its folder, without weights or code, and unpickles where that folder holds the
    same files.

    Attributes:
        description: What it is.
        model: The Keras model: `x` (and `lengths` where they differ) in raw values.
        where: Name or folder that it was loaded from.
        folder: Folder of its files; None for one that was not loaded.
        digest: SHA-256 of `champion.json` and the model's file as they were loaded; empty for one that was not.
        aliases: The aliases that meant it when it was loaded by a registered name.
    """

    description: Description
    model: keras.Model
    where: str = ""
    folder: Path | None = None
    digest: str = ""
    aliases: tuple[str, ...] = ()

    def __repr__(self) -> str:
        about, score = self.description, self.description.logged_score
        scored = "" if score is None else f", {about.scored_part} {about.metric} {score:.4g}"
        return f"<Champion {self.where or about.name}: {about.task.value}, {about.family}{scored}>"

    def __reduce__(self) -> tuple[Callable[[str, str, str], Champion], tuple[str, str, str]]:
        if self.folder is None:
            raise ExportError(f"{self!r}: not saved in a folder yet: expected a champion of harness.load to pickle")
        return unpickled, (str(self.folder), self.digest, self.where)

    @overload
    def predict(self, x: pd.DataFrame, *, interval: Sequence[int] | None = None) -> pd.DataFrame: ...

    @overload
    def predict(
        self, x: npt.ArrayLike, lengths: npt.ArrayLike | None = None, future: npt.ArrayLike | None = None
    ) -> Floats: ...

    @overload
    def predict(
        self,
        x: npt.ArrayLike,
        lengths: npt.ArrayLike | None = None,
        future: npt.ArrayLike | None = None,
        *,
        interval: Sequence[int],
    ) -> IntervalPrediction: ...

    def predict(
        self,
        x: npt.ArrayLike | pd.DataFrame,
        lengths: npt.ArrayLike | None = None,
        future: npt.ArrayLike | None = None,
        *,
        interval: Sequence[int] | None = None,
    ) -> Floats | IntervalPrediction | pd.DataFrame:
        """Predict from raw values: arrays, one sequence, or a table.

        Args:
            x: (n, steps, channels) in raw units, channels in the order of `description.channels`; a list of arrays
                (steps, channels) of different lengths; one sequence (steps, channels); of one channel also (n, steps)
                or (steps,). Or numbers of tokens (n, steps) or (steps,), places in `description.vocabulary`. Or a
                table, as for `predict_frame`.
            lengths: (n,) real steps of each sequence, where they differ; None when all steps are real.
            future: (n, horizon, known) in raw units, what is known in advance, in the order of `description.known`;
                None where nothing is.
            interval: Levels in percent, such as `(80, 95)`; None for predictions alone.

        Returns:
            Forecast (n, horizon, targets) or number (n, 1) in original units, or probabilities: of classes (n,
            classes), or of each step's classes or labels (n, steps, outputs); for one sequence without the first axis.
            With levels, all of it and the bounds or sets of each. For a table what `predict_frame` returns.

        Raises:
            DataError: The arrays do not fit the model, or hold what is no finite number.
            UsageError: The champion holds no intervals of these levels.
        """
        if _is_table(x):
            if lengths is not None or future is not None:
                raise UsageError("lengths and future: expected none beside a table, whose rows say both")
            return self.predict_frame(x, interval=interval or ())
        known = None if interval is None else intervals_for(self.description, interval)
        given = handed(self.description, x, lengths, future)
        batch = batch_of_arrays(self.description, given.x, given.lengths, given.future)
        outputs = self.predict_batch(batch)
        if known is None:
            return outputs[0] if given.alone else outputs
        found = with_intervals(known, batch.x, outputs, interval or ())
        return found.of_first() if given.alone else found

    def predict_frame(self, frame: pd.DataFrame, *, interval: Sequence[int] = ()) -> pd.DataFrame:
        """Predict from a table of raw rows.

        Args:
            frame: For a forecast the series up to now, a row a time step: the `horizon_steps` after its last
                row are predicted; where channels are known in advance, those rows follow with the targets empty. For
                tokens a row a text in the column `text`. Else a row a step, with the config's `id` column naming the
                sequence. Times and ids may stand in the index.
            interval: Levels in percent, such as `(80, 95)`.

        Returns:
            A row a predicted step with its time, a row a sequence, or a row a step of each sequence.

        Raises:
            DataError: A column is missing, there are too few rows, or a value is no number.
            UsageError: The champion holds no intervals of these levels.
        """
        batch = batch_of_frame(self.description, with_index(self.description, frame), "the table")
        return self.tabulate(batch, interval).table

    def predict_batch(self, batch: Batch, progress: Callable[[int], None] = lambda _: None) -> Floats:
        """Predict from a batch that was checked, a few hundred sequences at a time; the same shapes as `predict`.

        Args:
            batch: As many sequences as memory holds.
            progress: Called with the number of sequences done so far.
        """
        feed = [getattr(batch, name) for name in self.description.inputs]
        outputs = []
        for start in range(0, len(batch.x), ROWS_A_CALL):
            outputs.append(self._call([values[start : start + ROWS_A_CALL] for values in feed]))
            progress(min(start + ROWS_A_CALL, len(batch.x)))
        return np.concatenate(outputs)

    def tabulate(self, batch: Batch, interval: Sequence[int] = ()) -> Predictions:
        """Predictions with names, times and classes, and intervals of these levels, as tables and as arrays."""
        if interval:
            intervals_for(self.description, interval)
        return predictions_of(self.description, batch, self.predict_batch(batch), interval)

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


def _is_table(x: Any) -> TypeGuard[pd.DataFrame]:
    return hasattr(x, "columns") and hasattr(x, "iloc")  # so that pandas is not imported for arrays


def load(
    name_or_path: str | Path,
    store: Store | str | Path | None = None,
    code: str | Path | Sequence[str | Path] | None = None,
    *,
    tracking_uri: str | None = None,
) -> Champion:
    """A champion, by its registered name or its folder.

    Args:
        name_or_path: A folder; or `name` (its champion, else its candidate), `name@alias`, `name/3`,
            `models:/…`.
        store: Where names are looked up: a store, or its folder; `./mlruns` by default.
        tracking_uri: MLflow's store, when it is another than the database in that folder.
        code: The file that a model with layers of your own needs, whose SHA-256 the champion holds. It is run. No other
            champion needs one, and none runs code that is not named here. Of several the one with that digest is run.

    Raises:
        UsageError: The name is unknown; the message offers near names.
        ExportError: The model cannot be loaded, or needs code that is not named.
        StoreError: The store cannot be used.
    """
    if not isinstance(name_or_path, str | Path):
        kind = type(name_or_path).__name__
        raise UsageError(f"load({kind}): expected the name of a registered model, such as 'name/3', or a folder")
    if isinstance(store, str | Path) or (store is None and tracking_uri):
        store = find_store(Path(store) if store else None, tracking_uri)
    found = locate(name_or_path, store)
    named = [code] if isinstance(code, str | Path) else code or ()
    if not isinstance(named, Sequence) or not all(isinstance(file, str | Path) for file in named):
        raise UsageError(f"load(code={code!r}): expected the path of a file, or a list of them")
    return replace(load_folder(found.folder, found.where, [Path(file) for file in named]), aliases=found.aliases)


class Located(NamedTuple):
    """Where a champion lies.

    Attributes:
        folder: Its folder.
        where: What messages call it.
        aliases: The registry's aliases that mean it; none of a folder that was named.
    """

    folder: Path
    where: str
    aliases: tuple[str, ...] = ()


def locate(name_or_path: str | Path, store: Store | None = None) -> Located:
    """Where the champion lies that a name or path means; the arguments and errors of `load`."""
    text = str(name_or_path)
    path = Path(text).expanduser()
    if path.suffix == ".keras" and path.is_file():
        path = path.parent
    if isinstance(name_or_path, Path) or path.is_dir():
        if not (path / FILE).is_file():
            raise UsageError(f"{path}: expected a champion's folder, got one without {FILE}")
        return Located(path, str(path))
    if text.startswith((".", "/", "~")) or path.suffix == ".keras":
        raise UsageError(f"{path}: expected a champion's folder or the name of a registered model")
    found = registry.resolve(store or find_store(), text)
    return Located(found.path, f"models:/{found.name}/{found.version}", found.aliases)


def load_folder(folder: Path, where: str = "", code: Sequence[Path] = ()) -> Champion:
    """The champion in a folder: one that was saved, or one that MLflow's registry keeps.

    Args:
        folder: Holds `champion.json`, and `model.keras` beside it or where MLflow puts it, in `data/`.
        where: What messages call it; the folder when empty.
        code: Files of which it may run the one that it needs, if it needs one.

    Raises:
        ExportError: It cannot be loaded.
    """
    description = read_description(folder)
    files = (folder / MODEL_FILE, folder / "data" / MODEL_FILE)
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        raise ExportError(f"{folder}: expected {MODEL_FILE} beside {FILE}, got none")
    classes = _classes(description, code, where or str(folder)) if description.code else None
    digest = _digest(folder / FILE, file)
    return Champion(description, read_model(file, classes), where or str(folder), folder.absolute(), digest)


def _digest(*files: Path) -> str:
    """One SHA-256 of the files' contents."""
    return hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()


def unpickled(folder: str, digest: str, where: str) -> Champion:
    """The champion that a pickle names; it holds neither weights nor code.

    Args:
        folder: Where its files were when it was pickled.
        digest: SHA-256 of them.
        where: What it was called.

    Raises:
        ExportError: The files are not there or are others now, or it needs code, which no pickle names.
    """
    path = Path(folder)
    if not (path / FILE).is_file():
        raise ExportError(
            f"pickle of {where}: its files are not in {folder} any more: expected harness.load({where!r})"
        )
    found = load_folder(path, where)
    if found.digest != digest:
        raise ExportError(
            f"pickle of {where}: the files in {folder} are others now (SHA-256 {found.digest[:12]}, expected "
            f"{digest[:12]}): expected harness.load({where!r})"
        )
    return found


def require_code(folder: Path, code: Sequence[Path], where: str) -> Path | None:
    """The file of the user's that a champion's model needs, which the caller names; None where it needs none.

    Args:
        folder: The champion's folder.
        code: The files that the caller names; they are read and not run.
        where: What messages call the champion.

    Raises:
        ExportError: It needs a file, and none is named.
        UsageError: It needs another one.
    """
    description = read_description(folder)
    return _file_of(description, code, where) if description.code else None


def _classes(description: Description, code: Sequence[Path], where: str) -> dict[str, type]:
    """The classes of the file that a model needs."""
    file = _file_of(description, code, where)
    load_tensorflow()
    return classes_of(file, description.code_sha256)


def _file_of(description: Description, code: Sequence[Path], where: str) -> Path:
    """The file that a model needs, which the caller names and which has the digest that it holds."""
    if not code:
        raise ExportError(
            f"{where}: holds layers of {description.code} (SHA-256 {description.code_sha256[:12]}), which lies beside "
            f"it as text, {CODE_FILE}: read it, then say that it may run: --code {description.code}, or load(…, code=…)"
        )
    return named_file(code, description.code_sha256)
