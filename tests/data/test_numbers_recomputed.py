"""Five real files, read and cut with pandas and NumPy alone: windows, parts and statistics are the same numbers."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.config import find_dataset
from harness.data import SequenceData, load_dataset


def data(name: str) -> SequenceData:
    config = find_dataset(name).config
    assert config is not None
    return load_dataset(config)


def file(package: str, inner: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    return Path(spec.submodule_search_locations[0], inner)


def blocks(rows: int, test: float, validation: float) -> list[tuple[int, int]]:
    tests, validations = round(rows * test), round(rows * validation)
    edges = [0, rows - tests - validations, rows - tests, rows]
    return list(itertools.pairwise(edges))


def agree(loaded: SequenceData, parts: list[tuple[Any, Any, Any]], middle: Mapping[str, Any]) -> None:
    """First rows, inputs and answers of the three parts, and the scaling, to the last digit."""
    found = (loaded.train, loaded.validation, loaded.test.open())
    for part, (rows, x, y) in zip(found, parts, strict=True):
        assert np.array_equal(part.rows, rows)
        assert np.array_equal(part.x, np.asarray(x, np.float32))
        assert np.array_equal(part.y, np.asarray(y, part.y.dtype))
    for name, values in middle.items():
        assert np.array_equal(getattr(loaded.scaling, name), np.asarray(values, np.float32)), name


def windows(
    inputs: Any, targets: Any, edges: list[tuple[int, int]], back: int, ahead: int, stride: int, first: int = 0
) -> list[tuple[Any, Any, Any]]:
    parts = []
    for low, high in edges:
        every = range(low, high - back - ahead + 1, stride)
        starts = [at for at in every if not np.isnan(targets[at + back : at + back + ahead]).any()]
        x = [pd.DataFrame(inputs[at : at + back]).interpolate(limit_direction="both").to_numpy() for at in starts]
        y = [targets[at + back : at + back + ahead] for at in starts]
        parts.append((np.array(starts) + first, x, y))
    return parts


def statistics(values: Any) -> tuple[Any, Any]:
    rounded = np.asarray(values, np.float32).astype(float)  # the numbers that are scaled
    return np.nanmean(rounded, axis=0), np.nanstd(rounded, axis=0)


def test_sunspots() -> None:
    table = pd.read_csv(file("statsmodels", "datasets/sunspots/sunspots.csv"))
    values = table[["SUNACTIVITY"]].to_numpy(float)
    edges = blocks(len(values), 0.2, 0.2)
    mean, spread = statistics(values[: edges[0][1]])
    names = {"input_mean": mean, "input_scale": spread, "output_mean": mean, "output_scale": spread}
    agree(data("sunspots"), windows(values, values, edges, 22, 1, 1), names)


def test_weekly_co2_whose_gaps_are_inputs_and_never_answers() -> None:
    table = pd.read_csv(file("statsmodels", "datasets/co2/co2.csv"))
    values = table[["co2"]].to_numpy(np.float32).astype(float)
    edges = blocks(len(values), 0.15, 0.15)
    parts = windows(values, values, edges, 104, 13, 1)
    changes = np.diff(values[: edges[0][1]], axis=0)
    mean, spread = np.nanmean(changes.astype(np.float32).astype(float)), 0.0
    loaded = data("co2")
    agree(loaded, parts, {"input_mean": [mean]})
    rows, x, y = parts[0]
    ahead = (np.asarray(y, np.float32) - np.asarray(x, np.float32)[:, -1:]).astype(float)
    spread = ahead.std()
    assert loaded.scaling.output_mean[0] == np.float32(ahead.mean(axis=(0, 1))[0])
    assert loaded.scaling.output_scale[0] == pytest.approx(spread, rel=1e-6)
    assert len(rows) < edges[0][1] - 116  # windows whose answers have gaps are left out


def test_electricity_of_the_last_year() -> None:
    table = pd.read_csv(file("tsdata", "fpp3/vic_elec.csv")).iloc[-17520:]
    inputs = table[["Demand", "Temperature", "Holiday"]].to_numpy(float)
    edges = blocks(17520, 0.15, 0.15)
    mean, spread = statistics(inputs[: edges[0][1]])
    names = {"input_mean": mean, "input_scale": spread, "output_mean": mean[:1], "output_scale": spread[:1]}
    parts = windows(inputs, inputs[:, :1], edges, 48, 48, 12, 52608 - 17520)
    agree(data("vic_elec"), parts, names)


def test_pedestrians_of_one_sensor_with_the_calendar() -> None:
    table = pd.read_csv(file("tsdata", "fpp3/pedestrian.csv"))
    table = table[table["Sensor"] == "Southern Cross Station"]
    stamps = pd.to_datetime(table["Date_Time"], utc=True).dt.tz_localize(None)
    day, week = stamps.dt.hour / 24, stamps.dt.dayofweek / 7
    angles = [2 * np.pi * turn.to_numpy() for turn in (day, week)]
    waves = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
    inputs = np.stack([table["Count"].to_numpy(float), *waves], axis=1)
    edges = blocks(len(inputs), 0.15, 0.15)
    mean, spread = statistics(inputs[: edges[0][1]])
    grid = [(-(-low // 6) * 6, high) for low, high in edges]  # of the series, not of each part
    parts = windows(inputs, inputs[:, :1], grid, 48, 24, 6)
    agree(data("pedestrian"), parts, {"output_mean": mean[:1], "output_scale": spread[:1]})


def test_weather_of_seattle_day_by_day() -> None:
    table = pd.read_csv(file("vega_datasets", "_data/seattle-weather.csv"))
    inputs = table[["precipitation", "temp_max", "temp_min", "wind"]].to_numpy(float)
    answers = pd.Categorical(table["weather"]).codes  # by the alphabet
    edges = blocks(len(table), 0.15, 0.15)
    parts = []
    for low, high in edges:
        starts = range(low, high - 14 + 1, 2)
        parts.append(
            ([0] * len(starts), [inputs[at : at + 14] for at in starts], [answers[at : at + 14] for at in starts])
        )
    loaded = data("seattle_weather")
    mean, spread = statistics(np.concatenate(parts[0][1]))
    agree(loaded, parts, {"input_mean": mean, "input_scale": spread})
    assert loaded.classes == tuple(sorted(set(table["weather"])))
