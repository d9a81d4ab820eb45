"""A table of scores in, a `Decision` out. Pure: no TensorFlow, no MLflow, no pandas, no files, no clock.

What is decided for each family is the expected test score, on this split and test set, of the model that a search
selects by validation, as that trial was trained: a search of this budget, or, where there are too few trials to tell
two such searches apart, one of a quarter of all trials that there are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TypeVar

import numpy as np

from harness.errors import TableError
from harness.records import (
    BaselineScore,
    Decision,
    Direction,
    Objective,
    Outcome,
    Outlook,
    Pair,
    ScoreRow,
    Settling,
    Verdict,
    VerdictPrior,
)
from harness.stats import best_of_n
from harness.stats import outlook as outlooks
from harness.stats.across import compare_datasets
from harness.stats.compare import Comparison, PooledBootstrap, WelchOverReplicates, selected_rows
from harness.stats.differences import Side, holm, judge, more_trials, sides_of
from harness.stats.levels import (
    LEVEL,
    MARGIN_LACKING,
    MARGIN_SCORE,
    MARGIN_SHARE,
    RULE,
    InterimAnalysis,
    compared_at,
)
from harness.stats.test_set import Cases, between
from harness.stats.words import wording
from harness.stats.words.sentences import recommendation


def cheapest(sides: Sequence[Side], trials: int, adaptive: bool) -> tuple[str | None, str]:
    """The family to use among practically equal ones, and why.

    Costs are those expected of the model that a search selects: by the weights of `best_of_n`, or the mean over
    replicates where the search is adaptive.

    Args:
        sides: The practically equal families.
        trials: Budget n of a search.
        adaptive: Whether the replicate is the unit.

    Returns:
        The family and the reason in a few words; None and an empty text where costs are unknown or the same.
    """
    for what, cost in _COSTS:
        costs = {side.name: _typical(side, cost, trials, adaptive) for side in sides}
        known = {name: round(value, 3) for name, value in costs.items() if value is not None}
        if len(known) < len(costs) or len(set(known.values())) < 2:
            continue
        order = sorted(known, key=lambda name: (known[name], name))
        others = ", ".join(f"{wording.number(known[name])} of {name}" for name in order[1:])
        return order[0], f"{what}: {wording.number(known[order[0]])} against {others}"
    return None, ""


_COSTS: tuple[tuple[str, Callable[[ScoreRow], float | None]], ...] = (
    ("fewer parameters in the model a search selects", attrgetter("parameters")),
    ("fewer seconds of training for the model a search selects", attrgetter("fit_seconds")),
)


def _typical(side: Side, cost: Callable[[ScoreRow], float | None], trials: int, adaptive: bool) -> float | None:
    values = [cost(row) for row in side.completed]
    known = [float(value) for value in values if value is not None]
    if len(known) < len(values) or not known:
        return None
    if not adaptive:
        return best_of_n.expected(side, trials, np.array(known))
    searches = [[cost(row) or 0.0 for row in selected_rows(search)] for search in side.searches()]
    return float(np.mean([np.mean(search) for search in searches]))


T = TypeVar("T")


def margin_of(
    objective: Objective,
    smallest_difference: float | None,
    best_baseline_test: float | None,
    best_expected: float | None = None,
    rule: int = RULE,
) -> float:
    """Half-width of the equivalence margin: differences that do not matter.

    Args:
        objective: The metric. Where higher is better it is taken for a score between 0 and 1.
        smallest_difference: What the dataset's config states, in the metric's units; None when it states
            nothing.
        best_baseline_test: Test score of the best baseline; None when there is none.
        best_expected: Expected test score of the better family; None when none is known.
        rule: Version of the rule; the first knows the baseline alone.

    Returns:
        The config's; else 5 % of the loss of the better of baseline and family; for a score the smaller of 0.01 and a
        tenth of what the better one lacks to 1; and 0 without a baseline.
    """
    if smallest_difference is not None:
        return smallest_difference
    if rule == 1 and objective.direction is Direction.MAX:
        return MARGIN_SCORE
    known = [best_baseline_test] if rule == 1 else [best_baseline_test, best_expected]
    best = objective.best([score for score in known if score is not None and math.isfinite(score)])
    if objective.direction is Direction.MAX:
        return MARGIN_SCORE if best is None else min(MARGIN_SCORE, MARGIN_LACKING * max(0.0, 1 - best))
    if best_baseline_test is None or best is None:
        return 0.0
    return MARGIN_SHARE * abs(best)


def best_baseline_test(baselines: Sequence[BaselineScore], objective: Objective, rule: int = RULE) -> float | None:
    """Test score of the best baseline: the one that validation selects, in 0.1.0 the best by test; None without one."""
    if rule == 1:
        return objective.best(one.test_score for one in baselines)
    best = BaselineScore.best(baselines, objective)
    return best.test_score if best else None


def margin_source(verdict: Verdict, objective: Objective, best_baseline_test: float | None) -> str:
    """Where a verdict's equivalence margin comes from, in words; the other arguments as for `margin_of`."""
    expected = objective.best([score for score in verdict.expected.values() if math.isfinite(score)])
    rule = 1 if verdict.compared_at is None else RULE
    if verdict.margin != margin_of(objective, None, best_baseline_test, expected, rule):
        return "`smallest_difference` in the dataset's config"
    known = {"the best baseline": best_baseline_test} if rule == 1 else {
        "the best baseline": best_baseline_test, "the better family": expected
    }  # fmt: skip
    best = objective.best([score for score in known.values() if score is not None])
    whose = next((who for who, score in known.items() if score == best), "the best baseline")
    if objective.direction is Direction.MAX:
        capped = verdict.margin == MARGIN_SCORE
        return "the default for a score" if capped else f"{MARGIN_LACKING:.0%} of what {whose} lacks to 1"
    if not verdict.margin:
        return "no baseline, no margin"
    return f"{MARGIN_SHARE:.0%} of the {'expected ' if whose == 'the better family' else ''}test score of {whose}"


