"""Why a baseline cannot be written as a model."""

from __future__ import annotations

LOOKS_UP = "it is no formula of a sequence alone: it looks things up in its training data or a series"

NO_FORMULA = frozenset(
    {
        "seasonal naive of a week",
        "Theta method",
        "exponential smoothing",
        "boosted trees on lags",
        "majority class",
        "mean",
        "frequency of each label",
        "token frequencies",
        "n-grams with back-off",
        "logistic regression on tokens beside",
        "logistic regression on tokens and pairs of them",
    }
)
"""Baselines that are no formula of a sequence alone whatever the data, so that nobody fits them to learn it."""


class NoGraph(Exception):
    """A baseline cannot be written as a model; the message says why, as the end of a sentence."""
