"""Exponential smoothing and the Theta method, by statsmodels, for forecasts of single series.

Their parameters are estimated once, on the training part; then they go through the series as far as it is known before
each window's horizon.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.baselines.base import Candidate, Clock, Fitted, Numbers, Predict, best_of
from harness.baselines.history import history_of, parts_until
from harness.data import Part, SequenceData

Wide: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.int64]
Ahead: TypeAlias = Callable[[Wide, Places], Wide]
"""A whole series (rows,) and the last rows that each forecast knows of it (n,) → forecasts (n, horizon)."""

Fit: TypeAlias = Callable[[Wide, int, int], Ahead]
"""The training part's series, steps of its season (1 for none), and the horizon → how it goes on."""

MOST_ROWS = 4000
"""Rows at the training part's end that parameters are estimated on."""

MOST_TARGETS = 5
"""Targets up to which each is smoothed."""

_SEASONS = 2
"""Whole seasons that the training part must hold for a season to be estimated."""

_STEPS = 50
"""The most steps of an estimation."""

_TRENDS: tuple[dict[str, Any], ...] = ({}, {"trend": "add", "damped_trend": True})


def smoothers(data: SequenceData) -> Sequence[Candidate]:
    """The Theta method and exponential smoothing; none for the series of a panel, or targets that are no inputs.

    Args:
        data: A forecast.
    """
    if history_of(data, [data.train]) is None:
        return []
    lacks = ""
    if importlib.util.find_spec("statsmodels") is None:
        lacks = "statsmodels is not installed: pip install 'lstm-gru-harness[statistics]'"
    elif len(data.target_channels) > MOST_TARGETS:
        lacks = f"{len(data.target_channels)} targets: expected at most {MOST_TARGETS}"
    return [
        Candidate("Theta method", lambda clock: _smoothed(data, [_theta], clock), lacks),
        Candidate(
            "exponential smoothing",
            lambda clock: _smoothed(data, [_exponential(trend) for trend in _TRENDS], clock),
            lacks,
        ),
    ]


def _smoothed(data: SequenceData, fits: Sequence[Fit], clock: Clock) -> Fitted:
    history = history_of(data, [data.train])
    assert history is not None  # or there would be no candidate
    season = data.season_steps or 1
    known = [_filled(column) for column in history.values.T.astype(np.float64)]
    season = season if len(known[0]) >= _SEASONS * season else 1
    choices: list[Predict] = []
    for fit in fits:
        clock.check()
        ahead = [fit(column, season, data.horizon_steps) for column in known]
        choices.append(lambda part, ahead=ahead: _forecast(data, ahead, part))  # type: ignore[misc]
    best = best_of(data, choices, lambda predict: predict(data.validation))
    season_note = f"a season of {season} steps" if season > 1 else "no season"
    return Fitted(best, season_note)


def _forecast(data: SequenceData, ahead: Sequence[Ahead], part: Part) -> Numbers:
    """(n, horizon, targets): each from what is known of the series before its horizon."""
    history = history_of(data, parts_until(data, part))
    if history is None:
        raise ValueError("its windows are not of one series in order of time")
    origins = part.rows + data.train.x.shape[1] - 1 - history.first
    columns = history.values.T.astype(np.float64)
    return np.stack([one(_filled(column), origins) for one, column in zip(ahead, columns, strict=True)], axis=2)


def _filled(values: Wide) -> Wide:
    """A series with the last value known in the place of missing ones, at its beginning the first one known."""
    known = ~np.isnan(values)
    before = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.asarray(values[np.where(before < 0, int(known.argmax()), before)])


def _exponential(trend: dict[str, Any]) -> Fit:
    """Additive errors and season, with no trend or a damped one.

    Source: R. J. Hyndman and G. Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, chapter 8.
    """

    def fit(train: Wide, season: int, horizon: int) -> Ahead:
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel

        seasonal = {"seasonal": "add", "seasonal_periods": season} if season > 1 else {}
        how = {**trend, **seasonal, "initialization_method": "heuristic"}
        found = ETSModel(train[-MOST_ROWS:], **how).fit(disp=False, maxiter=_STEPS)
        parameters = dict(zip(found.model.param_names, found.params, strict=True))
        step = 1 + np.arange(horizon)
        damping = np.cumsum(parameters.get("damping_trend", 0.0) ** step)
        back = step - season * -(-step // season)  # from the last row to the same place in its season

        def ahead(series: Wide, origins: Places) -> Wide:
            states = ETSModel(series, **how).smooth(found.params)
            said = np.repeat(np.asarray(states.level)[origins][:, None], horizon, axis=1)
            if trend:
                said += np.asarray(states.slope)[origins][:, None] * damping
            if season > 1:
                said += np.asarray(states.season)[np.maximum(origins[:, None] + back, 0)]
            return said

        return ahead

    return fit


def _theta(train: Wide, season: int, horizon: int) -> Ahead:
    """Simple exponential smoothing and half of the training part's slope, of the series without its mean season.

    Source: V. Assimakopoulos and K. Nikolopoulos (2000), "The theta model: a decomposition approach to forecasting",
    International Journal of Forecasting 16; its form here: R. J. Hyndman and B. Billah (2003), "Unmasking the Theta
    method", International Journal of Forecasting 19.
    """
    from scipy.signal import lfilter
    from statsmodels.tsa.forecasting.theta import ThetaModel
    from statsmodels.tsa.seasonal import seasonal_decompose

    tail = train[-MOST_ROWS:]
    rows = np.arange(len(train) - len(tail), len(train))
    shape = np.zeros(season)
    if season > 1:
        shape[rows[:season] % season] = seasonal_decompose(tail, period=season).seasonal[:season]
    parameters = ThetaModel(tail - shape[rows % season], deseasonalize=False).fit().params
    slope, alpha = float(parameters["b0"]), float(np.clip(parameters["alpha"], 1e-4, 1.0))
    drift = slope / 2 * (np.arange(horizon) + (1 - (1 - alpha) ** len(tail)) / alpha)

    def ahead(series: Wide, origins: Places) -> Wide:
        flat = series - shape[np.arange(len(series)) % season]
        level, _ = lfilter([alpha], [1, alpha - 1], flat, zi=[(1 - alpha) * flat[0]])
        rows = origins[:, None] + 1 + np.arange(horizon)
        return np.asarray(level[origins][:, None] + drift + shape[rows % season])

    return ahead
