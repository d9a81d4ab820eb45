"""Tokens of a table in the order of time: how times are read is decided at training and kept for `predict`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harness.config.dataset import DatasetConfig
from harness.config.times import Clock
from harness.data import load_dataset
from harness.data.readers.tokens import tokens_of_rows
from harness.errors import DataError
from harness.export.build import as_read


def log(days: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"case": "a", "step": [f"s{n}" for n in range(len(days))], "day": days})


def test_the_clock_of_training_orders_the_tokens_of_a_new_table(tmp_path: object) -> None:
    days = pd.date_range("2024-01-01", periods=200).strftime("%d/%m/%Y")
    steps = np.array(["open", "check", "close"])[np.arange(200) % 3]
    path = f"{tmp_path}/log.csv"
    pd.DataFrame({"case": np.arange(200) // 10, "step": steps, "day": days}).to_csv(path, index=False)
    task = {"kind": "next_token", "token": "step", "id": "case", "time": "day"}
    config = DatasetConfig.model_validate({"name": "log", "source": {"kind": "csv", "path": path}, "task": task})
    data = load_dataset(config)
    assert data.time_format == "%d/%m/%Y"
    kept = as_read(config, data)
    assert kept.source.time_format == "%d/%m/%Y"
    # Alone these three could be read with the month first, in another order.
    new = log(["05/02/2024", "04/03/2024", "03/04/2024"])
    raw = tokens_of_rows(new, kept.task, "new", clock=Clock(kept.source.time_format))
    assert raw.tokens == (("s0", "s1", "s2"),)


def test_times_that_can_be_read_in_two_ways_are_refused_for_tokens() -> None:
    config = {"kind": "next_token", "token": "step", "id": "case", "time": "day"}
    source = {"kind": "csv", "path": "log.csv"}
    task = DatasetConfig.model_validate({"name": "log", "source": source, "task": config}).task
    with pytest.raises(DataError, match="time_format"):
        tokens_of_rows(log(["05/02/2024", "04/07/2024", "03/04/2024"]), task, "log.csv")
