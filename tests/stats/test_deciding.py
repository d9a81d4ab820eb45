"""Outcomes, and the reasons that withhold or qualify them."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from harness.errors import TableError, UsageError
from harness.records import Direction, Objective, Outcome, ScoreRow, TrialStatus, Verdict
from harness.stats import decide_rows, margin_of, over_all
from harness.stats.levels import FAILURE_SHARE, LEVEL, MARGIN_LACKING, MARGIN_SCORE, MARGIN_SHARE, MINIMUM_TRIALS

MAE = Objective("mae", Direction.MIN)
ACCURACY = Objective("accuracy", Direction.MAX)


@pytest.fixture
def spread():
    """Scores around a level: `spread(level, n)` gives n pairs of validation and test."""

    def make(level: float, size: int = 20, width: float = 0.1, seed: int = 0) -> list[tuple[float, float]]:
        random = np.random.default_rng([seed, size])
        return [(level + width * x, level + width * x) for x in random.random(size)]

    return make


def decide_one(rows, objective=MAE, margin=0.0, **more) -> Verdict:
    return decide_rows(rows, objective=objective, margins={"toy": margin}, **more).verdicts["toy"]


def fail(row: ScoreRow) -> ScoreRow:
    return replace(row, validation=None, test=None, status=TrialStatus.FAILED)


@pytest.mark.parametrize(("objective", "winner"), [(MAE, "lstm"), (ACCURACY, "gru")])
def test_a_plain_difference_has_a_winner(rows_of, spread, objective, winner):
    verdict = decide_one(rows_of({"lstm": spread(0.2), "gru": spread(0.6, seed=1)}), objective)
    assert (verdict.outcome, verdict.family) == (Outcome.WINNER, winner)
    assert verdict.families == ("lstm", "gru")
    assert math.copysign(1, verdict.difference) == (1 if winner == "lstm" else -1)
    assert verdict.level == LEVEL
    assert verdict.completed == {"lstm": 20, "gru": 20}
    assert verdict.permutation_p is not None
    assert verdict.permutation_p < 0.01
    assert verdict.more_trials is None
    assert verdict.reasons_to_abstain == ()


def test_the_expected_score_is_that_of_the_best_of_n(rows_of):
    # Two searches of two: of the six searches that four trials allow the best gives 3, the second 2, the third 1.
    rows = rows_of({"lstm": [(1, 10), (2, 20), (3, 30), (4, 40)], "gru": [(4, 4), (3, 3), (2, 2), (1, 1)]}, trials=2)
    verdict = decide_one(rows)
    assert verdict.trials == 2
    assert verdict.expected == pytest.approx({"lstm": (30 + 40 + 30) / 6, "gru": (3 + 4 + 3) / 6})


def test_the_budget_may_be_told(rows_of, spread):
    rows = rows_of({"lstm": spread(0.2), "gru": spread(0.2, seed=1)})
    assert decide_one(rows).trials == 20
    assert decide_one(rows, trials=5).trials == 5
    assert decide_one(rows, trials={"toy": 7}).trials == 7


def test_families_are_named_in_the_order_given(rows_of, spread):
    rows = rows_of({"lstm": spread(0.2), "gru": spread(0.6, seed=1)})
    turned = decide_one(rows, families=["gru", "lstm"])
    assert turned.families == ("gru", "lstm")
    assert turned.difference == -decide_one(rows).difference
    assert turned.family == "lstm"


def test_equality_needs_a_margin_and_recommends_the_cheaper(rows_of, spread):
    scores = {"lstm": spread(0.2, 40, 0.01), "gru": spread(0.2, 40, 0.01, seed=1)}
    rows = rows_of(scores, parameters={"lstm": 400, "gru": 300})
    equal = decide_one(rows, margin=0.05)
    assert (equal.outcome, equal.family) == (Outcome.PRACTICALLY_EQUAL, None)
    assert equal.recommended == "gru"
    assert "fewer parameters" in equal.cheaper_because
    assert "300 against 400 of lstm" in equal.cheaper_because
    large = decide_one(rows_of(scores, parameters={"lstm": 66_241, "gru": 50_241}), margin=0.05)
    assert "50,241 against 66,241 of lstm" in large.cheaper_because
    assert equal.probabilities == (0, 1, 0)
    assert decide_one(rows).outcome is Outcome.UNDECIDED
    assert decide_one(rows).recommended is None


def test_of_equal_size_the_faster_is_recommended(rows_of, spread):
    scores = {"lstm": spread(0.2, 40, 0.01), "gru": spread(0.2, 40, 0.01, seed=1)}
    same = {"lstm": 300, "gru": 300}
    verdict = decide_one(rows_of(scores, parameters=same, fit_seconds={"lstm": 1.0, "gru": 2.0}), margin=0.05)
    assert verdict.recommended == "lstm"
    assert "seconds" in verdict.cheaper_because
    unknown = decide_one(rows_of(scores), margin=0.05)
    assert (unknown.outcome, unknown.recommended) == (Outcome.PRACTICALLY_EQUAL, None)


def test_a_sure_difference_within_the_margin_is_practically_equal(rows_of, spread):
    rows = rows_of({"lstm": spread(0.2), "gru": spread(0.6, seed=1)})
    verdict = decide_one(rows, margin=2.0)
    assert verdict.low > 0
    assert verdict.outcome is Outcome.PRACTICALLY_EQUAL


def test_an_open_question_of_the_first_rule_says_how_many_more_trials_would_decide(rows_of, tuned):
    random = np.random.default_rng(3)
    scores = {name: list(zip(*tuned["skewed"](random, 20), strict=True)) for name in ("lstm", "gru")}
    scores["gru"] = [(v * 1.1, t * 1.1) for v, t in scores["gru"]]
    verdict = decide_one(rows_of(scores), rule=1)
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.more_trials is not None
    assert verdict.more_trials % verdict.trials == 0


@pytest.mark.parametrize(("margin", "outcome"), [(0.0, Outcome.UNDECIDED), (0.01, Outcome.PRACTICALLY_EQUAL)])
@pytest.mark.parametrize("value", [0.1, 0.7, 1e300, 1e-300])
def test_all_equal_scores(rows_of, margin, outcome, value):
    verdict = decide_one(rows_of({"lstm": [(value, value)] * 20, "gru": [(value, value)] * 20}), margin=margin)
    assert verdict.outcome is outcome
    assert (verdict.difference, verdict.low, verdict.high) == (0, 0, 0)
    assert verdict.probabilities == (0, 1, 0)
    assert verdict.more_trials is None


def test_rounding_names_no_winner(rows_of):
    # All of the upper half is 0.3 for both: sums of weights give 0.3 to within rounding, and their difference not 0.
    scores = [(0.1, 0.3)] * 10 + [(0.9, 0.7 + 0.01 * i) for i in range(10)]
    other = [(0.2, 0.3)] * 10 + [(0.8, 0.7 + 0.02 * i) for i in range(10)]
    verdict = decide_one(rows_of({"lstm": scores, "gru": other}, trials=10))
    assert verdict.outcome is Outcome.UNDECIDED


@pytest.mark.parametrize("oracle", ["random", "bayesian"])
@pytest.mark.parametrize("unit", [1e-300, 1e200, 1e300])
def test_no_unit_is_too_small_or_too_large(rows_of, spread, unit, oracle):
    scores = {"lstm": spread(0.2), "gru": spread(0.6, seed=1)}
    scaled = {name: [(v * unit, t * unit) for v, t in pairs] for name, pairs in scores.items()}
    one, two = (decide_one(rows_of(its, trials=4), oracle=oracle) for its in (scores, scaled))
    assert two.family == one.family == "lstm"
    assert two.low / unit == pytest.approx(one.low)


@pytest.mark.parametrize("astray", [1e6, 1e9, 1e12])
def test_a_trial_gone_astray_hides_no_difference(rows_of, spread, astray):
    scores = {"lstm": [*spread(0.2), (astray, astray)], "gru": [*spread(0.6, seed=1), (astray, astray)]}
    verdict = decide_one(rows_of(scores))
    assert verdict.family == "lstm"
    assert 0.3 < verdict.difference < 0.5


def test_equal_data_of_two_families_is_no_certainty(rows_of, tuned):
    """The draws of chance are each family's own: one table twice is not one table."""
    scores = list(zip(*tuned["skewed"](np.random.default_rng(1), 20), strict=True))
    verdict = decide_one(rows_of({"lstm": scores, "gru": scores}))
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.low < 0 < verdict.high


