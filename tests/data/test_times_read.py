"""A series in time: sorted, each time once, no window over a gap, the format that training read in the champion."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.config.dataset import DatasetConfig
from harness.config.times import Clock
from harness.data import load_dataset
from harness.data.readers.series import calendar_channels, read_series
from harness.errors import DataError, HarnessError

Config = Callable[..., DatasetConfig]
Table = Callable[..., Path]

HOURS = pd.date_range("2024-01-01", periods=200, freq="h")


def read(config: DatasetConfig) -> Any:
    (series,) = read_series(config.source, config.task)  # type: ignore[arg-type]
    return series


def changed(config: DatasetConfig, **source: Any) -> DatasetConfig:
    return config.model_copy(update={"source": config.source.model_copy(update=source)})


def test_day_first_months_are_months(write_table: Table, forecast_card: Config) -> None:
    months = pd.date_range("1982-04-01", "2018-12-01", freq="MS").strftime("%d-%m-%Y")
    data = load_dataset(forecast_card(write_table(month=months, y=range(len(months))), time="month"))
    assert data.time_format == "%d-%m-%Y"
    assert data.facts.notes[0] == "times in 'month' are read as %d-%m-%Y: '01-04-1982' is 1 April 1982"
    assert not [note for note in data.facts.notes if "uneven" in note]


def test_a_told_format_is_not_decided_again(write_table: Table, forecast_card: Config) -> None:
    path = write_table(t=["01/02/2024", "02/02/2024", "03/02/2024"], y=[1, 2, 3])
    config = forecast_card(path, time="t")
    with pytest.raises(DataError, match=r"toy.csv: column 't': '01/02/2024' can be read in several ways"):
        read(config)
    assert read(changed(config, time_format="%d/%m/%Y")).time_format == "%d/%m/%Y"
    with pytest.raises(DataError, match="row 1: '01/02/2024': expected a time of the form %Y-%m-%d"):
        read(changed(config, time_format="%Y-%m-%d"))


def test_epochs_are_dates_where_it_is_said(write_table: Table, forecast_card: Config) -> None:
    path = write_table(t=[86400 * day for day in range(40)], y=range(40))
    config = changed(forecast_card(path, time="t"), time_format="seconds")
    plain = config.model_dump(mode="json") | {"encoding": {"calendar": ["weekday"]}}
    assert load_dataset(DatasetConfig.model_validate(plain)).channels == ("y", "weekday_sine", "weekday_cosine")


def test_rows_out_of_order_are_sorted_and_said(write_table: Table, forecast_card: Config) -> None:
    order = [*range(100, 200), *range(100)]
    path = write_table(t=HOURS[order].astype(str), y=order)
    series = read(forecast_card(path, time="t"))
    assert series.pick(("y",))[:, 0].tolist() == list(range(200))
    assert series.notes == ("100 rows that came after a later one are sorted by time",)
    assert series.place((0, 0)) == "toy.csv: column 'y', row 101".replace("toy.csv", series.where)
    last = read(forecast_card(path, time="t", last_rows=50))
    assert last.pick(("y",))[:, 0].tolist() == list(range(150, 200))
    assert last.notes[0] == "last 50 of 200 rows"
    assert last.place((0, 0)).endswith("row 51")


@pytest.mark.parametrize(("rule", "value"), [("first", 1.0), ("last", 4.0), ("mean", 2.5)])
def test_repeated_times_follow_the_rule(rule: str, value: float, write_table: Table, forecast_card: Config) -> None:
    stamps = ["2024-01-01", "2024-01-02", "2024-01-02", "2024-01-03"]
    path = write_table(t=stamps, y=[0, 1, 4, 9], a=[5, 6, None, None])
    series = read(forecast_card(path, time="t", on_duplicates=rule))
    assert series.pick(("y",))[:, 0].tolist() == [0, value, 9]
    assert series.notes == ("1 row of times that repeat is merged ([task] on_duplicates)",)
    if rule == "mean":
        assert series.pick(("a",))[:2, 0].tolist() == [5, 6]  # of the values that are there
    with pytest.raises(DataError, match=r'row 3: .2024-01-02. stands in row 2 as well: .* on_duplicates = "first"'):
        read(forecast_card(path, time="t"))


def spans(data: Any, config: DatasetConfig) -> np.ndarray:
    """First and last rows of all windows."""
    window = config.task.lookback_steps + config.task.horizon_steps  # type: ignore[union-attr]
    begins = np.concatenate([part.rows for part in (data.train, data.validation, data.test.open())])
    return np.stack([begins, begins + window - 1], axis=1)


def test_no_window_spans_a_gap(write_table: Table, forecast_card: Config) -> None:
    stamps = HOURS.delete([50, 51, 52])
    path = write_table(t=stamps.astype(str), y=range(len(stamps)))
    config = forecast_card(path, time="t")
    data = load_dataset(config)
    crossing = [(low, high) for low, high in spans(data, config) if low < 50 <= high]
    assert not crossing
    assert "5 windows of the train part left out: they span a gap in time ([task] max_gap_steps)" in data.facts.notes
    wider = load_dataset(forecast_card(path, time="t", max_gap_steps=4))
    assert len(wider.train) == len(data.train) + 5
    assert len(load_dataset(forecast_card(path, time="t", max_gap_steps=3)).train) == len(data.train)


@pytest.mark.parametrize(
    ("stamps", "gaps"),
    [
        (pd.date_range("2000-01-01", periods=200, freq="MS"), 0),
        (pd.date_range("2000-01-01", periods=200, freq="QS"), 0),
        (pd.bdate_range("2024-01-01", periods=400), 0),  # weekends
        (pd.bdate_range("2024-01-01", periods=400).delete([100, 200]), 0),  # holidays
        (pd.bdate_range("2024-01-01", periods=400).delete(range(100, 110)), 1),
        (pd.date_range("2024-01-01", periods=400, freq="D").delete(100), 1),
        (pd.date_range("2000-01-01", periods=200, freq="MS").delete(100), 1),
        (
            pd.DatetimeIndex(
                [at for at in pd.date_range("2024-01-01", periods=4000, freq="30min") if 8 <= at.hour < 17]
            ),
            0,
        ),  # nights
    ],
)
def test_what_a_calendar_leaves_out_is_no_gap(
    stamps: pd.DatetimeIndex, gaps: int, write_table: Table, forecast_card: Config
) -> None:
    path = write_table(t=stamps.astype(str), y=range(len(stamps)))
    assert len(read(forecast_card(path, time="t")).breaks) == gaps


def test_steps_of_a_tenth_are_regular(write_table: Table, forecast_card: Config) -> None:
    series = read(forecast_card(write_table(t=[step / 10 for step in range(200)], y=range(200)), time="t"))
    assert (series.notes, len(series.breaks)) == ((), 0)


def test_gaps_that_leave_no_window_name_the_key(write_table: Table, forecast_card: Config) -> None:
    stamps = [f"2024-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 6)]
    with pytest.raises(
        HarnessError,
        match=r"no window of the train part is left: of \d+ they span a gap in time .*max_gap_steps, the longest",
    ):
        load_dataset(forecast_card(write_table(t=stamps, y=range(60)), time="t"))


def test_one_short_series_is_left_out_with_a_count(write_table: Table, forecast_card: Config) -> None:
    path = write_table(who=["a"] * 60 + ["b"] * 7 + ["c"] * 60, y=range(127))
    data = load_dataset(forecast_card(path, id="who"))
    (note,) = [note for note in data.facts.notes if "left out" in note]
    assert note == "1 of 3 series left out, too short for a window in each part: who 'b' (7 rows)"


def test_the_order_of_day_and_month_is_one_for_a_panel(write_table: Table, forecast_card: Config) -> None:
    days = [f"{day:02}/01/2024" for day in range(1, 13)] * 4 + [f"{day:02}/02/2024" for day in range(1, 29)]
    path = write_table(who=[n // 12 for n in range(48)] + [9] * 28, t=days, y=range(76))
    config = forecast_card(path, id="who", time="t", lookback_steps=1, horizon_steps=1)
    assert {series.time_format for series in read_series(config.source, config.task)} == {"%d/%m/%Y"}  # type: ignore[arg-type]


def test_the_calendar_is_local() -> None:
    noon = pd.Series(["2024-07-01 12:00", "2024-01-01 12:00"])
    local = calendar_channels(noon, ["hour"], "t", Clock("iso", "Europe/Berlin"))
    assert np.allclose(local, [[0, -1], [0, -1]], atol=1e-6)
    utc = pd.Series(["2024-07-01T10:00Z", "2024-01-01T11:00Z"])
    assert np.allclose(calendar_channels(utc, ["hour"], "t", Clock("iso", "Europe/Berlin")), local, atol=1e-6)


def test_an_unnamed_index_of_times_is_the_time(tmp_path: Path, forecast_card: Config) -> None:
    pd.DataFrame({"y": range(200)}, index=HOURS).to_parquet(tmp_path / "toy.parquet")
    series = read(forecast_card(tmp_path / "toy.parquet", kind="parquet", time="time"))
    assert (series.features, len(series.values)) == (("y",), 200)


def test_midnights_below_their_day_are_named(write_table: Table, forecast_card: Config) -> None:
    stamps = [f"{day}/3/2024 {hour}:00" for day in range(10, 20) for hour in (*range(6, 24), 0)]
    series = read(forecast_card(write_table(t=stamps, y=range(190)), time="t"))
    assert any("stand at midnight, below the last row of their own date" in note for note in series.notes)


def test_a_wide_table_has_a_sequence_a_row(write_table: Table, grouped_card: Config) -> None:
    steps = {f"t{step}": np.arange(40) + step for step in range(8)}
    path = write_table(**steps, label=["a", "b"] * 20)
    data = load_dataset(grouped_card(path, id=None, layout="wide"))
    assert (data.channels, data.facts.steps, data.classes) == (("value",), (8, 8), ("a", "b"))
    first = int(data.train.rows[0])
    assert data.train.x[0, :, 0].tolist() == list(range(first, first + 8))
    some = load_dataset(grouped_card(path, id=None, layout="wide", features=["t3", "t1"]))
    assert some.train.x[0, :, 0].tolist() == [first + 3, first + 1]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"layout": "wide"}, 'layout = "wide": a row is a sequence'),
        ({"time": ["a"]}, "time"),
    ],
)
def test_keys_that_do_not_fit_are_refused(
    keys: dict[str, Any], message: str, write_table: Table, grouped_card: Config
) -> None:
    with pytest.raises(ValueError, match=message):
        grouped_card(write_table(who=[1], label=[1]), **keys)


def test_the_keys_of_the_documentation_fit_together() -> None:
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    (block,) = [block for block in re.findall(r"```toml\n(.*?)```", page, re.S) if "time_format" in block]
    told = tomllib.loads(block)
    task = {"kind": "forecast", "target": ["y"], "lookback_steps": 4, **told["task"]}
    source = {"kind": "csv", "path": "toy.csv", **told["source"]}
    config = DatasetConfig.model_validate({"name": "toy", "source": source, "task": task, "encoding": told["encoding"]})
    assert config.encoding.time_zone == "Europe/Berlin"