def decide_rows(
    rows: Sequence[ScoreRow],
    *,
    objective: Objective | Mapping[str, Objective],
    margins: Mapping[str, float | None],
    trials: int | Mapping[str, int] | None = None,
    oracle: str = "random",
    level: float | None = None,
    families: Sequence[str] | None = None,
    baselines: Mapping[str, float] | None = None,
    reasons_to_abstain: Mapping[str, Sequence[str]] | None = None,
    warnings: Mapping[str, Sequence[str]] | None = None,
    interim: InterimAnalysis | None = None,
    cases: Mapping[str, Cases] | None = None,
    rule: int = RULE,
    prior: VerdictPrior | None = None,
) -> Decision:
    """Decide every dataset of a table, and what is to be said over all of them.

    Args:
        rows: One row a trial, in any order; datasets keep the order in which they appear.
        objective: The metric: one for all datasets, or each dataset's.
        margins: Half-width of each dataset's equivalence margin; None for the default (`margin_of`), 0 where it is not
            named.
        trials: Budget n of one search, for all datasets or each dataset's; by default the completed trials of
            a family divided by its replicates.
        oracle: `random` pools all trials; any other name makes the replicate the unit.
        level: Level of the intervals; 0.95 by default, at which false winners stay below 5 % either way.
        families: The families in the order in which two are to be named; by default as the rows come.
        baselines: Test score of each dataset's best baseline.
        reasons_to_abstain: The caller's own, of a dataset.
        warnings: The caller's own about a dataset's verdict.
        interim: Where replicates are added until it is decided: which analysis this is. It brings its own level.
        cases: Scores over test cases of each dataset's trials, for the second interval.
        rule: Version of the rule to decide by.
        prior: Prior of the probability that a family is better; None for the usual one.

    Returns:
        The decision.

    Raises:
        TableError: A completed row has no finite score, there are fewer than two families, or `level` is no share
            between 0.5 and 0.999.
    """
    if level is not None and not 0.5 <= level <= 0.999:
        raise TableError(f"level = {level}: expected a share between 0.5 and 0.999")
    by_dataset: dict[str, list[ScoreRow]] = {}
    for row in rows:
        by_dataset.setdefault(row.dataset, []).append(row)
    order = list(dict.fromkeys((*(families or ()), *(row.family for row in rows))))
    if len(order) < 2:
        raise TableError(f"families: {', '.join(order) or 'none'}: expected at least two to compare")
    verdicts = {}
    for dataset, its in by_dataset.items():
        its_objective = _for(objective, dataset)
        sides = sides_of(its, order, its_objective.direction)
        verdicts[dataset] = _decide(
            dataset,
            sides,
            its_objective,
            trials=budget_of(list(sides.values())) if trials is None else _for(trials, dataset),
            stated=margins.get(dataset, 0.0),
            level=interim.level if interim else level or LEVEL,
            adaptive=oracle != "random",
            interim=interim,
            baseline=(baselines or {}).get(dataset),
            cases=(cases or {}).get(dataset, {}),
            reasons_to_abstain=(reasons_to_abstain or {}).get(dataset, ()),
            warnings=(warnings or {}).get(dataset, ()),
            rule=rule,
            prior=prior,
        )
    return over_all(verdicts)


