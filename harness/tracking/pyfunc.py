"""A champion as MLflow's flavours take it: a folder of its Keras flavour, and one for its scoring server.

What is registered stays a plain Keras model with a signature. What `harness serve` serves is a folder around it
without one: MLflow's own check against a signature knows tensors or tables, never both, and says of a wrong request
what its types are, not what is wrong with it. Here the champion's own checks answer.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness._tensorflow import load_tensorflow, settled_environment
from harness.tracking.client import prepare_environment, without_warnings
from harness.tracking.server import Server, running

_BESIDE = ("champion.json", "trained_on.npz", "code.txt")
"""What of a saved champion lies beside MLflow's own files."""


def write_flavour(target: Path, folder: Path, champion: Mapping[str, Any], model: Any, run_id: str) -> None:
    """Write a saved champion as a model folder of MLflow's Keras flavour.

    Args:
        target: An empty folder.
        folder: The saved champion.
        champion: Its description.
        model: The logged model that it becomes.
        run_id: Id of the run that it came from.
    """
    load_tensorflow()
    with without_warnings():
        import mlflow.keras
        from mlflow.models import Model

        mlflow.keras.save_model(
            _SavedModel(folder / "model.keras"),
            str(target),
            mlflow_model=Model(
                artifact_path=model.artifact_location, model_uuid=model.model_id, model_id=model.model_id, run_id=run_id
            ),
            signature=_signature(champion),
            input_example=_example(folder, champion),
            # Inferred requirements take five seconds and a process of their own; explicit ones 0.01 s.
            pip_requirements=list(champion["requirements"]),
            metadata={"champion": dict(champion)},
        )
    for name in _BESIDE:
        if (folder / name).is_file():
            shutil.copy2(folder / name, target / name)


class _SavedModel:
    """Stands for the model where MLflow saves it, so that the file goes in byte for byte."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def save(self, path: str) -> None:
        shutil.copy2(self._file, path)


def _signature(champion: Mapping[str, Any]) -> Any:
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    # Doubles and long integers, since that is what Python, NumPy and JSON give: MLflow compares types to the
    # letter, and a float32 signature refuses doubles.
    types = {name: np.dtype(_type_of(name, champion)) for name in ("x", "lengths", "future")}
    shapes = champion["inputs"]
    # A single input has no name: by a name Keras would warn that a dictionary is not the structure it knows.
    inputs = [
        TensorSpec(types[name], tuple(shape), name if len(shapes) > 1 else None) for name, shape in shapes.items()
    ]
    return ModelSignature(Schema(inputs), Schema([TensorSpec(_output_type(champion), tuple(champion["output"]))]))


def _type_of(name: str, champion: Mapping[str, Any]) -> str:
    whole = name == "lengths" or (name == "x" and champion.get("vocabulary"))
    return "int64" if whole else "float64"


def _output_type(champion: Mapping[str, Any]) -> Any:
    import numpy as np

    numbers = champion["task"] in ("forecast", "regress")
    return np.dtype(champion.get("dtype", "float32") if numbers else "float32")


def _example(folder: Path, champion: Mapping[str, Any]) -> Any:
    import numpy as np

    with np.load(folder / "example.npz", allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays = {name: array.astype(_type_of(name, champion)) for name, array in arrays.items()}
    return arrays if len(arrays) > 1 else arrays["x"]


FOLDER_PREFIX, SERVED = "harness-", "model"
"""How the temporary folder is named that a server runs in, and what of it is served."""


@contextlib.contextmanager
def scoring(folder: Path, loader: str, port: int, code: Sequence[Path] = ()) -> Iterator[Server]:
    """Run `mlflow models serve --env-manager local` on a champion's folder until the block is left.

    Args:
        folder: The champion's folder.
        loader: Dotted path of the module whose `_load_pyfunc(path, model_config)` loads it.
        port: A free port.
        code: Files of which the server may run the one that the champion needs.

    Raises:
        StoreError: The server ended, or did not answer within two minutes.
    """
    with without_warnings():
        import mlflow.pyfunc
        from mlflow.models import Model, ModelSignature
        from mlflow.types import ParamSchema, ParamSpec

    environment: dict[str, str] = {**settled_environment(os.environ), "TF_CPP_MIN_LOG_LEVEL": "3"}
    prepare_environment(environment)
    # Of parameters alone: what is predicted from, the champion checks itself.
    described = Model(signature=ModelSignature(params=ParamSchema([ParamSpec("interval", "long", [], (-1,))])))
    config = {"code": [str(file.expanduser().absolute()) for file in code]} if code else None
    mlflow.pyfunc.add_to_model(described, loader_module=loader, data=str(folder.absolute()), model_config=config)
    with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as temporary:
        served = Path(temporary, SERVED)
        served.mkdir()
        described.save(str(served / "MLmodel"))
        arguments = ["models", "serve", "--model-uri", str(served), "--env-manager", "local"]
        with running(arguments, port, Path(temporary), environment, remove=True) as server:
            yield server


def refuse_what_mlflow_does_not() -> None:
    """In the server's process: answer 400 with a reason where MLflow 3.17 fails with 500 before it asks the model."""
    with without_warnings():
        from mlflow.pyfunc import scoring_server

    invocations = scoring_server.invocations
    if hasattr(invocations, "__wrapped__"):
        return

    @functools.wraps(invocations)
    def answered(data: Any, content_type: str | None, *more: Any) -> Any:
        if content_type is None:
            raise wrong_request(f"the request: no Content-Type: expected {', '.join(scoring_server.CONTENT_TYPES)}")
        try:
            return invocations(data, content_type, *more)
        except RecursionError as error:
            raise wrong_request("the request: its JSON is nested too deeply") from error
        except ValueError as error:  # json.loads refuses to read numbers of thousands of digits
            if "integer string conversion" not in str(error):
                raise
            raise wrong_request("the request: a number has too many digits") from error

    scoring_server.invocations = answered


def wrong_request(why: str) -> Exception:
    """What a served model raises for its server to answer 400 with these words and nothing else."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

    class WrongRequest(MlflowException):  # type: ignore[misc]
        def serialize_as_json(self) -> str:
            # The server puts all of the request's data before the reason.
            return json.dumps({"error_code": self.error_code, "message": why})

    return WrongRequest(why, error_code=INVALID_PARAMETER_VALUE)
