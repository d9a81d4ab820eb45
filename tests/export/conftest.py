"""Champions of every task, built from fixed weights on tiny data: no training is needed to export."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.data import load_dataset
from harness.databases import copy_database
from harness.records import DataFacts, Phase, TaskKind, TrialKey, TrialRequest
from harness.store import Store
from harness.tracking import RunWriter, connect

VALUES = {"units": 4, "layers": 2, "bidirectional": True}
ONE_WAY = {**VALUES, "bidirectional": False}
SPACE = {
    "name": "gru",
    "layer": "GRU",
    "hyperparameters": {name: {"type": "Fixed", "value": value} for name, value in VALUES.items()},
}


@dataclass(frozen=True)
class Built:
    """A champion's folder, and what it was built from."""

    folder: Path
    plain: dict[str, Any]
    data: Path


def build(config: Mapping[str, Any], folder: Path, data: Path) -> Built:
    from harness.export.build import build_champion
    from harness.models import NetworkShape, build_network
    from harness.training.evaluate import in_original_units
    from harness.training.trial import save_weights

    parsed = DatasetConfig.model_validate(config)
    dataset = load_dataset(parsed)
    values = VALUES if dataset.knows_future else ONE_WAY
    network = build_network(NetworkShape.of(dataset), SearchSpace.model_validate(SPACE), values)
    random = np.random.default_rng(1)
    network.set_weights([random.normal(0, 0.3, weight.shape) for weight in network.get_weights()])
    save_weights(folder / "weights.npz", network.get_weights())
    test, scaling = dataset.test.open(), dataset.scaling
    arrays = {"x": test.x if dataset.vocabulary else scaling.scale_inputs(test.x), "lengths": test.lengths}
    if test.future is not None:
        arrays["future"] = scaling.scale_future(test.future)
    feed = [arrays[name] for name in NetworkShape.of(dataset).inputs]
    outputs = network.predict(feed if len(feed) > 1 else feed[0], verbose=0)
    score = dataset.score(test, in_original_units(dataset, test, outputs))
    request = TrialRequest(TrialKey(parsed.name, "gru", 1, Phase.SEARCH, 3), "gru", values, 11, 5, 5)
    plain = {
        "dataset": parsed.model_dump(mode="json"),
        "space": SPACE,
        "request": request.to_json(),
        "weights": str(folder / "weights.npz"),
        "folder": str(folder / "champion"),
        "test_score": score,
        "sweep_id": "s1",
        "digest": dataset.facts.digest,
    }
    assert build_champion(plain)["test_score"] == pytest.approx(score, rel=1e-5)
    return Built(Path(plain["folder"]), plain, data)


@pytest.fixture(scope="session")
def build_champion_of() -> Callable[[Mapping[str, Any], Path, Path], Built]:
    """Builds a champion of a card from fixed weights."""
    return build


