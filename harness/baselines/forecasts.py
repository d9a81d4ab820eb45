"""What a forecast has to beat: the last value, the last season, a linear model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.baselines.base import Baseline, Numbers, ridge
from harness.data import Part, SequenceData

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
