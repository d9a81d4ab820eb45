"""The posterior of the Atlas's model on a grid of its three parameters: mu, tau and omega (see `model`).

Given omega, the likelihood of a source is a function of its own level mu + u_j alone; one matrix product integrates u_j
out for all mu at once. Sums over mu and over levels are those of smooth functions that vanish at both ends, which the
trapezoidal rule gives to rounding (Trefethen and Weideman 2014); the spreads stand at Gauss and Legendre's nodes of
their logarithms, where the posterior is. The likelihood of each source is kept at every node, so that leaving a source
out is a subtraction, not another fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.atlas.regression import Floats

OUTLIERS = 0.05
"""Share of data sets that may lie far out."""

FARTHER = 5.0
"""How many times farther those scatter."""

PARTS = ((1 - OUTLIERS, 1.0), (OUTLIERS, FARTHER))
"""Share of each part of the data sets, and how many times omega it scatters."""

PRIOR_MEAN = 0.2
"""Standard deviation of the prior of mu: two families differ by a fifth, as for the regret of a verdict."""

PRIOR_SPREAD = 0.3
"""Scale of the half-normal priors of tau and omega."""

_SMALLEST, _LARGEST = 0.01, 1.5
"""Spreads that are looked at: from 1 %, which no table tells from none, to a factor of four."""

_COARSE, _FINE, _MEANS = 13, 24, 65
_STEP = 0.005
_REACH = 8.0
_NOTHING = 1e-8
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Nodes:
    """A grid, and what is known at its nodes.

    Attributes:
        means: Of mu, evenly spaced (M,).
        between: Of tau (T,).
        within: Of omega (W,).
        prior: Log of the prior times a node's width (T, W, M).
        by_source: Log likelihood of each source (T, W, M, sources).
        weights: Posterior weight of each node, of sum 1 (T, W, M).
    """

    means: Floats
    between: Floats
    within: Floats
    prior: Floats
    by_source: Floats
    weights: Floats

    def leaving(self, others: npt.NDArray[np.bool_]) -> Floats:
        """Posterior weights by some of the sources alone."""
        return _normalised(self.prior + self.by_source[..., others].sum(axis=-1))

    def marginal(self, axis: int) -> Floats:
        """Posterior weights of tau, omega or mu alone."""
        return np.asarray(self.weights.sum(axis=tuple({0, 1, 2} - {axis})), dtype=np.float64)


class Grid:
    """The likelihood of some log ratios.

    Args:
        values: Log ratio of each data set (n,).
        errors: Its standard error, above 0 (n,).
        groups: Place of each data set's source, from 0 (n,).
        finer: How many times finer than by default everything is, for those who ask what that changes.
    """

    def __init__(self, values: Floats, errors: Floats, groups: npt.NDArray[np.intp], finer: float = 1.0) -> None:
        self._values, self.errors, self._groups, self._finer = values, errors, groups, finer
        low, high = float(values.min()) - 1, float(values.max()) + 1
        self.levels = np.linspace(low, high, math.ceil((high - low) / _STEP * finer))

    def nodes(self) -> Nodes:
        """The grid where the posterior is: looked for on a coarse one, then twice as closely as it is narrow."""
        logs = np.linspace(math.log(_SMALLEST), math.log(_LARGEST), _COARSE)
        middle, widths = float(np.median(self._values)), np.full(_COARSE, logs[1] - logs[0])
        found = self._at(np.linspace(middle - 0.5, middle + 0.5, _MEANS), (logs, widths), (logs, widths))
        for _ in range(2):
            marginal = found.marginal(2)
            mean = float(marginal @ found.means)
            spread = max(math.sqrt(float(marginal @ (found.means - mean) ** 2)), found.means[1] - found.means[0])
            means = np.linspace(mean - _REACH * spread, mean + _REACH * spread, round(_MEANS * self._finer))
            found = self._at(means, self._narrowed(found, 0), self._narrowed(found, 1))
        return found

    def _narrowed(self, found: Nodes, axis: int) -> tuple[Floats, Floats]:
        """Nodes and widths of the logarithm of a spread, where its posterior is."""
        logs = np.log(found.within if axis else found.between)
        marginal = found.marginal(axis)
        held = np.flatnonzero(marginal > _NOTHING * marginal.max())
        low = logs[held[0] - 1] if held[0] else math.log(_SMALLEST)
        high = logs[held[-1] + 1] if held[-1] + 1 < len(logs) else math.log(_LARGEST)
        unit, weights = np.polynomial.legendre.leggauss(round(_FINE * self._finer))
        half = (high - low) / 2
        return (low + high) / 2 + half * unit, half * weights

    def _at(self, means: Floats, between: tuple[Floats, Floats], within: tuple[Floats, Floats]) -> Nodes:
        sources = int(self._groups.max()) + 1
        taus, omegas = np.exp(between[0]), np.exp(within[0])
        by_source = np.empty((len(taus), len(omegas), len(means), sources))
        kernels = [self.kernel(means, tau) for tau in taus]
        for column, omega in enumerate(omegas):
            likelihood, highest = self.by_level(omega)
            for row, kernel in enumerate(kernels):
                by_source[row, column] = np.log(np.maximum(kernel @ likelihood, _TINY)) + highest
        prior = (
            _log_prior(taus, between[1])[:, None, None]
            + _log_prior(omegas, within[1])[None, :, None]
            - 0.5 * (means / PRIOR_MEAN) ** 2
        )
        return Nodes(means, taus, omegas, prior, by_source, _normalised(prior + by_source.sum(axis=-1)))

    def kernel(self, means: Floats, between: float) -> Floats:
        """Density of a source's level around each mu, times the step between levels (M, levels)."""
        away = (self.levels[None, :] - means[:, None]) / between
        step = self.levels[1] - self.levels[0]
        return np.asarray(np.exp(-0.5 * away**2) * (step / (between * math.sqrt(2 * math.pi))), dtype=np.float64)

    def by_level(self, within: float) -> tuple[Floats, Floats]:
        """Likelihood of each source by its level, as a share of its highest, and the log of that.

        Args:
            within: The omega.

        Returns:
            Both (levels, sources), (sources,).
        """
        logs = np.log(np.maximum(sum(density for density, _, _ in self._densities(within)), _TINY))
        groups = range(int(self._groups.max()) + 1)
        sums = np.stack([logs[:, self._groups == group].sum(axis=1) for group in groups], axis=1)
        highest = sums.max(axis=0)
        return np.exp(sums - highest), highest

    def given(self, within: float) -> Iterator[tuple[Floats, Floats, Floats]]:
        """What a data set's true log ratio is, given its source's level.

        Args:
            within: The omega.

        Yields:
            Of each part of the mixture its probability (levels, n), and the mean (levels, n) and deviation (n,).
        """
        densities = list(self._densities(within))
        total = np.maximum(sum(density for density, _, _ in densities), _TINY)
        for density, spread, variance in densities:
            pull = spread**2 / variance
            mean = self.levels[:, None] * (1 - pull) + self._values * pull
            yield density / total, mean, np.sqrt(pull) * self.errors

    def _densities(self, within: float) -> Iterator[tuple[Floats, float, Floats]]:
        """Of each part its share times the density of each data set by level, its spread, and that with the error."""
        for share, factor in PARTS:
            variance = (factor * within) ** 2 + self.errors**2
            away = (self._values[None, :] - self.levels[:, None]) ** 2 / variance
            yield share * np.exp(-0.5 * away) / np.sqrt(2 * math.pi * variance), factor * within, variance


def _log_prior(spreads: Floats, widths: Floats) -> Floats:
    """Log of the half-normal density at each node, times what its width in the logarithm is in the spread itself."""
    return np.asarray(np.log(spreads * widths) - 0.5 * (spreads / PRIOR_SPREAD) ** 2, dtype=np.float64)


def _normalised(logs: Floats) -> Floats:
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum(), dtype=np.float64)
