"""Random effects in two levels, source and data set within source, by restricted maximum likelihood (REML).

    y = X b + source effect + effect of the data set + error,   variances tau², omega², s² (known)

The restricted likelihood (Patterson and Thompson 1971) is maximised over the two standard deviations; coefficients are
those of generalised least squares. Their covariance is scaled by the weighted residual sum of squares, never below 1,
and referred to Student's t with as many degrees of freedom as there are sources beyond the coefficients (Hartung and
Knapp 2001; Röver, Knapp and Friede 2015), since the sources are the independent units.

Pure numbers. It is not robust: one wild data set moves it. `model` is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.records.serialization import Record
from harness.stats.levels import LEVEL

Floats = npt.NDArray[np.float64]

_LARGEST = 3.0
"""Standard deviation of log ratios beyond which none is looked for: a factor of twenty from source to source."""

_STARTS = ((0.1, 0.1), (0.4, 0.02), (0.02, 0.4))


@dataclass(frozen=True, slots=True)
class Interval(Record):
    """An estimate with its interval.

    Attributes:
        value: The estimate.
        low: Lower end.
        high: Upper end.
        p: Two-sided p of zero.
    """

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Regression:
    """A fitted model.

    Attributes:
        coefficients: One a column of the design (p,).
        covariance: Their covariance (p, p).
        between: Standard deviation of the sources' effects.
        within: Standard deviation of the data sets' effects within a source.
        freedom: Degrees of freedom of the intervals.
    """

    coefficients: Floats
    covariance: Floats
    between: float
    within: float
    freedom: int

    def of(self, weights: Sequence[float] | Floats, level: float = LEVEL) -> Interval:
        """A weighted sum of the coefficients with its interval.

        Args:
            weights: One a coefficient (p,).
            level: Level of the interval.
        """
        from scipy import special

        row = np.asarray(weights, dtype=np.float64)
        value, error = float(row @ self.coefficients), self.error(row)
        reach = float(special.stdtrit(self.freedom, (1 + level) / 2)) * error
        p = 2 * float(special.stdtr(self.freedom, -abs(value) / error)) if error else float(value == 0)
        return Interval(value, value - reach, value + reach, p)

    def error(self, weights: Floats) -> float:
        """Standard error of a weighted sum of the coefficients."""
        return math.sqrt(max(0.0, float(weights @ self.covariance @ weights)))

    def all_zero(self, contrasts: Floats) -> float:
        """The p of Wald's F test that all of some weighted sums are zero.

        Args:
            contrasts: Weights of each sum (k, p), of full rank.
        """
        from scipy import special

        sums = contrasts @ self.coefficients
        f = float(sums @ np.linalg.solve(contrasts @ self.covariance @ contrasts.T, sums)) / len(sums)
        return float(special.fdtrc(len(sums), self.freedom, f))


def reml(values: Floats, errors: Floats, sources: Sequence[str], design: Floats | None = None) -> Regression | None:
    """Fit the model.

    Args:
        values: Log ratio of each data set (n,).
        errors: Its standard error, above 0 (n,).
        sources: Who measured it.
        design: Columns that explain it (n, p); by default a 1 alone, the mean.

    Returns:
        The fit; None where there are fewer than three sources beyond the columns, or the columns say the same.
    """
    from scipy.optimize import minimize

    columns = np.ones((len(values), 1)) if design is None else design
    names, groups = np.unique(np.asarray(sources), return_inverse=True)
    freedom = len(names) - columns.shape[1]
    if freedom < 3 or np.linalg.matrix_rank(columns) < columns.shape[1]:
        return None
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    table, variances = np.column_stack((columns, values))[order], errors[order] ** 2

    def lost(spreads: Floats) -> float:
        return _solve(table, variances, starts, *spreads)[0]

    found = min(
        (
            minimize(
                lost, start, method="L-BFGS-B", bounds=[(0.0, _LARGEST)] * 2, options={"ftol": 1e-14, "gtol": 1e-9}
            )
            for start in _STARTS
        ),
        key=lambda one: float(one.fun),
    )
    between, within = (float(one) for one in found.x)
    _, coefficients, covariance, squares = _solve(table, variances, starts, between, within)
    scale = max(1.0, squares / (len(values) - columns.shape[1]))
    return Regression(coefficients, covariance * scale, between, within, freedom)


def _solve(
    table: Floats, variances: Floats, starts: npt.NDArray[np.intp], between: float, within: float
) -> tuple[float, Floats, Floats, float]:
    """Minus the restricted log likelihood, the coefficients, their covariance and the weighted sum of squares.

    The covariance of one source's data sets is a diagonal and a constant, whose inverse is closed (Sherman and
    Morrison 1950).

    Args:
        table: The columns of the design and, last, the values, sorted by source (n, p + 1).
        variances: Squared standard errors (n,).
        starts: First row of each source.
        between: Standard deviation of the sources' effects.
        within: That of the data sets' effects.
    """
    diagonal = within**2 + variances
    scaled = table / diagonal[:, None]
    total = np.add.reduceat(1 / diagonal, starts)
    sums = np.add.reduceat(scaled, starts)
    products = table.T @ scaled - (sums.T * (between**2 / (1 + between**2 * total))) @ sums
    information, right = products[:-1, :-1], products[:-1, -1]
    covariance: Floats = np.linalg.inv(information).astype(np.float64)
    coefficients = covariance @ right
    squares = float(products[-1, -1] - coefficients @ right)
    volume = float(np.log(diagonal).sum() + np.log1p(between**2 * total).sum())
    return 0.5 * (volume + float(np.linalg.slogdet(information)[1]) + squares), coefficients, covariance, squares