def test_unequal_trials_withhold(rows_of, spread):
    verdict = decide_one(rows_of({"lstm": spread(0.2), "gru": spread(0.6, 19)}))
    assert (verdict.outcome, verdict.family) == (Outcome.UNDECIDED, None)
    assert verdict.reasons_to_abstain == ("completed trials differ: lstm 20, gru 19",)
    assert verdict.more_trials is None
    assert [pair.outcome for pair in verdict.pairs] == [Outcome.UNDECIDED]


@pytest.mark.parametrize(("failed", "withheld"), [(2, False), (3, True)])
def test_failures_over_a_tenth_withhold(rows_of, spread, failed, withheld):
    rows = rows_of({"lstm": spread(0.2, 20 + failed), "gru": spread(0.6, 20)}, trials=20 + failed)
    rows[:failed] = [fail(row) for row in rows[:failed]]
    verdict = decide_one(rows, trials=20)
    assert (failed / (20 + failed) > FAILURE_SHARE) is withheld
    expected = (f"lstm failed in {failed} of {20 + failed} trials: more than 10%",) if withheld else ()
    assert verdict.reasons_to_abstain == expected


def test_a_family_without_a_completed_trial(rows_of, spread):
    rows = rows_of({"lstm": spread(0.2), "gru": spread(0.6)})
    verdict = decide_one([fail(row) if row.family == "gru" else row for row in rows])
    assert verdict.outcome is Outcome.UNDECIDED
    assert f"too few trials: gru has 0 completed trials, {MINIMUM_TRIALS} are needed" in verdict.reasons_to_abstain
    assert "gru failed in 20 of 20 trials: more than 10%" in verdict.reasons_to_abstain
    assert math.isnan(verdict.expected["gru"])
    assert math.isfinite(verdict.expected["lstm"])
    read = Verdict.from_json(verdict.to_json())
    assert math.isnan(read.expected["gru"])
    assert math.isnan(read.pairs[0].difference)


