"""Champions of the three tasks, built from fixed weights on tiny data: no training is needed to export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.cards.schema import DatasetCard, SpaceCard
from harness.data import load_dataset
from harness.records import Phase, TrialKey, TrialRequest

VALUES = {"units": 4, "layers": 2, "bidirectional": True}
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


def build(card: Mapping[str, Any], folder: Path, data: Path) -> Built:
    from harness.export.building import build_champion
    from harness.metrics import METRICS
    from harness.models import NetworkShape, build_network
    from harness.training.scoring import in_original_units
    from harness.training.trial import save_weights

    parsed = DatasetCard.model_validate(card)
    dataset = load_dataset(parsed)
    network = build_network(NetworkShape.of(dataset), SpaceCard.model_validate(SPACE), VALUES)
    random = np.random.default_rng(1)
    network.set_weights([random.normal(0, 0.3, weight.shape) for weight in network.get_weights()])
    save_weights(folder / "weights.npz", network.get_weights())
    test = dataset.test.open()
    x = dataset.scaling.scale_inputs(test.x)
    outputs = network.predict([x, test.lengths] if dataset.masked else x, verbose=0)
    score = METRICS[parsed.task.metric].score(test.y, in_original_units(dataset, test, outputs))
    request = TrialRequest(TrialKey(parsed.name, "gru", 1, Phase.SEARCH, 3), "gru", VALUES, 11, 5, 5)
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
    card = {
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
    return build(card, folder, folder / "load.csv")


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
    card = {
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
    return build(card, folder, folder / "words.csv")


@pytest.fixture(scope="session")
def regress(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("regress")
    card = {
        "name": "sums",
        "source": {"kind": "generator", "generator": "adding", "steps": 12, "sequences": 60},
        "task": {"kind": "regress", "metric": "mse"},
    }
    return build(card, folder, folder)


@pytest.fixture(params=["forecast", "classify", "regress"])
def built(request: pytest.FixtureRequest) -> Built:
    found: Built = request.getfixturevalue(request.param)
    return found
