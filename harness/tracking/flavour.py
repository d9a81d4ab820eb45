"""A champion as a model folder of MLflow's Keras flavour, written without Keras, which takes 3 s to load.

MLflow's own `mlflow.keras.save_model` loads Keras to ask it for its version, and looks through all packages that are
installed for one that does not fit. What it writes is written here: `tests/export/test_flavour.py` compares.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.machine import installed_version
from harness.tracking.client import without_warnings

_BESIDE = ("champion.json", "trained_on.npz", "code.txt")
"""What of a saved champion lies beside MLflow's own files."""

_DATA = "data"
_CONDA, _PYTHON = "conda.yaml", "python_env.yaml"
_BUILD_PACKAGES = ("pip", "setuptools", "wheel")


def write_flavour(target: Path, folder: Path, champion: Mapping[str, Any], model: Any, run_id: str) -> None:
    """Write a saved champion as a model folder of MLflow's Keras flavour.

    Args:
        target: An empty folder.
        folder: The saved champion.
        champion: Its description.
        model: The logged model that it becomes.
        run_id: Id of the run that it came from.
    """
    with without_warnings():
        import mlflow.pyfunc
        from mlflow.models import Model
        from mlflow.models.utils import _save_example

    data = target / _DATA
    data.mkdir()
    shutil.copy2(folder / "model.keras", data)
    (data / "keras_module.txt").write_text("keras")
    described = Model(
        artifact_path=model.artifact_location, model_uuid=model.model_id, model_id=model.model_id, run_id=run_id
    )
    described.signature, described.metadata = _signature(champion), {"champion": dict(champion)}
    _save_example(described, _example(folder, champion), str(target))
    keras = {"keras_version": installed_version("keras"), "keras_backend": "tensorflow", "save_exported_model": False}
    described.add_flavor("keras", data=_DATA, **keras)
    mlflow.pyfunc.add_to_model(described, loader_module="mlflow.keras", conda_env=_CONDA, python_env=_PYTHON)
    described.model_size_bytes = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    described.save(str(target / "MLmodel"))
    _write_environment(target, [f"mlflow=={installed_version('mlflow')}", *champion["requirements"]])
    for name in _BESIDE:
        if (folder / name).is_file():
            shutil.copy2(folder / name, target / name)


def _write_environment(target: Path, requirements: Sequence[str]) -> None:
    """What loads the model, as pip, conda and MLflow's virtual environments read it."""
    import yaml

    python, build = platform.python_version(), [_pinned(name) for name in _BUILD_PACKAGES]
    pip = f"pip<={version}" if (version := installed_version("pip")) else "pip"
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", pip, {"pip": list(requirements)}],
    }
    own = {"python": python, "build_dependencies": build, "dependencies": ["-r requirements.txt"]}
    (target / "requirements.txt").write_text("\n".join(requirements))
    for name, content in ((_CONDA, conda), (_PYTHON, own)):
        (target / name).write_text(yaml.safe_dump(content, sort_keys=False))


def _pinned(name: str) -> str:
    version = installed_version(name)
    return f"{name}=={version}" if version else name


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
