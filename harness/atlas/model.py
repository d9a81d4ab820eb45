"""The Atlas's model: how much better one family is over data sets like these, and on each, with partial pooling.

The log ratio of losses of data set i of source j is

    L_ij = mu + u_j + v_ij + e_ij,    u_j ~ N(0, tau²),    e_ij ~ N(0, s_ij²)
    v_ij ~ 0.95 N(0, omega²) + 0.05 N(0, 25 omega²)

with the s_ij that each data set's own trials give (`stats.outlook`). A source is one draw: two data sets of one
hospital are no two hospitals. The second part of v, a contaminated normal (Tukey 1960; in meta-analysis Baker and
Jackson 2008), keeps a data set on which one family fails altogether from moving the mean, and from widening what is
said of the others. Priors are weak and stated: mu ~ N(0, 0.2²), tau and omega ~ half-normal(0.3). The posterior is
integrated on a grid (`grid`): no sampler, no seed, the same digits everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.atlas.grid import PARTS, Grid
from harness.atlas.regression import Floats
from harness.records.serialization import Record
from harness.stats.levels import LEVEL, MARGIN_SHARE

LEAST_ERROR = 1e-3
"""Standard error of a data set whose trials do not differ: no score is known more closely than to 0.1 %."""

FEWEST = 10
"""Data sets below which nothing is said over all of them."""

FEWEST_SOURCES = 5
"""Sources below which nothing is said over all of them."""


@dataclass(frozen=True, slots=True)
class Estimate(Record):
    """What one data set's own trials say.

    Attributes:
        dataset: Its name.
        source: Who measured the data: the unit of independence.
        task: What is predicted.
        log_ratio: Estimate of log(loss of the second family / loss of the first): positive where the first is better.
        error: Its standard error, at least 0.
        length: Steps of a sequence.
        size: Training sequences.
        dimension: Input channels.
    """

    dataset: str
    source: str
    task: str
    log_ratio: float
    error: float
    length: float
    size: float
    dimension: float


@dataclass(frozen=True, slots=True)
class Shrunken(Record):
    """What the model says of one data set's true log ratio, by its own trials and all others.

    Attributes:
        mean: Posterior mean.
        error: Posterior standard deviation.
        probability: Probability that the first family is better.
        far: Probability that it is one of those far out.
    """

    mean: float
    error: float
    probability: float
    far: float


@dataclass(frozen=True, slots=True)
class Pooled(Record):
    """The mean over data sets like these.

    Attributes:
        mean: Posterior mean of mu, positive where the first family is better.
        error: Its posterior standard deviation.
        low: Lower end of the central interval.
        high: Upper end.
        level: Level of the interval.
        probability: Probability that mu is above 0.
        equal: Probability that mu is within 5 % of 0.
        between: Posterior mean of tau.
        within: Posterior mean of omega.
        new: Probability that the first family is better on a new data set of a new source.
    """

    mean: float
    error: float
    low: float
    high: float
    level: float
    probability: float
    equal: float
    between: float
    within: float
    new: float


@dataclass(frozen=True, slots=True)
class Part(Record):
    """A normal part of what to expect of a new data set's log ratio.

    Attributes:
        weight: Its share.
        mean: Its mean.
        spread: Its standard deviation.
    """

    weight: float
    mean: float
    spread: float


class Posterior:
    """The posterior.

    Args:
        estimates: At least `FEWEST`, of `FEWEST_SOURCES` or more.
        finer: How many times finer than by default the grid is, for those who ask what that changes.

    Raises:
        ValueError: There are fewer.
    """

    def __init__(self, estimates: Sequence[Estimate], finer: float = 1.0) -> None:
        self._names, self._groups = np.unique([one.source for one in estimates], return_inverse=True)
        if len(estimates) < FEWEST or len(self._names) < FEWEST_SOURCES:
            raise ValueError(
                f"{len(estimates)} data sets of {len(self._names)} sources: "
                f"expected at least {FEWEST} of {FEWEST_SOURCES}"
            )
        values = np.array([one.log_ratio for one in estimates], dtype=np.float64)
        errors = np.maximum([one.error for one in estimates], LEAST_ERROR)
        self._grid = Grid(values, errors, self._groups, finer)
        self._nodes = self._grid.nodes()

    def pooled(self, level: float = LEVEL) -> Pooled:
        """What is said over all data sets.

        Args:
            level: Level of the interval.
        """
        nodes, marginal = self._nodes, self._nodes.marginal(2)
        mean = float(marginal @ nodes.means)
        below, quantile = _distribution(nodes.means, marginal)
        margin, tail = math.log1p(MARGIN_SHARE), (1 - level) / 2
        return Pooled(
            mean=mean,
            error=math.sqrt(float(marginal @ (nodes.means - mean) ** 2)),
            low=quantile(tail),
            high=quantile(1 - tail),
            level=level,
            probability=1 - below(0.0),
            equal=below(margin) - below(-margin),
            between=float(nodes.marginal(0) @ nodes.between),
            within=float(nodes.marginal(1) @ nodes.within),
            new=self._new(),
        )

    def shrunken(self) -> list[Shrunken]:
        """What is said of each data set, in the order of the estimates."""
        from scipy.special import ndtr

        found = np.zeros((4, len(self._groups)))
        for column, within in enumerate(self._nodes.within):
            own = self._levels_held(column)[:, self._groups]
            for far, (share, mean, spread) in enumerate(self._grid.given(within)):
                weights = own * share
                found[0] += (weights * mean).sum(axis=0)
                found[1] += (weights * (mean**2 + spread**2)).sum(axis=0)
                found[2] += (weights * ndtr(mean / spread)).sum(axis=0)
                found[3] += far * weights.sum(axis=0)
        found[1] = np.sqrt(np.maximum(found[1] - found[0] ** 2, 0.0))
        return [Shrunken(*map(float, one)) for one in found.T]

    def predictive(self, without: str | None = None) -> tuple[Part, ...]:
        """What to expect of a new data set of a new source.

        Args:
            without: Source that is left out; by default none.

        Returns:
            Two normal parts whose weights sum to 1: most data sets, and those far out. Mean and variances are the
            posterior's.
        """
        nodes = self._nodes
        weights = nodes.weights if without is None else nodes.leaving(self._names != without)
        marginal = weights.sum(axis=(0, 1))
        mean = float(marginal @ nodes.means)
        unsure = float(marginal @ (nodes.means - mean) ** 2)
        between = float(weights.sum(axis=(1, 2)) @ nodes.between**2)
        within = float(weights.sum(axis=(0, 2)) @ nodes.within**2)
        return tuple(Part(share, mean, math.sqrt(unsure + between + factor**2 * within)) for share, factor in PARTS)

    def _new(self) -> float:
        """Probability that the first family is better on a new data set, over the whole posterior."""
        from scipy.special import ndtr

        between, within = self._nodes.between[:, None, None] ** 2, self._nodes.within[None, :, None] ** 2
        return float(
            sum(
                share * (self._nodes.weights * ndtr(self._nodes.means / np.sqrt(between + factor**2 * within))).sum()
                for share, factor in PARTS
            )
        )

    def _levels_held(self, column: int) -> Floats:
        """Posterior of each source's level at one omega, summed over tau and mu (levels, sources)."""
        nodes = self._nodes
        likelihood, highest = self._grid.by_level(nodes.within[column])
        held = np.zeros_like(likelihood)
        for row, between in enumerate(nodes.between):
            shares = nodes.weights[row, column][:, None] * np.exp(highest - nodes.by_source[row, column])
            held += likelihood * (self._grid.kernel(nodes.means, between).T @ shares)
        return held


def _distribution(nodes: Floats, weights: Floats) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """Distribution function and quantiles of weights at evenly spaced nodes, by a cubic spline of their density."""
    from scipy.interpolate import CubicSpline
    from scipy.optimize import brentq

    spline = CubicSpline(nodes, weights / (nodes[1] - nodes[0])).antiderivative()

    def below(value: float) -> float:
        return min(1.0, max(0.0, float(spline(min(max(value, nodes[0]), nodes[-1])))))

    def quantile(share: float) -> float:
        return float(brentq(lambda at: float(spline(at)) - share, nodes[0], nodes[-1], xtol=1e-12))

    return below, quantile
