"""What a recurrent network has to beat: models of one line of NumPy or one estimator of scikit-learn.

Each is fitted on the training part; where one has a setting, the validation part chooses it. They know data
and metrics and nothing of networks.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.cards.schema import DatasetCard
from harness.data import Part, SequenceData, cached_dataset
from harness.records import BaselineScore, TaskKind

Numbers: TypeAlias = npt.NDArray[np.floating[Any]]
Predict: TypeAlias = Callable[[Part], Numbers]
"""A part → what a metric takes: values in raw units, or class probabilities."""

MOST_COLUMNS = 2000
"""Columns beyond which a linear model's lags are thinned: fitting costs their square."""

_PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Ridge's alphas, for inputs of spread 1 and a penalty beside a sum over all training rows."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A fitted baseline.

    Attributes:
        name: What tables call it.
        predict: Its predictions.
    """

    name: str
    predict: Predict


def run(request: Mapping[str, Any]) -> dict[str, Any]:
    """Fit and score all baselines of a dataset, where an engine runs it.

    Args:
        request: `{"dataset": plain values of a DatasetCard}`.

    Returns:
        `{"baselines": [plain values of a BaselineScore, …]}`.

    Raises:
        DataError: The dataset cannot be loaded.
    """
    data = cached_dataset(DatasetCard.model_validate(request["dataset"]))
    return {"baselines": [score.to_json() for score in compute(data)]}


def compute(data: SequenceData) -> tuple[BaselineScore, ...]:
    """Fit and score all baselines that the task has.

    Args:
        data: The dataset; its test part is opened for the score alone.
    """
    import sklearn.linear_model  # noqa: F401 - here, or the first estimator's seconds would be those of the import

    scores = []
    started = time.perf_counter()
    for baseline in _FITS[data.task](data):
        validation = _score(data, baseline.predict, data.validation)
        test = _score(data, baseline.predict, data.test.open())
        now = time.perf_counter()
        scores.append(BaselineScore(baseline.name, validation, test, now - started))
        started = now
    return tuple(scores)


def _forecasts(data: SequenceData) -> Iterator[Baseline]:
    # A target that is no input has no last value to go on from.
    if -1 not in data.target_channels:
        yield persistence(data)
        if data.season_steps and data.season_steps <= data.train.x.shape[1]:
            yield seasonal_naive(data, data.season_steps)
    yield ridge_on_lags(data)


def _classifiers(data: SequenceData) -> Iterator[Baseline]:
    yield majority(data)
    yield logistic_regression(data)


def _regressors(data: SequenceData) -> Iterator[Baseline]:
    yield mean(data)
    yield ridge_on_summaries(data)


_FITS: Mapping[TaskKind, Callable[[SequenceData], Iterator[Baseline]]] = {
    TaskKind.FORECAST: _forecasts,
    TaskKind.CLASSIFY: _classifiers,
    TaskKind.REGRESS: _regressors,
}


def persistence(data: SequenceData) -> Baseline:
    """The last value seen, for every step of the horizon."""
    targets = list(data.target_channels)
    return Baseline("persistence", lambda part: np.repeat(part.x[:, -1:, targets], data.horizon_steps, axis=1))


def seasonal_naive(data: SequenceData, season_steps: int) -> Baseline:
    """The value as many whole seasons before each step of the horizon as it takes to be in the lookback.

    Source: R. J. Hyndman and G. Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, section
    5.2.

    Args:
        data: The dataset.
        season_steps: Steps of a season, at most the lookback.
    """
    lookback = data.train.x.shape[1]
    places = lookback - season_steps + np.arange(data.horizon_steps) % season_steps
    targets = list(data.target_channels)
    return Baseline("seasonal naive", lambda part: part.x[:, places][:, :, targets])


def ridge_on_lags(data: SequenceData) -> Baseline:
    """One linear model from all values of the lookback to all values of the horizon."""
    _, steps, channels = data.train.x.shape
    every = -(-steps * channels // MOST_COLUMNS)

    def features(part: Part) -> Numbers:
        scaled = data.scaling.scale_inputs(part.x)
        return scaled[:, ::-1][:, ::every].reshape(len(part), -1).astype(np.float64)

    name = "ridge on the lags" if every == 1 else f"ridge on one lag in {every}"
    return _ridge(data, name, features)


def majority(data: SequenceData) -> Baseline:
    """Each class as probable as it is frequent in the training part, whatever the sequence."""
    counts = np.bincount(data.train.y, minlength=len(data.classes))
    shares = counts / counts.sum()
    return Baseline("majority class", lambda part: np.tile(shares, (len(part), 1)))


def logistic_regression(data: SequenceData) -> Baseline:
    """Multinomial logistic regression on each channel's mean, spread and last value."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(summaries(data.train), data.train.y)
    return Baseline(
        "logistic regression on mean, spread and end",
        # Every class is in the training part (the split sees to it), so the columns are the class numbers.
        lambda part: np.asarray(model.predict_proba(summaries(part))),
    )


def mean(data: SequenceData) -> Baseline:
    """The training part's mean answer, whatever the sequence."""
    return Baseline("mean", lambda part: np.tile(data.train.y.mean(axis=0, dtype=np.float64), (len(part), 1)))


def ridge_on_summaries(data: SequenceData) -> Baseline:
    """A linear model on each channel's mean, spread and last value."""
    train = summaries(data.train)
    centre, spread = train.mean(axis=0), train.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    return _ridge(data, "ridge on mean, spread and end", lambda part: (summaries(part) - centre) / spread)


def summaries(part: Part) -> npt.NDArray[np.float64]:
    """Each channel's mean, standard deviation and last value over the real steps.

    Args:
        part: Sequences.

    Returns:
        (n, 3 · channels): all means, then all deviations, then all last values.
    """
    real = (np.arange(part.x.shape[1]) < part.lengths[:, None])[:, :, None]
    count = part.lengths[:, None].astype(np.float64)
    average = part.x.sum(axis=1, dtype=np.float64, where=real) / count
    squares = np.square(part.x - average[:, None, :]).sum(axis=1, where=real) / count
    last = part.x[np.arange(len(part)), part.lengths - 1].astype(np.float64)
    return np.concatenate([average, np.sqrt(squares), last], axis=1)


def _ridge(data: SequenceData, name: str, features: Callable[[Part], Numbers]) -> Baseline:
    """Ridge regression in scaled units whose penalty the validation part chooses by the objective."""
    from sklearn.linear_model import Ridge

    x, y = features(data.train), data.scaling.scale_outputs(data.train.y.astype(np.float32))
    models = [Ridge(alpha=penalty).fit(x, y.reshape(len(y), -1)) for penalty in _PENALTIES]

    def predict(model: Ridge, x: Numbers) -> Numbers:
        scaled = np.asarray(model.predict(x), np.float32).reshape(len(x), *data.train.y.shape[1:])
        return data.scaling.restore_outputs(scaled)

    x, best, best_score = features(data.validation), models[0], math.nan
    for model in models:
        score = data.score(data.validation, predict(model, x))
        if math.isnan(best_score) or data.objective.better(score, best_score):
            best, best_score = model, score
    return Baseline(name, lambda part: predict(best, features(part)))


def _score(data: SequenceData, predict: Predict, part: Part) -> float:
    return data.score(part, predict(part))
