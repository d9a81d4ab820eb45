"""The folder that is registered is the one that MLflow's Keras flavour writes, to its last file."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from harness.tracking.client import without_warnings
from harness.tracking.flavour import _example, _signature, write_flavour


class _Saved:
    """Stands for the model where MLflow saves it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def save(self, path: str) -> None:
        Path(path).write_bytes(self._file.read_bytes())


def _content(file: Path) -> Any:
    if file.name == "MLmodel" or file.suffix == ".yaml":
        return {key: value for key, value in yaml.safe_load(file.read_text()).items() if key != "utc_time_created"}
    return file.read_bytes()


def test_a_registered_folder_is_the_one_that_mlflow_writes(of_every_task: Any, tmp_path: Path) -> None:
    saved = of_every_task.folder
    champion = json.loads((saved / "champion.json").read_text())
    model = SimpleNamespace(artifact_location="file:///somewhere", model_id="m-1")
    own, theirs = tmp_path / "own", tmp_path / "theirs"
    own.mkdir()
    theirs.mkdir()
    write_flavour(own, saved, champion, model, "run")
    with without_warnings():
        import mlflow.keras
        from mlflow.models import Model

        mlflow.keras.save_model(
            _Saved(saved / "model.keras"),
            str(theirs),
            mlflow_model=Model(artifact_path=model.artifact_location, model_uuid="m-1", model_id="m-1", run_id="run"),
            signature=_signature(champion),
            input_example=_example(saved, champion),
            pip_requirements=list(champion["requirements"]),
            metadata={"champion": champion},
        )
    files = {str(file.relative_to(theirs)) for file in theirs.rglob("*") if file.is_file()}
    written = {str(file.relative_to(own)) for file in own.rglob("*") if file.is_file()}
    assert written - files <= {"champion.json", "trained_on.npz", "code.txt"}
    assert {name: _content(own / name) for name in files} == {name: _content(theirs / name) for name in files}
