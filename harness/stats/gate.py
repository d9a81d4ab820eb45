"""Whether a selected model is worth taking into production in place of a model without a recurrent cell.

It has to beat two baselines: the one that validation selects, and the one that always guesses the same, which is
chance. Where single test cases are known, both are compared over the half of them that decides, as two models in hand
are: by the interval of the mean difference and by a permutation test. Elsewhere the scores of the whole test part
decide. Over that part no baseline may be ahead by more than the equivalence margin besides. A model that fails one of
the three is neither recommended nor the champion: both follow from `failing`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harness.records import BaselineScore, CaseScores, Direction, Objective
from harness.stats.best_of_n import Floats
from harness.stats.evidence import Evidence
from harness.stats.in_hand import Paired, halves, log_ratio_over_cases, paired
from harness.stats.levels import FEWEST_CASES, LEVEL
from harness.stats.words.wording import interval, number
from harness.text import printable

CHANCE = frozenset({"majority class", "frequency of each label", "token frequencies", "mean"})
"""Baselines that guess the same whatever the sequence."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A selected model beside a baseline that it has to beat.

    Attributes:
        baseline: The baseline.
        best: Whether validation selects it.
        model: The model's score on what decides: half of the test cases, or the whole test part.
        score: The baseline's score on the same.
        over: The difference over test cases, positive where the model is better; None where single cases are unknown.
        passed: Whether the model beats it.
        seems_better: Whether the model's score is the better one.
        margin: By more than which the baseline is ahead on the whole test part; None where it is asked to be beaten.
    """

    baseline: BaselineScore
    best: bool
    model: float
    score: float
    over: Paired | None
    passed: bool
    seems_better: bool
    margin: float | None = None


def gates(
    test: float | None, cases: CaseScores | None, baselines: Sequence[BaselineScore], objective: Objective
) -> tuple[Gate, ...]:
    """What the test says of a selected model and each baseline that it has to beat.

    Args:
        test: The model's test score; None where it is unknown.
        cases: The same over test cases; None where they are unknown.
        baselines: The dataset's baselines.
        objective: The metric.

    Returns:
        One for the baseline that validation selects, then one for chance where that is another; none for a baseline
        that nothing compares the model with.
    """
    best = BaselineScore.best(baselines, objective)
    chance = [one for one in baselines if one.name in CHANCE and one is not best and math.isfinite(one.test_score)]
    asked = [best, *chance] if best else []
    found = (_gate(one, one is best, test, cases, objective) for one in asked)
    return tuple(one for one in found if one)


def failing(
    test: float | None,
    cases: CaseScores | None,
    baselines: Sequence[BaselineScore],
    objective: Objective,
    margin: float,
) -> tuple[Gate, ...]:
    """What keeps a selected model from being recommended, and from being the champion.

    Args:
        test: As for `gates`, and so are the following three.
        cases: The model's scores over test cases.
        baselines: The dataset's baselines.
        objective: The metric.
        margin: Half-width of the equivalence margin.

    Returns:
        The gates that it fails; where it fails none, a gate for each baseline that is ahead of it on the whole test
        part by more than the margin, the most first.
    """
    failed = tuple(one for one in gates(test, cases, baselines, objective) if not one.passed)
    if failed or test is None:
        return failed
    ahead = sorted(
        behind(test, baselines, objective, margin), key=lambda one: objective.direction.sign * one.test_score
    )
    return tuple(Gate(one, False, test, one.test_score, None, False, False, margin) for one in ahead)


def shortfall(failed: Sequence[Gate], objective: Objective) -> str:
    """Why a selected model may not be the champion, with the scores and intervals that say so.

    Args:
        failed: What it fails.
        objective: The metric.

    Returns:
        Such as `does not beat the best baseline, ridge: test mae 1.2 against 0.9 kW on the test part`; empty where
        nothing is against it.
    """
    return printable("; it ".join(_words(one, objective) for one in failed))


def behind(
    test: float | None, baselines: Sequence[BaselineScore], objective: Objective, margin: float
) -> Iterator[BaselineScore]:
    """The baselines that are ahead of a model on the whole test part by more than the equivalence margin."""
    if test is not None:
        yield from (one for one in baselines if objective.direction.sign * (test - one.test_score) > margin)


def against_baseline(
    baseline: BaselineScore, family: str, model: CaseScores | None, direction: Direction
) -> Evidence | None:
    """What the deciding half of the test cases says of a baseline, as the first, and a selected model.

    Args:
        baseline: The baseline.
        family: Whose model.
        model: The model's scores over test cases.
        direction: Which scores are better.

    Returns:
        The evidence of the cases alone; None where either's are unknown or too few, or the losses have no ratio.
    """
    if model is None or (both := _deciding(baseline, model)) is None:
        return None
    found = log_ratio_over_cases(*both, model.block, direction)
    return Evidence(baseline.name, family, *found) if found else None


def _gate(
    baseline: BaselineScore, best: bool, test: float | None, cases: CaseScores | None, objective: Objective
) -> Gate | None:
    if cases is not None and (both := _deciding(baseline, cases)):
        its, model = both
        count = round(len(its) * cases.cases / len(cases.values))
        over = paired(model, its, count, cases.block, objective.direction, LEVEL)
        passed = over.decided and over.difference > 0
        return Gate(baseline, best, float(model.mean()), float(its.mean()), over, passed, over.difference > 0)
    if test is None:
        return None
    better = objective.better(test, baseline.test_score)
    return Gate(baseline, best, test, baseline.test_score, None, better, better)


def _deciding(baseline: BaselineScore, model: CaseScores) -> tuple[Floats, Floats] | None:
    """Scores of a baseline and of a model in the groups of test cases that decide; None where they do not pair."""
    parts = _halved(baseline, model)
    return parts[0] if parts else None


def over_scoring(baseline: BaselineScore, model: CaseScores | None) -> tuple[float, float] | None:
    """Mean scores of a baseline and of a model over the test cases that only score; None where they do not pair."""
    parts = _halved(baseline, model) if model else None
    return (float(parts[1][0].mean()), float(parts[1][1].mean())) if parts else None


def _halved(baseline: BaselineScore, model: CaseScores) -> tuple[tuple[Floats, Floats], ...] | None:
    """Scores of both in the groups of test cases that decide, and in those that only score."""
    own = baseline.cases
    if own is None or (own.cases, len(own.values)) != (model.cases, len(model.values)):
        return None
    parts = halves(len(own.values), model.block)
    if min(map(len, parts)) < FEWEST_CASES:
        return None
    its, others = (np.array(one.values, dtype=np.float64) for one in (own, model))
    return tuple((its[part], others[part]) for part in parts)


def _words(gate: Gate, objective: Objective) -> str:
    """Which gate a model failed, with both scores and the interval."""
    if gate.margin is not None:
        ahead = f"is behind the baseline {gate.baseline.name} by more than the margin {number(gate.margin)}"
        return f"{ahead}: {_scores(gate.model, gate.score, objective)} on the test part"
    what = "does not beat the best baseline" if gate.best else "is within chance"
    name = (
        f"{gate.baseline.name}, which is chance" if gate.best and gate.baseline.name in CHANCE else gate.baseline.name
    )
    words = f"{what}, {name}: {_scores(gate.model, gate.score, objective)}"
    if (over := gate.over) is None:
        return f"{words} on the test part"
    p = f", permutation p {over.p:.2g}" if over.p is not None and gate.seems_better else ""
    ends = interval(over.over.low, over.over.high, LEVEL)
    return (
        f"{words} over the {over.over.cases:,} test cases that decide, a lead of {number(over.difference)} ({ends}{p})"
    )


def _scores(model: float, baseline: float, objective: Objective) -> str:
    unit = f" {objective.unit}" if objective.unit else ""
    return f"test {objective.metric} {number(model)} against {number(baseline)}{unit}"