def over_all(verdicts: Mapping[str, Verdict], digests: Mapping[str, str] | None = None) -> Decision:
    """Verdicts that were made one by one, and what is to be said over all of them; equal digests are one dataset."""
    across = compare_datasets(verdicts, digests) if len(verdicts) > 1 else None
    alone = "; ".join(map(recommendation, verdicts.values()))
    return Decision(verdicts, wording.overall(verdicts, across) if across or not alone else alone, across)


def budget_of(sides: Sequence[Side]) -> int:
    """Trials of one search where nobody says: completed trials by replicate, of the family with fewest."""
    return max(1, min(len(side.completed) // max(1, side.replicates) for side in sides))


def _decide(
    dataset: str,
    sides: Mapping[str, Side],
    objective: Objective,
    *,
    trials: int,
    stated: float | None,
    level: float,
    adaptive: bool,
    interim: InterimAnalysis | None,
    baseline: float | None,
    cases: Cases,
    reasons_to_abstain: Sequence[str],
    warnings: Sequence[str],
    rule: int,
    prior: VerdictPrior | None,
) -> Verdict:
    direction = objective.direction
    present = [side for side in sides.values() if side.completed]
    compared = trials
    comparison = Comparison()
    if present and adaptive:
        comparison = WelchOverReplicates(present, trials, level)
    elif present:
        compared = compared_at(trials, min(map(len, present)), rule)
        comparison = PooledBootstrap(dataset, present, trials, compared, level, replaced=rule == 1)
    expected, expected_at = (
        {name: direction.sign * its.get(name, math.nan) for name in sides}
        for its in (comparison.expected, comparison.expected_at)
    )
    margin = margin_of(
        objective,
        stated,
        baseline,
        objective.best([score for score in expected.values() if math.isfinite(score)]),
        rule,
    )
    ranked = sorted(sides, key=lambda name: (comparison.expected_at.get(name, math.inf), name))
    named = list(sides) if len(sides) == 2 else ranked
    found = [comparison.difference(first, second, margin) for first, second in itertools.combinations(named, 2)]
    lead = found[0]
    counted = wording.reasons_to_abstain(list(sides.values()), trials, adaptive)
    reasons = (*counted, *comparison.reasons, *reasons_to_abstain)
    adjusted = holm([1.0 if math.isnan(one.p) else one.p for one in found])
    pairs = tuple(judge(one, p, margin, level) for one, p in zip(found, adjusted, strict=True))
    outcome, equals = _outcome(pairs, named, ranked[0])
    if reasons:
        outcome, equals = Outcome.UNDECIDED, []
        pairs = tuple(replace(pair, outcome=Outcome.UNDECIDED, family=None) for pair in pairs)
    over_cases = between(sides[named[0]], sides[named[1]], cases, compared, level, adaptive)
    found_warnings = wording.budget_warnings(comparison, lead, trials, margin, level, direction, baseline, rule)
    if outcome is Outcome.WINNER and over_cases and not over_cases.settled:
        found_warnings.append(wording.not_over_cases(over_cases, level, dataset if rule > 1 else ""))
    recommended, because = cheapest([sides[name] for name in equals], trials, adaptive)
    if recommended and rule > 1 and _worse_by(recommended, equals, comparison) > margin:
        recommended, because = None, ""
    completed = {name: len(sides[name].completed) for name in named}
    open_question = outcome is Outcome.UNDECIDED and not reasons
    verdict = Verdict(
        dataset=dataset,
        outcome=outcome,
        family=ranked[0] if outcome is Outcome.WINNER else None,
        families=tuple(named),
        trials=trials,
        completed=completed,
        expected={name: expected[name] for name in named},
        difference=lead.value,
        low=lead.low,
        high=lead.high,
        level=level,
        margin=margin,
        probabilities=lead.probabilities,
        method=wording.method(adaptive, level, len(named), interim, compared if compared < trials else None, prior),
        reasons_to_abstain=tuple(dict.fromkeys(reasons)),
        warnings=tuple(dict.fromkeys((*found_warnings, *warnings))),
        recommended=recommended,
        cheaper_because=because,
        permutation_p=lead.permutation_p,
        pairs=pairs,
        over_cases=over_cases,
    )
    if rule == 1:
        estimate = more_trials(lead, min(completed.values()), trials, margin, level) if open_question else None
        return replace(verdict, more_trials=estimate)
    first, second = sides[named[0]], sides[named[1]]
    ratio = _log_ratio(dataset, first, second, trials, compared, adaptive)
    return replace(
        verdict,
        compared_at=compared,
        expected_at={name: expected_at[name] for name in named} if compared < trials else {},
        outlook=_outlook(ratio, verdict, prior),
        settling=_settling(ratio, verdict, objective, [first, second], adaptive, prior)
        if open_question and ratio
        else None,
    )


def _log_ratio(
    dataset: str, first: Side, second: Side, trials: int, compared: int, adaptive: bool
) -> outlooks.LogRatio | None:
    if adaptive:
        return outlooks.over_replicates(first, second)
    return outlooks.over_trials(dataset, first, second, trials, compared)


def _outlook(ratio: outlooks.LogRatio | None, verdict: Verdict, prior: VerdictPrior | None) -> Outlook | None:
    """The line about the first two families; without numbers where the verdict abstains or losses have no ratio."""
    if math.isnan(verdict.difference):
        return None
    first, second = verdict.families[:2]
    if ratio is None or verdict.reasons_to_abstain:
        return Outlook(verdict.leader, second if verdict.leader == first else first, None, None, LEVEL)
    return outlooks.outlook(first, second, ratio.value, ratio.error, prior=prior)


def _settling(
    ratio: outlooks.LogRatio,
    verdict: Verdict,
    objective: Objective,
    sides: Sequence[Side],
    adaptive: bool,
    prior: VerdictPrior | None,
) -> Settling | None:
    best = objective.best(list((verdict.expected_at or verdict.expected).values()))
    loss = 0.0 if best is None else best if objective.direction is Direction.MIN else 1 - best
    replicates = max(1, min(side.replicates for side in sides))
    seconds = [row.fit_seconds for side in sides for row in side.completed]
    known = [one for one in seconds if one is not None]
    return outlooks.settling(
        ratio,
        replicates=replicates,
        trials=verdict.trials,
        level=verdict.level,
        margin=math.log1p(verdict.margin / loss) if loss > 0 else 0.0,
        adaptive=adaptive,
        seconds=math.fsum(known) / replicates if known and len(known) == len(seconds) else None,
        prior=prior,
    )


def _worse_by(name: str, equals: Sequence[str], comparison: Comparison) -> float:
    """By how much a family is worse than the best of some, by the estimate that is less in its favour."""
    return max(
        losses[name] - min(losses[other] for other in equals)
        for losses in (comparison.expected, comparison.expected_at)
    )


def _outcome(pairs: Sequence[Pair], named: Sequence[str], best: str) -> tuple[Outcome, list[str]]:
    """The outcome for all families, and which of them are practically equal.

    A winner beats every other family. Practically equal are the best and those within its margin, if it beats the rest.
    """
    against = {
        (pair.second if pair.first == best else pair.first): pair for pair in pairs if best in (pair.first, pair.second)
    }
    if all(pair.family == best for pair in against.values()):
        return Outcome.WINNER, []
    equal = [name for name in named if name in against and against[name].outcome is Outcome.PRACTICALLY_EQUAL]
    beaten = [name for name in against if against[name].family == best]
    if equal and len(equal) + len(beaten) == len(against):
        return Outcome.PRACTICALLY_EQUAL, [best, *equal]
    return Outcome.UNDECIDED, []


def _for(value: T | Mapping[str, T], dataset: str) -> T:
    return value[dataset] if isinstance(value, Mapping) else value
