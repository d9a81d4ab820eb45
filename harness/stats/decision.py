"""A table of scores in, a `Decision` out. Pure: no TensorFlow, no MLflow, no pandas, no files, no clock.

What is decided for each family is the expected test score, on this split and test set, of the model that a
search of this budget selects by validation, as that trial was trained.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from harness.errors import TableError, UsageError
from harness.records import CaseInterval, Decision, Direction, Objective, Outcome, Pair, ScoreRow, Verdict
from harness.stats import best_of_n, compare, differences, wording
from harness.stats.across import compare_datasets
from harness.stats.compare import selected_rows
from harness.stats.differences import Evidence, Side, sides_of
from harness.stats.levels import LEVEL, MARGIN_SCORE, MARGIN_SHARE, InterimAnalysis
from harness.stats.test_set import Cases, between


def cheapest(sides: Sequence[Side], trials: int, adaptive: bool) -> tuple[str | None, str]:
    """The family to use among practically equal ones, and why.

    Costs are those expected of the model that a search selects: by the weights of `best_of`, or the mean over
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
        others = ", ".join(f"{_shown(known[name])} of {name}" for name in order[1:])
        return order[0], f"{what}: {_shown(known[order[0]])} against {others}"
    return None, ""


def _shown(cost: float) -> str:
    """`50,241` and `3.142`: no cost is written with an exponent for being large."""
    return f"{cost:,.0f}" if cost >= 1000 else f"{cost:.4g}"


def _parameters(row: ScoreRow) -> float | None:
    return row.parameters


def _seconds(row: ScoreRow) -> float | None:
    return row.fit_seconds


_COSTS: tuple[tuple[str, Callable[[ScoreRow], float | None]], ...] = (
    ("fewer parameters in the model a search selects", _parameters),
    ("fewer seconds of training for the model a search selects", _seconds),
)


def _typical(side: Side, cost: Callable[[ScoreRow], float | None], trials: int, adaptive: bool) -> float | None:
    values = [cost(row) for row in side.completed]
    known = [float(value) for value in values if value is not None]
    if len(known) < len(values) or not known:
        return None
    if not adaptive:
        return best_of_n.expected(side.sample, trials, np.array(known))
    searches = [[cost(row) or 0.0 for row in selected_rows(search)] for search in side.searches()]
    return float(np.mean([np.mean(search) for search in searches]))


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Question:
    dataset: str
    direction: Direction
    trials: int
    margin: float
    level: float
    adaptive: bool
    look: InterimAnalysis | None
    baseline: float | None
    cases: Cases


def margin_of(objective: Objective, smallest_difference: float | None, best_baseline_test: float | None) -> float:
    """Half-width of the equivalence margin: differences that do not matter.

    Args:
        objective: The metric. Where higher is better it is taken for a score between 0 and 1.
        smallest_difference: What the dataset's config states, in the metric's units; None when it states
            nothing.
        best_baseline_test: Test score of the best baseline; None when there is none.

    Returns:
        The config's; else 0.01 for a score, 5 % of the best baseline's loss for a loss, and 0 without a
        baseline.
    """
    if smallest_difference is not None:
        return smallest_difference
    if objective.direction is Direction.MAX:
        return MARGIN_SCORE
    if best_baseline_test is None or not math.isfinite(best_baseline_test):
        return 0.0
    return MARGIN_SHARE * abs(best_baseline_test)


def decide_rows(
    rows: Sequence[ScoreRow],
    *,
    objective: Objective | Mapping[str, Objective],
    margins: Mapping[str, float],
    trials: int | Mapping[str, int] | None = None,
    oracle: str = "random",
    level: float | None = None,
    families: Sequence[str] | None = None,
    baselines: Mapping[str, float] | None = None,
    withheld: Mapping[str, Sequence[str]] | None = None,
    qualified: Mapping[str, Sequence[str]] | None = None,
    look: InterimAnalysis | None = None,
    cases: Mapping[str, Cases] | None = None,
) -> Decision:
    """Decide every dataset of a table, and what is to be said over all of them.

    Args:
        rows: One row a trial, in any order; datasets keep the order in which they appear.
        objective: The metric: one for all datasets, or each dataset's.
        margins: Half-width of each dataset's equivalence margin; 0 where it is not named.
        trials: Budget n of one search, for all datasets or each dataset's; by default the completed trials of
            a family divided by its replicates.
        oracle: `random` pools all trials; any other name makes the replicate the unit.
        level: Level of the intervals; 0.95 by default, at which false winners stay below 5 % either way.
        families: The families in the order in which two are to be named; by default as the rows come.
        baselines: Test score of each dataset's best baseline.
        withheld: Reasons of the caller's for which a dataset's verdict is withheld.
        qualified: Reasons of the caller's for which a dataset's verdict is to be read with care.
        look: Where replicates are added until it is decided: which look this is. It brings its own level.
        cases: Scores over test cases of each dataset's trials, for the second interval.

    Returns:
        The decision.

    Raises:
        TableError: A completed row has no finite score, or there are fewer than two families.
        UsageError: `level` is no share between 0.5 and 0.999.
    """
    by_dataset: dict[str, list[ScoreRow]] = {}
    for row in rows:
        by_dataset.setdefault(row.dataset, []).append(row)
    order = list(dict.fromkeys((*(families or ()), *(row.family for row in rows))))
    if len(order) < 2:
        raise TableError(f"families: {', '.join(order) or 'none'}: expected at least two to compare")
    adaptive = oracle != "random"
    verdicts = {}
    for dataset, its in by_dataset.items():
        direction = _for(objective, dataset).direction
        entered = sides_of(its, order, direction)
        question = _Question(
            dataset=dataset,
            direction=direction,
            trials=(budget_of(list(entered.values())) if trials is None else _for(trials, dataset)),
            margin=margins.get(dataset, 0.0),
            level=look.level if look else _level(level),
            adaptive=adaptive,
            look=look,
            baseline=(baselines or {}).get(dataset),
            cases=(cases or {}).get(dataset, {}),
        )
        verdicts[dataset] = _decide(
            question,
            entered,
            withheld=wording.extras(withheld or {}, dataset),
            qualified=wording.extras(qualified or {}, dataset),
        )
    return over_all(verdicts)


