"""What to use: one answer for every outcome, from evidence that did not help to score it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.records import (
    BaselineScore,
    CaseScores,
    Direction,
    Objective,
    Outcome,
    Outlook,
    Reason,
    Recommendation,
    Use,
    Verdict,
)
from harness.stats import decide_rows
from harness.stats.recommendation import Selected, answered, recommend, selected_of

MAE, ACCURACY = Objective("mae", Direction.MIN), Objective("accuracy", Direction.MAX)
CASES = 120


def selected(lstm: float = 1.0, gru: float = 1.1, tests: tuple[float, float] = (1.2, 1.0), **more) -> dict:
    return {
        name: Selected((name, 1, 1), validation, test, parameters, **more)
        for name, validation, test, parameters in (("lstm", lstm, tests[0], 400), ("gru", gru, tests[1], 300))
    }


@pytest.fixture
def verdict(rows_of) -> Verdict:
    random = np.random.default_rng(1)
    scores = {name: [(1 + x, 1 + x) for x in random.random(20)] for name in ("lstm", "gru")}
    found = decide_rows(rows_of(scores), objective=MAE, margins={}).verdicts["toy"]
    outlook = Outlook("gru", "lstm", 0.72, 0.05, 0.95, 0.02, 0.06)
    its = {"outlook": outlook, "margin": 0.05, "trials": 10, "compared_at": 3}
    return replace(found, outcome=Outcome.UNDECIDED, family=None, recommended=None, **its)


@pytest.fixture
def advised(rows_of):
    """What is recommended, where a search of `lstm` is expected to have the better validation score."""

    def make(verdict: Verdict, its=None, objective=MAE, baselines=None, cases=None, lead=0.1) -> Recommendation:
        its = its or selected()
        sign = objective.direction.sign
        rows = rows_of(
            {
                name: [(sign * (1 + place * lead + step), one.test) for step in range(10)]
                for place, (name, one) in enumerate(its.items())
            }
        )
        found = answered(verdict, its, rows, objective=objective, baselines=baselines or (), cases=cases or {})
        assert found.recommendation is not None
        return found.recommendation

    return make


def cases_of(lstm: float, gru: float, noise: float = 0.3) -> dict[tuple[str, int, int], CaseScores]:
    random = np.random.default_rng(2)
    hard = random.gamma(2.0, size=CASES)
    return {
        (name, 1, 1): CaseScores(CASES, 1, tuple(hard * level + random.normal(0, noise, CASES)))
        for name, level in (("lstm", lstm), ("gru", gru))
    }


def test_without_cases_validation_selects_and_the_families_say_how_sure(verdict, advised) -> None:
    found = advised(verdict)
    assert (found.use, found.family, found.against, found.reason) == (Use.MODEL, "lstm", "gru", Reason.VALIDATION)
    assert found.scores == {"lstm": 1.2, "gru": 1.0}
    assert found.lower_loss == pytest.approx(-0.2)
    assert found.probability is not None
    assert found.probability < 0.5  # the families' evidence speaks for the other one
    assert found.regret is not None
    assert found.regret > 0.05


def test_what_the_families_come_to_never_changes_whose_model(verdict, advised) -> None:
    winner = replace(verdict, outcome=Outcome.WINNER, family="gru")
    assert advised(winner).family == advised(verdict).family == "lstm"


def test_the_model_that_is_better_over_cases_is_used_and_scored_on_the_others(verdict, advised) -> None:
    cases = cases_of(lstm=1.5, gru=1.0)
    found = advised(verdict, cases=cases)
    assert (found.use, found.family, found.reason) == (Use.MODEL, "gru", Reason.TEST_CASES)
    half = {name: np.mean(cases[name, 1, 1].values[1::2]) for name in ("lstm", "gru")}
    assert found.scores == pytest.approx(half)
    assert found.scored_cases == CASES / 2
    assert found.lower_loss == pytest.approx(1 - half["gru"] / half["lstm"])
    assert found.probability is not None
    assert found.probability > 0.95
    assert found.regret == 0


def over_all_trials(lstm: float, gru: float, own: tuple[float, float]) -> dict[tuple[str, int, int], CaseScores]:
    """Every trial's scores over cases, the selected ones' of their own."""
    others, mine = cases_of(lstm, gru), cases_of(*own, noise=3.0)
    trials = {(name, 1, number): others[name, 1, 1] for name in ("lstm", "gru") for number in range(1, 11)}
    return {**trials, **mine}


def test_open_between_the_models_all_trials_over_the_deciding_cases_speak(verdict, advised) -> None:
    open_between = cases_of(lstm=1.0, gru=1.01)
    assert advised(verdict, cases=open_between).reason is Reason.TRIALS
    found = advised(verdict, cases=over_all_trials(1.5, 1.0, own=(1.0, 1.01)))
    assert (found.family, found.reason, found.scored_cases) == ("gru", Reason.TRIALS, CASES / 2)
    assert found.probability is not None
    assert found.probability > 0.5
    other = advised(verdict, cases=over_all_trials(1.0, 1.5, own=(1.01, 1.0)))
    assert other.family == "lstm"


def test_cases_that_only_score_choose_nothing(verdict, advised) -> None:
    cases = over_all_trials(1.5, 1.0, own=(1.0, 1.01))
    moved = {
        key: CaseScores(
            one.cases, 1, tuple(x + 9 * (place % 2) * (key[0] == "gru") for place, x in enumerate(one.values))
        )
        for key, one in cases.items()
    }
    before, after = advised(verdict, cases=cases), advised(verdict, cases=moved)
    assert replace(before, scores={}, lower_loss=None) == replace(after, scores={}, lower_loss=None)
    assert after.scores["gru"] == pytest.approx(before.scores["gru"] + 9)


def test_practically_equal_families_go_to_the_cheaper_unless_it_is_worse(verdict, advised) -> None:
    equal = replace(verdict, outcome=Outcome.PRACTICALLY_EQUAL, recommended="gru", cheaper_because="fewer parameters")
    found = advised(equal, selected(lstm=1.0, gru=1.04))
    assert (found.use, found.family, found.reason) == (Use.EITHER, "gru", Reason.CHEAPER)
    assert found.because == "fewer parameters"
    worse = advised(equal, selected(lstm=1.0, gru=1.06))
    assert (worse.use, worse.family, worse.reason) == (Use.MODEL, "lstm", Reason.VALIDATION)
    by_expectation = replace(equal, expected={"lstm": 1.0, "gru": 1.06})
    assert advised(by_expectation, selected(lstm=1.0, gru=1.0)).use is Use.MODEL


def test_no_model_better_than_the_baseline(verdict, advised) -> None:
    last, ridge = BaselineScore("persistence", 1.9, 0.8), BaselineScore("ridge", 1.1, 0.9)
    found = advised(verdict, baselines=(last, ridge))
    assert (found.use, found.baseline, found.family, found.against) == (Use.BASELINE, "ridge", "lstm", "lstm")
    assert found.lower_loss == pytest.approx(1 - 0.9 / 1.2)
    assert found.probability is None
    assert found.abstains.startswith("one score of a baseline")
    worse = (last, replace(ridge, test_score=1.3))
    found = advised(verdict, baselines=worse)
    assert (found.use, found.baseline) == (Use.BASELINE, "persistence"), "ahead by more than the margin"
    within = (replace(last, test_score=1.17), replace(ridge, test_score=1.3))
    assert advised(verdict, baselines=within).use is Use.MODEL, "within the margin the better by test selects nothing"


def test_over_the_cases_that_decide_a_baseline_is_better_with_a_probability(verdict, advised) -> None:
    cases = cases_of(1.0, 1.5)
    its = cases["lstm", 1, 1]

    def ridge(level: float) -> BaselineScore:
        values = tuple(level * value for value in its.values)
        return BaselineScore("ridge", 1.0, 5.0, cases=replace(its, values=values))

    found = advised(verdict, baselines=[ridge(0.8)], cases=cases)
    assert (found.use, found.baseline, found.against) == (Use.BASELINE, "ridge", "lstm")
    assert found.lower_loss == pytest.approx(0.2)
    assert found.probability > 0.99
    assert found.regret == 0
    assert advised(verdict, baselines=[ridge(1.2)], cases=cases).use is Use.MODEL
    others = replace(ridge(0.8), cases=replace(its, cases=7))
    assert advised(verdict, baselines=[others], cases=cases).use is Use.MODEL, "of other cases: by test scores"


def test_an_abstaining_verdict_recommends_without_a_probability(verdict, advised) -> None:
    why = "too few trials: lstm has 4 completed trials, 5 are needed"
    found = advised(replace(verdict, reasons_to_abstain=(why,)), cases=cases_of(1.5, 1.0))
    assert (found.family, found.probability, found.regret, found.abstains) == ("gru", None, None, why)


def test_higher_scores_and_three_families(verdict, advised) -> None:
    its = {
        name: Selected((name, 1, 1), score, score - 0.05) for name, score in (("gru", 0.9), ("lstm", 0.8), ("rnn", 0.7))
    }
    found = advised(replace(verdict, families=("gru", "lstm", "rnn")), its, ACCURACY)
    assert (found.family, found.against) == ("gru", "lstm")
    assert found.lower_loss == pytest.approx(1 - 0.15 / 0.25)


def test_of_equal_searches_by_validation_the_smaller_model_is_used(verdict, advised) -> None:
    assert advised(verdict, lead=0.0).family == "gru"
    assert advised(verdict, lead=-0.1).family == "gru"
    assert advised(verdict, lead=0.1).family == "lstm"


def test_nothing_selected_recommends_nothing(verdict) -> None:
    assert recommend(verdict, {}, [], None, objective=MAE, baselines=(), cases={}) is None


def test_rows_select_the_earliest_of_the_best_by_validation(rows_of) -> None:
    rows = rows_of({"a": [(2.0, 5.0), (1.0, 6.0), (1.0, 7.0)], "b": [(3.0, 1.0)]}, trials=3)
    found = selected_of(rows, MAE)
    assert {name: (one.key, one.test) for name, one in found.items()} == {
        "a": (("a", 1, 2), 6.0),
        "b": (("b", 1, 1), 1.0),
    }
