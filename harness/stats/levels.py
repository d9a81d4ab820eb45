"""The numbers that deciding uses, in one place, and how its error is spent over interim analyses.

Replicates are added until the verdict is decided, at interim analyses fixed in advance (a group-sequential design).
Deciding at each of them at the full error would name a false winner far more often than once claimed; so each has a
stricter level of its own, by which the error spent over all of them is the one that a single analysis would have spent.

Numbers only: knows no table and no family.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

INTERIM_REPLICATES = 10
"""Replicates of each family at the last interim analysis of a sweep that goes on until it is decided."""

FIRST_INTERIM_REPLICATES = (3, 5, 10)
"""Replicates at each interim analysis by the first rule."""

LEVEL = 0.95
"""Level of all intervals, where nobody says otherwise."""

ERROR_CLAIMED = 0.05
"""False winners that either way stays below, by measurement."""

RESAMPLES = 1000
"""Bootstrap samples: twenty-five in each tail of a 95 % interval."""

CASE_RESAMPLES = 1000
"""Resamples of the test cases: twenty-five in each tail of a 95 % interval."""

FEWEST_CASES = 20
"""Groups of test cases below which half of them decides nothing between two models."""

SELECTED_SCATTER = 0.3
"""Standard deviation taken for two selected models' log ratio about that of their families: by 0.15 and by 0.3 the
replayed recommendations differ in less than one of a hundred.
"""

PERMUTATIONS = 1000
"""Random permutations of trials between two families: a p-value of 5 % is met to within 0.7 %."""

MINIMUM_TRIALS = 5
"""Completed trials below which a family is not judged: with three each 5 to 8 % of winners are false, with four up to
7 %, with five 2 to 4 %.
"""

MINIMUM_REPLICATES = 3
"""Replicates below which an adaptive search is not judged."""

FAILURE_SHARE = 0.10
"""Share of failed trials above which a family is not judged."""

CHANCE_TO_DECIDE = 0.80
"""Chance of a decision at which the estimate of further trials aims."""

HOPELESS = 20
"""No estimate of further trials was given beyond this many times the trials there were (the first rule)."""

WORTH = 10
"""Further trials are not worth it beyond this many times those there are."""

RULE = 2
"""Version of the rule. The first, of 0.1.0, is kept for sweeps that were begun under it: it compared the best of n,
measured the margin by the baseline alone, and said neither how probably a family is better nor what would settle it.
"""

FEWEST_COMPARED = 3
"""The least k: trials of the search that is compared."""

SEARCHES_COMPARED = 4
"""k is such that all completed trials of a family are this many searches of k, or more."""

MARGIN_SHARE = 0.05
"""Equivalence margin as a share of the loss of the better of the best baseline and the better family."""

MARGIN_SCORE = 0.01
"""Equivalence margin of a score between 0 and 1, at most."""

MARGIN_LACKING = 0.1
"""Equivalence margin of a score as a share of what the better one lacks to 1, at most."""

MINIMUM_DATASETS = 6
"""Datasets below which no test over datasets can reach 5 % (two-sided exact Wilcoxon: 2 / 2⁶ = 0.031)."""

ACROSS_PROBABILITY = 0.95
"""Probability by the signed-rank test above which a family is called better over all datasets."""

ACROSS_ERROR = 0.05
"""Adjusted p of Wilcoxon's test that such a sentence needs besides."""

SIGNED_RANK_DRAWS = 20_000
"""Draws from the posterior of the Bayesian signed-rank test."""


_NODES = 81
_HALVINGS = 44


@dataclass(frozen=True, slots=True)
class InterimAnalysis:
    """One of the analyses of a comparison that goes on until it is decided.

    Attributes:
        number: Which one, from 1.
        interims: How many there are at most.
        replicates: Replicates of each family at it.
        level: Level of its intervals.
        overall: Level that all of them together hold at.
    """

    number: int
    interims: int
    replicates: int
    level: float
    overall: float