def over_all(verdicts: Mapping[str, Verdict]) -> Decision:
    """Verdicts that were made one by one, and what is to be said over all of them."""
    across = compare_datasets(verdicts) if len(verdicts) > 1 else None
    return Decision(verdicts, wording.overall(verdicts, across), across)


def budget_of(entered: Sequence[Side]) -> int:
    """Trials of one search where nobody says: completed trials by replicate, of the family with fewest."""
    return max(1, min(len(side.completed) // max(1, side.replicates) for side in entered))


def _decide(
    question: _Question, entered: Mapping[str, Side], withheld: Sequence[str], qualified: Sequence[str]
) -> Verdict:
    present = [side for side in entered.values() if side.completed]
    evidence = _evidence(question, present)
    named = _in_order(list(entered), evidence)
    lead = evidence.between(*named[:2])
    reasons = (
        *wording.reasons_to_abstain(list(entered.values()), question.trials, question.adaptive),
        *evidence.reasons,
        *withheld,
    )
    over_cases = _over_cases(question, entered, named) if evidence.expected and question.cases else None
    care = wording.warnings_for(
        evidence,
        named,
        trials=question.trials,
        margin=question.margin,
        level=question.level,
        direction=question.direction,
        baseline=question.baseline,
    )
    pairs = _pairs(question, evidence, named, judged=not reasons)
    outcome, equals = (Outcome.UNDECIDED, []) if reasons else _outcome(pairs, named, evidence)
    if outcome is Outcome.WINNER and over_cases and not over_cases.settled:
        care = (*care, wording.not_over_cases(over_cases, question.level))
    recommended, because = cheapest([entered[name] for name in equals], question.trials, question.adaptive)
    sign = 1 if question.direction is Direction.MIN else -1
    best = min(named, key=lambda name: evidence.expected.get(name, math.inf))
    open_question = outcome is Outcome.UNDECIDED and not reasons
    completed = {name: len(entered[name].completed) for name in named}
    return Verdict(
        dataset=question.dataset,
        outcome=outcome,
        family=best if outcome is Outcome.WINNER else None,
        families=tuple(named),
        trials=question.trials,
        completed=completed,
        expected={name: sign * evidence.expected.get(name, math.nan) for name in named},
        difference=lead.value,
        low=lead.low,
        high=lead.high,
        level=question.level,
        margin=question.margin,
        probabilities=lead.probabilities,
        method=wording.method(question.adaptive, question.level, len(named), question.look),
        reasons_to_abstain=tuple(dict.fromkeys(reasons)),
        warnings=tuple(dict.fromkeys((*care, *qualified))),
        recommended=recommended,
        cheaper_because=because,
        more_trials=differences.more_trials(
            lead, min(completed.values()), question.trials, question.margin, question.level
        )
        if open_question
        else None,
        permutation_p=lead.permutation_p,
        pairs=pairs,
        over_cases=over_cases,
    )


def _over_cases(question: _Question, entered: Mapping[str, Side], named: Sequence[str]) -> CaseInterval | None:
    first, second = (entered[name] for name in named[:2])
    if not (first.completed and second.completed):
        return None
    return between(first, second, question.cases, question.trials, question.level, question.adaptive)


def _evidence(question: _Question, present: Sequence[Side]) -> Evidence:
    if not present:
        return Evidence({}, ())
    if question.adaptive:
        return compare.compare_replicates(present, question.trials, question.margin, question.level)
    return compare.compare_pooled(question.dataset, present, question.trials, question.margin, question.level)


def _in_order(families: list[str], evidence: Evidence) -> list[str]:
    """Two families as given; more by expected loss, best first."""
    if len(families) == 2:
        return families
    return sorted(families, key=lambda name: (evidence.expected.get(name, math.inf), name))


def _pairs(question: _Question, evidence: Evidence, named: Sequence[str], judged: bool) -> tuple[Pair, ...]:
    between = [evidence.between(first, second) for first, second in itertools.combinations(named, 2)]
    adjusted = differences.holm([1.0 if math.isnan(pair.p) else pair.p for pair in between])
    pairs = tuple(
        differences.judge(pair, p, question.margin, question.level) for pair, p in zip(between, adjusted, strict=True)
    )
    return pairs if judged else tuple(replace(pair, outcome=Outcome.UNDECIDED, family=None) for pair in pairs)


def _outcome(pairs: Sequence[Pair], named: Sequence[str], evidence: Evidence) -> tuple[Outcome, list[str]]:
    """The outcome for all families, and which of them are practically equal.

    A winner beats every other family. Practically equal are the best and those within its region, if it beats
    the rest.
    """
    best = min(named, key=lambda name: (evidence.expected[name], name))
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


def _level(level: float | None) -> float:
    if level is None:
        return LEVEL
    if not 0.5 <= level <= 0.999:
        raise UsageError(f"level = {level}: expected a share between 0.5 and 0.999")
    return level


def _for(value: T | Mapping[str, T], dataset: str) -> T:
    return value[dataset] if isinstance(value, Mapping) else value
