"""A champion through MLflow's registry and back, as MLflow's own loaders see it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import ExportError
from harness.export import load, load_folder, verify
from harness.store import Store
from harness.tracking import move_alias, register, resolve


def test_the_registered_model_is_the_saved_one(built: Any, store: Store, project: Any) -> None:
    project(store, built)
    registered = register(store, built.folder, {"verdict": "winner"})
    assert (registered.path / "data/model.keras").read_bytes() == (built.folder / "model.keras").read_bytes()
    move_alias(store, registered.name, registered.version, "champion")
    champion, saved = load(registered.name, store), load_folder(built.folder)
    assert champion.description == saved.description
    assert champion.where == f"models:/{registered.name}/1"
    with np.load(built.folder / "example.npz") as archive:
        arrays = [archive[name] for name in champion.description.inputs]
    assert np.array_equal(champion.predict(*arrays), saved.predict(*arrays))


def test_mlflow_loads_it_where_pickles_are_refused(
    classify: Any, store: Store, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(store, classify)
    folder = register(store, classify.folder, {}).path
    names = [path.name for path in folder.rglob("*")]
    assert not [name for name in names if "pickle" in name or name.endswith((".pkl", ".joblib", ".bin"))]
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.setenv("MLFLOW_ALLOW_MODEL_CODE_EXECUTION", "false")
    with np.load(classify.folder / "example.npz") as archive:
        x, lengths = archive["x"], archive["lengths"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, while its modules load
        import mlflow.keras
        import mlflow.pyfunc

        plain = mlflow.keras.load_model(str(folder)).predict([x, lengths], verbose=0)
        generic = mlflow.pyfunc.load_model(str(folder))
        served = generic.predict({"x": x.astype(np.float64), "lengths": lengths.astype(np.int64)})
    assert plain == pytest.approx(load_folder(classify.folder).predict(x, lengths), abs=1e-6)
    assert np.array_equal(served, plain)


def test_signature_and_example_fit_what_mlflow_would_serve(forecast: Any, store: Store, project: Any) -> None:
    project(store, forecast)
    folder = register(store, forecast.folder, {}).path
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, while its modules load
        from mlflow.models import Model
        from mlflow.pyfunc.scoring_server import infer_and_parse_data
    model = Model.load(str(folder))
    example = (folder / "serving_input_example.json").read_text()
    parsed = infer_and_parse_data(json.loads(example), model.signature.inputs)
    assert parsed.shape == (2, 12, 3)
    assert parsed.dtype == np.float64
    assert load_folder(folder).predict(parsed).shape == (2, 4, 1)


def test_what_the_registry_hands_out_is_proved_in_a_clean_process(
    classify: Any, store: Store, project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(store, classify)
    registered = register(store, classify.folder, {})
    # A file of the user's that has a library's name does not get in the way.
    (tmp_path / "keras.py").write_text("raise SystemExit('the wrong keras')")
    monkeypatch.chdir(tmp_path)
    path = resolve(store, f"{registered.name}/{registered.version}").path
    assert verify(path) == pytest.approx(classify.plain["test_score"], rel=1e-5)


def test_a_model_that_cannot_be_proved_says_why(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"the model cannot be proved: .*got one without champion.json"):
        verify(tmp_path)
