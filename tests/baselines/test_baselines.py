from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.baselines import compute, run
from harness.baselines.base import Clock
from harness.baselines.forecasts import forecasters, ridge_on_lags, seasonal_naive
from harness.baselines.sequences import majority
from harness.baselines.summaries import summaries
from harness.config.dataset import DatasetConfig
from harness.data import Part, SequenceData, load_dataset
from harness.metrics import METRICS
from harness.records import BaselineScore

Forecast = Callable[..., DatasetConfig]


@pytest.fixture
def forecast(tmp_path: Path) -> Forecast:
    """Columns of numbers → a card."""

    def make(task: dict[str, Any] | None = None, **columns: Any) -> DatasetConfig:
        rows = zip(*columns.values(), strict=True)
        lines = [",".join(columns), *(",".join(str(cell) for cell in row) for row in rows)]
        (tmp_path / "toy.csv").write_text("\n".join(lines))
        defaults = {"kind": "forecast", "target": ["y"], "lookback_steps": 12, "horizon_steps": 5}
        source = {"kind": "csv", "path": str(tmp_path / "toy.csv")}
        return DatasetConfig.model_validate({"name": "toy", "source": source, "task": defaults | (task or {})})

    return make


@pytest.fixture
def sequences(tmp_path: Path) -> Callable[..., DatasetConfig]:
    """Arrays → a card."""

    def make(task: dict[str, Any], **arrays: Any) -> DatasetConfig:
        np.savez(tmp_path / "toy.npz", **arrays)
        source = {"kind": "npz", "path": str(tmp_path / "toy.npz")}
        return DatasetConfig.model_validate({"name": "toy", "source": source, "task": task})

    return make


def by_name(data: SequenceData) -> dict[str, BaselineScore]:
    return {score.name: score for score in compute(data)}


def test_persistence_repeats_the_last_value(forecast: Forecast) -> None:
    random = np.random.default_rng(0)
    data = load_dataset(forecast(a=random.normal(size=200), y=random.normal(size=200)))
    score = by_name(data)["persistence"]
    for part, got in ((data.validation, score.validation_score), (data.test.open(), score.test_score)):
        expected = np.mean([abs(y[:, 0] - x[-1, 1]).mean() for x, y in zip(part.x, part.y, strict=True)])
        assert got == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("season", [1, 3, 4, 12])
def test_seasonal_naive_is_exact_on_a_pure_season(season: int, forecast: Forecast) -> None:
    y = np.random.default_rng(0).normal(size=season)[np.arange(200) % season]
    scores = by_name(load_dataset(forecast({"season_steps": season}, y=y)))
    assert scores["seasonal naive"].validation_score == scores["seasonal naive"].test_score == 0
    if season > 1:
        assert scores["persistence"].test_score > 0


def test_seasonal_naive_takes_the_latest_whole_season(forecast: Forecast) -> None:
    data = load_dataset(forecast({"season_steps": 3, "lookback_steps": 7}, y=range(100)))
    prediction = seasonal_naive(data, 3)(data.train)
    assert prediction[0, :, 0].tolist() == [4, 5, 6, 4, 5]


def test_a_season_longer_than_the_lookback_is_looked_up_in_the_series(forecast: Forecast) -> None:
    data = load_dataset(forecast({"season_steps": 13}, y=range(200)))
    test = data.test.open()
    (naive,) = (one for one in forecasters(data, 1) if one.name == "seasonal naive")
    said = naive.fit(Clock()).predict(test)
    assert np.array_equal(said, test.y - 13)


def test_ridge_finds_a_linear_law(forecast: Forecast) -> None:
    y = np.sin(0.7 * np.arange(600)) + 100  # each value follows from the two before it
    scores = by_name(load_dataset(forecast(y=y)))
    assert scores["ridge on the lags"].test_score < 0.01 * scores["persistence"].test_score


def test_a_target_that_is_no_input_has_models_of_the_inputs_alone(forecast: Forecast) -> None:
    random = np.random.default_rng(0)
    a = random.normal(size=300)
    y = np.concatenate([[0], 1000 + 50 * a[:-1]])  # tomorrow's answer stands in today's input
    scores = by_name(load_dataset(forecast({"features": ["a"], "horizon_steps": 1}, a=a, y=y)))
    assert set(scores) == {"ridge on the lags", "boosted trees on lags"}
    assert scores["ridge on the lags"].test_score < 5


