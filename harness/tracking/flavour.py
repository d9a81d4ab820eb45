"""A saved champion → a folder as MLflow's Keras flavour keeps it: one `.keras` file, no pickle, a signature."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.starting import load_tensorflow
from harness.tracking.connection import without_warnings

_BESIDE = ("champion.json", "trained_on.npz")
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
                artifact_path=model.artifact_location,
                model_uuid=model.model_id,
                model_id=model.model_id,
                run_id=run_id,
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
    return ModelSignature(Schema(inputs), Schema([TensorSpec(np.dtype("float32"), tuple(champion["output"]))]))


def _type_of(name: str, champion: Mapping[str, Any]) -> str:
    whole = name == "lengths" or (name == "x" and champion.get("vocabulary"))
    return "int64" if whole else "float64"


def _example(folder: Path, champion: Mapping[str, Any]) -> Any:
    import numpy as np

    with np.load(folder / "example.npz", allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays = {name: array.astype(_type_of(name, champion)) for name, array in arrays.items()}
    return arrays if len(arrays) > 1 else arrays["x"]
