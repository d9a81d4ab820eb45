"""One line for every outcome: how probably a family is better, what choosing it costs at most, what would settle it.

Losses are compared by the logarithm of their ratio, so that a prior can be stated once for all metrics. The estimate is
that of the best of n by validation with the help of the trials that are not the best: what validation says of the test
score, an isotonic regression over the trials of both families (Barlow et al. 1972), is taken at n, and what it leaves
unexplained, of which the best of n is a single draw, at k. Where higher scores are better the loss is what a score
lacks to 1. A loss of 0 counts as half of the smallest other one; losses below 0 have no ratio, and nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from harness.records import Outlook, Settling, VerdictPrior, derive_seed
from harness.stats import best_of_n
from harness.stats.best_of_n import Floats, Sample, Term, deviation
from harness.stats.compare import selected_losses
from harness.stats.differences import Side
from harness.stats.levels import CHANCE_TO_DECIDE, LEVEL, WORTH, compared_at

Prior = Sequence[tuple[float, float]]
"""A mixture of normal distributions of a log ratio around 0: each one's weight and standard deviation."""

PRIOR: Prior = ((0.5, 0.05), (0.5, 0.3))
"""Of the probability: two families are alike to within 5 %, or differ by a third, and either is as likely."""

REGRET_PRIOR: Prior = ((1.0, 0.2),)
"""Of the regret: two families differ by a fifth."""

DRAWS = 400
"""Resamples and permutations behind a standard error: it is known to within 4 %."""

_NORMAL = NormalDist()
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class LogRatio:
    """An estimate of log(second's loss / first's loss): positive says that the first is better.

    Attributes:
        value: The estimate.
        error: Its standard error, at least 0.
    """

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Posterior:
    """What an estimate and a prior say of the first family.

    Attributes:
        probability: Probability that it is better.
        regret: Choosing it costs at most this share of the other's loss, with the probability that was asked for.
    """

    probability: float
    regret: float


def posterior(
    log_ratio: float, error: float, level: float = LEVEL, prior: Prior = PRIOR, regret_prior: Prior = REGRET_PRIOR
) -> Posterior:
    """How probably the first is better, and what choosing it costs at most.

    Args:
        log_ratio: Estimate of log(second's loss / first's loss), taken as normal.
        error: Its standard error.
        level: Probability with which the regret holds, one-sided.
        prior: Of the log ratio, for the probability.
        regret_prior: Of the log ratio, for the regret.

    Returns:
        The probability, 0.5 where nothing differs, and the regret, 0 where it is surely not worse.
    """
    better = math.fsum(
        weight * _NORMAL.cdf(mean / spread) if spread else weight * float(np.heaviside(mean, 0.5))
        for weight, mean, spread in updated(log_ratio, error, prior)
    )
    ((_, mean, spread), *_) = updated(log_ratio, error, regret_prior)
    cost = _NORMAL.inv_cdf(level) * spread - mean
    return Posterior(min(1.0, better), max(0.0, math.expm1(min(cost, 700.0))))


def updated(log_ratio: float, error: float, prior: Prior) -> list[tuple[float, float, float]]:
    """The posterior of a normal mixture around 0.

    Args:
        log_ratio: The estimate, taken as normal.
        error: Its standard error.
        prior: Of the log ratio.

    Returns:
        Weight, mean and standard deviation of each part.
    """
    parts = []
    for weight, width in prior:
        total = width**2 + error**2
        shrunk = width**2 / total
        logs = math.log(weight) - 0.5 * math.log(total) - 0.5 * log_ratio**2 / total
        parts.append((logs, shrunk * log_ratio, math.sqrt(shrunk) * error))
    highest = max(logs for logs, _, _ in parts)
    sum_of_all = math.fsum(math.exp(logs - highest) for logs, _, _ in parts)
    return [(math.exp(logs - highest) / sum_of_all, mean, spread) for logs, mean, spread in parts]


