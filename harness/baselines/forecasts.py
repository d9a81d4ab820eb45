"""Baselines of forecasts: what was, in seasons and on straight lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.baselines.base import Candidate, Clock, Fitted, Numbers, Predict, at_once
from harness.baselines.boosted import DAYS, boosted_trees, too_many_targets
from harness.baselines.history import history_of, parts_until
from harness.baselines.linear import ridge
from harness.baselines.smoothing import smoothers
from harness.baselines.summaries import steps_apart
from harness.data import Part, SequenceData


def forecasters(data: SequenceData, seed: int) -> Sequence[Candidate]:
    """The baselines of a forecast, the cheapest first.

    Args:
        data: The dataset.
        seed: For what is drawn by chance.
    """
    found = []
    # A target that is no input has no last value to go on from.
    if -1 not in data.target_channels:
        found.append(at_once("persistence", persistence, data))
        for season in data.seasons:
            name = "seasonal naive" if season == data.seasons[0] else f"seasonal naive of {season} steps"
            week = data.seasons[0] in DAYS and season == 7 * data.seasons[0]
            found += _seasonal("seasonal naive of a week" if week else name, data, season)
        if data.season_steps in DAYS and len(data.seasons) == 1:
            found += _seasonal("seasonal naive of a week", data, 7 * data.seasons[0])
    every = steps_apart(data.train)
    name = "ridge on the lags" if every == 1 else f"ridge on one lag in {every}"
    return [
        *found,
        Candidate(name, lambda clock: ridge_on_lags(data, clock)),
        *smoothers(data),
        Candidate("boosted trees on lags", lambda clock: boosted_trees(data, clock, seed), too_many_targets(data)),
    ]


def _seasonal(name: str, data: SequenceData, season: int) -> Sequence[Candidate]:
    """The seasonal naive forecast from the lookback; else from the series, where it is a single one."""
    if season <= data.train.x.shape[1]:
        return [at_once(name, lambda given: seasonal_naive(given, season), data)]
    if history_of(data, [data.train]) is None:
        return []
    return [at_once(name, lambda given: seasonal_of_history(given, season), data)]


def persistence(data: SequenceData) -> Predict:
    """The last value seen, for every step of the horizon."""
    targets = list(data.target_channels)
    return lambda part: np.repeat(part.x[:, -1:, targets], data.horizon_steps, axis=1)


def seasonal_naive(data: SequenceData, season_steps: int) -> Predict:
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
    return lambda part: part.x[:, places][:, :, targets]


def seasonal_of_history(data: SequenceData, season_steps: int) -> Predict:
    """The same of a season that is longer than the lookback; the last value seen where the series does not go so far.

    Args:
        data: The dataset, of a single series.
        season_steps: Steps of a season.
    """
    step = np.arange(data.horizon_steps)
    back = season_steps * (step // season_steps + 1)

    def predict(part: Part) -> Numbers:
        history = history_of(data, parts_until(data, part))
        assert history is not None  # or there would be no candidate
        before = history.at(part.rows[:, None] + part.x.shape[1] + step - back)
        return np.where(np.isnan(before), persistence(data)(part), before)

    return predict


def ridge_on_lags(data: SequenceData, clock: Clock) -> Fitted:
    """One linear model from the lookback's values, and those known in advance, to the horizon's.

    Args:
        data: The dataset.
        clock: The time there is.
    """
    every = steps_apart(data.train)

    def features(part: Part) -> Numbers:
        scaled = data.scaling.scale_inputs(part.x)
        lags = scaled[:, ::-1][:, ::every].reshape(len(part), -1).astype(np.float64)
        if part.future is None:
            return lags
        return np.concatenate([lags, data.scaling.scale_future(part.future).reshape(len(part), -1)], axis=1)

    return ridge(data, features, clock)
