"""What `datasets new` makes of tables as people have them: a right guess and its reason, or the one right question."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.config import DatasetConfig
from harness.config.inferred.infer import InferredConfig, UserHints, infer_task, task_of_answers
from harness.config.inferred.template import dataset_text
from harness.data.readers.formats.delimited import described
from harness.data.readers.tables import read_table
from harness.errors import UsageError

ATLAS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "atlas"
RANDOM = np.random.default_rng(0)


def inferred(frame: pd.DataFrame, **hints: Any) -> InferredConfig:
    found = infer_task(frame, UserHints(**hints), "my.csv")
    config = DatasetConfig.model_validate(tomllib.loads(dataset_text("my", "csv", "../my.csv", found)))
    assert config.task.kind == found.task
    return found


def question(frame: pd.DataFrame, **hints: Any) -> str:
    with pytest.raises(UsageError) as caught:
        inferred(frame, **hints)
    return str(caught.value)


def hours(rows: int) -> pd.Index[Any]:
    return pd.date_range("2024-01-01", periods=rows, freq="h").astype(str)


def walk(rows: int) -> Any:
    return RANDOM.normal(size=rows).cumsum()


@pytest.mark.parametrize(
    ("stamps", "season", "time_format"),
    [
        (pd.date_range("1982-04-01", periods=441, freq="MS").strftime("%d-%m-%Y"), 12, "%d-%m-%Y"),
        (pd.date_range("2024-01-01", periods=300).strftime("%d/%m/%Y"), 7, "%d/%m/%Y"),
        (pd.date_range("2008-01-01", periods=180, freq="MS").strftime("%d.%m.%Y"), 12, "%d.%m.%Y"),
        (pd.bdate_range("2020-01-01", periods=500).astype(str), 5, ""),
        (
            pd.Index(range(201501, 201513)).append(
                [pd.Index(range(y * 100 + 1, y * 100 + 13)) for y in range(2016, 2031)]
            ),
            12,
            "%Y%m",
        ),
    ],
)
def test_the_season_follows_the_dates_as_they_are_meant(stamps: pd.Index[Any], season: int, time_format: str) -> None:
    found = inferred(pd.DataFrame({"date": stamps, "y": walk(len(stamps))}))
    assert (found.time, found.time_format, found.numbers["season_steps"]) == ("date", time_format, season)


def test_date_and_time_of_day_make_one_time() -> None:
    days = pd.date_range("2004-03-10", periods=400, freq="h")
    frame = pd.DataFrame({"Date": days.strftime("%d/%m/%Y"), "Time": days.strftime("%H.%M.%S"), "y": walk(400)})
    found = inferred(frame)
    assert (found.time, found.time_format) == (("Date", "Time"), "%d/%m/%Y %H.%M.%S")
    numbered = pd.DataFrame({"day": days.strftime("%Y-%m-%d"), "hr": days.hour, "y": walk(400)})
    assert inferred(numbered).time == ("day", "hr")
    parts = pd.DataFrame({"year": days.year, "month": days.month, "day": days.day, "hour": days.hour, "y": walk(400)})
    assert inferred(parts).time == ("year", "month", "day", "hour")


def test_ambiguous_dates_are_asked_for() -> None:
    frame = pd.DataFrame({"date": [f"{day:02}/02/2024" for day in range(1, 13)], "y": walk(12)})
    assert "--time-format" in question(frame)
    # Then they are days, if too few of them.
    assert question(frame, time_format="%d/%m/%Y") == "my.csv: 12 rows: expected more, a window in each of three parts"


@pytest.mark.parametrize(
    ("hints", "message"),
    [
        ({"layout": "wild"}, "--layout wild: unknown. Did you mean wide?"),
        ({"on_duplicates": "men"}, "--on-duplicates men: unknown. Did you mean mean?"),
        ({"time_format": "iso8601"}, "--time-format iso8601: unknown. Did you mean iso?"),
        ({"time_format": "%Q"}, "time_format = \"%Q\": 'Q' is a bad directive in format '%Q': expected a pattern"),
    ],
)
def test_options_that_are_none_are_refused(hints: dict[str, str], message: str) -> None:
    assert message in question(pd.DataFrame({"t": hours(300), "y": walk(300)}), **hints)


def panel(stores: int = 6, rows: int = 200) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "WEEK": np.tile(hours(rows), stores),
            "STORE_ID": np.repeat(1000 + np.arange(stores), rows),
            "city": np.repeat([f"city {n}" for n in range(stores)], rows),
            "QTY": RANDOM.integers(0, 500, stores * rows),
            "AMT": walk(stores * rows),
        }
    )


def test_a_panel_is_recognised_and_its_id_is_no_measurement() -> None:
    found = inferred(panel(), target="QTY")
    assert (found.task, found.id, found.time, found.features) == ("forecast", "STORE_ID", "WEEK", ("QTY", "AMT"))
    assert any(
        re.match(r"id = STORE_ID: its 6 values tell series apart: .* stands in 6 rows", why) for why in found.because
    )
    assert found.categorical == ("city",)
    assert inferred(panel().drop(columns="STORE_ID"), target="QTY").id == "city"


def test_a_panel_too_short_says_so() -> None:
    assert "11 rows for each STORE_ID, which tells series apart: expected more" in question(panel(40, 11), target="QTY")


def test_repeated_times_are_asked_for() -> None:
    frame = pd.DataFrame({"t": [*hours(300), *hours(2)], "y": walk(302)})
    assert question(frame) == (
        "my.csv: column t: 2 rows repeat the time of another row: expected --on-duplicates first, last or mean, or "
        "--id COLUMN, which tells several series apart"
    )
    found = inferred(frame, on_duplicates="mean")
    assert found.on_duplicates == "mean"
    assert "rows that come after a later one are sorted by time" in found.because


def test_samples_without_time_are_no_forecast() -> None:
    samples = pd.DataFrame(RANDOM.normal(size=(300, 4)), columns=list("abcd"))
    assert "no row resembles the one before it: expected --id COLUMN" in question(samples, target="a")
    assert inferred(samples, target="a", task="forecast").task == "forecast"
    classes = pd.DataFrame({"a": walk(300), "class": RANDOM.integers(0, 3, 300)})
    assert "class holds classes: expected --id COLUMN" in question(classes)


def test_a_wide_table_is_recognised() -> None:
    steps = {f"t{step}": walk(60) for step in range(30)}
    found = inferred(pd.DataFrame({**steps, "class": [0.0, 1.0] * 30}))
    assert (found.task, found.layout, found.target) == ("classify", "wide", "class")
    assert found.features == tuple(f"t{step}" for step in range(30))
    assert inferred(pd.DataFrame({**steps, "strength": walk(60)})).task == "regress"


def test_every_column_left_out_has_its_reason() -> None:
    frame = pd.DataFrame(
        {
            "No": range(1, 301),
            "t": hours(300),
            "y": walk(300),
            "weather": ["rain", "sun"] * 150,
            "sensor_id": [7] * 300,
            "empty": [np.nan] * 300,
            "Unnamed: 0": walk(300),
        }
    )
    (line,) = [why for why in inferred(frame).because if why.startswith("left out")]
    assert line == ("left out: No (numbers of the rows), sensor_id (an id), empty (no value), Unnamed: 0 (no name)")


def test_a_table_without_names_is_refused() -> None:
    frame = pd.DataFrame({"950": walk(300)})
    assert question(frame).startswith("my.csv: its first line holds numbers, 950: expected column names")
    assert inferred(pd.DataFrame({"0": walk(300), "1": walk(300)}), target="1").target == "1"


def test_gaps_in_most_windows_are_allowed_and_said() -> None:
    stamps = pd.date_range("2024-01-01", periods=2000, freq="5min").delete(range(5, 2000, 6))
    found = inferred(pd.DataFrame({"t": stamps.astype(str), "y": walk(len(stamps))}))
    assert found.numbers["max_gap_steps"] == 2
    one = pd.date_range("2024-01-01", periods=2000, freq="h").delete([700, 701])
    found = inferred(pd.DataFrame({"t": one.astype(str), "y": walk(len(one))}))
    assert "max_gap_steps" not in found.numbers
    assert any("of the windows span a gap and are left out" in why for why in found.because)


def test_answers_say_the_task_of_an_archive() -> None:
    assert task_of_answers(np.array(["a", "b"]))[0] == "classify"
    assert task_of_answers(np.array([0, 1, 1]))[0] == "classify"
    assert task_of_answers(np.array([0.25, 1.5]))[0] == "regress"


TARGETS = {
    "beijing_pm25": "pm2.5",
    "birmingham_parking": "Occupancy",
    "dc_bikes": "cnt",
    "etth1": "OT",
    "exchange_rates": "7",
    "hungary_chickenpox": "BUDAPEST",
    "keag_river": "cfs",
    "opsd_germany": "Consumption",
    "steel_energy": "Usage_kWh",
    "us_flu": "% WEIGHTED ILI",
}
"""Data sets with several columns of numbers: which one is meant is the right question."""
REPEATED = ("ad_cost_per_click", "birmingham_parking", "machine_temperature", "pjm_aep")
NAMELESS = ("dutch_power",)
EXPECTED: dict[str, tuple[Any, str | None, str, int]] = {
    "ad_cost_per_click": ("timestamp", None, "value", 24),
    "aws_elb_requests": ("timestamp", None, "value", 288),
    "beijing_pm25": (("year", "month", "day", "hour"), None, "pm2.5", 24),
    "birmingham_parking": ("LastUpdated", "SystemCodeNumber", "Occupancy", 18),
    "canada_food_prices": ("REF_DATE", "Products", "VALUE", 12),
    "dc_bikes": (("dteday", "hr"), None, "cnt", 24),
    "ercot_price": ("ds", None, "y", 24),
    "etth1": ("date", None, "OT", 24),
    "exchange_rates": (None, None, "7", 0),
    "henry_hub_gas": ("Date", None, "Price", 5),
    "hungary_chickenpox": ("Date", None, "BUDAPEST", 52),
    "keag_river": ("datetime", None, "cfs", 24),
    "machine_temperature": ("timestamp", None, "value", 288),
    "mndot_speed": ("timestamp", None, "value", 288),
    "nyc_taxi": ("timestamp", None, "value", 48),
    "opsd_germany": ("Date", None, "Consumption", 7),
    "pjm_aep": ("Datetime", None, "AEP_MW", 24),
    "rte_load": ("ds", None, "y", 24),
    "sf_traffic": ("ts", None, "y", 24),
    "steel_energy": ("date", None, "Usage_kWh", 96),
    "tweets_amzn": ("timestamp", None, "value", 288),
    "us_births": ("ds", None, "y", 7),
    "us_flu": ("DATE", None, "% WEIGHTED ILI", 52),
    "yosemite_temps": ("ds", None, "y", 288),
}
"""Time, id, target and season, as the manifest has them."""


@pytest.mark.slow
@pytest.mark.skipif(not ATLAS.is_dir(), reason="the real data sets are not here")
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", [*EXPECTED, *NAMELESS])
def test_real_tables_are_guessed_right_or_asked_about(name: str) -> None:
    file = min((ATLAS / name).iterdir())
    if name in NAMELESS:
        with pytest.raises(UsageError, match=r"holds values, no column names .* expected --columns"):
            described(file, {})
        return
    frame = read_table(described(file, {})[0])
    if name == "camels_four":  # its forcings; what is forecast stands in other files
        assert "which column is to be predicted? Expected --target" in question(frame)
        return
    hints: dict[str, Any] = {}
    if name in REPEATED:
        assert "--on-duplicates first, last or mean" in question(frame, **hints)
        hints["on_duplicates"] = "mean"
    if name in TARGETS:
        assert "which column is to be predicted? Expected --target" in question(frame, **hints)
        hints["target"] = TARGETS[name]
    found = inferred(frame, **hints)
    time, group, target, season = EXPECTED[name]
    assert (found.task, found.time, found.id, found.target) == ("forecast", time, group, target)
    told = " ".join(found.because)
    seasons = found.numbers.get("season_steps", 0)
    shortest = seasons[0] if isinstance(seasons, list) else seasons
    assert shortest == season or f"a season of {season} rows" in told
