"""The answer in words: every number is the record's, and the first two lines hold what a person asks first."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.records import (
    CaseInterval,
    Configurations,
    Direction,
    ModelsInHand,
    Outcome,
    Outlook,
    Pair,
    Reason,
    Recommendation,
    Settling,
    Use,
    Verdict,
)
from harness.stats import headline
from harness.stats.differences import Difference, Gain
from harness.stats.words import sentences, wording
from harness.text import wrapped

RIDGE = "logistic regression on mean, spread and end"
USED = Recommendation(
    Use.MODEL, "gru", None, Reason.TEST_CASES, "", "lstm", 0.05, 0.98, 0.012, 0.95, "", {"lstm": 258, "gru": 245.8}, 250
)
MODELS = ModelsInHand(("lstm", "gru"), -12.1, -20.1, -3.2, 0.95, 250, 48, "gru", {"lstm": 258.1, "gru": 245.8}, 251)
SEEDS = Configurations(
    ("lstm", "gru"), 5, {"lstm": 256.5, "gru": 253.6}, -2.9, -5.8, 0.3, 0.95, 0.03, None, CaseInterval(-4, 1, 500, 48)
)
OPEN = Verdict(
    dataset="vic_elec",
    outcome=Outcome.UNDECIDED,
    family=None,
    families=("lstm", "gru"),
    trials=10,
    completed={"lstm": 20, "gru": 20},
    expected={"lstm": 258.0, "gru": 245.8},
    difference=-12.24,
    low=-39.26,
    high=24.71,
    level=0.95,
    margin=12.3,
    probabilities=(0.1, 0.2, 0.7),
    method="m",
    compared_at=3,
    expected_at={"lstm": 261.0, "gru": 250.0},
    outlook=Outlook("gru", "lstm", 0.72, 0.05, 0.95),
    settling=Settling((3, 6), (30, 60), (240.0, 500.0), True, 0.8),
    models=MODELS,
    configurations=SEEDS,
    recommendation=USED,
)
BASELINE = replace(USED, use=Use.BASELINE, reason=Reason.BASELINE, baseline=RIDGE, against="gru", lower_loss=0.09)
EITHER = replace(
    USED, use=Use.EITHER, reason=Reason.CHEAPER, because="fewer parameters: 1,233 against 2,609 of lstm", regret=2.31
)
SELECTED = replace(USED, reason=Reason.VALIDATION, lower_loss=-0.034, probability=0.38)
SILENT = replace(USED, probability=None, regret=None, abstains="gru failed in 3 of 13 trials: more than 10 %")


def test_the_recommendation_says_what_by_how_much_and_how_sure() -> None:
    assert sentences.recommendation(OPEN) == (
        "vic_elec: use gru's model, better over test cases: 5 % lower error than lstm's; it is better with "
        "probability 0.98, at worst 2 % more error (95 % sure)"
    )


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (SELECTED, "use gru's model, which validation selected, though 3 % higher error than lstm's; better with"),
        (replace(SELECTED, lower_loss=-1.5), "though 2.5 times the error of lstm's;"),
        (replace(USED, lower_loss=0.0001), "the same error as lstm's;"),
        (replace(USED, lower_loss=0.0042), "0.4 % lower error than lstm's;"),
        (replace(USED, lower_loss=0.998), "over 99 % lower error than lstm's;"),
        (replace(USED, lower_loss=None), "better over test cases; it is better with"),
        (BASELINE, ": 9 % lower error than gru's; probability 0.98, at worst 2 % more error (95 %)"),
        (
            replace(BASELINE, baseline="mean"),
            "baseline, mean: 9 % lower error than gru's, the chosen network; it is better with probability 0.98",
        ),
        (replace(BASELINE, lower_loss=-0.75), ", which gru's may not beat; probability 0.98"),
        (
            replace(BASELINE, reason=Reason.NOT_BEATEN, baseline="mean", probability=0.12, regret=0.14),
            "use the baseline, mean, which gru's, the chosen network, may not beat; gru's is better with probability "
            "0.88, at worst 14 % more error (95 % sure)",
        ),
        (EITHER, "use either model; gru's is cheaper"),
        (EITHER, "at worst 3.4 times the error (95 % sure)"),
        (SILENT, "how sure is not known: gru failed in 3 of 13 trials: more than 10 %"),
        (replace(USED, regret=0.0), "at worst no more error (95 % sure)"),
        (replace(USED, probability=0.999), "better with probability over 0.99,"),
    ],
)
def test_each_recommendation_has_its_words(found: Recommendation, words: str) -> None:
    assert words in sentences.recommendation(replace(OPEN, recommendation=found))


@pytest.mark.parametrize("found", [USED, SELECTED, BASELINE, EITHER, SILENT], ids=lambda one: one.use + one.reason)
def test_two_lines_hold_it_for_every_builtin_dataset(found: Recommendation) -> None:
    names = [path.stem for path in Path(__file__).parents[2].glob("datasets/*.toml")]
    assert len(names) > 30
    for dataset in names:
        for regret in (0.0, 0.4, 11.3):
            sure = replace(found, regret=None if found.probability is None else regret)
            sentence = sentences.recommendation(replace(OPEN, dataset=dataset, recommendation=sure))
            assert len(wrapped(sentence, 80)) <= 2, sentence
            assert sentence.endswith(("(95 % sure)", "(95 %)")) or "how sure is not known: gru failed" in sentence


NAMES = (RIDGE, "logistic regression on tokens beside", "each label given its present value", "boosted trees on lags")
ONCE = "one score of a baseline says nothing of chance: its test cases are not known, or too few"


@pytest.mark.parametrize("reason", [Reason.BASELINE, Reason.NOT_BEATEN])
@pytest.mark.parametrize("name", NAMES)
def test_two_lines_name_every_baseline_in_full(name: str, reason: Reason) -> None:
    for dataset in ("digits", "japanese_vowels", "cardano_sentiment", "italy_power_demand"):
        for lower in (0.09, -0.25, -1.5, 0.998, 0.0001, None):
            for sure in ({"regret": 0.0}, {"regret": 11.3}, {"probability": None, "abstains": ONCE}):
                found = replace(BASELINE, baseline=name, reason=reason, lower_loss=lower, **sure)
                sentence = sentences.recommendation(replace(OPEN, dataset=dataset, recommendation=found))
                assert f"use the baseline, {name}" in sentence
                assert len(wrapped(sentence, 80)) <= 2, sentence
                assert ("probability 0.98, at worst" in sentence) == (found.probability is not None)


def test_the_bound_is_never_rounded_down() -> None:
    assert [sentences.regret_text(share) for share in (0.0, 0.0001, 0.05, 0.0501, 1.0, 1.41)] == [
        "no more error",
        "1 % more error",
        "5 % more error",
        "6 % more error",
        "100 % more error",
        "2.5 times the error",
    ]


def test_models_that_their_interval_tells_apart_and_chance_does_not_say_why() -> None:
    assert OPEN.models is not None
    close = replace(OPEN.models, family=None, difference=12.1, low=3.0, high=21.0, cases=107, block=25)
    said = sentences.three(replace(OPEN, models=replace(close, permutation_p=0.066)))[0]
    assert said.endswith(
        "(95 % interval 3 to 21, but too few blocks of neighbouring cases, 4, tell it from chance: p = 0.066)."
    )
    for clear in (replace(close, low=-1.0, permutation_p=0.066), replace(close, family="gru", permutation_p=0.01)):
        assert "chance" not in sentences.three(replace(OPEN, models=clear))[0]


def test_the_three_sentences_give_the_records_numbers() -> None:
    models, seeds, families = sentences.three(OPEN)
    assert models == (
        "Models in hand: gru's is better than lstm's by 12.1 over the 250 test cases that decide (95 % interval "
        "3.2 to 20.1)."
    )
    assert seeds == (
        "Configurations: undecided, gru's better by 2.9 over 5 fresh seeds each (95 % interval -0.3 to 5.8)."
    )
    assert families == (
        "Families: undecided in searches of 3 of the 10 trials: gru better by 12.24 (95 % interval -24.71 to 39.26), "
        "with probability 0.72, at worst 5 % more error (95 % sure)."
    )


def test_a_decided_configuration_says_whether_it_holds_over_cases() -> None:
    for over, word in ((CaseInterval(-4, -1, 500, 48), "also"), (CaseInterval(-4, 1, 500, 48), "not")):
        verdict = replace(OPEN, configurations=replace(SEEDS, family="gru", over_cases=over))
        assert sentences.three(verdict)[1].endswith(f"; {word} over test cases.")


def test_what_was_not_asked_says_so() -> None:
    models, seeds, _ = sentences.three(replace(OPEN, models=None, configurations=None))
    assert models.startswith("Models in hand: not asked: ")
    assert seeds.startswith("Configurations: not asked: ")


def test_families_that_win_or_are_equal_or_abstain() -> None:
    won = replace(
        OPEN, outcome=Outcome.WINNER, family="gru", low=-30.0, high=-2.0, over_cases=CaseInterval(-9, 1, 5, 1)
    )
    assert sentences.three(won)[2] == (
        "Families: gru is better than lstm by 12.24 in searches of 3 of the 10 trials (95 % interval 2 to 30); not "
        "over test cases."
    )
    equal = replace(
        OPEN,
        outcome=Outcome.PRACTICALLY_EQUAL,
        recommended="lstm",
        cheaper_because="fewer seconds",
        pairs=(Pair("lstm", "gru", -12.24, -39.26, 24.71, 0.5, Outcome.PRACTICALLY_EQUAL, None),),
    )
    assert sentences.three(equal)[2] == (
        "Families: lstm and gru are practically equal in searches of 3 of the 10 trials (gru better by 12.24, 95 % "
        "interval -24.71 to 39.26, within ±12.3); lstm is cheaper, fewer seconds."
    )
    withheld = replace(OPEN, reasons_to_abstain=("lstm failed", "too few"))
    assert sentences.three(withheld)[2] == "Families: no answer, because lstm failed; too few."


def test_of_three_families_the_runner_up_is_named() -> None:
    verdict = replace(OPEN, families=("gru", "lstm", "rnn"), difference=12.24, low=-24.71, high=39.26)
    assert sentences.three(verdict)[2].startswith(
        "Families: undecided in searches of 3 of the 10 trials: gru better than lstm by"
    )


def test_opposite_signs_at_the_two_budgets_are_said() -> None:
    verdict = replace(OPEN, low=-30.0, high=-2.0, expected={"lstm": 240.0, "gru": 245.8})
    assert "2 to 30, but not in searches of 10 trials)" in sentences.three(verdict)[2]


def test_answers_that_disagree_say_so() -> None:
    lstm = replace(SELECTED, family="lstm", against="gru")
    verdict = replace(OPEN, recommendation=lstm, configurations=replace(SEEDS, family="gru"))
    assert sentences.three(verdict)[2].endswith(
        " The model in hand is lstm's though gru's configuration is the better one over fresh seeds and gru is "
        "probably the better family over searches."
    )
    won = replace(OPEN, recommendation=lstm, outcome=Outcome.WINNER, family="gru")
    assert sentences.three(won)[2].endswith("though gru is the better family over searches.")
    assert "though" not in sentences.three(OPEN)[2]
    assert "though" not in sentences.three(replace(verdict, recommendation=BASELINE))[2]


def test_what_settles_it_is_a_command_a_range_and_a_time() -> None:
    sentence = sentences.settling(OPEN, "quickstart-20261130-113332-b1de972b")
    assert sentence == (
        "30 to 60 more trials per family (4 min to 8 min 20 s) settle it, chance 0.80: `harness sweep --extend "
        "quickstart-20261130-113332-b1de972b --replicates 8`"
    )
    assert wrapped(sentence, 80)[-1].strip() == re.findall("`.*`", sentence)[0]
    assert sentences.settling(OPEN) == "30 to 60 more trials per family (4 min to 8 min 20 s) settle it, chance 0.80."
    hopeless = replace(OPEN, settling=Settling((60,), (600,), None, False, 0.8))
    assert sentences.settling(hopeless, "x") == (
        "Not worth more trials: 600 more per family would hardly settle the families."
    )
    assert sentences.settling(replace(OPEN, settling=None), "x") == ""


def test_warnings_name_the_sweep_and_share_the_last_line() -> None:
    gains = {"gru": Gain(0.5, 0.3, 0.7), "lstm": Gain(0.4, 0.2, 0.6), "rnn": Gain(0.4, 0.05, 0.6)}
    lead = Difference("lstm", "gru", 0.1, -0.1, 0.3, 0.4, (0, 1, 0), 0.1)
    [improving] = wording.still_improving(gains, lead, 10, 0.1, Direction.MIN)
    edges = [wording.Edge(name, name, "units", 64, 16, 64) for name in ("lstm", "gru")]
    [edge] = wording.at_the_edge([*edges, wording.Edge("gru", "gru", "dropout", 0.4, 0, 0.4)])
    assert sentences.warnings(replace(OPEN, warnings=(improving, edge)), "s1 --store x") == (
        "the expected validation score was still falling at the end of the budget: from the best of 5 to the best of "
        "10 trials by 0.5 (gru) and 0.4 (lstm), more than the equivalence margin (0.1); for better models: `harness "
        "sweep --extend s1 --store x --trials 20`",
        "selected values lie at the edge of their search range: units = 64 of lstm and gru (16 to 64), dropout = 0.4 "
        "of gru (0 to 0.4); to widen it: `harness spaces new lstm_wide --from lstm` and `harness spaces new gru_wide "
        "--from gru`",
    )
    [own] = wording.at_the_edge([wording.Edge("net", "net", "units", 64, 16, 64, "models.py:build")])
    assert own.endswith("units = 64 of net (16 to 64); to widen it: in `models.py:build`")
    assert sentences.warnings(replace(OPEN, warnings=(improving,)))[0].endswith(
        "more than the equivalence margin (0.1)"
    )
    many = sentences.warnings(replace(OPEN, warnings=("a", "b", "c", "d")), "s1")
    assert many == ("a", "b", "c; d")
    old = replace(OPEN, warnings=("a", "b", "c", "d"), recommendation=None)
    assert sentences.warnings(old, "s1") == ("a", "b", "c", "d")


def test_a_verdict_of_0_1_0_keeps_its_sentence() -> None:
    old = replace(OPEN, recommendation=None, outlook=None, settling=None, models=None, configurations=None)
    assert (sentences.recommendation(old), sentences.three(old), sentences.settling(old)) == (headline(old), (), "")


def test_names_cannot_steer_a_terminal() -> None:
    verdict = replace(OPEN, dataset="to\x1b[31my", recommendation=replace(BASELINE, baseline="r\x07", abstains="\x9b"))
    for sentence in (sentences.recommendation(verdict), *sentences.three(verdict)):
        assert sentence.isprintable()


def test_an_extension_is_a_note_and_a_library_that_changed_with_it_a_warning() -> None:
    grown = (
        "extended: plan trials was 3, is 8",
        "extended: plan families was lstm, gru, is lstm, gru, rnn",
        "extended: search_spaces rnn was not there, is {'name': 'rnn'}",
        "extended: arms was lstm, gru, is lstm, gru, rnn",
        "extended: keras was 3.15.1, is 3.16.0",
        "changed midway: plan trials was 3, is 8",
    )
    verdict = replace(OPEN, warnings=grown)
    assert sentences.notes(verdict) == (
        "the sweep was extended, from 3 to 8 trials per family",
        "the sweep was extended, its families from lstm, gru to lstm, gru, rnn",
    )
    assert sentences.warnings(verdict) == grown[-2:]
    assert sentences.answers({"x": verdict})["x"]["notes"] == [*sentences.notes(verdict)]
    assert [line for line in wording.explain(verdict) if "extended" in line] == [
        "warning: extended: keras was 3.15.1, is 3.16.0",
        *(f"note: {note}" for note in sentences.notes(verdict)),
    ]


def test_a_long_reason_ends_with_one_of_its_clauses() -> None:
    few = "too few trials: lstm has 3 completed trials, 5 are needed; too few trials: gru has 3 completed trials"
    baseline = replace(BASELINE, probability=None, regret=None, abstains=few)
    said = sentences.recommendation(replace(OPEN, recommendation=baseline))
    assert "…" not in said
    assert said.endswith(("too few trials", "completed trials", "are needed"))
    assert len(wrapped(said, 80)) <= 2
    leak = replace(
        baseline, abstains="a guard against leakage fired: 'y' can be read off 'fahrenheit' at the same step"
    )
    assert "…" not in sentences.recommendation(replace(OPEN, recommendation=leak))
