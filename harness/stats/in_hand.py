"""The two questions about what a sweep leaves in one's hand, which no statement on families answers.

*The models*: which of the two selected models is better on this kind of data? Both were scored on the same test cases,
so that their difference is a mean over cases. It is decided on one half of the cases; the other half scores the models,
so that a score which helped to choose is never published as the chosen model's. A model is named by two tests at one
level, as a family is: the interval of the mean difference by circular block bootstrap (Politis and Romano 1992) must
exclude zero, and a permutation test that swaps the models' labels block by block (Fisher 1935) must be small, whose
error is exact where the two are alike, however heavy the tails of single cases. The bootstrap alone names one of two
models that are alike in 6 to 8 %.

*The configurations*: was it luck of the seed? The selected hyperparameters are trained again with fresh seeds, the i-th
seed common to the families; their losses are compared by Welch's t over the logarithms, and their means over test cases
besides. A paired t gains nothing by common seeds: initial weights of different shapes share nothing.

Pure numbers; scores come in the metric's units, and differences are positive where the first is better.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.records import CaseInterval, CaseScores, Configurations, Direction, ModelsInHand, derive_seed
from harness.stats.best_of_n import Floats, Ints, deviation
from harness.stats.compare import welch
from harness.stats.differences import Difference, convincing, holm
from harness.stats.levels import FEWEST_CASES, PERMUTATIONS
from harness.stats.outlook import outlook
from harness.stats.test_set import Cases, interval, resampled_means


def halves(groups: int, block: int) -> tuple[Ints, Ints]:
    """Which groups of test cases decide, and which score.

    By their places alone, so that no score has a say: every other block of neighbours, so that both halves are spread
    over the whole test part, whether its cases follow one another in time or are sorted by class.

    Args:
        groups: Number of groups of neighbouring cases.
        block: Neighbouring groups that depend on one another.

    Returns:
        Places of the groups that decide and of those that score, ascending; as many of either, but for one block.
    """
    places = np.arange(groups)
    deciding = (places // block) % 2 == 0
    return places[deciding], places[~deciding]


def models_in_hand(
    selected: Mapping[str, tuple[str, int, int]],
    cases: Cases,
    pair: Sequence[str],
    direction: Direction,
    level: float,
) -> ModelsInHand | None:
    """Which of two selected models is better over test cases.

    Args:
        selected: Family, replicate and number of each family's selected trial, by the family's name.
        cases: Scores over test cases by family, replicate and number.
        pair: The two families whose models are compared, in the order of the verdict.
        direction: Which scores are better.
        level: Level of the interval.

    Returns:
        The answer; None where single cases are unknown, or fewer than `FEWEST_CASES` groups of them fall to a half.
    """
    known = {name: found for name, key in selected.items() if (found := cases.get(key)) is not None}
    shapes = {(one.cases, one.block, len(one.values)) for one in known.values()}
    if len(shapes) != 1 or not set(pair) <= set(known):
        return None
    ((count, block, groups),) = shapes
    deciding, scoring = halves(groups, block)
    if min(len(deciding), len(scoring)) < FEWEST_CASES:
        return None
    first, second = (np.array(known[name].values, dtype=np.float64)[deciding] for name in pair)
    its = paired(first, second, round(len(deciding) * count / groups), block, direction, level)
    over = its.over
    ratio = log_ratio_over_cases(first, second, block, direction)
    return ModelsInHand(
        families=tuple(pair),
        difference=its.difference,
        low=over.low,
        high=over.high,
        level=level,
        cases=over.cases,
        block=over.block,
        family=(pair[0] if over.low > 0 else pair[1]) if its.decided else None,
        scores={name: float(np.mean(np.array(one.values)[scoring])) for name, one in known.items()},
        scored_cases=count - over.cases,
        outlook=outlook(pair[0], pair[1], *ratio) if ratio else None,
        permutation_p=its.p,
    )


@dataclass(frozen=True, slots=True)
class Paired:
    """How much better one model is than another over the same test cases.

    Attributes:
        difference: The mean difference in units of the metric, positive where the first is better.
        over: Its interval.
        p: p-value of the permutation test; None where the interval holds zero, so that none was made.
        decided: Whether both say that there is a difference.
    """

    difference: float
    over: CaseInterval
    p: float | None
    decided: bool


def paired(first: Floats, second: Floats, cases: int, block: int, direction: Direction, level: float) -> Paired:
    """Compare two models over the same groups of test cases.

    Args:
        first: Scores of one in groups of cases (groups,).
        second: Scores of the other in the same ones.
        cases: Number of test cases in them.
        block: Neighbouring groups that are drawn together.
        direction: Which scores are better.
        level: Level of the interval.
    """
    better = direction.sign * (second - first)
    over = interval(better, cases, block, level)
    p = swapped(better, block) if over.settled else None
    return Paired(float(better.mean()), over, p, p is not None and convincing(p, level))


def swapped(differences: Floats, block: int) -> float:
    """p-value of the permutation test of which model each block of cases was scored by.

    Args:
        differences: How much better the first model is in each group of cases (groups,).
        block: Neighbouring groups that are swapped together.

    Returns:
        Share of swaps whose difference is as large, the observed one among them (Phipson and Smyth 2010).
    """
    sums = np.bincount(np.arange(len(differences)) // block, differences)
    random = np.random.default_rng(derive_seed("swap", len(differences), block))
    found = np.abs(random.choice((-1.0, 1.0), (PERMUTATIONS, len(sums))) @ sums)
    return float((np.sum(found >= abs(sums.sum()) * (1 - 1e-12)) + 1) / (PERMUTATIONS + 1))


def log_ratio_over_cases(first: Floats, second: Floats, block: int, direction: Direction) -> tuple[float, float] | None:
    """Log of the second's mean loss over the first's, positive where the first is better, and its error over cases.

    Args:
        first: Scores of the first model in groups of cases (groups,).
        second: Scores of the other in the same ones.
        block: Neighbouring groups that are drawn together.
        direction: Which scores are better; the loss of a score is what it lacks to 1.

    Returns:
        Both; None where a mean loss is below 0, which has no ratio. One of 0 counts as half of the smallest loss that
        a single group has.
    """
    losses = np.stack((first, second)) if direction is Direction.MIN else 1 - np.stack((first, second))
    if (losses.mean(axis=1) < 0).any():
        return None
    positive = losses[losses > 0]
    floor = float(positive.min()) / 2 / len(first) if len(positive) else 1.0
    mine, others = (np.log(np.maximum(resampled_means(its, block), floor)) for its in losses)
    ratio = float(np.diff(np.log(np.maximum(losses.mean(axis=1), floor)))[0])
    blocks = len(first) / block
    # Resamples of few blocks scatter less than fresh ones would.
    return ratio, deviation(others - mine) * math.sqrt(blocks / max(blocks - 1, 1))


def configurations(
    seed_scores: Mapping[str, Sequence[float]],
    seed_cases: Mapping[str, Sequence[CaseScores | None]],
    direction: Direction,
    level: float,
) -> Configurations | None:
    """Whether the selected hyperparameters of one family are better over fresh seeds.

    Args:
        seed_scores: Test scores of each family's configuration over its seeds, by the family's name, in order.
        seed_cases: The same over test cases; empty where single cases are unknown.
        direction: Which scores are better.
        level: Level of the interval.

    Returns:
        The answer, of three or more families for the two with the best means; None where fewer than two families were
        trained with two seeds.
    """
    losses = {
        name: np.array(scores, dtype=np.float64) if direction is Direction.MIN else 1 - np.array(scores)
        for name, scores in seed_scores.items()
        if len(scores) > 1
    }
    if len(losses) < 2:
        return None
    ranked = sorted(losses, key=lambda name: float(losses[name].mean()))
    pair = tuple(losses) if len(losses) == 2 else tuple(ranked[:2])
    pairs = [pair, *(one for one in itertools.combinations(losses, 2) if set(one) != set(pair))]
    found = [_over_seeds(a, b, losses[a], losses[b], level) for a, b in pairs]
    ((lead, p),) = zip(found[:1], holm([one.p for one in found])[:1], strict=True)
    return Configurations(
        families=pair,
        seeds=min(len(losses[name]) for name in pair),
        means={name: float(np.mean(seed_scores[name])) for name in losses},
        difference=lead.value,
        low=lead.low,
        high=lead.high,
        level=level,
        p=p,
        family=(pair[0] if lead.value > 0 else pair[1]) if convincing(p, level) else None,
        over_cases=_seeds_over_cases([seed_cases.get(name, ()) for name in pair], direction, level),
    )


def _over_seeds(first: str, second: str, mine: Floats, others: Floats, level: float) -> Difference:
    """The difference of two configurations' mean losses by Welch's t on their logarithms.

    Losses of one configuration over seeds are skewed, the more the smaller they are; their logarithms are not. The
    interval of the ratio is told in units of the metric, from the first's mean. Where a loss has no logarithm, or means
    and logarithms disagree on the sign, the losses themselves are compared.
    """
    plain = welch(first, second, mine, others, 0.0, level)
    if min(mine.min(), others.min()) <= 0:
        return plain
    found = welch(first, second, np.log(mine), np.log(others), 0.0, level)
    if found.value * plain.value <= 0:
        return plain
    low, high = (float(mine.mean() * np.expm1(end)) for end in (found.low, found.high))
    return replace(plain, low=min(low, plain.value), high=max(high, plain.value), p=found.p)


def _seeds_over_cases(
    pair: Sequence[Sequence[CaseScores | None]], direction: Direction, level: float
) -> CaseInterval | None:
    """Interval over test cases of how much better the first configuration's mean over seeds is."""
    known = [[one for one in its if one] for its in pair]
    shapes = {(one.cases, one.block, len(one.values)) for its in known for one in its}
    if len(shapes) != 1 or not all(known) or list(map(len, known)) != list(map(len, pair)):
        return None
    ((count, block, _),) = shapes
    first, second = (np.array([one.values for one in its], dtype=np.float64).mean(axis=0) for its in known)
    return interval(direction.sign * (second - first), count, block, level)
