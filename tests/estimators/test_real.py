"""The estimators with real sweeps: three of scikit-learn's checks, a pipeline under cross-validation, a forecast."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.model_selection import TimeSeriesSplit, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.utils import estimator_checks

from harness.sklearn import SequenceClassifier, SequenceForecaster, SequenceRegressor
from harness.sweeps.folders import sweep_ids

pytestmark = pytest.mark.slow

RANDOM = np.random.default_rng(0)
SHORT: dict[str, Any] = {"trials": 1, "epochs": 1, "seeds": 0, "options": {"workers": 1}}


class ChannelScaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """`StandardScaler` for sequences: each channel over all steps."""

    def fit(self, X: Any, y: Any = None) -> ChannelScaler:  # noqa: N803
        self.mean_, self.scale_ = X.mean(axis=(0, 1)), X.std(axis=(0, 1))
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        return (X - self.mean_) / self.scale_


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (SequenceClassifier, "check_dict_unchanged"),
        (SequenceClassifier, "check_estimators_pickle"),
        (SequenceRegressor, "check_supervised_y_2d"),
    ],
)
def test_scikit_learns_check(kind: Any, check: str, tmp_path: Path) -> None:
    getattr(estimator_checks, check)(kind.__name__, kind(store=tmp_path, **SHORT))
    assert sweep_ids_in(tmp_path)


def sweep_ids_in(folder: Path) -> list[str]:
    from harness.store import find_store

    return sweep_ids(find_store(folder))


def test_a_pipeline_under_cross_validation_and_a_clone_after_fit(tmp_path: Path) -> None:
    x = RANDOM.normal(3, 5, size=(160, 6, 2))
    y = np.where(x[:, -1, 0] > 3, "up", "down")
    model = SequenceClassifier(store=tmp_path, trials=2, epochs=15, seeds=0, options={"workers": 2})
    line = Pipeline([("scale", ChannelScaler()), ("network", model)])
    scores = cross_val_score(line, x, y, cv=2, error_score="raise")
    assert scores.shape == (2,)
    assert scores.min() > 0.6  # by chance a half
    assert len(sweep_ids_in(tmp_path)) == 2

    line.fit(x, y)
    network = line["network"]
    assert network.best_family_ in ("lstm", "gru")
    assert network.verdict_.families == ("lstm", "gru")
    assert network.recommendation_ is not None
    held = pickle.dumps(line)
    assert np.array_equal(pickle.loads(held).predict(x), line.predict(x))
    assert not hasattr(clone(line)["network"], "champion_")
    assert clone(line)["network"].get_params() == network.get_params()


def test_a_forecaster_under_a_split_by_time(tmp_path: Path) -> None:
    times = pd.date_range("2024-01-01", periods=420, freq="h", name="at")
    table = pd.DataFrame({"level": np.sin(np.arange(420) / 4)}, times)
    options = {"workers": 2, "time": "at"}
    model = SequenceForecaster(
        horizon_steps=2, lookback_steps=8, target="level", store=tmp_path, trials=2, epochs=15, seeds=0, options=options
    )
    scores = cross_val_score(model, table, cv=TimeSeriesSplit(2, test_size=100), error_score="raise")
    assert scores.min() > 0.3
    after = model.fit(table).predict(table)
    assert after["at"].tolist() == list(pd.date_range("2024-01-18 12:00", periods=2, freq="h"))
    assert after["level"].to_numpy() == pytest.approx(np.sin(np.arange(420, 422) / 4), abs=0.6)
