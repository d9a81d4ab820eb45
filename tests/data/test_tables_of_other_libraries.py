"""Tables of Polars and Hugging Face as a program hands them over; skipped where the libraries are not installed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config import find_dataset
from harness.data import load_dataset
from harness.errors import DataError
from harness.records import DataFacts
from harness.sweeps.from_memory import write_dataset

SERIES = {
    "t": [dt.datetime(2024, 1, 1) + dt.timedelta(hours=hour) for hour in range(400)],
    "y": np.sin(np.arange(400) / 5),
}
FORECAST = {"target": ["y"], "time": "t", "lookback_steps": 24, "horizon_steps": 6}
SEQUENCES = {
    "who": np.repeat(np.arange(40), 5),
    "v": np.random.default_rng(0).normal(size=200),
    "c": np.repeat([0, 1] * 20, 5),
}
CLASSES = {"target": "c", "id": "who", "features": ["v"]}


def facts(folder: Path, x: Any, task: str, more: dict[str, Any]) -> DataFacts:
    config = find_dataset(str(write_dataset(folder, None, x, None, None, None, task, more))).config
    assert config is not None
    return load_dataset(config).facts


def test_tables_of_polars(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    table = polars.DataFrame(SERIES)
    assert facts(tmp_path, table, "forecast", FORECAST).sizes == (251, 31, 31)
    decimals = table.with_columns(polars.col("y").cast(polars.Decimal(10, 4)))
    assert facts(tmp_path, decimals, "forecast", FORECAST).sizes == (251, 31, 31)
    with pytest.raises(DataError, match=r"LazyFrame: expected arrays or a table: X\.collect\(\)\.to_pandas\(\)"):
        facts(tmp_path, table.lazy(), "forecast", FORECAST)
    names = polars.DataFrame(SEQUENCES).with_columns(
        polars.col("c").replace_strict({0: "cat", 1: "dog"}).cast(polars.Enum(["cat", "dog"]))
    )
    assert facts(tmp_path, names, "classify", CLASSES).classes == ("cat", "dog")


def test_classes_of_hugging_face_keep_their_names(tmp_path: Path) -> None:
    pytest.importorskip("datasets.arrow_dataset")  # a folder `datasets` is a package, too
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict(SEQUENCES)
    assert facts(tmp_path, table, "classify", CLASSES).classes == ("0", "1")
    named = table.cast_column("c", datasets.ClassLabel(names=["cat", "dog"]))
    assert facts(tmp_path, named, "classify", CLASSES).classes == ("cat", "dog")
    with pytest.raises(DataError, match=r"DatasetDict of train: expected one table or array: X\['train'\]"):
        facts(tmp_path, datasets.DatasetDict(train=table), "classify", CLASSES)
