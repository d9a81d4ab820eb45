"""The baselines, task by task: one line of NumPy or one estimator of scikit-learn each.

Only real steps are counted; what is said of padded steps is never looked at.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from harness.baselines.tokens import class_of_token, counts_of_tokens, logistic_on_neighbours
from harness.data import Part, Sealed, SequenceData
from harness.data.scaling import Floats
from harness.metrics import at_real_steps, mask_of
from harness.records import Answer

Numbers: TypeAlias = npt.NDArray[np.floating[Any]]
Predict: TypeAlias = Callable[[Part], Numbers]
"""A part → what a metric takes: values in raw units, or probabilities."""

T = TypeVar("T")

MOST_BYTES = 1_000_000_000
"""What a linear model's inputs may take; of more of them it is fitted on every second, third, … training window."""

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


def ridge(data: SequenceData, name: str, features: Callable[[Part], Any]) -> Baseline:
    """Ridge regression in scaled units whose penalty the validation part chooses by the objective.

    Args:
        data: The dataset.
        name: What tables call the baseline.
        features: A part → what goes in (n, columns), of spread about 1; sparse where there are many columns.
    """
    from sklearn.linear_model import Ridge

    every = -(-len(data.train) * features(data.train.at(np.arange(1))).data.nbytes // MOST_BYTES)
    train = data.train if every == 1 else data.train.at(np.arange(0, len(data.train), every))
    name = name if every == 1 else f"{name}, of one training window in {every}"
    x, y = features(train), data.scaling.scale_outputs(train.y, train.x)
    with _without_warnings():
        models = [Ridge(alpha=penalty).fit(x, y.reshape(len(y), -1)) for penalty in _PENALTIES]

    def predict(model: Ridge, x: Any, part: Part) -> Numbers:
        scaled = np.asarray(model.predict(x), np.float32).reshape(len(part), *data.train.y.shape[1:])
        return data.scaling.restore_outputs(scaled, part.x)

    x = features(data.validation)
    best = _best(data, models, lambda model: predict(model, x, data.validation))
    return Baseline(name, lambda part: predict(best, features(part), part))


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Fit in silence: what scikit-learn and SciPy warn of here, the data checks say in words of the data's own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _best(data: SequenceData, candidates: Sequence[T], predict: Callable[[T], Numbers]) -> T:
    """The candidate whose predictions for the validation part have the best score."""
    best, best_score = candidates[0], math.nan
    for candidate in candidates:
        score = data.score(data.validation, predict(candidate))
        if math.isnan(best_score) or data.objective.better(score, best_score):
            best, best_score = candidate, score
    return best


def without_gaps(data: SequenceData) -> SequenceData:
    """The dataset with each missing input as the last value before it in its sequence, else the training part's mean.

    Args:
        data: The dataset; as it is where its config lets no value be missing.
    """
    if not data.scaling.fills_gaps:
        return data
    mean = np.nanmean(data.train.x, axis=(0, 1)).astype(data.train.x.dtype)
    train, validation, test = (_filled(part, mean) for part in (data.train, data.validation, data.test.open()))
    return replace(data, train=train, validation=validation, test=Sealed(test))


def _filled(part: Part, mean: Floats) -> Part:
    known = ~np.isnan(part.x)
    before = np.maximum.accumulate(np.where(known, np.arange(part.x.shape[1])[None, :, None], -1), axis=1)
    last = np.take_along_axis(part.x, np.maximum(before, 0), axis=1)
    return replace(part, x=np.where(before < 0, mean, last).astype(part.x.dtype))


MOST_COLUMNS = 2000
"""Columns beyond which a linear model's lags are thinned: fitting costs their square."""


def forecasters(data: SequenceData) -> Iterator[Baseline]:
    """The baselines of a forecast.

    Args:
        data: The dataset.
    """
    # A target that is no input has no last value to go on from.
    if -1 not in data.target_channels:
        yield persistence(data)
        if data.season_steps and data.season_steps <= data.train.x.shape[1]:
            yield seasonal_naive(data, data.season_steps)
    yield ridge_on_lags(data)


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
    """One linear model from the lookback's values, and those known in advance, to the horizon's."""
    _, steps, channels = data.train.x.shape
    every = -(-steps * channels // MOST_COLUMNS)

    def features(part: Part) -> Numbers:
        scaled = data.scaling.scale_inputs(part.x)
        lags = scaled[:, ::-1][:, ::every].reshape(len(part), -1).astype(np.float64)
        if part.future is None:
            return lags
        return np.concatenate([lags, data.scaling.scale_future(part.future).reshape(len(part), -1)], axis=1)

    name = "ridge on the lags" if every == 1 else f"ridge on one lag in {every}"
    return ridge(data, name, features)


def classifiers(data: SequenceData) -> Iterator[Baseline]:
    """The baselines of a classification.

    Args:
        data: The dataset.
    """
    yield majority(data)
    yield token_counts(data) if data.vocabulary else logistic_regression(data)


def regressors(data: SequenceData) -> Iterator[Baseline]:
    """The baselines of a regression.

    Args:
        data: The dataset.
    """
    yield mean(data)
    yield (
        ridge(data, "ridge on counts of tokens", counts_of_tokens(data))
        if data.vocabulary
        else ridge_on_summaries(data)
    )


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
    with _without_warnings():
        model.fit(summaries(data.train), data.train.y)
    return Baseline(
        "logistic regression on mean, spread and end",
        # Every class is in the training part (the split sees to it), so the columns are the class numbers.
        lambda part: np.asarray(model.predict_proba(summaries(part))),
    )


def token_counts(data: SequenceData) -> Baseline:
    """Multinomial logistic regression on how often each token is in a text, whatever the order."""
    from sklearn.linear_model import LogisticRegression

    counts = counts_of_tokens(data)
    with _without_warnings():
        model = LogisticRegression(max_iter=2000).fit(counts(data.train), data.train.y)
    return Baseline(
        "logistic regression on counts of tokens", lambda part: np.asarray(model.predict_proba(counts(part)))
    )


def mean(data: SequenceData) -> Baseline:
    """The training part's mean answer, whatever the sequence."""
    return Baseline("mean", lambda part: np.tile(data.train.y.mean(axis=0, dtype=np.float64), (len(part), 1)))


def ridge_on_summaries(data: SequenceData) -> Baseline:
    """A linear model on each channel's mean, spread and last value."""
    train = summaries(data.train)
    centre, spread = train.mean(axis=0), train.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    return ridge(data, "ridge on mean, spread and end", lambda part: (summaries(part) - centre) / spread)


def summaries(part: Part) -> npt.NDArray[np.float64]:
    """Each channel's mean, standard deviation and last value over the real steps.

    Args:
        part: Sequences.

    Returns:
        (n, 3 · channels): all means, then all deviations, then all last values.
    """
    real = mask_of(part.lengths, part.x.shape[1])[:, :, None]
    count = part.lengths[:, None].astype(np.float64)
    average = part.x.sum(axis=1, dtype=np.float64, where=real) / count
    squares = np.square(part.x - average[:, None, :]).sum(axis=1, where=real) / count
    last = part.x[np.arange(len(part)), part.lengths - 1].astype(np.float64)
    return np.concatenate([average, np.sqrt(squares), last], axis=1)


MOST_STEPS = 20_000
"""Training steps beyond which a linear model is fitted on every second, third, … one."""

MOST_LABELS = 20
"""Labels up to which a linear model is fitted for each."""

_SHARES = (0.5, 0.8, 0.9, 0.95, 0.99)
"""What share of a guess comes from the token before, the rest from plain frequencies."""


def labellers(data: SequenceData) -> Iterator[Baseline]:
    """The baselines of labels.

    Args:
        data: The dataset.
    """
    if data.answer is Answer.CLASS:
        yield class_shares(data)
        if not data.vocabulary:
            yield logistic_of_steps(data)
            return
        yield Baseline("classes of the token", class_of_token(data))
        yield Baseline("logistic regression on tokens beside", logistic_on_neighbours(data))
        return
    yield label_shares(data)
    if set(data.targets) <= set(data.channels):
        yield label_given_itself(data)
    elif len(data.targets) <= MOST_LABELS:
        yield logistic_of_steps(data)


def token_guessers(data: SequenceData) -> Iterator[Baseline]:
    """The baselines of next tokens.

    Args:
        data: The dataset.
    """
    yield unigram(data)
    yield bigram(data)


def class_shares(data: SequenceData) -> Baseline:
    """Each class as probable as it is frequent among the training part's steps."""
    counts = np.bincount(_answers(data.train), minlength=len(data.classes))
    shares = counts / counts.sum()
    return Baseline("majority class", lambda part: _everywhere(part, shares))


def label_shares(data: SequenceData) -> Baseline:
    """Each label as probable as it is frequent among the training part's steps: a marginal Bernoulli."""
    shares = _answers(data.train).mean(axis=0, dtype=np.float64)
    return Baseline("frequency of each label", lambda part: _everywhere(part, shares))


def label_given_itself(data: SequenceData) -> Baseline:
    """Each label as probable as it is frequent after its own present value: a Markov chain a label.

    Counts begin at the label's frequency in all (one step's worth), so that what never occurred is not impossible.
    """
    places = [data.channels.index(name) for name in data.targets]
    answers = _answers(data.train).astype(np.float64)
    now = at_real_steps(data.train.x, data.train.lengths)[:, places] > 0
    shares = answers.mean(axis=0)
    after = np.stack([((answers * (now == on)).sum(0) + shares) / ((now == on).sum(0) + 1) for on in (False, True)])
    return Baseline(
        "each label given its present value", lambda part: np.where(part.x[:, :, places] > 0, after[1], after[0])
    )


def logistic_of_steps(data: SequenceData) -> Baseline:
    """Logistic regression on a step's own values: for classes multinomial, for labels one for each."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = at_real_steps(data.train.x, data.train.lengths), _answers(data.train)
    kept = np.arange(0, len(x), -(-len(x) // MOST_STEPS))
    if data.answer is Answer.CLASS:  # the first step of each class that thinning lost: columns are the class numbers
        classes, firsts = np.unique(y, return_index=True)
        kept = np.append(kept, firsts[~np.isin(classes, y[kept])])
    plain = LogisticRegression(max_iter=2000)
    model = make_pipeline(StandardScaler(), OneVsRestClassifier(plain) if data.answer is Answer.FLAGS else plain)
    with _without_warnings():
        model.fit(x[kept], y[kept])

    def predict(part: Part) -> Numbers:
        given = np.asarray(model.predict_proba(part.x.reshape(-1, part.x.shape[2])))
        return given.reshape(*part.x.shape[:2], -1)

    return Baseline("logistic regression on the step", predict)


def unigram(data: SequenceData) -> Baseline:
    """Each token as probable as it is frequent in the training part, one more each."""
    shares = _token_shares(data)
    return Baseline("token frequencies", lambda part: _everywhere(part, shares))


def bigram(data: SequenceData) -> Baseline:
    """Each token as probable as it is frequent after the present one, mixed with its frequency in all.

    Source of the mixture: F. Jelinek and R. L. Mercer (1980), "Interpolated estimation of Markov source parameters from
    sparse data". The validation part chooses the share.
    """
    size = len(data.vocabulary)
    pairs = at_real_steps(data.train.x, data.train.lengths).astype(np.int64) * size + _answers(data.train)
    counts = np.bincount(pairs, minlength=size * size).reshape(size, size)
    seen, shares = counts.sum(axis=1, keepdims=True), _token_shares(data)
    following = np.where(seen > 0, counts / np.maximum(seen, 1), shares)
    tables = [(share * following + (1 - share) * shares).astype(np.float32) for share in _SHARES]
    best = _best(data, tables, lambda table: table[data.validation.x])
    return Baseline("frequencies after the present token", lambda part: best[part.x])


def _token_shares(data: SequenceData) -> npt.NDArray[np.float32]:
    counts = np.bincount(_answers(data.train), minlength=len(data.vocabulary)) + 1.0
    return np.asarray(counts / counts.sum(), np.float32)


def _answers(part: Part) -> npt.NDArray[Any]:
    return at_real_steps(part.y, part.lengths)


def _everywhere(part: Part, shares: Numbers) -> Numbers:
    return np.broadcast_to(shares, (*part.x.shape[:2], len(shares)))