def test_no_family_has_a_completed_trial(rows_of, spread):
    rows = [fail(row) for row in rows_of({"lstm": spread(0.2), "gru": spread(0.6)})]
    verdict = decide_one(rows, baselines={"toy": 1.0})
    assert verdict.outcome is Outcome.UNDECIDED
    assert math.isnan(verdict.difference)


def test_a_family_named_but_absent_is_withheld(rows_of, spread):
    verdict = decide_one(rows_of({"lstm": spread(0.2)}), families=["lstm", "gru"])
    assert f"too few trials: gru has 0 completed trials, {MINIMUM_TRIALS} are needed" in verdict.reasons_to_abstain


def test_too_few_trials_withhold(rows_of, spread):
    few = MINIMUM_TRIALS - 1
    verdict = decide_one(rows_of({"lstm": spread(0.2, few), "gru": spread(0.6, few)}))
    assert f"too few trials: lstm has {few} completed trials, {MINIMUM_TRIALS} are needed" in verdict.reasons_to_abstain


def test_fewer_trials_than_the_budget_withhold(rows_of, spread):
    verdict = decide_one(rows_of({"lstm": spread(0.2, 12), "gru": spread(0.6, 12)}), trials=20)
    assert "gru has 12 completed trials: fewer than the budget of 20" in verdict.reasons_to_abstain


def test_the_callers_reasons_count(rows_of, spread):
    rows = rows_of({"lstm": spread(0.2), "gru": spread(0.6, seed=1)})
    withheld = decide_one(rows, reasons_to_abstain={"toy": ["the leakage guard fired"], "other": ["no"]})
    assert withheld.outcome is Outcome.UNDECIDED
    assert withheld.reasons_to_abstain == ("the leakage guard fired",)
    warned = decide_one(rows, warnings={"toy": ["units = 128 is at the edge of its range"]})
    assert warned.outcome is Outcome.WINNER
    assert "units = 128 is at the edge of its range" in warned.warnings


@pytest.mark.parametrize(
    ("objective", "baseline", "beaten"),
    [(MAE, 0.1, False), (MAE, 0.9, True), (ACCURACY, 0.9, False), (ACCURACY, 0.1, True)],
)
def test_in_0_1_0_no_family_beating_the_best_baseline_was_a_warning(rows_of, spread, objective, baseline, beaten):
    rows = rows_of({"lstm": spread(0.2), "gru": spread(0.6, seed=1)})
    assert not any("baseline" in reason for reason in decide_one(rows, objective, baselines={"toy": baseline}).warnings)
    verdict = decide_one(rows, objective, baselines={"toy": baseline}, rule=1)
    phrase = [reason for reason in verdict.warnings if "baseline" in reason]
    assert bool(phrase) is not beaten
    if phrase:
        best = "lstm" if objective is MAE else "gru"
        score = verdict.expected[best]
        assert phrase == [
            f"no family beats the best baseline: expected test score {score:.4g} ({best}) against {baseline:.4g}"
        ]


