"""Seasons that a series has in fact, lookbacks as long as they are, and cycles of the calendar."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from harness.config.dataset import DatasetConfig
from harness.config.inferred.infer import UserHints, infer_task
from harness.config.inferred.rhythm import cycles_of, lookbacks_for
from harness.config.inferred.seasons import naive_errors, seasons_in

HOUR, DAY = 3600.0, 86_400.0
RANDOM = np.random.default_rng(2)


def days_and_weeks(rows: int = 3000, noise: float = 0.1, week: float = 1.0) -> np.ndarray:
    """Hours with a day's wave, and days of the week that differ."""
    hours = np.arange(rows)
    heights = np.array([0.0, 0.2, 0.1, 0.3, 0.9, 2.0, 1.5])[hours // 24 % 7]
    return np.sin(2 * np.pi * hours / 24) + week * heights + noise * RANDOM.normal(size=rows)


def test_a_day_and_a_week_are_found() -> None:
    assert seasons_in(days_and_weeks(), horizon=24) == (24, 168)


def test_a_week_that_does_not_matter_is_left_out() -> None:
    assert seasons_in(days_and_weeks(week=0.0), 24, 24) == (24,)


def test_a_season_that_no_calendar_has_is_found() -> None:
    rows = np.arange(2000)
    assert seasons_in(np.sin(2 * np.pi * rows / 37) + 0.2 * RANDOM.normal(size=2000), horizon=5) == (37,)


@pytest.mark.parametrize("kind", ["noise", "walk", "constant", "line", "short", "gaps"])
def test_what_has_no_season_gets_none(kind: str) -> None:
    noise = RANDOM.normal(size=1500)
    made = {"noise": noise, "walk": np.cumsum(noise), "constant": np.ones(900), "line": np.arange(900.0)}
    made |= {"short": noise[:5], "gaps": np.full(300, np.nan)}
    assert seasons_in(made[kind], 24, 24) == ()


def test_the_test_part_is_not_looked_at() -> None:
    values = days_and_weeks()
    spoiled = values.copy()
    spoiled[int(0.85 * len(values)) :] = 1e6
    assert seasons_in(spoiled, horizon=24) == seasons_in(values, horizon=24)


def test_noise_on_a_week_makes_no_longer_season() -> None:
    week = np.where(np.arange(500) % 7 < 5, 120.0, 60.0)
    made = [seasons_in(week + np.random.default_rng(seed).integers(0, 11, 500), 7, 7) for seed in range(200)]
    assert sum(found != (7,) for found in made) <= 4


def test_the_error_of_a_season_is_over_all_steps_ahead() -> None:
    values = np.arange(40.0)
    assert naive_errors(values, 30, 3, 3).mean() == 3.0
    assert naive_errors(values, 30, 3, 6).mean() == 4.5
    assert naive_errors(values, 30, 1, 4).mean() == 2.5


def test_lookbacks_fit_the_smallest_part() -> None:
    assert lookbacks_for(10_320, 48, 48, (48, 336, 1344)) == (48, 336)
    assert lookbacks_for(2000, 48, 48, (48, 336)) == (48,)


@pytest.mark.parametrize(
    ("step", "rows", "cycles"),
    [
        (HOUR, 3000, ("hour", "weekday")),
        (HOUR, 100, ("hour",)),
        (DAY, 1000, ("weekday", "year")),
        (DAY, 10, ()),
        (30 * DAY, 60, ("year",)),
        (365 * DAY, 60, ()),
    ],
)
def test_the_calendar_has_what_rows_go_round(step: float, rows: int, cycles: tuple[str, ...]) -> None:
    assert cycles_of(np.arange(rows) * step) == cycles


def test_a_table_of_times_gets_seasons_lookbacks_and_calendar() -> None:
    times = pd.date_range("2024-01-01", periods=3000, freq="h").astype(str)
    found = infer_task(pd.DataFrame({"time": times, "y": days_and_weeks()}), UserHints(), "t.csv")
    assert found.numbers["season_steps"] == [24, 168]
    assert (found.numbers["lookback_steps"], found.numbers["lookbacks"]) == (168, [24, 168])
    assert found.calendar == ("hour", "weekday")


def test_a_lookback_that_is_given_is_the_only_one() -> None:
    times = pd.date_range("2024-01-01", periods=3000, freq="h").astype(str)
    hints = UserHints(lookback_steps=30)
    found = infer_task(pd.DataFrame({"time": times, "y": days_and_weeks()}), hints, "t.csv")
    assert found.numbers["lookback_steps"] == 30
    assert "lookbacks" not in found.numbers


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"season_steps": [48, 24]}, "the shortest season first"),
        ({"season_steps": []}, "season_steps"),
        ({"lookbacks": [24, 96]}, "lookback_steps = 48 the longest"),
        ({"lookbacks": [48, 48]}, "each once"),
    ],
)
def test_lists_that_make_no_sense_are_refused(keys: dict, message: str) -> None:
    task = {"kind": "forecast", "target": ["y"], "lookback_steps": 48, **keys}
    with pytest.raises(ValueError, match=message):
        DatasetConfig.model_validate({"name": "t", "source": {"kind": "csv", "path": "t.csv"}, "task": task})
