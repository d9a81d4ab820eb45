"""What labels of every step and next tokens have to beat: frequencies, the step before, one linear model a step.

Only real steps are counted; what is said of padded steps is never looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.baselines.base import Baseline, Numbers
from harness.data import Part, SequenceData
from harness.metrics import at_real_steps
from harness.records import Answer

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
        yield logistic_of_steps(data)
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
    every = -(-len(x) // MOST_STEPS)
    plain = LogisticRegression(max_iter=2000)
    model = make_pipeline(StandardScaler(), OneVsRestClassifier(plain) if data.answer is Answer.FLAGS else plain)
    fitted = (
        _with_every_class(x[::every], y[::every], x, y) if data.answer is Answer.CLASS else (x[::every], y[::every])
    )
    model.fit(*fitted)

    def predict(part: Part) -> Numbers:
        said = np.asarray(model.predict_proba(part.x.reshape(-1, part.x.shape[2])))
        return said.reshape(*part.x.shape[:2], -1)

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
    best, best_score = tables[0], math.nan
    for table in tables:
        score = data.score(data.validation, table[data.validation.x])
        if math.isnan(best_score) or data.objective.better(score, best_score):
            best, best_score = table, score
    return Baseline("frequencies after the present token", lambda part: best[part.x])


def _token_shares(data: SequenceData) -> npt.NDArray[np.float32]:
    counts = np.bincount(_answers(data.train), minlength=len(data.vocabulary)) + 1.0
    return np.asarray(counts / counts.sum(), np.float32)


def _answers(part: Part) -> npt.NDArray[Any]:
    return at_real_steps(part.y, part.lengths)


def _everywhere(part: Part, shares: Numbers) -> Numbers:
    return np.broadcast_to(shares, (*part.x.shape[:2], len(shares)))


def _with_every_class(
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    every_x: npt.NDArray[Any],
    every_y: npt.NDArray[Any],
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """A thinned sample, with the first step of each class that thinning lost: columns are then the class numbers."""
    missing = np.setdiff1d(every_y, y)
    first = [int(np.flatnonzero(every_y == code)[0]) for code in missing]
    return np.concatenate([x, every_x[first]]), np.concatenate([y, every_y[first]])