def compared_at(trials: int, completed: int, rule: int = RULE) -> int:
    """Trials k of the search that families are compared by: min(n, max(3, N/4)).

    Of the best of n, one search of n holds a single draw; of the best of a quarter as many it holds four. From four
    replicates on k is n.

    Args:
        trials: Budget n of a search.
        completed: Completed trials N of a family, over all replicates.
        rule: Version of the rule.
    """
    return trials if rule == 1 else min(trials, max(FEWEST_COMPARED, round(completed / SEARCHES_COMPARED)))


def interim_replicates(oracle: str, rule: int = RULE) -> tuple[int, ...]:
    """Replicates of each family at each interim analysis of a sweep that goes on until it is decided.

    Every one from the first that can be judged; at 3, 5 and 10 by the first rule.

    Args:
        oracle: What searches: a random search can be judged by one replicate.
        rule: Version of the rule.
    """
    if rule == 1:
        return FIRST_INTERIM_REPLICATES
    return tuple(range(1 if oracle == "random" else MINIMUM_REPLICATES, INTERIM_REPLICATES + 1))


def interim_analysis(replicates: int, interims: Sequence[int]) -> InterimAnalysis:
    """The interim analysis that is due at so many replicates: the last one that they suffice for, else the first.

    Args:
        replicates: Replicates of each family so far.
        interims: Replicates at each, ascending.
    """
    number = max(1, sum(replicates >= at for at in interims))
    errors = nominal_errors(tuple(at / interims[-1] for at in interims), round(1 - LEVEL, 12))
    return InterimAnalysis(number, len(interims), interims[number - 1], 1 - errors[number - 1], LEVEL)


def spent(fraction: float, error: float) -> float:
    """Error spent when a share of all information is in: α ln(1 + (e - 1) t), of Pocock's kind (Lan and DeMets 1983).

    It spends early what it can, since a comparison that is decided at its first analysis saves two thirds of the time.
    """
    return error * math.log(1 + (math.e - 1) * min(fraction, 1.0))


@lru_cache(maxsize=32)
def nominal_errors(fractions: tuple[float, ...], error: float) -> tuple[float, ...]:
    """Two-sided error of each interim analysis at which all together spend `error`.

    Their statistics are those of a Brownian motion at the fractions of information; its density among paths
    that have not crossed is carried from one to the next by numerical integration (Armitage, McPherson and Rowe 1969;
    Jennison and Turnbull 2000, chapter 19).

    Args:
        fractions: Share of all information at each, ascending, the last one 1.
        error: Two-sided error of all together.

    Returns:
        The error of each alone, two-sided.
    """
    normal = NormalDist()
    bounds: list[float] = []
    before, density, nodes, weights = 0.0, np.ones(1), np.zeros(1), np.ones(1)
    for fraction in fractions:
        deviation, increment = math.sqrt(fraction - before), spent(fraction, error) - spent(before, error)
        edge = _edge(nodes, weights * density, deviation, increment)
        bounds.append(2 * normal.cdf(-edge / math.sqrt(fraction)))
        unit, its = np.polynomial.legendre.leggauss(_NODES)
        following = edge * unit
        steps = (following[:, None] - nodes[None, :]) / deviation
        kernel = np.exp(-0.5 * steps**2) / (deviation * math.sqrt(2 * math.pi))
        density, nodes, weights, before = kernel @ (weights * density), following, edge * its, fraction
    return tuple(bounds)


def _edge(nodes: npt.NDArray[np.float64], masses: npt.NDArray[np.float64], deviation: float, increment: float) -> float:
    """Where the paths from `nodes` must be cut on both sides so that the share `increment` lies beyond."""
    low, high = 0.0, float(np.max(np.abs(nodes))) + 12 * deviation
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        beyond = [
            math.erfc((middle - node) / (deviation * math.sqrt(2)))
            + math.erfc((middle + node) / (deviation * math.sqrt(2)))
            for node in nodes
        ]
        if 0.5 * float(masses @ np.array(beyond)) > increment:
            low = middle
        else:
            high = middle
    return (low + high) / 2
