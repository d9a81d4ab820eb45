from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.config.dataset import DatasetConfig
from harness.data import load_dataset
from harness.data.readers.series import calendar_channels, channel_names
from harness.errors import DataError

CYCLES = ("minute", "hour", "weekday", "day", "month", "year")


def test_each_channel_is_a_point_on_its_circle_and_comes_round() -> None:
    stamps = pd.Series(pd.date_range("2024-01-01", periods=3 * 366 * 24, freq="h"))
    made = calendar_channels(stamps, CYCLES, "t")
    pairs = made.reshape(len(stamps), len(CYCLES), 2)
    assert np.allclose(np.square(pairs).sum(axis=2), 1, atol=1e-6)
    assert np.allclose(pairs[0], [0, 1], atol=1e-6)  # midnight of a Monday, the first of January
    assert np.allclose(pairs[:-24, 1], pairs[24:, 1], atol=1e-6)
    assert np.allclose(pairs[:-168, 2], pairs[168:, 2], atol=1e-6)
    assert np.allclose(pairs[6, 1], [1, 0], atol=1e-6)  # six in the morning


def card_of(path: Path, **task: Any) -> DatasetConfig:
    plain = {"kind": "forecast", "target": ["y"], "time": "t", "lookback_steps": 4} | task
    source = {"kind": "csv", "path": str(path)}
    return DatasetConfig.model_validate(
        {"name": "toy", "source": source, "task": plain, "encoding": {"calendar": ["hour"], "scaling": "log"}}
    )


def test_a_forecast_gets_the_channels_after_its_own(write_table: Callable[..., Path]) -> None:
    stamps = pd.date_range("2024-01-01", periods=100, freq="h").astype(str)
    data = load_dataset(card_of(write_table(t=stamps, y=range(100))))
    assert data.channels == ("y", *channel_names(["hour"]))
    assert data.train.x[0, :, 2] == pytest.approx(np.cos(np.arange(4) / 24 * 2 * np.pi))
    assert data.scaling.changed == (0,)


def test_numbers_are_no_calendar(write_table: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"column 't' holds numbers: expected dates or times for "):
        load_dataset(card_of(write_table(t=range(100), y=range(100))))
    stamps = pd.date_range("2024-01-01", periods=100, freq="h").astype(str)
    with pytest.raises(DataError, match="has a column 'hour_sine' already"):
        load_dataset(card_of(write_table(t=stamps, y=range(100), hour_sine=range(100))))
