"""Smoothing and boosted trees: what they are told is the past alone, and they find what they are there for."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from harness.baselines import compute
from harness.baselines.base import Clock
from harness.baselines.boosted import boosted_trees
from harness.baselines.forecasts import forecasters
from harness.baselines.history import history_of, parts_until
from harness.data import Part, SequenceData

STEPS = np.arange(600)


def seasonal() -> np.ndarray:
    return 50 + 0.05 * STEPS + 10 * np.sin(2 * np.pi * STEPS / 12) + np.random.default_rng(0).normal(0, 0.5, 600)


def candidates(data: SequenceData) -> dict[str, Any]:
    return {candidate.name: candidate for candidate in forecasters(data, 1)}


def with_another_end(part: Part) -> Part:
    """The part with other values in all windows but the first."""
    x = np.array(part.x)
    x[1:] += 1e3
    return dataclasses.replace(part, x=x)


def test_the_series_is_put_together_again(series: Any) -> None:
    data = series({"y": STEPS * 1.5}, window_stride=3)
    test = data.test.open()
    history = history_of(data, parts_until(data, test))
    assert history is not None
    rows = np.arange(history.first, history.first + len(history.values))
    known = ~np.isnan(history.values[:, 0])
    assert np.allclose(history.values[known, 0], 1.5 * rows[known])
    assert np.isnan(history.at(np.array([-5, 10_000]))).all()
    assert known[test.rows[0] - history.first]


@pytest.mark.parametrize("name", ["Theta method", "exponential smoothing", "boosted trees on lags"])
def test_a_forecast_knows_nothing_of_what_comes_after(name: str, series: Any) -> None:
    data = series({"y": seasonal()}, season_steps=12, window_stride=20, lookback_steps=24)
    predict = candidates(data)[name].fit(Clock()).predict
    test = data.test.open()
    first = test.at(np.arange(2))
    plain, changed = predict(first), predict(with_another_end(first))
    assert np.allclose(plain[0], changed[0], rtol=1e-6)
    assert not np.allclose(plain[1], changed[1])


def test_smoothing_follows_trend_and_season(series: Any) -> None:
    scores = {score.name: score.test_score for score in compute(series({"y": seasonal()}, season_steps=12))}
    for name in ("Theta method", "exponential smoothing"):
        assert scores[name] < 0.75  # noise alone comes to 0.4
        assert scores[name] < 0.25 * scores["persistence"]


def test_smoothing_is_statsmodels_own_from_the_last_origin(series: Any) -> None:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    from harness.baselines.smoothing import _exponential

    y = seasonal()
    ahead = _exponential({"trend": "add", "damped_trend": True})(y[:400], 12, 7)
    how: dict[str, Any] = {"trend": "add", "damped_trend": True, "seasonal": "add", "seasonal_periods": 12}
    model = ETSModel(y[:400], **how, initialization_method="heuristic")
    expected = model.fit(disp=False, maxiter=50).forecast(7)
    assert np.allclose(ahead(y[:400], np.array([399]))[0], expected, rtol=1e-6)


def test_series_of_a_panel_are_not_smoothed_as_one(series: Any) -> None:
    y = np.concatenate([seasonal(), 3 * seasonal()])
    data = series({"id": ["a"] * 600 + ["b"] * 600, "y": y}, id="id", features=["y"], season_steps=12)
    assert "Theta method" not in candidates(data)
    assert {"ridge on the lags", "boosted trees on lags"} <= {score.name for score in compute(data)}


def test_trees_find_what_no_straight_line_says(series: Any) -> None:
    a = np.random.default_rng(0).normal(size=1500)
    y = np.concatenate([[0, 0], np.abs(a[1:-1]) * np.sign(a[:-2])])
    scores = {score.name: score.test_score for score in compute(series({"a": a, "y": y}, horizon_steps=1))}
    assert scores["boosted trees on lags"] < 0.5 * scores["ridge on the lags"]


def test_trees_of_a_climbing_series_go_on_climbing(series: Any) -> None:
    data = series({"y": 5.0 * STEPS + np.random.default_rng(0).normal(0, 1, 600)})
    fitted = boosted_trees(data, Clock(), 1)
    assert "differences" in fitted.note
    assert data.score(data.test.open(), fitted.predict(data.test.open())) < 10


def test_many_targets_are_too_many_for_trees(series: Any) -> None:
    columns = {f"y{place}": np.random.default_rng(place).normal(size=200) for place in range(6)}
    data = series(columns, target=list(columns))
    assert candidates(data)["boosted trees on lags"].lacks == "6 targets: expected at most 5"
