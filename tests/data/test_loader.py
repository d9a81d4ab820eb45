"""A user's function as a source: loaded by its path, said on the screen once, its faults told in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config.dataset import DatasetConfig
from harness.data import load_dataset
from harness.errors import DataError

CODE = """
import numpy as np
import pandas as pd

def arrays(n=30):
    random = np.random.default_rng(0)
    return {"x": [random.random((3 + i % 2, 2)) for i in range(n)], "y": np.arange(n) % 2, "groups": np.arange(n) % 5}

def steps():
    x = np.random.default_rng(0).random((30, 6, 2))
    return {"x": x, "y": (x[:, :, 0] > 0.5).astype(int)}

def table():
    rows = 40
    return pd.DataFrame({"who": np.repeat(np.arange(20), 2), "v": np.arange(rows), "label": np.repeat(["a", "b"], 20)})

def series():
    return pd.DataFrame({"y": np.arange(100.0)})

def nothing():
    return None

def broken():
    raise RuntimeError("no way")
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DatasetConfig]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_data.py").write_text(CODE)

    def make(function: str, task: Any = None, **more: Any) -> DatasetConfig:
        arguments = more.pop("arguments", {})
        source = {"kind": "loader", "loader": f"{tmp_path}/my_data.py:{function}", "arguments": arguments}
        return DatasetConfig.model_validate(
            {"name": "toy", "source": source, "task": task or {"kind": "classify"}, **more}
        )

    return make


def test_arrays_with_arguments_and_groups(
    config: Callable[..., DatasetConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    before = list(sys.path)
    data = load_dataset(config("arrays", arguments={"n": 40}, split={"rule": "group"}))
    assert sum(data.facts.sizes) == 40
    assert data.facts.steps == (3, 4)
    assert capsys.readouterr().err == "running my_data.py, whose arrays a config names\n"
    assert sys.path == before
    load_dataset(config("arrays"))
    assert "running" not in capsys.readouterr().err


def test_labels_have_the_channels_that_are_asked_for(config: Callable[..., DatasetConfig]) -> None:
    data = load_dataset(config("steps", {"kind": "label", "features": ["channel_2"]}))
    assert (data.channels, data.train.x.shape[1:], data.train.y.shape[1:]) == (("channel_2",), (6, 1), (6,))


def test_tables_of_sequences_and_of_one_series(config: Callable[..., DatasetConfig]) -> None:
    data = load_dataset(config("table", {"kind": "classify", "target": "label", "id": "who"}))
    assert sum(data.facts.sizes) == 20
    task = {"kind": "forecast", "target": ["y"], "lookback_steps": 4, "last_rows": 50}
    data = load_dataset(config("series", task))
    assert data.train.x[0, :, 0].tolist() == [50, 51, 52, 53]
    assert data.train.rows[0] == 50


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("array", r"my_data.py: has no function 'array'. Did you mean arrays\?$"),
        ("nothing", "^my_data.py:nothing: returned nothing: expected a pandas table, or a dictionary with x and y$"),
        ("broken", "^my_data.py:broken: raised RuntimeError: no way$"),
        ("table", r"^my_data.py:table: returned a table: expected \[task\] target and id"),
    ],
)
def test_faults(function: str, message: str, config: Callable[..., DatasetConfig]) -> None:
    with pytest.raises(DataError, match=message):
        load_dataset(config(function))


def test_a_file_that_cannot_be_run(config: Callable[..., DatasetConfig], tmp_path: Path) -> None:
    (tmp_path / "my_data.py").write_text("def broken(:\n")
    with pytest.raises(DataError, match=r"my_data.py: cannot be loaded: SyntaxError: "):
        load_dataset(config("other"))


def test_digits_are_in_scikit_learn() -> None:
    source, task = {"kind": "sklearn", "dataset": "digits"}, {"kind": "classify"}
    data = load_dataset(DatasetConfig.model_validate({"name": "d", "source": source, "task": task}))
    assert sum(data.facts.sizes) == 1797
    assert data.train.x.shape[1:] == (8, 8)
    assert data.classes == tuple("0123456789")
    assert float(np.max(data.train.x)) == 16
