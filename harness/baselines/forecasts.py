"""Baselines of forecasts: what was, in seasons and on straight lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.baselines.base import Candidate, Clock, Fitted, Numbers, Predict, at_once
from harness.baselines.boosted import DAYS, boosted_trees, too_many_targets
from harness.baselines.history import history_of, parts_until
from harness.baselines.linear import ridge
from harness.baselines.smoothing import smoothers
from harness.baselines.summaries import steps_apart
from harness.data import Part, Scaling, SequenceData


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


@dataclass(frozen=True, slots=True, eq=False)
class Copied:
    """Forecasts that are values of the lookback.

    Attributes:
        places: Step of the lookback that each step of the horizon is copied from (horizon,), from 0.
        targets: Channel of each target.
    """

    places: npt.NDArray[np.int64]
    targets: tuple[int, ...]

    def __call__(self, part: Part) -> Numbers:
        """(n, horizon, targets)."""
        return np.asarray(part.x[:, self.places][:, :, list(self.targets)])


def persistence(data: SequenceData) -> Copied:
    """The last value seen, for every step of the horizon."""
    return Copied(np.full(data.horizon_steps, data.train.x.shape[1] - 1), data.target_channels)


def seasonal_naive(data: SequenceData, season_steps: int) -> Copied:
    """The value as many whole seasons before each step of the horizon as it takes to be in the lookback.

    Source: R. J. Hyndman and G. Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, section
    5.2.

    Args:
        data: The dataset.
        season_steps: Steps of a season, at most the lookback.
    """
    lookback = data.train.x.shape[1]
    places = lookback - season_steps + np.arange(data.horizon_steps) % season_steps
    return Copied(places, data.target_channels)


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
    return ridge(data, Lags(data.scaling, steps_apart(data.train)), clock)


@dataclass(frozen=True, slots=True, eq=False)
class Lags:
    """The lookback's scaled values from the last step on, and those known in advance.

    Attributes:
        scaling: How they are scaled.
        every: How many steps further back the next one lies.
    """

    scaling: Scaling
    every: int

    def __call__(self, part: Part) -> Numbers:
        """(n, columns): the channels of each step together, then what is known in advance."""
        scaled = self.scaling.scale_inputs(part.x)
        lags = scaled[:, ::-1][:, :: self.every].reshape(len(part), -1).astype(np.float64)
        if part.future is None:
            return lags
        return np.concatenate([lags, self.scaling.scale_future(part.future).reshape(len(part), -1)], axis=1)
