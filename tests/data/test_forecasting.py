"""Panels and what is known in advance: no window leaves its series, its part or its hour."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config.dataset import DatasetConfig
from harness.data import load_dataset
from harness.errors import DataError

Table = Callable[..., Path]


def config(path: Path, **task: Any) -> DatasetConfig:
    base = {"kind": "forecast", "target": ["y"], "time": "t", "lookback_steps": 4, "horizon_steps": 2}
    encoding = {"encoding": task.pop("encoding")} if "encoding" in task else {}
    source = {"kind": "csv", "path": str(path)}
    return DatasetConfig.model_validate({"name": "tiny", "source": source, "task": base | task, **encoding})


def panel(write_table: Table, rows: int = 60) -> Path:
    """Two series, told apart by their thousands, one row of each after the other."""
    t = np.repeat(np.arange(rows), 2)
    which = np.tile([1000, 2000], rows)
    return write_table(t=t, shop=np.where(which == 1000, "a", "b"), y=which + t, plan=which + t + 0.5)


def test_no_window_crosses_from_one_series_to_another(write_table: Table) -> None:
    data = load_dataset(config(panel(write_table), id="shop"))
    assert data.channels == ("y", "plan")
    for part in (data.train, data.validation, data.test.open()):
        both = np.concatenate([part.x[:, :, 0], part.y[:, :, 0]], axis=1)
        assert (np.diff(both, axis=1) == 1).all()
        assert len(set((both // 1000).astype(int)[:, 0])) == 2
    assert data.train.y.max() < data.validation.x[-1, 0, 0]
    assert (data.train.y[:, :, 0] % 1000).max() < (data.validation.x[:, :, 0] % 1000).min()
    assert (data.validation.y[:, :, 0] % 1000).max() < (data.test.open().x[:, :, 0] % 1000).min()
    assert "within each of 2 series" in data.facts.split


def test_what_is_known_in_advance_is_that_of_the_horizon(write_table: Table) -> None:
    data = load_dataset(config(panel(write_table), id="shop", features=["plan", "y"], known_covariates=["plan"]))
    assert data.channels == ("y", "plan")
    assert data.known == ("plan",)
    for part in (data.train, data.validation, data.test.open()):
        assert part.future is not None
        assert np.array_equal(part.future, part.y + 0.5)
        assert np.array_equal(part.x[:, :, 1], part.x[:, :, 0] + 0.5)


def test_the_calendar_is_known_in_advance(write_table: Table) -> None:
    import pandas as pd

    times = pd.date_range("2024-01-01", periods=80, freq="h").strftime("%Y-%m-%d %H:%M")
    path = write_table(t=times, y=np.arange(80))
    data = load_dataset(config(path, encoding={"calendar": ["hour"]}))
    assert data.known == ("hour_sine", "hour_cosine")
    future = data.train.future
    assert future is not None
    angle = 2 * np.pi * (data.train.y[:, :, 0] % 24) / 24
    np.testing.assert_allclose(future, np.stack([np.sin(angle), np.cos(angle)], axis=-1), atol=1e-5)


def test_differences_do_not_lead_from_one_series_to_the_next(write_table: Table) -> None:
    data = load_dataset(config(panel(write_table), id="shop", encoding={"scaling": "difference"}))
    assert data.scaling.input_mean.tolist() == [1, 1]
    assert data.scaling.input_scale.tolist() == [1, 1]  # every change is 1: a constant is divided by 1


def test_last_rows_are_those_of_each_series(write_table: Table) -> None:
    data = load_dataset(config(panel(write_table, 100), id="shop", last_rows=50))
    assert data.train.x[:, :, 0].min() == 1050
    assert sorted({int(value) // 1000 for value in data.test.open().y[:, 0, 0]}) == [1, 2]


def test_series_too_short_all_of_them_are_refused_by_name(write_table: Table) -> None:
    path = write_table(t=[*range(9), *range(8)], shop=["a"] * 9 + ["b"] * 8, y=range(17))
    with pytest.raises(DataError, match=r"shop 'a': 9 rows leave .* expected at least 6, one window"):
        load_dataset(config(path, id="shop"))


def test_times_repeat_within_a_series_alone(write_table: Table) -> None:
    path = write_table(t=[0, 0, *range(1, 60)], shop=["a"] * 61, y=range(61))
    with pytest.raises(DataError, match=r"shop 'a': column 't', row 2: '0' stands in row 1 as well"):
        load_dataset(config(path, id="shop"))


def test_a_plan_that_is_missing_over_a_horizon_is_refused(write_table: Table) -> None:
    plan = [float(n) for n in range(60)]
    plan[30:34] = [np.nan] * 4
    path = write_table(t=range(60), y=range(60), plan=plan)
    task = config(path, known_covariates=["plan"])
    with pytest.raises(DataError, match="missing value"):
        load_dataset(task)
    with pytest.raises(DataError, match="column 'plan' has no value over a whole horizon"):
        load_dataset(task.model_copy(update={"missing": "interpolate"}))
