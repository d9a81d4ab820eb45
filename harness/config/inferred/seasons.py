"""Seasons that a series has in fact: lags of high autocorrelation, each checked by the forecast that it makes.

A season counts where repeating it forecasts later rows better than what is known without it: than the last value, for
the shortest, and than every shorter season, for a longer one, whose autocorrelation has to be higher, too. Better is a
tenth less error, and more than chance: else three weeks would count beside one for a few lucky rows. The rows that it
is checked on are those of the validation part; the rows of the test part are not looked at.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

TRAIN, VALIDATION = 0.7, 0.15
"""Shares of the rows that seasons are looked for in, and checked on."""

BETTER = 0.9
"""A season's error against the best one without it, at most."""

BEYOND_CHANCE = 3.0
"""Standard errors of the mean difference by which the error has to be lower: several lags are tried.
What the times suggest needs none, and seven of it, which may be a week of days, two."""

LEAST_CORRELATION = 0.2
MOST_PEAKS = 4
LONGEST_LAG = 3000


def seasons_in(values: Values, base: int | None = None, horizon: int = 1) -> tuple[int, ...]:
    """The seasons of a series, the shortest first.

    Args:
        values: (rows,) in the order of time; a gap is NaN.
        base: Rows of a day, or what else the times suggest: it and seven of it are checked as well, and of the peaks
            of the autocorrelation whole multiples of it alone. None where nothing is suggested.
        horizon: Steps ahead that are forecast.
    """
    values = _filled(values)
    until, end = int(len(values) * TRAIN), int(len(values) * (TRAIN + VALIDATION))
    if end - until < 2 or not np.ptp(values[:until]):
        return ()
    correlation = autocorrelation(values[:until])
    lags = {*peaks_of(correlation)}
    if base is not None:
        lags = {lag for lag in {*lags, base, 7 * base} if lag % base == 0 and 2 <= lag < len(correlation)}
    suggested = {} if base is None else {base: 0.0, 7 * base: 2.0}
    found, best = list[int](), naive_errors(values[:end], until, 1, horizon)
    for lag in sorted(lags):
        if found and lag < 2 * found[-1]:
            continue  # seasons hold one another, as a week holds days
        errors = naive_errors(values[:end], until, lag, horizon)
        beyond = suggested.get(lag, BEYOND_CHANCE)
        if _better(errors, best, beyond) and all(correlation[lag] > correlation[shorter] for shorter in found):
            found.append(lag)
            best = errors
    return tuple(found)


def _better(errors: Values, than: Values, beyond: float) -> bool:
    """Whether errors on the same rows are lower by a tenth, and by so many standard errors."""
    gain = than - errors
    by_chance = beyond * gain.std(ddof=1) / np.sqrt(len(gain))
    return bool(errors.mean() < BETTER * than.mean() and gain.mean() > by_chance)


def naive_errors(values: Values, begin: int, season: int, horizon: int) -> Values:
    """Absolute error of repeating the last season known, for each row from `begin`: the mean over steps 1 to `horizon`.

    Args:
        values: (rows,), all known.
        begin: The first row that is forecast.
        season: Steps of the season, at least 2; 1 repeats the last value.
        horizon: Steps ahead.
    """
    lags, counts = np.unique(season * -(-np.arange(1, horizon + 1) // season), return_counts=True)
    rows = np.arange(begin, len(values))
    errors = [np.abs(values[rows] - values[np.maximum(rows - lag, 0)]) for lag in lags]
    return np.asarray(np.average(errors, axis=0, weights=counts))


def autocorrelation(values: Values) -> Values:
    """The autocorrelation at lags 0, 1, 2, …, up to a half of the rows; each a mean over the pairs of rows that it has.

    Args:
        values: (rows,), all known; a straight line is taken out of them.
    """
    from scipy.signal import detrend

    longest = min(len(values) // 2, LONGEST_LAG)
    size = 1 << (2 * len(values) - 1).bit_length()
    products = np.fft.irfft(np.abs(np.fft.rfft(detrend(values), size)) ** 2, size)[: longest + 1]
    return np.asarray(products / (max(products[0], 1e-300) / len(values)) / (len(values) - np.arange(longest + 1)))


def peaks_of(correlation: Values) -> list[int]:
    """Lags at which the autocorrelation is higher than around them, the shortest and the highest few."""
    from scipy.signal import find_peaks

    places, _ = find_peaks(correlation, height=LEAST_CORRELATION, prominence=LEAST_CORRELATION / 2)
    shortest = [int(lag) for lag in places if lag >= 2]
    highest = sorted(shortest, key=lambda lag: -correlation[lag])
    return sorted({*shortest[:MOST_PEAKS], *highest[:MOST_PEAKS]})


def _filled(values: Values) -> Values:
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return np.zeros(0)
    return np.interp(np.arange(len(values)), known, values[known])
