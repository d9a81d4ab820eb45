"""A champion through MLflow's registry and back, as MLflow's own loaders see it."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.export import load, load_folder, verify
from harness.export.description import read_description
from harness.records import DataFacts, TaskKind
from harness.store import Store
from harness.tracking import Projector, move_alias, register, resolve

LOAD_WITH_MLFLOW = """
import sys, numpy as np, mlflow
uri, name, arrays = sys.argv[1:]
mlflow.set_tracking_uri(uri)
with np.load(arrays) as archive:
    given = {key: archive[key] for key in archive.files}
feed = list(given.values()) if len(given) > 1 else given["x"]
plain = mlflow.keras.load_model(f"models:/{name}@champion").predict(feed, verbose=0)
given = {key: array.astype("float64" if key == "x" else "int64") for key, array in given.items()}
generic = mlflow.pyfunc.load_model(f"models:/{name}@champion")
assert np.array_equal(generic.predict(given if len(given) > 1 else given["x"]), plain)
np.save(sys.stdout.buffer, plain)
"""


def _project(store: Store, built: Any) -> None:
    description = read_description(built.folder)
    facts = DataFacts("A toy", TaskKind.FORECAST, (1, 1, 1), (1, 1), ("a",), ("a",), (), "0" * 40, "CC0", "in time")
    Projector(store, "s1", "nightly").comparison_started(description.name, facts, {})


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from harness.tracking import connect

    root = tmp_path_factory.mktemp("template")
    connect(Store(root, f"sqlite:///{root / 'mlflow.db'}"))
    with sqlite3.connect(root / "mlflow.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return root / "mlflow.db"


@pytest.fixture
def store(tmp_path: Path, database: Path) -> Store:
    root = tmp_path / "mlruns"
    root.mkdir()
    shutil.copy(database, root / "mlflow.db")
    return Store(root, f"sqlite:///{root / 'mlflow.db'}")


def test_the_registered_model_is_the_saved_one(built: Any, store: Store) -> None:
    _project(store, built)
    registered = register(store, built.folder, {"verdict": "winner"})
    assert (registered.path / "data/model.keras").read_bytes() == (built.folder / "model.keras").read_bytes()
    move_alias(store, registered.name, registered.version, "champion")
    champion, saved = load(registered.name, store), load_folder(built.folder)
    assert champion.description == saved.description
    assert champion.where == f"models:/{registered.name}/1"
    with np.load(built.folder / "example.npz") as archive:
        arrays = [archive[name] for name in champion.description.inputs]
    assert np.array_equal(champion.predict(*arrays), saved.predict(*arrays))


def test_mlflow_loads_it_where_pickles_are_refused(classify: Any, store: Store, tmp_path: Path) -> None:
    _project(store, classify)
    registered = register(store, classify.folder, {})
    move_alias(store, registered.name, registered.version, "champion")
    names = [path.name for path in registered.path.rglob("*")]
    assert not [name for name in names if "pickle" in name or name.endswith((".pkl", ".joblib", ".bin"))]
    arguments = [store.tracking_uri, registered.name, str(classify.folder / "example.npz")]
    done = subprocess.run(
        [sys.executable, "-c", LOAD_WITH_MLFLOW, *arguments],
        capture_output=True,
        check=False,
        env={
            **os.environ,
            "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
            "MLFLOW_ALLOW_MODEL_CODE_EXECUTION": "false",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    got = np.load(io.BytesIO(done.stdout[done.stdout.index(b"\x93NUMPY") :]))
    with np.load(classify.folder / "example.npz") as archive:
        expected = load_folder(classify.folder).predict(archive["x"], archive["lengths"])
    assert got == pytest.approx(expected, abs=1e-6)


def test_signature_and_example_fit_what_mlflow_would_serve(forecast: Any, store: Store) -> None:
    _project(store, forecast)
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


def test_what_the_registry_hands_out_is_proved_in_a_clean_process(regress: Any, store: Store) -> None:
    _project(store, regress)
    registered = register(store, regress.folder, {})
    path = resolve(store, f"{registered.name}/{registered.version}").path
    assert verify(path) == pytest.approx(regress.plain["test_score"], rel=1e-5)
