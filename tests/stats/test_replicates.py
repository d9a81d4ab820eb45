"""Adaptive searches: the replicate is the unit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.records import Direction, Objective, Outcome
from harness.stats import decide_rows
from harness.stats.compare import welch
from harness.stats.levels import LEVEL, MINIMUM_REPLICATES

ACCURACY = Objective("accuracy", Direction.MAX)
MAE = Objective("mae", Direction.MIN)


@pytest.mark.parametrize("sizes", [(3, 3), (5, 5), (4, 9)])
def test_welch_is_scipys(sizes):
    random = np.random.default_rng(1)
    first, second = random.normal(0, 1, sizes[0]), random.normal(0.8, 3, sizes[1])
    ours = welch("lstm", "gru", first, second, margin=0.0, level=0.95)
    theirs = stats.ttest_ind(second, first, equal_var=False)
    interval = theirs.confidence_interval(0.95)
    assert ours.value == pytest.approx(second.mean() - first.mean(), rel=1e-12)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), rel=1e-12)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-12)
    assert ours.probabilities[0] == pytest.approx(
        stats.ttest_ind(second, first, equal_var=False, alternative="less").pvalue
    )


def test_the_margin_takes_its_probability_from_both_sides():
    random = np.random.default_rng(3)
    first, second = random.normal(size=6), random.normal(size=6)
    none, wide = (welch("a", "b", first, second, margin, 0.95) for margin in (0.0, 0.5))
    assert sum(wide.probabilities) == pytest.approx(1)
    assert none.probabilities[1] == pytest.approx(0)
    assert wide.probabilities[1] > 0.2
    assert wide.probabilities[0] < none.probabilities[0]


def test_a_search_counts_by_the_trial_it_selects_by_validation(rows_of):
    # Three searches of two trials. Selected by validation (higher is better): 0.8, 0.7, 0.9 and 0.5, 0.4, 0.6.
    lstm = [(0.9, 0.8), (0.1, 0.99), (0.1, 0.99), (0.9, 0.7), (0.9, 0.9), (0.8, 0.99)]
    gru = [(0.9, 0.5), (0.1, 0.01), (0.1, 0.01), (0.9, 0.4), (0.9, 0.6), (0.8, 0.01)]
    rows = rows_of({"lstm": lstm, "gru": gru}, trials=2)
    verdict = decide_rows(rows, objective=ACCURACY, margins={}, oracle="bayesian").verdicts["toy"]
    assert verdict.expected == pytest.approx({"lstm": 0.8, "gru": 0.5})
    assert verdict.difference == pytest.approx(0.3)
    assert (verdict.outcome, verdict.family) == (Outcome.WINNER, "lstm")
    assert verdict.level == LEVEL
    assert verdict.trials == 2
    assert "Welch" in verdict.method


def test_tied_selected_trials_are_averaged(rows_of):
    rows = rows_of({"lstm": [(1, 4), (1, 6)] * 3, "gru": [(1, 1), (2, 9)] * 3}, trials=2)
    verdict = decide_rows(rows, objective=MAE, margins={}, oracle="bayesian").verdicts["toy"]
    assert verdict.expected == pytest.approx({"lstm": 5, "gru": 1})


@pytest.mark.parametrize("oracle", ["bayesian", "hyperband", "grid"])
def test_fewer_than_three_replicates_are_withheld(rows_of, oracle):
    rows = rows_of(
        {"lstm": [(1, 1.0), (2, 2), (3, 3), (1, 1.2), (2, 2), (3, 3)], "gru": [(1, 8.0), (2, 9), (3, 9)] * 2}, trials=3
    )
    verdict = decide_rows(rows, objective=MAE, margins={}, oracle=oracle).verdicts["toy"]
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.reasons_to_abstain == (
        f"an adaptive search needs at least {MINIMUM_REPLICATES} replicates of each family: lstm 2, gru 2",
    )
    random = decide_rows(rows, objective=MAE, margins={}).verdicts["toy"]
    assert not random.reasons_to_abstain


def test_replicates_without_any_spread_decide_nothing(rows_of):
    rows = rows_of({"lstm": [(1, 1.1), (2, 2)] * 3, "gru": [(1, 8.1), (2, 9)] * 3}, trials=2)
    verdict = decide_rows(rows, objective=MAE, margins={}, oracle="bayesian").verdicts["toy"]
    assert verdict.outcome is Outcome.UNDECIDED
    assert any("no spread" in reason for reason in verdict.reasons_to_abstain)


@pytest.mark.parametrize(("margin", "outcome"), [(0.0, Outcome.UNDECIDED), (0.01, Outcome.PRACTICALLY_EQUAL)])
def test_equal_scores_are_equal_within_any_margin_and_undecided_without_one(rows_of, margin, outcome):
    rows = rows_of({"lstm": [(0.1, 0.1)] * 9, "gru": [(0.1, 0.1)] * 9}, trials=3)
    verdict = decide_rows(rows, objective=MAE, margins={"toy": margin}, oracle="bayesian").verdicts["toy"]
    assert verdict.outcome is outcome
    assert (verdict.difference, verdict.low, verdict.high) == (0, 0, 0)
    assert verdict.probabilities == (0, 1, 0)


def test_the_second_half_of_the_budget_is_judged_over_replicates(rows_of):
    falling = [(value - 5 * (place % 4 >= 2), 1.0 + place * 0.01) for place, value in enumerate(range(20))]
    flat = [(1.0 + 0.001 * place, 1.0 + place * 0.011) for place in range(20)]
    rows = rows_of({"lstm": falling, "gru": flat}, trials=4)
    verdict = decide_rows(rows, objective=MAE, margins={"toy": 0.5}, oracle="bayesian").verdicts["toy"]
    [care] = verdict.warnings
    assert care.startswith("the expected validation score was still falling")
    assert "from the best of 2 to the best of 4 trials by 3 (lstm)" in care
