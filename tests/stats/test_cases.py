"""The interval over test cases: against the ordinary bootstrap of scipy, and in the verdict."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from harness.records import CaseScores, Direction, Objective, Outcome, ScoreRow, Verdict
from harness.stats import decide_rows, explain, headline
from harness.stats.best_of_n import weights
from harness.stats.differences import sides_of
from harness.stats.test_set import trial_weights

MAE, ACCURACY = Objective("mae", Direction.MIN), Objective("accuracy", Direction.MAX)
TRIALS, BUDGET, CASES = 20, 5, 120


def table(
    rows_of, seed: int, shift: float, noise: float, block: int = 1, sign: float = 1.0
) -> tuple[list[ScoreRow], dict[tuple[str, int, int], CaseScores]]:
    """Two families of 20 trials whose test scores are means over 120 cases, `b` worse by `shift` and by case noise."""
    random = np.random.default_rng(seed)
    hard = random.gamma(2.0, size=CASES)
    swing = noise * random.normal(size=CASES)
    scores: dict[str, list[tuple[float, float]]] = {}
    cases: dict[tuple[str, int, int], CaseScores] = {}
    for family, worse in (("a", 0.0), ("b", shift)):
        scores[family] = []
        for trial in range(1, TRIALS + 1):
            quality = 0.02 * random.random()
            values = sign * (hard * (1 + quality) + (worse + swing if family == "b" else 0.0))
            scores[family].append((sign * quality, float(values.mean())))
            cases[family, (trial - 1) // BUDGET + 1, (trial - 1) % BUDGET + 1] = CaseScores(
                CASES, block, tuple(values.tolist())
            )
    return rows_of(scores, trials=BUDGET), cases


def verdict(rows, cases, objective=MAE, oracle="random") -> Verdict:
    return decide_rows(rows, objective=objective, margins={}, oracle=oracle, cases={"toy": cases}).verdicts["toy"]


def test_weights_are_those_of_the_order_statistics_and_tied_trials_share_theirs(rows_of) -> None:
    rows = rows_of({"a": [(1.0, 5.0), (2.0, 6.0), (2.0, 7.0), (3.0, 8.0)], "b": [(1.0, 1.0)] * 4})
    first, second = sides_of(rows, ["a", "b"], Direction.MIN).values()
    plain = weights(4, 2)
    shared = (plain[1] + plain[2]) / 2
    assert trial_weights(first, 2, adaptive=False) == pytest.approx([plain[0], shared, shared, plain[3]])
    assert trial_weights(second, 2, adaptive=False) == pytest.approx([0.25] * 4)
    assert trial_weights(first, 2, adaptive=True) == pytest.approx([1, 0, 0, 0])


def test_the_interval_is_that_of_scipys_bootstrap_of_the_weighted_cases(rows_of) -> None:
    rows, cases = table(rows_of, 1, 0.5, 1.0)
    found = verdict(rows, cases)
    first, second = sides_of(rows, ["a", "b"], Direction.MIN).values()
    mine, other = (
        trial_weights(one, BUDGET, False)
        @ np.array([cases[r.family, r.replicate, r.trial].values for r in one.completed])
        for one in (first, second)
    )
    wanted = stats.bootstrap(
        (other - mine,), np.mean, confidence_level=found.level, method="percentile", random_state=1
    ).confidence_interval
    width = wanted.high - wanted.low
    assert found.over_cases is not None
    assert found.over_cases.low == pytest.approx(wanted.low, abs=0.08 * width)
    assert found.over_cases.high == pytest.approx(wanted.high, abs=0.08 * width)
    assert found.over_cases.cases == CASES
    assert found.over_cases.low < found.difference < found.over_cases.high


def test_a_winner_says_that_it_holds_in_both(rows_of) -> None:
    found = verdict(*table(rows_of, 2, 0.5, 0.2))
    assert found.outcome is Outcome.WINNER
    assert found.holds_in == ("trials", "test cases")
    assert headline(found).endswith("; it holds over trials and over test cases)")
    assert not any("test cases" in reason for reason in found.warnings)
    assert any(line.startswith("over test cases: 95 % interval") and "120 resampled" in line for line in explain(found))


def test_a_winner_of_the_trials_alone_says_so(rows_of) -> None:
    found = verdict(*table(rows_of, 2, 0.5, 8.0))
    assert found.outcome is Outcome.WINNER
    assert found.holds_in == ("trials",)
    assert headline(found).endswith("; it holds over trials but not over test cases)")
    assert any("another test set of 120 might say otherwise" in reason for reason in found.warnings)


def test_higher_scores_are_better_the_other_way(rows_of) -> None:
    low, high = (
        verdict(*table(rows_of, 3, 0.5, 1.0, sign=sign), objective) for sign, objective in ((1, MAE), (-1, ACCURACY))
    )
    assert low.over_cases == high.over_cases


def test_blocks_widen_the_interval_of_cases_that_resemble_their_neighbours(rows_of) -> None:
    rows, cases = table(rows_of, 4, 0.5, 0.0)
    wave = np.repeat(np.random.default_rng(5).normal(size=CASES // 10), 10)
    blocked = {}
    for block in (1, 10):
        swung = {
            key: CaseScores(CASES, block, tuple((np.array(one.values) + (wave if key[0] == "b" else 0)).tolist()))
            for key, one in cases.items()
        }
        blocked[block] = verdict(rows, swung).over_cases
    widths = {block: one.high - one.low for block, one in blocked.items() if one}
    assert widths[10] > 2 * widths[1]
    assert blocked[10].block == 10


@pytest.mark.parametrize("oracle", ["random", "bayesian"])
def test_what_is_not_known_of_a_trial_that_counts_leaves_the_interval_out(rows_of, oracle) -> None:
    rows, cases = table(rows_of, 6, 0.5, 0.2)
    best = min((row for row in rows if row.family == "a"), key=lambda row: row.validation or math.inf)
    del cases["a", best.replicate, best.trial]
    found = verdict(rows, cases, oracle=oracle)
    assert found.over_cases is None
    assert "test cases" not in headline(found)


def test_trials_of_another_test_set_are_no_help(rows_of) -> None:
    rows, cases = table(rows_of, 6, 0.5, 0.2)
    cases["b", 1, 1] = CaseScores(CASES - 1, 1, cases["b", 1, 1].values[1:])
    assert verdict(rows, cases).over_cases is None


def test_a_verdict_comes_back_from_json(rows_of) -> None:
    found = verdict(*table(rows_of, 7, 0.5, 1.0))
    assert Verdict.from_json(found.to_json()) == found