def outlook(
    better: str,
    against: str,
    log_ratio: float,
    error: float,
    level: float = LEVEL,
    prior: VerdictPrior | None = None,
) -> Outlook:
    """The line about two of anything, turned to the one that the evidence favours.

    Args:
        better: One of them.
        against: The other.
        log_ratio: Estimate of log(loss of `against` / loss of `better`): negative where `against` is favoured.
        error: Its standard error.
        level: Probability with which the regret holds.
        prior: Of the log ratio; `PRIOR` where none is given.
    """
    if log_ratio < 0:
        better, against, log_ratio = against, better, -log_ratio
    found = posterior(log_ratio, error, level, prior.parts if prior else PRIOR)
    version = prior.version if prior else ""
    return Outlook(better, against, found.probability, found.regret, level, log_ratio, error, version)


def turned_to(family: str, its: Outlook) -> Outlook:
    """The same line seen from one of the two: its probability is below 0.5 where the other one is favoured."""
    if family == its.better:
        return its
    if its.log_ratio is None or its.error is None:
        return replace(its, better=its.against, against=its.better)
    found = posterior(-its.log_ratio, its.error, its.level)
    # Whatever prior it rests on, which is even: one is the better one or the other is.
    probability = None if its.probability is None else 1 - its.probability
    return replace(
        its,
        better=its.against,
        against=its.better,
        probability=probability,
        regret=found.regret,
        log_ratio=-its.log_ratio,
    )


def over_trials(dataset: str, first: Side, second: Side, trials: int, compared: int) -> LogRatio | None:
    """The log ratio of two families whose completed trials are independent draws.

    Its standard error is the larger of the bootstrap's and the permutation test's.

    Args:
        dataset: Name of the dataset, which seeds the draws together with each family's place by score.
        first: One family.
        second: The other.
        trials: Budget n of a search.
        compared: Trials k at which the unexplained part is taken.

    Returns:
        The estimate; None where a family has no completed trial or the losses have no ratio.
    """
    logs = _logs([_losses(first, first.test), _losses(second, second.test)])
    if logs is None:
        return None
    samples = [Sample(side.validation, its, side.starts) for side, its in zip((first, second), logs, strict=True)]
    both = best_of_n.pooled(*samples)
    validation, fitted = _isotonic(both)

    def terms(sample: Sample) -> tuple[Term, ...]:
        explained = fitted[np.searchsorted(validation, sample.validation)]
        return Term(trials, explained), Term(compared, sample.test - explained)

    points = [sum(best_of_n.expected(sample, term.n, term.values) for term in terms(sample)) for sample in samples]
    turn = 1 if points[0] <= points[1] else -1
    ordered = samples[::turn]
    drawn = [
        best_of_n.resample(sample, (terms(sample),), DRAWS, derive_seed("outlook", dataset, place))[0]
        for place, sample in enumerate(ordered)
    ]
    exchanged = best_of_n.permute(both, len(ordered[0]), terms(both), DRAWS, derive_seed("outlook", dataset, "both"))
    error = max(deviation(drawn[1] - drawn[0]), deviation(np.concatenate(list(exchanged))))
    value = points[1] - points[0]
    return LogRatio(0.0 if abs(value) <= _ROUNDING else value, error)


def over_replicates(first: Side, second: Side, level: float = LEVEL) -> LogRatio | None:
    """The log ratio of two families by the selected trials of their replicates: means of log losses.

    The standard error is Welch's, widened as Student's quantile is wider than the normal one's at that level.

    Args:
        first: One family.
        second: The other.
        level: Level at which the error is widened.

    Returns:
        The estimate; None where a family has fewer than two replicates or the losses have no ratio.
    """
    logs = _logs([_losses(side, selected_losses(side)) for side in (first, second)])
    if logs is None or min(map(len, logs)) < 2:
        return None
    errors = [deviation(its, ddof=1) / math.sqrt(len(its)) for its in logs]
    value, error = float(np.mean(logs[1]) - np.mean(logs[0])), math.hypot(*errors)
    if error == 0:
        return LogRatio(value, 0.0)
    from scipy import special

    parts = [(one / error) ** 2 for one in errors]
    freedom = 1 / sum(part**2 / (len(its) - 1) for part, its in zip(parts, logs, strict=True))
    reach = (1 + level) / 2
    return LogRatio(value, error * float(special.stdtrit(freedom, reach)) / _NORMAL.inv_cdf(reach))