@pytest.mark.parametrize(("objective", "verb"), [(MAE, "falling"), (ACCURACY, "rising")])
def test_a_validation_score_still_improving_is_said(rows_of, objective, verb):
    sign = 1 if objective is MAE else -1
    steep = [(sign * (100.0 - 2 * i), sign * (100.0 - i)) for i in range(40)]
    flat = [(sign * (1.0 + 1e-4 * i), sign * (100.0 - i)) for i in range(40)]
    verdict = decide_one(rows_of({"lstm": steep, "gru": flat}, trials=20), objective, margin=0.5)
    [care] = verdict.warnings
    assert care == (
        f"the expected validation score was still {verb} at the end of the budget: from the best of 10 to the best of "
        "20 trials by 3.55 (lstm), more than the equivalence margin (0.5); for better models: `harness sweep --extend "
        "SWEEP --trials 40`"
    )
    [old] = decide_one(rows_of({"lstm": steep, "gru": flat}, trials=20), objective, margin=0.5, rule=1).warnings
    assert old.startswith(f"the expected validation score of lstm was still {verb} at the end of the budget: by 3.55 ")
    assert old.endswith("more than the equivalence margin (0.5)")


def test_without_a_margin_the_difference_is_the_yardstick(rows_of):
    steep = [(100.0 - 2 * i, 50 + 0.01 * i) for i in range(40)]
    verdict = decide_one(rows_of({"lstm": steep, "gru": [(v, t + 0.001) for v, t in steep]}, trials=20))
    [care] = verdict.warnings
    assert "more than the difference between the families" in care
    assert "(gru)" in care
    assert "(lstm)" in care


class TestThreeFamilies:
    def test_a_winner_beats_every_other(self, rows_of, spread):
        rows = rows_of({"rnn": spread(0.2), "gru": spread(0.9, seed=1), "lstm": spread(0.5, seed=2)})
        verdict = decide_one(rows)
        assert (verdict.outcome, verdict.family) == (Outcome.WINNER, "rnn")
        assert verdict.families == ("rnn", "lstm", "gru")
        assert verdict.difference == pytest.approx(verdict.expected_at["lstm"] - verdict.expected_at["rnn"])
        assert [(pair.first, pair.second, pair.family) for pair in verdict.pairs] == [
            ("rnn", "lstm", "rnn"),
            ("rnn", "gru", "rnn"),
            ("lstm", "gru", "lstm"),
        ]
        assert "Holm" in verdict.method

    def test_two_equal_ones_that_beat_the_third(self, rows_of, spread):
        scores = {
            "lstm": spread(0.2, 40, 0.01),
            "gru": spread(0.2, 40, 0.01, seed=1),
            "rnn": spread(0.9, 40, seed=2),
        }
        rows = rows_of(scores, parameters={"lstm": 400, "gru": 300, "rnn": 100})
        verdict = decide_one(rows, margin=0.05)
        assert verdict.outcome is Outcome.PRACTICALLY_EQUAL
        assert verdict.recommended == "gru"

    def test_a_rival_left_open_leaves_all_open(self, rows_of, tuned):
        random = np.random.default_rng(5)
        scores = {name: list(zip(*tuned["skewed"](random, 20), strict=True)) for name in ("lstm", "gru")}
        scores["rnn"] = [(v + 50, t + 50) for v, t in scores["gru"]]
        verdict = decide_one(rows_of(scores))
        assert verdict.outcome is Outcome.UNDECIDED
        assert sorted(pair.outcome.value for pair in verdict.pairs) == ["undecided", "winner", "winner"]

    def test_p_values_are_adjusted_for_three_pairs(self, rows_of, spread):
        scores = {"lstm": spread(0.2), "gru": spread(0.21, seed=1), "rnn": spread(0.22, seed=2)}
        three = decide_one(rows_of(scores))
        alone = decide_one(rows_of({name: scores[name] for name in three.families[:2]}))
        assert three.low == pytest.approx(alone.low)
        assert three.pairs[0].p >= alone.pairs[0].p


def test_a_completed_row_without_a_finite_score_is_refused(rows_of, spread):
    rows = rows_of({"lstm": spread(0.2), "gru": spread(0.6)})
    rows[3] = replace(rows[3], test=math.inf)
    with pytest.raises(TableError, match=r"toy, lstm, replicate 1, trial 4: test = inf: expected a finite score"):
        decide_one(rows)


