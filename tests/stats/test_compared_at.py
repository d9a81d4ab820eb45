"""The families are compared by a search that there are enough trials to judge."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.records import Direction, Objective, Outcome, Verdict
from harness.stats import decide_rows
from harness.stats.levels import MARGIN_SHARE, compared_at

MAE = Objective("mae", Direction.MIN)


def decide_one(rows, **more) -> Verdict:
    return decide_rows(rows, objective=MAE, **{"margins": {}, **more}).verdicts["toy"]


@pytest.fixture
def pair(rows_of, tuned):
    """One search of 20 of either family, GRU's losses times `factor`."""

    def make(factor=1.0, seed=1, searches=1, kind="skewed"):
        random = np.random.default_rng(seed)
        scores = {}
        for family, scale in (("lstm", 1.0), ("gru", factor)):
            validation, test = tuned[kind](random, 20 * searches)
            scores[family] = list(zip(scale * validation, scale * test, strict=True))
        return rows_of(scores, trials=20, parameters={"lstm": 400, "gru": 300}, fit_seconds={"lstm": 2.0, "gru": 1.0})

    return make


@pytest.mark.parametrize(
    ("trials", "completed", "k"),
    [(20, 20, 5), (40, 40, 10), (10, 10, 3), (20, 60, 15), (20, 80, 20), (20, 200, 20), (2, 2, 2)],
)
def test_k_is_a_quarter_of_all_trials_and_at_most_the_budget(trials, completed, k):
    assert compared_at(trials, completed) == k
    assert compared_at(trials, completed, rule=1) == trials


def test_the_difference_is_that_of_the_best_of_k(pair):
    verdict = decide_one(pair(1.3))
    assert (verdict.trials, verdict.compared_at) == (20, 5)
    assert verdict.difference == pytest.approx(verdict.expected_at["gru"] - verdict.expected_at["lstm"])
    assert verdict.difference != pytest.approx(verdict.expected["gru"] - verdict.expected["lstm"])
    assert "best of 5 by validation" in verdict.method
    four = decide_one(pair(1.3, searches=4))
    assert (four.compared_at, four.expected_at) == (20, {})
    assert four.difference == pytest.approx(four.expected["gru"] - four.expected["lstm"])


def test_one_search_names_what_the_first_rule_leaves_open(pair):
    rows = pair(1.5, seed=2)
    assert decide_one(rows, rule=1).outcome is Outcome.UNDECIDED
    assert decide_one(rows).family == "lstm"


@pytest.mark.parametrize("factor", [1.0, 1.15, 1.3])
def test_from_four_replicates_on_the_first_rule_decides(pair, factor):
    now, before = (decide_one(pair(factor, searches=5), rule=rule) for rule in (2, 1))
    assert now.compared_at == now.trials
    said = [(one.outcome, one.family, one.low, one.high, one.permutation_p) for one in (now, before)]
    assert said[0] == said[1]


def test_no_winner_where_the_best_of_the_budget_says_otherwise(rows_of):
    """LSTM is better throughout but for the trial that validates best, which is the best of n."""
    lstm = [(1.0, 9.0), *((1.0 + 0.1 * i, 1.0 + 0.1 * i) for i in range(1, 20))]
    gru = [(1.05 + 0.1 * i, 4.0 + 0.1 * i) for i in range(20)]
    rows = rows_of({"lstm": lstm, "gru": gru})
    verdict = decide_one(rows)
    assert verdict.expected["lstm"] > verdict.expected["gru"]
    assert verdict.expected_at["lstm"] < verdict.expected_at["gru"]
    assert verdict.outcome is Outcome.UNDECIDED
    lstm[0] = (1.0, 1.0)
    assert decide_one(rows_of({"lstm": lstm, "gru": gru})).family == "lstm"


def test_a_family_that_is_worse_by_more_than_the_margin_is_not_recommended_for_being_cheaper(rows_of):
    """Twice the loss and far below the baseline's: no tie, whatever the baseline scores."""
    lstm = [(0.01 * i, 0.00016 + 1e-6 * i) for i in range(20)]
    gru = [(0.01 * i, 0.0008 + 1e-6 * i) for i in range(20)]
    rows = rows_of({"lstm": lstm, "gru": gru}, parameters={"lstm": 400, "gru": 300})
    verdict = decide_one(rows, margins={"toy": None}, baselines={"toy": 0.18})
    assert verdict.margin == pytest.approx(MARGIN_SHARE * verdict.expected["lstm"])
    assert (verdict.outcome, verdict.family, verdict.recommended) == (Outcome.WINNER, "lstm", None)
    before = decide_one(rows, margins={"toy": None}, baselines={"toy": 0.18}, rule=1)
    assert (before.outcome, before.recommended) == (Outcome.PRACTICALLY_EQUAL, "gru")


def test_every_outcome_has_a_line(pair):
    for factor in (1.0, 1.1, 1.8):
        verdict = decide_one(pair(factor))
        assert {verdict.outlook.better, verdict.outlook.against} == {"lstm", "gru"}
        assert 0.5 <= verdict.outlook.probability <= 1
        assert verdict.outlook.regret >= 0
    assert decide_one(pair(1.8)).outlook.better == "lstm"


def test_an_open_question_says_what_would_settle_it(pair):
    verdict = decide_one(pair(1.2, searches=3))
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.more_trials is None
    assert verdict.settling.trials == tuple(20 * count for count in verdict.settling.replicates)
    assert verdict.settling.seconds == pytest.approx([60.0 * count for count in verdict.settling.replicates])
    assert decide_one(pair(1.8)).settling is None


def test_where_a_verdict_abstains_the_line_has_no_numbers(pair):
    verdict = decide_one(pair(1.8), reasons_to_abstain={"toy": ["the inputs hold the answer"]})
    assert (verdict.outlook.probability, verdict.outlook.regret, verdict.settling) == (None, None, None)
    assert Verdict.from_json(verdict.to_json()) == verdict


def test_an_adaptive_search_is_compared_by_its_replicates_as_before(pair):
    now, before = (decide_one(pair(1.8, searches=3), oracle="bayesian", rule=rule) for rule in (2, 1))
    assert (now.difference, now.low, now.high, now.outcome) == (
        before.difference,
        before.low,
        before.high,
        before.outcome,
    )
    assert now.expected_at == {}
    assert math.isfinite(now.outlook.probability)


def test_the_first_rule_knows_nothing_of_this(pair):
    verdict = decide_one(pair(1.2), rule=1)
    assert (verdict.compared_at, verdict.expected_at) == (None, {})
    assert (verdict.outlook, verdict.settling) == (None, None)
