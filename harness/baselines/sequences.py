"""What a class or a number of a whole sequence has to beat: frequencies, and linear models on summaries."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from harness.baselines.base import Baseline, ridge
from harness.data import Part, SequenceData


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
    yield ridge_on_summaries(data)


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


def token_counts(data: SequenceData) -> Baseline:
    """Multinomial logistic regression on how often each token is in a text, whatever the order."""
    from scipy.sparse import csr_array
    from sklearn.linear_model import LogisticRegression

    def counts(part: Part) -> csr_array:
        real = np.arange(part.x.shape[1]) < part.lengths[:, None]
        rows = np.repeat(np.arange(len(part)), part.lengths)
        shape = (len(part), len(data.vocabulary))
        return csr_array((np.ones(len(rows)), (rows, part.x[real])), shape=shape)

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
    real = (np.arange(part.x.shape[1]) < part.lengths[:, None])[:, :, None]
    count = part.lengths[:, None].astype(np.float64)
    average = part.x.sum(axis=1, dtype=np.float64, where=real) / count
    squares = np.square(part.x - average[:, None, :]).sum(axis=1, where=real) / count
    last = part.x[np.arange(len(part)), part.lengths - 1].astype(np.float64)
    return np.concatenate([average, np.sqrt(squares), last], axis=1)
