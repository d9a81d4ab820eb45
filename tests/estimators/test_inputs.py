"""What the estimators take and tell, with a stub in place of training."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import harness
from harness.config.sweep import SweepConfig, make_plan
from harness.errors import DataError
from harness.sklearn import SequenceClassifier, SequenceForecaster, SequenceRegressor

RANDOM = np.random.default_rng(0)
LENGTHS = RANDOM.integers(3, 8, 60)
X = RANDOM.normal(size=(60, 7, 2))
Y = np.where(X[:, :3, 0].sum(axis=1) > 0, "up", "down")
PADDED = np.where((np.arange(7) < LENGTHS[:, None])[:, :, None], X, np.nan)
RAGGED = [x[:length] for x, length in zip(X, LENGTHS, strict=True)]
FRAME = pd.concat(
    {f"s{at:02d}": pd.DataFrame(piece, columns=["a", "b"]) for at, piece in enumerate(RAGGED)}, names=["who", "step"]
)


def test_padded_arrays_ragged_lists_and_tables_are_the_same_data(stubbed: Callable[..., Any]) -> None:
    fitted = [stubbed(SequenceClassifier).fit(given, Y) for given in (PADDED, RAGGED, FRAME)]
    assert len({model.champion_.description.name for model in fitted}) == 1  # its name is a digest of the data
    assert all(model.n_features_in_ == 2 for model in fitted)
    assert all(model.champion_.description.masked for model in fitted)
    said = [model.predict_proba(given) for model, given in zip(fitted, (PADDED, RAGGED, FRAME), strict=True)]
    assert np.array_equal(said[0], said[1])
    assert np.array_equal(said[0], said[2])


@pytest.mark.parametrize("names", [("up", "down"), (True, False), (7, -1), (1.0, 2.0)])
def test_classes_keep_their_type_and_order(names: tuple[Any, Any], stubbed: Callable[..., Any]) -> None:
    y = np.where(Y == "up", *names)
    model = stubbed(SequenceClassifier).fit(X, y)
    assert np.array_equal(model.classes_, np.unique(y))
    assert model.predict(X).dtype == y.dtype
    assert model.score(X, y) > 0.8
    assert np.array_equal(model.classes_[model.predict_proba(X).argmax(axis=1)], model.predict(X))


def test_an_estimator_plans_as_compare_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plans: list[SweepConfig] = []

    def sweep(config: Path, **asked: Any) -> Any:
        keys = SweepConfig.model_fields
        plans.append(make_plan({"datasets": ("d",), **{key: asked[key] for key in asked if key in keys}}))
        raise DataError("planned")

    monkeypatch.setattr(harness.sweeps, "sweep", sweep)
    with pytest.raises(ValueError, match="planned"):
        SequenceClassifier(store=tmp_path).fit(X, Y)
    with pytest.raises(DataError, match="planned"):
        harness.compare(X, Y, task="classify", store=tmp_path)
    assert plans[0] == plans[1]
    assert plans[0].min_steps == 500


def test_what_is_known_after_fit(stubbed: Callable[..., Any]) -> None:
    model = stubbed(SequenceRegressor, families=("lstm", "rnn")).fit(X, X[:, -1, 0])
    assert model.best_family_ == "rnn"
    assert model.verdict_.outcome == "undecided"
    assert model.predict(X).shape == (60,)
    assert model.score(X, X[:, -1, 0]) > 0.9
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict(X), model.predict(X))
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "champion_")


def test_a_grid_search_over_metrics(stubbed: Callable[..., Any]) -> None:
    grid = {"metric": ["accuracy", "macro_f1"]}
    search = GridSearchCV(stubbed(SequenceClassifier), grid, cv=2, error_score="raise").fit(X, Y)
    assert search.best_estimator_.champion_.description.metric == search.best_params_["metric"]


def test_a_series_a_table_and_a_target_apart(stubbed: Callable[..., Any]) -> None:
    level = np.sin(np.arange(300) / 4)
    one = stubbed(SequenceForecaster, horizon_steps=3, lookback_steps=8).fit(level)
    assert one.predict(level).shape == (3,)
    assert one.predict(level) == pytest.approx(np.sin(np.arange(300, 303) / 4), abs=0.05)
    assert one.score(level) > 0.99
    table = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=300, freq="h"), "level": level, "wind": level**2})
    named = stubbed(SequenceForecaster, lookback_steps=8, target="level", options={"time": "at"}).fit(table)
    assert list(named.predict(table).columns) == ["at", "level"]
    apart = stubbed(SequenceForecaster, lookback_steps=8).fit(np.stack([level, level**2], axis=1), level)
    assert apart.champion_.description.channels == ("x1", "x2")
    assert apart.score(np.stack([level, level**2], axis=1), level) > 0.99
    options = {"time": "at", "encoding": {"calendar": ["hour"]}}
    dated = stubbed(SequenceForecaster, lookback_steps=8, target="level", options=options)
    assert dated.fit(table.set_index("at")).score(table.set_index("at")) > 0.99  # the hour ahead is known
    guessed = stubbed(SequenceForecaster, target="level").fit(table)
    assert guessed.champion_.description.steps > 1


HOLED = np.where(np.arange(7)[None, :, None] == 2, np.nan, X)

WRONG: dict[str, tuple[Callable[[Callable[..., Any]], Any], str]] = {
    "a gap": (lambda make: make(SequenceClassifier).fit(HOLED, Y), "^Input X contains NaN: sequence 0, step 2"),
    "a sequence of nothing": (
        lambda make: make(SequenceClassifier).fit(np.where(np.arange(60)[:, None, None] == 5, np.nan, X), Y),
        r"^X: sequence 5 \(from 0\) has no value but NaN$",
    ),
    "other channels": (
        lambda make: make(SequenceClassifier).fit(X, Y).predict(X[:, :, :1]),
        "^X has 1 features, but SequenceClassifier is expecting 2 features as input$",
    ),
    "four axes": (
        lambda make: make(SequenceClassifier).fit(X[None], Y),
        r"^X has shape \(1, 60, 7, 2\): expected|1 samp",
    ),
    "options that are no dict": (
        lambda make: make(SequenceClassifier, options="trials").fit(X, Y),
        "^options = 'trials': expected a dict of arguments of harness.compare$",
    ),
    "a slip in options": (
        lambda make: make(SequenceClassifier, options={"replicats": 2}).fit(X, Y),
        r"^compare\(replicats=…\): no such argument\. Did you mean replicates",
    ),
    "a target of other rows": (
        lambda make: make(SequenceForecaster, lookback_steps=8).fit(np.ones((90, 2)), np.arange(3.0)),
        "^y has 3 rows: expected 90, as X has$",
    ),
    "too short a table to score": (
        lambda make: make(SequenceForecaster, lookback_steps=8).fit(np.arange(90.0)).score(np.arange(5.0)),
        "^X has 5 rows: expected at least 9, a window and what follows it$",
    ),
}


@pytest.mark.parametrize(("use", "message"), WRONG.values(), ids=WRONG.keys())
def test_wrong_use_is_a_value_error_of_one_line(use: Any, message: str, stubbed: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=message) as told:
        use(stubbed)
    assert "\n" not in str(told.value)


def test_they_are_found_under_the_package() -> None:
    assert harness.sklearn.SequenceClassifier is SequenceClassifier