def test_one_family_alone_is_refused(rows_of, spread):
    with pytest.raises(TableError, match="families: lstm: expected at least two"):
        decide_one(rows_of({"lstm": spread(0.2)}))


@pytest.mark.parametrize("level", [0.3, 1.0, 98])
def test_a_level_that_is_none_is_refused(rows_of, spread, level):
    with pytest.raises(UsageError, match="expected a share between"):
        decide_one(rows_of({"lstm": spread(0.2), "gru": spread(0.6)}), level=level)


def test_a_higher_level_gives_a_wider_interval(rows_of, spread):
    rows = rows_of({"lstm": spread(0.2), "gru": spread(0.21, seed=1)})
    narrow, wide = (decide_one(rows, level=level) for level in (0.9, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high
    assert (narrow.level, wide.level) == (0.9, 0.99)


@pytest.mark.parametrize(
    ("objective", "smallest", "baseline", "margin"),
    [
        (MAE, 0.25, 10.0, 0.25),
        (MAE, 0.0, 10.0, 0.0),
        (MAE, None, 10.0, MARGIN_SHARE * 10.0),
        (MAE, None, None, 0.0),
        (MAE, None, math.nan, 0.0),
        (ACCURACY, None, 0.4, MARGIN_SCORE),
        (ACCURACY, None, None, MARGIN_SCORE),
        (ACCURACY, 0.02, None, 0.02),
    ],
)
def test_the_equivalence_margin_of_the_first_rule(objective, smallest, baseline, margin):
    assert margin_of(objective, smallest, baseline, 0.001, rule=1) == margin


@pytest.mark.parametrize(
    ("objective", "smallest", "baseline", "best", "margin"),
    [
        (MAE, 0.25, 10.0, 0.1, 0.25),
        (MAE, None, 10.0, 2.0, MARGIN_SHARE * 2.0),
        (MAE, None, 2.0, 10.0, MARGIN_SHARE * 2.0),
        (MAE, None, None, 2.0, 0.0),
        (MAE, None, 10.0, None, MARGIN_SHARE * 10.0),
        (ACCURACY, None, 0.4, 0.5, MARGIN_SCORE),
        (ACCURACY, None, 0.4, 0.98, MARGIN_LACKING * 0.02),
        (ACCURACY, None, 0.99, 0.5, MARGIN_LACKING * 0.01),
        (ACCURACY, None, 0.4, 1.0, 0.0),
        (ACCURACY, None, None, None, MARGIN_SCORE),
    ],
)
def test_the_equivalence_margin_goes_by_the_better_of_baseline_and_family(objective, smallest, baseline, best, margin):
    assert margin_of(objective, smallest, baseline, best) == pytest.approx(margin)


def test_datasets_are_decided_apart(rows_of, spread):
    one = rows_of({"lstm": spread(0.2), "gru": spread(0.6, seed=1)}, dataset="one")
    two = rows_of({"lstm": spread(0.2), "gru": spread(0.6, seed=1)}, dataset="two")
    both = decide_rows(
        [*one, *two],
        objective={"one": MAE, "two": ACCURACY},
        margins={"one": 0.1},
        baselines={"two": 0.1},
    )
    assert list(both.verdicts) == ["one", "two"]
    assert [verdict.family for verdict in both.verdicts.values()] == ["lstm", "gru"]
    assert [verdict.margin for verdict in both.verdicts.values()] == [0.1, 0.0]
    alone = decide_rows(one, objective=MAE, margins={"one": 0.1})
    assert alone.verdicts["one"] == both.verdicts["one"]
    assert alone.across is None
    assert over_all(both.verdicts) == both


def test_importing_loads_nothing_heavy():
    code = (
        "import sys, harness.stats, harness.cli.stats; "
        "print([name for name in ('tensorflow', 'mlflow', 'pandas', 'scipy.stats') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_deciding_takes_milliseconds(rows_of, tuned):
    random = np.random.default_rng(0)
    scores = {name: list(zip(*tuned["skewed"](random, 100), strict=True)) for name in ("lstm", "gru")}
    scores["gru"] = [(1.4 * v, 1.4 * t) for v, t in scores["gru"]]  # a winner: the longest way, with the permutations
    rows = rows_of(scores, trials=20)
    fastest = math.inf
    for _ in range(15):
        started = time.process_time()
        verdict = decide_one(rows)
        fastest = min(fastest, time.process_time() - started)
    assert verdict.outcome is Outcome.WINNER
    assert fastest < 0.020