def settling(
    log_ratio: LogRatio,
    *,
    replicates: int,
    trials: int,
    level: float,
    margin: float = 0.0,
    adaptive: bool = False,
    seconds: float | None = None,
    prior: VerdictPrior | None = None,
) -> Settling | None:
    """What would probably settle which family is better: assurance (O'Hagan, Stevens and Campbell 2005).

    The power of a comparison with more replicates, given what was seen, averaged over the posterior of the true ratio:
    the range runs from even odds to `CHANCE_TO_DECIDE`, and to ten times what was spent at most.

    Args:
        log_ratio: The estimate so far.
        replicates: Replicates R of each family so far, at least 1.
        trials: Completed trials n of a replicate.
        level: Level at which is decided.
        margin: Half-width of the equivalence margin as a log ratio.
        adaptive: Whether the replicate is the unit.
        seconds: Seconds of training that one more replicate of all families takes; None where that is unknown.
        prior: Of the log ratio; `PRIOR` where none is given.

    Returns:
        The range; None where nothing varies.
    """
    if log_ratio.error == 0:
        return None
    most = WORTH * replicates
    parts = updated(log_ratio.value, log_ratio.error, prior.parts if prior else PRIOR)
    chances = [
        _assurance(log_ratio, parts, replicates, more, trials, level, margin, adaptive) for more in range(1, most + 1)
    ]
    low, high = (next((more for more, its in enumerate(chances, 1) if its >= p), most) for p in (0.5, CHANCE_TO_DECIDE))
    worth = chances[low - 1] >= 0.5
    counts = tuple(dict.fromkeys((low, high)))
    return Settling(
        replicates=counts,
        trials=tuple(count * trials for count in counts),
        seconds=None if seconds is None else tuple(count * seconds for count in counts),
        worth=worth,
        chance=chances[high - 1],
    )


def _assurance(
    log_ratio: LogRatio,
    parts: Sequence[tuple[float, float, float]],
    replicates: int,
    more: int,
    trials: int,
    level: float,
    margin: float,
    adaptive: bool,
) -> float:
    """Probability that so many more replicates decide, by the parts of the posterior.

    The estimate will be a mean of what there is and of what comes, in their shares; its variance goes with k/N, since N
    completed trials hold N/k draws of the best of k.
    """
    share = replicates / (replicates + more)
    shrinks = share if adaptive else share * _k(replicates + more, trials) / _k(replicates, trials)
    variance = log_ratio.error**2 * shrinks
    bound = _NORMAL.inv_cdf((1 + level) / 2) * math.sqrt(variance)
    chance = 0.0
    for weight, mean, spread in parts:
        to_come = NormalDist(
            share * log_ratio.value + (1 - share) * mean,
            math.sqrt(variance * (1 - share) + ((1 - share) * spread) ** 2),
        )
        chance += weight * (to_come.cdf(-bound) + 1 - to_come.cdf(bound))
        if margin > bound:
            chance += weight * (to_come.cdf(margin - bound) - to_come.cdf(bound - margin))
    return min(1.0, chance)


def _k(replicates: int, trials: int) -> int:
    return compared_at(trials, replicates * trials)


def _losses(side: Side, test: Floats) -> Floats:
    """Losses as they are; what a score lacks to 1 where higher is better (a side holds it with its sign changed)."""
    return test if side.sign > 0 else 1 + test


def _logs(losses: Sequence[Floats]) -> list[Floats] | None:
    """Logarithms of losses, one of 0 counting as half of the smallest other one; None where there are none."""
    every = np.concatenate(losses)
    if min(map(len, losses)) == 0 or every.min() < -_ROUNDING:
        return None
    positive = every[every > _ROUNDING * every.max()]
    floor = float(positive.min()) / 2 if len(positive) else 1.0
    return [np.log(np.maximum(its, floor)) for its in losses]


def _isotonic(both: Sample) -> tuple[Floats, Floats]:
    """What a validation loss says of the test loss: distinct validation losses, ascending, and the fit at each."""
    from scipy.optimize import isotonic_regression  # here: half a second where it is not loaded yet

    validation, starts, counts = np.unique(both.validation, return_index=True, return_counts=True)
    means = np.add.reduceat(both.test, starts) / counts
    return validation, np.asarray(isotonic_regression(means, weights=counts).x, dtype=np.float64)
