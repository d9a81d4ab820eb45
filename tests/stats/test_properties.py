"""What must not change a verdict: names, order, direction, units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from harness.records import Direction, Objective, Outcome, ScoreRow, Verdict
from harness.stats import decide_rows

MIN, MAX = (Objective("score", direction) for direction in Direction)
PAIRS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=24, max_size=24)
SCORES = st.tuples(PAIRS, st.sampled_from([0, 10, 40])).map(
    lambda drawn: [*drawn[0][:12], *((v + drawn[1], t + drawn[1]) for v, t in drawn[0][12:])]
)
ORACLES = st.sampled_from(["random", "bayesian"])
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def table(scores, oracle="random") -> list[ScoreRow]:
    """12 trials a family, in three searches of four."""
    return [
        ScoreRow("toy", "lstm" if i < 12 else "gru", i % 12 // 4 + 1, i % 4 + 1, float(v), float(t), 100 + i)
        for i, (v, t) in enumerate(scores)
    ]


def decided(rows, oracle, objective=MIN, margin=2.0) -> Verdict:
    families = sorted({row.family for row in rows}, reverse=True)
    decision = decide_rows(rows, objective=objective, margins={"toy": margin}, oracle=oracle, families=families)
    return decision.verdicts["toy"]


def numbers(verdict: Verdict) -> tuple[object, ...]:
    return verdict.difference, verdict.low, verdict.high, *verdict.probabilities


@few
@given(SCORES, ORACLES)
def test_swapping_the_labels_swaps_the_verdict(scores, oracle):
    rows = table(scores)
    other = {"lstm": "gru", "gru": "lstm"}
    one = decided(rows, oracle)
    assume(one.difference != 0)
    two = decided([replace(row, family=other[row.family]) for row in rows], oracle)
    assert two.outcome is one.outcome
    assert two.family == other.get(one.family or "")
    assert (two.difference, two.low, two.high) == (-one.difference, -one.high, -one.low)
    assert two.probabilities == one.probabilities[::-1]
    assert two.more_trials == one.more_trials
    assert two.recommended == other.get(one.recommended or "")


@few
@given(SCORES, ORACLES)
def test_the_negative_of_a_score_is_better_the_other_way(scores, oracle):
    rows = table(scores)
    turned = [replace(row, validation=-row.validation, test=-row.test) for row in rows]
    one, two = decided(rows, oracle), decided(turned, oracle, MAX)
    assert numbers(one) == numbers(two)
    assert (one.outcome, one.family) == (two.outcome, two.family)
    assert two.expected == {name: -value for name, value in one.expected.items()}


@few
@given(SCORES, ORACLES, st.integers(-1000, 1000))
def test_a_constant_added_to_every_score_changes_only_the_expected_ones(scores, oracle, constant):
    rows = table(scores)
    moved = [replace(row, validation=row.validation + constant, test=row.test + constant) for row in rows]
    one, two = decided(rows, oracle), decided(moved, oracle)
    assume(one.difference != 0)
    assert numbers(two) == pytest.approx(numbers(one), abs=1e-9)
    assert two.expected == pytest.approx({name: value + constant for name, value in one.expected.items()})
    assert (one.outcome, one.family) == (two.outcome, two.family)


@few
@given(SCORES, ORACLES, st.sampled_from([2.0**-20, 0.25, 8.0, 2.0**30]))
def test_another_unit_changes_only_the_unit(scores, oracle, factor):
    rows = table(scores)
    scaled = [replace(row, validation=row.validation * factor, test=row.test * factor) for row in rows]
    one, two = decided(rows, oracle), decided(scaled, oracle, margin=2.0 * factor)
    assert (two.difference, two.low, two.high) == pytest.approx(
        (one.difference * factor, one.low * factor, one.high * factor), rel=1e-9
    )
    assert two.probabilities == pytest.approx(one.probabilities)
    assert (one.outcome, one.family, one.more_trials) == (two.outcome, two.family, two.more_trials)


@few
@given(SCORES, ORACLES, st.randoms(use_true_random=False))
def test_the_order_of_rows_is_nothing(scores, oracle, random):
    rows = table(scores)
    permutation_p = rows[:]
    random.shuffle(permutation_p)
    assert decided(permutation_p, oracle) == decided(rows, oracle)


@few
@given(SCORES, ORACLES)
def test_what_a_verdict_says_agrees_with_its_numbers(scores, oracle):
    verdict = decided(table(scores), oracle)
    assert verdict.low <= verdict.difference <= verdict.high
    assert sum(verdict.probabilities) == pytest.approx(1)
    inside = -verdict.margin <= verdict.low and verdict.high <= verdict.margin
    assert (verdict.outcome is Outcome.PRACTICALLY_EQUAL) == (inside and not verdict.reasons_to_abstain)
    if verdict.outcome is Outcome.WINNER:
        assert verdict.low > 0 or verdict.high < 0
        assert verdict.family == verdict.families[0 if verdict.low > 0 else 1]
    else:
        assert verdict.family is None


@few
@given(SCORES, ORACLES)
def test_a_verdict_survives_json(scores, oracle):
    verdict = decided(table(scores), oracle)
    assert Verdict.from_json(verdict.to_json()) == verdict


def test_more_evidence_never_makes_it_worse(tuned):
    """One family better by 15 %: with more replicates the better one is named more often, the other one never."""
    objective = Objective("mae", Direction.MIN)
    named = {}
    for replicates in (1, 3, 10):
        outcomes = []
        for replay in range(20):
            random = np.random.default_rng([replicates, replay])
            rows = []
            for family, factor in (("lstm", 0.85), ("gru", 1.0)):
                validation, test = (factor * part for part in tuned["skewed"](random, 20 * replicates))
                for i in range(20 * replicates):
                    rows.append(ScoreRow("toy", family, i // 20 + 1, i % 20 + 1, validation[i], test[i]))
            outcomes.append(decide_rows(rows, objective=objective, margins={}).verdicts["toy"].family)
        assert "gru" not in outcomes
        named[replicates] = outcomes.count("lstm")
    assert named[1] < named[3] < named[10]
    assert named[10] >= 18