def test_many_lags_are_thinned_and_the_name_says_so(forecast: Forecast, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    data = load_dataset(forecast(a=random.normal(size=200), y=random.normal(size=200)))
    assert "ridge on the lags" in {candidate.name for candidate in forecasters(data, 1)}
    monkeypatch.setattr("harness.baselines.summaries.MOST_COLUMNS", 10)
    assert "ridge on one lag in 3" in {candidate.name for candidate in forecasters(data, 1)}
    thinned = ridge_on_lags(data, Clock())
    assert thinned.predict(data.validation).shape == data.validation.y.shape
    last = Part(data.validation.x.copy(), data.validation.lengths, data.validation.y, data.validation.rows)
    last.x[:, -1] += 1  # the newest lag is among the ones kept, the one before it is not
    assert not np.allclose(thinned.predict(last), thinned.predict(data.validation))
    last.x[:, -1] -= 1
    last.x[:, -2] += 1
    assert np.allclose(thinned.predict(last), thinned.predict(data.validation), atol=1e-5)


def test_the_penalty_is_the_validation_parts_choice(forecast: Forecast) -> None:
    from sklearn.linear_model import Ridge

    random = np.random.default_rng(0)
    data = load_dataset(forecast(a=random.normal(size=150), y=random.normal(size=150)))
    x = data.scaling.scale_inputs(data.train.x)[:, ::-1].reshape(len(data.train), -1).astype(float)
    y = data.scaling.scale_outputs(data.train.y, data.train.x).reshape(len(x), -1)
    held_out = data.scaling.scale_inputs(data.validation.x)[:, ::-1].reshape(len(data.validation), -1)
    scores = []
    for penalty in (0.1, 1, 10, 100, 1000, 10_000):
        scaled = Ridge(alpha=penalty).fit(x, y).predict(held_out).reshape(data.validation.y.shape)
        scores.append(np.abs(scaled * data.scaling.output_scale + data.scaling.output_mean - data.validation.y).mean())
    assert min(scores) < 0.99 * scores[0]  # pure noise wants the strongest
    assert by_name(data)["ridge on the lags"].validation_score == pytest.approx(min(scores), rel=1e-4)


def test_majority_says_the_shares_of_the_training_part(sequences: Callable[..., DatasetConfig]) -> None:
    y = np.array([0] * 60 + [1] * 30 + [2] * 10)
    x = np.random.default_rng(0).normal(size=(100, 4, 2))
    for metric in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss"):
        data = load_dataset(sequences({"kind": "classify", "metric": metric}, x=x, y=y))
        shares = np.bincount(data.train.y) / len(data.train)
        expected = METRICS[metric].score(data.test.open().y, np.tile(shares, (len(data.test.open()), 1)))
        assert data.score(data.test.open(), majority(data)(data.test.open())) == expected
    assert shares.argmax() == 0


def test_logistic_regression_sees_mean_spread_and_end(sequences: Callable[..., DatasetConfig]) -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(3, 9, 300)
    y = np.repeat([0, 1, 2, 3], 75)
    x = random.normal(size=(300, 8, 2))
    x[y == 1] += 5  # another mean
    x[y == 2] *= 6  # another spread
    for row in np.flatnonzero(y == 3):
        x[row, lengths[row] - 1] = 40  # another end
    data = load_dataset(sequences({"kind": "classify"}, x=x, y=y, lengths=lengths))
    scores = by_name(data)
    assert scores["logistic regression on mean, spread and end"].test_score > 0.85
    assert scores["majority class"].test_score == pytest.approx(0.25, abs=0.05)


def test_regression_baselines(sequences: Callable[..., DatasetConfig]) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 8, 2))
    y = 100 + 30 * x[:, -1, 0] - 20 * x[:, :, 1].mean(axis=1)
    data = load_dataset(sequences({"kind": "regress", "metric": "mse"}, x=x, y=y))
    scores = by_name(data)
    test = data.test.open()
    assert scores["mean"].test_score == pytest.approx(np.square(test.y - data.train.y.mean()).mean(), rel=1e-5)
    assert scores["ridge on mean, spread and end"].test_score < 0.01 * scores["mean"].test_score


def test_summaries_count_real_steps_only() -> None:
    random = np.random.default_rng(0)
    lengths = np.array([1, 4, 6], np.int32)
    x = random.normal(1e3, 1, size=(3, 6, 2)).astype(np.float32)
    got = summaries(Part(x, lengths, np.zeros(3, np.int32), np.arange(3)))
    for row, length in enumerate(lengths):
        real = x[row, :length].astype(float)
        expected = [*real.mean(axis=0), *real.std(axis=0), *real[-1]]
        assert got[row] == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert np.array_equal(got[0, 2:4], [0, 0])


def test_nothing_is_fitted_on_the_test_part(sequences: Callable[..., DatasetConfig]) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(100, 4, 2)), np.arange(100) % 2
    plain = load_dataset(sequences({"kind": "classify", "metric": "log_loss"}, x=x, y=y))
    x[plain.test.open().rows] = 1e6
    marked = load_dataset(sequences({"kind": "classify", "metric": "log_loss"}, x=x, y=y))
    assert {name: score.validation_score for name, score in by_name(plain).items()} == {
        name: score.validation_score for name, score in by_name(marked).items()
    }


def test_constant_channels_and_extreme_values_give_a_score(sequences: Callable[..., DatasetConfig]) -> None:
    random = np.random.default_rng(0)
    x = np.ones((60, 4, 2)) * [1.0, 1e30]
    for task, y in (({"kind": "classify"}, np.arange(60) % 2), ({"kind": "regress"}, random.normal(size=60))):
        for score in compute(load_dataset(sequences(task, x=x, y=y))):
            assert np.isfinite([score.validation_score, score.test_score]).all()


def test_run_takes_and_gives_plain_values(forecast: Forecast) -> None:
    config = forecast({"season_steps": 6}, y=np.arange(150.0))
    request = json.loads(json.dumps({"dataset": config.model_dump(mode="json")}))
    answer = json.loads(json.dumps(run(request)))
    scores = [BaselineScore(**plain) for plain in answer["baselines"]]
    assert answer["skipped"] == []
    assert [score.name for score in scores] == [
        "persistence",
        "seasonal naive",
        "ridge on the lags",
        "Theta method",
        "exponential smoothing",
        "boosted trees on lags",
    ]
    assert scores[0].test_score == pytest.approx(3)  # a line that climbs by one: 1 to 5 steps ahead
    assert all(0 <= score.fit_seconds < 60 for score in scores)