@pytest.fixture(scope="session")
def forecast(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("forecast")
    hours = np.arange(240)
    frame = pd.DataFrame(
        {
            "time": pd.date_range("2024-01-01", periods=240, freq="h").strftime("%Y-%m-%dT%H:%M:%SZ"),
            "demand": 5000 + 300 * np.sin(hours / 24 * 2 * np.pi) + np.random.default_rng(0).normal(0, 20, 240),
            "temperature": 15 + 5 * np.cos(hours / 24 * 2 * np.pi),
            "holiday": hours % 7 == 0,
        }
    )
    frame.to_csv(folder / "load.csv", index=False)
    config = {
        "name": "load",
        "source": {"kind": "csv", "path": str(folder / "load.csv")},
        "task": {
            "kind": "forecast",
            "target": ["demand"],
            "features": ["demand", "temperature", "holiday"],
            "time": "time",
            "lookback_steps": 12,
            "horizon_steps": 4,
            "unit": "MWh",
        },
    }
    return build(config, folder, folder / "load.csv")


@pytest.fixture(scope="session")
def classify(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("classify")
    random = np.random.default_rng(2)
    lengths = random.integers(3, 9, 60)
    rows = [
        {
            "word": f"w{number:02d}",
            "t": step,
            "a": random.normal(),
            "b": random.normal(),
            "said": ("yes", "no", "perhaps")[number % 3],
        }
        for number, steps in enumerate(lengths)
        for step in range(steps)
    ]
    pd.DataFrame(rows).to_csv(folder / "words.csv", index=False)
    config = {
        "name": "words",
        "source": {"kind": "csv", "path": str(folder / "words.csv")},
        "task": {
            "kind": "classify",
            "target": "said",
            "features": ["a", "b"],
            "id": "word",
            "time": "t",
            "metric": "log_loss",
        },
    }
    return build(config, folder, folder / "words.csv")


@pytest.fixture(scope="session")
def regress(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("regress")
    config = {
        "name": "sums",
        "source": {"kind": "generator", "generator": "adding", "steps": 12, "sequences": 60},
        "task": {"kind": "regress", "metric": "mse"},
    }
    return build(config, folder, folder)


@pytest.fixture(scope="session")
def label(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("label")
    random = np.random.default_rng(3)
    rows = [
        {"who": f"w{who:02d}", "t": step, "a": random.normal(), "b": 100 * random.normal()}
        for who, steps in enumerate(random.integers(3, 9, 50))
        for step in range(steps)
    ]
    frame = pd.DataFrame(rows)
    frame.assign(doing=np.where(frame["a"] > 0, "run", "rest")).to_csv(folder / "steps.csv", index=False)
    config = {
        "name": "steps",
        "source": {"kind": "csv", "path": str(folder / "steps.csv")},
        "task": {
            "kind": "label",
            "target": ["doing"],
            "features": ["a", "b"],
            "id": "who",
            "time": "t",
            "metric": "log_loss",
        },
    }
    return build(config, folder, folder / "steps.csv")


@pytest.fixture(scope="session")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("letters")
    (folder / "letters.txt").write_text("the cat sat on the mat; " * 60, encoding="utf-8")
    config = {
        "name": "letters",
        "source": {"kind": "text", "form": "whole", "path": str(folder / "letters.txt")},
        "task": {"kind": "next_token", "window_steps": 20, "metric": "bits_per_character"},
    }
    return build(config, folder, folder / "letters.txt")


@pytest.fixture(scope="session")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Two shops, with a price that is known in advance."""
    folder = tmp_path_factory.mktemp("panel")
    random, days = np.random.default_rng(4), np.arange(120)
    frames = [
        pd.DataFrame(
            {
                "shop": shop,
                "day": pd.date_range("2024-01-01", periods=120, freq="D").strftime("%Y-%m-%d"),
                "sold": level + 20 * np.sin(days / 7 * 2 * np.pi) + random.normal(0, 3, 120),
                "price": 2 + (days % 10 == 0),
            }
        )
        for shop, level in (("north", 100), ("south", 300))
    ]
    pd.concat(frames).to_csv(folder / "shops.csv", index=False)
    config = {
        "name": "shops",
        "source": {"kind": "csv", "path": str(folder / "shops.csv")},
        "task": {
            "kind": "forecast",
            "target": ["sold"],
            "features": ["sold"],
            "known_covariates": ["price"],
            "id": "shop",
            "time": "day",
            "lookback_steps": 10,
            "horizon_steps": 3,
        },
    }
    return build(config, folder, folder / "shops.csv")


ENCODINGS: dict[str, dict[str, Any]] = {
    "log": {"encoding": {"scaling": "log"}},
    "difference": {"encoding": {"scaling": "difference"}},
    "mask": {"missing": "mask"},
    "calendar": {"encoding": {"calendar": ["hour", "weekday"]}},
}


@pytest.fixture(scope="session", params=ENCODINGS)
def encoded(request: pytest.FixtureRequest, forecast: Built, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The forecast again, once for each way of encoding values; where gaps are told, with gaps."""
    folder = tmp_path_factory.mktemp(request.param)
    frame = pd.read_csv(forecast.data)
    if request.param == "mask":
        frame.loc[frame.index % 9 == 0, "temperature"] = np.nan
    frame.to_csv(folder / "load.csv", index=False)
    plain = {key: value for key, value in forecast.plain["dataset"].items() if key in ("name", "task")}
    config = {**plain, "source": {"kind": "csv", "path": str(folder / "load.csv")}, **ENCODINGS[request.param]}
    return build(config, folder, folder / "load.csv")


@pytest.fixture(params=["forecast", "panel", "classify", "regress", "label", "letters"])
def of_every_task(request: pytest.FixtureRequest) -> Built:
    found: Built = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["forecast", "classify", "regress"])
def built(request: pytest.FixtureRequest) -> Built:
    found: Built = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Making MLflow's tables takes more than a second: once for all tests.
    root = tmp_path_factory.mktemp("template")
    connect(Store(root, f"sqlite:///{root / 'mlflow.db'}"))
    with closing(sqlite3.connect(root / "mlflow.db")) as database, database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return root / "mlflow.db"


@pytest.fixture
def store(tmp_path: Path, database: Path) -> Store:
    root = tmp_path / "mlruns"
    root.mkdir()
    copy_database(database, root / "mlflow.db")  # MLflow keeps a connection to it, so that it is not opened raw
    return Store(root, f"sqlite:///{root / 'mlflow.db'}")


@pytest.fixture
def project() -> Callable[[Store, Built], None]:
    """Makes the run of a champion's comparison, which registering needs."""

    def make(store: Store, built: Built) -> None:
        name = built.plain["dataset"]["name"]
        facts = DataFacts("A toy", TaskKind.FORECAST, (1, 1, 1), (1, 1), ("a",), ("a",), (), "0" * 40, "CC0", "in time")
        RunWriter(store, "s1", "nightly").comparison_started(name, facts, {})

    return make
