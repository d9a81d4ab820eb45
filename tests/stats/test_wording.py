"""Every sentence against the constants that deciding uses."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from harness.records import Across, Direction, Objective, Outcome, PairAcross, Verdict
from harness.stats import across_lines, decide_rows, explain, headline, interim_analysis
from harness.stats.levels import ACROSS_ERROR, ACROSS_PROBABILITY, CHANCE_TO_DECIDE, LEVEL
from harness.stats.words import wording

MAE = Objective("mae", Direction.MIN)


@pytest.fixture
def verdict_of(rows_of):
    """A verdict on 20 trials each, `gru` worse by `amount`."""

    def make(amount=0.0, margin=0.0, width=0.1, families=("lstm", "gru"), **more) -> Verdict:
        offsets = {"lstm": 0.2, "gru": 0.2 + amount, "rnn": 3.0}
        scores = {}
        for place, name in enumerate(families):
            random = np.random.default_rng(place)
            scores[name] = [(offsets[name] + width * x, offsets[name] + width * x) for x in random.random(20)]
        rows = rows_of(scores, parameters={"lstm": 4000, "gru": 3000, "rnn": 1000})
        return decide_rows(rows, objective=MAE, margins={"toy": margin}, **more).verdicts["toy"]

    return make


def figures(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", text)]


@pytest.mark.parametrize("amount", [0.5, -0.15])
def test_a_winner(verdict_of, amount):
    verdict = verdict_of(amount)
    winner, other = ("lstm", "gru") if amount > 0 else ("gru", "lstm")
    assert verdict.outcome is Outcome.WINNER
    ends = sorted(abs(end) for end in (verdict.low, verdict.high))
    assert headline(verdict) == (
        f"toy: {winner} wins: expected test score {verdict.expected[winner]:.4g} against "
        f"{verdict.expected[other]:.4g} of {other} (better by {abs(verdict.difference):.4g}, "
        f"{100 * LEVEL:g} % interval {ends[0]:.4g} to {ends[1]:.4g})"
    )


def test_a_winner_of_three_names_the_runner_up(verdict_of):
    sentence = headline(verdict_of(0.5, families=("lstm", "gru", "rnn")))
    assert sentence.startswith("toy: lstm wins: ")
    assert "of gru, the runner-up (better by" in sentence


def test_practically_equal(verdict_of):
    verdict = verdict_of(0.0001, margin=0.5)
    sentence = headline(verdict)
    assert sentence.startswith("toy: lstm and gru are practically equal (difference in expected test score ")
    assert ", within ±0.5); use gru: fewer parameters in the model a search selects: 3,000" in sentence
    low, high = figures(sentence.split("interval ")[1])[:2]
    assert -0.5 <= low <= high <= 0.5


def test_practically_equal_and_nothing_known_of_costs(verdict_of):
    verdict = replace(verdict_of(0.0001, margin=0.5), recommended=None, cheaper_because="")
    assert headline(verdict).endswith("; nothing says which is cheaper")


def test_two_of_three_are_practically_equal(verdict_of):
    sentence = headline(verdict_of(0.0001, margin=0.5, families=("lstm", "gru", "rnn")))
    assert "gru are practically equal" in sentence or "lstm are practically equal" in sentence
    assert "), and the best of them beats rnn; use gru" in sentence


def test_undecided_because_the_interval_holds_zero(verdict_of):
    verdict = verdict_of(0.002)
    sentence = headline(verdict)
    assert verdict.low < 0 < verdict.high
    assert sentence.startswith("toy: undecided between lstm and gru (")
    assert f"{100 * LEVEL:g} % interval" in sentence
    assert "which contains 0)" in sentence


def test_a_tie_names_no_family_as_the_better_one(verdict_of):
    verdict = replace(verdict_of(0.002), difference=0.0, low=-0.1, high=0.2, more_trials=None)
    assert headline(verdict) == (
        f"toy: undecided between lstm and gru (no difference in expected test score, "
        f"{100 * LEVEL:g} % interval -0.1 to 0.2, which contains 0)"
    )
    assert explain(verdict)[2].startswith("no difference between lstm and gru, ")


def test_undecided_says_what_would_probably_decide(verdict_of):
    verdict = replace(verdict_of(0.002), more_trials=60)
    assert headline(verdict).endswith(
        "; an estimated 3 more replicates (independent searches) of 20 trials per family would decide with a "
        f"probability of {100 * CHANCE_TO_DECIDE:g} %"
    )
    assert "an estimated 1 more replicate (independent search) of 20 trials" in headline(
        replace(verdict, more_trials=20)
    )
    assert "an estimated" not in headline(replace(verdict, more_trials=None))


def test_undecided_because_of_the_permutation_test(verdict_of):
    verdict = replace(verdict_of(0.5), outcome=Outcome.UNDECIDED, family=None, permutation_p=0.1234, more_trials=None)
    allowed = 1 - LEVEL
    assert headline(verdict).endswith(f"but the permutation p-value is 0.123, above {allowed:.3g})")


def test_undecided_because_of_holm(verdict_of):
    verdict = replace(verdict_of(0.5), outcome=Outcome.UNDECIDED, family=None, more_trials=None)
    assert headline(verdict).endswith("but not all pairs are settled once adjusted by Holm)")


def test_withheld_says_every_reason_and_no_number(verdict_of):
    verdict = verdict_of(0.5, reasons_to_abstain={"toy": ["the guard fired", "failures over 10 %"]})
    assert headline(verdict) == (
        "toy: undecided between lstm and gru, withheld because the guard fired; failures over 10 %"
    )


def test_the_allowed_p_value_is_the_one_that_decides(verdict_of):
    """A share just above what the sentence allows is undecided by the rule that decides, one just below is not."""
    from harness.stats.differences import Difference, judge

    allowed = 1 - LEVEL
    for share, outcome in ((allowed - 1e-6, Outcome.WINNER), (allowed + 1e-6, Outcome.UNDECIDED)):
        difference = Difference("a", "b", 1.0, 0.5, 1.5, share, (1, 0, 0), 0.1, share)
        assert judge(difference, difference.p, 0.0, LEVEL).outcome is outcome
    assert f"a winner must also pass a permutation test at {100 * allowed:.4g} %" in verdict_of().method


def test_methods_name_their_levels():
    assert f"{100 * LEVEL:g} % interval a bootstrap over trials" in wording.method(False, LEVEL, 2)
    assert f"{100 * LEVEL:g} % interval by Welch's t" in wording.method(True, LEVEL, 2)
    assert "Holm" not in wording.method(False, LEVEL, 2)
    assert "Holm" in wording.method(False, LEVEL, 3)


@pytest.mark.parametrize(
    ("adaptive", "interim", "old"),
    [
        (
            False,
            None,
            "all trials of all replicates pooled, exact expectation of the best of n by validation, 95 % interval by "
            "bootstrap over trials; a winner's difference is matched by at most 5 % of random exchanges of trials",
        ),
        (
            True,
            interim_analysis(3, (3, 5, 10)),
            f"selected trials of the replicates, {100 * LEVEL:.4g} % interval by Welch's t: the trials of an adaptive "
            "search depend on one another; look 1 of at most 3, at 3 replicates, at its own level: all looks together "
            "hold at 95 % (Lan and DeMets 1983)",
        ),
    ],
)
def test_a_method_of_0_1_0_reads_as_todays(adaptive, interim, old):
    assert wording.in_todays_words(old) == wording.method(adaptive, LEVEL, 2, interim)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("no cell beats the best baseline: expected 1", "no family beats the best baseline: expected 1"),
        ("more than the region of practical equivalence (0.5)", "more than the equivalence margin (0.5)"),
        ("lstm has no completed trial: at least 5", "lstm has 0 completed trials: at least 5"),
        ("lstm has 3 completed trials: at least 5", "lstm has 3 completed trials: at least 5"),
    ],
)
def test_reasons_of_0_1_0_read_as_todays(old, new):
    assert wording.in_todays_words(old) == new


def test_explanations_hold_every_number(verdict_of):
    verdict = verdict_of(0.5, margin=0.01, warnings={"toy": ["units at its edge"]})
    lines = explain(verdict)
    assert lines[0] == (
        "expected test score of the best of 20 trials by validation: "
        f"lstm {verdict.expected['lstm']:.4g}, gru {verdict.expected['gru']:.4g}"
    )
    assert lines[1] == (
        f"of the best of {verdict.compared_at} trials, which are compared: lstm {verdict.expected_at['lstm']:.4g}, gru "
        f"{verdict.expected_at['gru']:.4g}"
    )
    assert figures(lines[2])[:2] == pytest.approx([verdict.difference, 100 * LEVEL], rel=1e-3)
    assert lines[2].endswith("equivalence margin ±0.01")
    assert lines[3] == (
        "Estimated probability, by the interval's method, that lstm is better by more than the equivalence margin: "
        "over 99 %; that gru is: under 1 %; that neither is: under 1 %."
    )
    assert "warning: units at its edge" in lines
    assert lines[-1] == f"method: {verdict.method}"
    assert "no equivalence margin" in explain(verdict_of())[2]


def test_explanations_without_numbers(rows_of):
    rows = rows_of({"lstm": [(1, 1)] * 5, "gru": [(2, 2)] * 5})
    lone = [row for row in rows if row.family == "lstm"]
    absent = decide_rows(lone, objective=MAE, margins={}, families=["lstm", "gru"]).verdicts["toy"]
    assert explain(absent)[1] == "no difference: a family has no completed trial"
    once = decide_rows(rows, objective=MAE, margins={}, oracle="bayesian").verdicts["toy"]
    assert explain(once)[1] == "lstm better than gru by 1, no interval; no equivalence margin"
    assert "nan" not in " ".join((headline(once), *explain(once)[1:]))


def test_explanations_of_three_families_list_the_pairs(verdict_of):
    lines = explain(verdict_of(0.5, families=("lstm", "gru", "rnn")))
    assert sum(" against " in line and "p = " in line for line in lines) == 3


def test_names_cannot_steer_a_terminal(rows_of):
    rows = rows_of({"l\x1b[31mstm": [(1, 1)] * 5, "gru\u202e": [(1, 1)] * 5}, dataset="to\ny\x07", parameters={})
    decision = decide_rows(rows, objective=MAE, margins={"to\ny\x07": 1.0})
    [verdict] = decision.verdicts.values()
    for text in (headline(verdict), decision.overall, *explain(verdict)):
        assert text.isprintable()
    assert headline(verdict).startswith("to y�: ")


class TestOverDatasets:
    def across(self, signed_rank, p, **more) -> Across:
        pair = PairAcross("gru", "lstm", 1, 2, 3, 1, 7, signed_rank, p)
        values = {
            "wins": {"gru": 1, "lstm": 3},
            "practically_equal": 2,
            "undecided": 1,
            "pairs": (pair,),
            "average_ranks": {},
            "friedman_p": None,
            "critical_difference": None,
            "refused": (),
        }
        return Across(**{**values, **more})

    def sentence(self, verdict_of, signed_rank, p) -> str:
        verdicts = {f"d{place}": verdict_of() for place in range(7)}
        return wording.overall(verdicts, self.across(signed_rank, p))

    def test_counts_come_first(self, verdict_of):
        assert self.sentence(verdict_of, None, None) == (
            "of 7 datasets gru wins 1, lstm wins 3, practically equal 2, undecided 1; no test over datasets was made"
        )

    @pytest.mark.parametrize(
        ("share", "p", "named"),
        [
            (ACROSS_PROBABILITY, ACROSS_ERROR, True),
            (ACROSS_PROBABILITY - 1e-6, ACROSS_ERROR, False),
            (ACROSS_PROBABILITY, ACROSS_ERROR + 1e-6, False),
        ],
    )
    def test_a_family_is_named_only_where_both_tests_agree(self, verdict_of, share, p, named):
        rest = 1 - share
        first = self.sentence(verdict_of, (share, rest, 0.0), p)
        second = self.sentence(verdict_of, (0.0, rest, share), p)
        assert ("gru is better than lstm by more than what matters" in first) is named
        assert ("lstm is better than gru by more than what matters" in second) is named
        assert ("neither gru nor lstm is shown to be better" in first) is not named

    def test_equality_over_datasets(self, verdict_of):
        assert "gru and lstm are practically equal (probability 0.960)" in self.sentence(
            verdict_of, (0.03, 0.96, 0.01), 0.4
        )

    def test_one_dataset_speaks_for_itself_and_none_says_so(self, verdict_of):
        verdict = verdict_of(0.5)
        assert wording.overall({"toy": verdict}, None) == headline(verdict)
        assert wording.overall({}, None) == "no dataset was compared"

    def test_lines(self):
        lines = across_lines(
            self.across(
                None,
                None,
                average_ranks={"gru": 1.5, "lstm": 1.75, "rnn": 2.75},
                friedman_p=0.012,
                critical_difference=1.35,
                refused=("signed-rank tests: too few",),
            )
        )
        assert lines == (
            "gru against lstm: 1 win, 2 ties, 3 losses, 1 undecided",
            "average ranks: gru 1.50, lstm 1.75, rnn 2.75 (Friedman p = 0.012; families further apart than 1.35 "
            "differ at 5 % by Nemenyi)",
            "not made: signed-rank tests: too few",
        )


def test_the_rounding_of_a_difference_is_zero() -> None:
    assert wording.number(0.1 + 0.2 - 0.3) == "0"
    assert wording.number(-3e-7) == "-3e-07"
