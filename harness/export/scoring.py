"""A champion behind MLflow's scoring server: a request's content in, predictions or a reason out.

The server hands over what it made of the JSON: a table of `dataframe_split` and `dataframe_records`, arrays of
`instances` and `inputs`. Both may hold either raw rows with the config's columns, or whole sequences as `x`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.data.dataset import pad
from harness.errors import DataError, UsageError, nearest
from harness.export.inputs.batches import batch_of_arrays, batch_of_frame
from harness.export.inputs.forecasts import Batch
from harness.export.predictor import Champion, load_folder
from harness.records import Answer
from harness.tracking.pyfunc import refuse_what_mlflow_does_not, wrong_request

if TYPE_CHECKING:
    pass

REQUEST = "the request"


class Scorer:
    """What the server calls; threads may call it at the same time."""

    def __init__(self, champion: Champion) -> None:
        self._champion = champion
        # The network is traced before the first request waits for it.
        description = champion.description
        steps, channels = description.steps or 1, () if description.vocabulary else (len(description.channels),)
        future = np.zeros((1, description.horizon_steps, len(description.known))) if description.known else None
        champion.predict(np.zeros((1, steps, *channels), int), future=future)

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Answer one request.

        Args:
            data: A table, an array (sequences, steps, channels), or a mapping of names to either's columns.
            params: MLflow's parameters of a request: `interval`, levels in percent.

        Returns:
            A table for a table; for arrays one entry a sequence: a forecast (steps, targets), numbers, a record with
            the class and its probabilities, or the probabilities of each real step (steps, outputs). With levels, a
            forecast and numbers are a record of `prediction`, `lower_80`, `upper_80` and so on.

        Raises:
            MlflowException: The request does not fit the champion; the server answers 400 with the reason.
        """
        try:
            return self._answer(data, tuple((params or {}).get("interval", ())))
        except (DataError, UsageError) as error:
            raise wrong_request(str(error)) from error

    def _answer(self, data: Any, interval: tuple[int, ...]) -> Any:
        import pandas as pd

        description = self._champion.description
        data = _as_columns(data)
        if isinstance(data, pd.DataFrame):
            if strange := [name for name in data.columns if not isinstance(name, str)]:
                raise DataError(f"{REQUEST}: column {strange[0]!r}: expected rows whose columns have names")
            return self._champion.tabulate(batch_of_frame(description, data, REQUEST), interval).table
        batch = _sequences(self._champion, data)
        if description.answer is Answer.CLASS and not description.task.per_step:
            return self._champion.tabulate(batch, interval).table
        if interval:
            arrays = self._champion.tabulate(batch, interval).arrays
            return [{name: values[at].tolist() for name, values in arrays.items()} for at in range(len(batch.x))]
        outputs = self._champion.predict_batch(batch)
        if not description.task.per_step:
            return outputs
        return [one[:length].tolist() for one, length in zip(outputs, batch.lengths, strict=True)]


def _as_columns(data: Any) -> Any:
    """A mapping with `x` for whole sequences, a table for raw rows, whichever of the forms they came in."""
    import pandas as pd

    if isinstance(data, list):  # records
        data = pd.DataFrame(data)
    if isinstance(data, pd.DataFrame) and "x" in data.columns and isinstance(data["x"].iloc[0], list | np.ndarray):
        return {name: data[name].tolist() for name in data.columns}
    if not isinstance(data, Mapping) or "x" in data:
        return data
    if wrong := [name for name, values in data.items() if np.ndim(values) != 1]:
        raise DataError(f"{REQUEST}: column {wrong[0]!r}: expected a list of values, one a row")
    try:
        return pd.DataFrame({name: list(values) for name, values in data.items()})
    except ValueError as error:
        raise DataError(f"{REQUEST}: the columns cannot be put side by side: {error}") from error


def _sequences(champion: Champion, data: Any) -> Batch:
    description = champion.description
    if not isinstance(data, Mapping):
        return batch_of_arrays(description, data, None)
    known = ("x", "lengths", *(["future"] if description.known else []))
    if strange := [name for name in data if name not in known]:
        hint = nearest(strange[0], known)
        raise DataError(f"{REQUEST}: {strange[0]!r}: expected {', '.join(known)}. {hint}")
    x, lengths = data["x"], data.get("lengths")
    if lengths is None and isinstance(x, list):
        x, lengths = _padded(x, 1 if description.vocabulary else 2)
    return batch_of_arrays(description, x, lengths, data.get("future"))


def _padded(sequences: list[Any], axes: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Sequences of different lengths in one array, and their lengths."""
    expected = "expected numbers (steps, channels)" if axes == 2 else "expected numbers of tokens (steps,)"
    arrays: list[npt.NDArray[Any]] = []
    for at, sequence in enumerate(sequences):
        try:
            arrays.append(np.array(sequence))
        except ValueError:
            raise DataError(f"{REQUEST}: x[{at}]: {expected}") from None
        one = arrays[-1]
        if one.ndim != axes or one.shape[1:] != arrays[0].shape[1:] or not len(one) or one.dtype.kind not in "biuf":
            raise DataError(f"{REQUEST}: x[{at}]: {one.dtype} {one.shape}: {expected}")
    return pad(arrays)


def _load_pyfunc(path: str, model_config: Mapping[str, Any] | None = None) -> Scorer:
    """What MLflow's server calls, in its own process, to load the model that it serves.

    Args:
        path: The champion's folder.
        model_config: `code`: files that the caller of `harness serve` named, of which the model may run its own.
    """
    refuse_what_mlflow_does_not()
    return Scorer(load_folder(Path(path), code=[Path(file) for file in (model_config or {}).get("code", ())]))
