"""The last lines of a sweep whose verdicts recommend: the answer first, warnings counted, sixty lines in all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.errors import UsageError
from harness.records import (
    ComparisonResult,
    Configurations,
    Direction,
    ModelsInHand,
    Objective,
    Outlook,
    Reason,
    Recommendation,
    Settling,
    SweepResult,
    Use,
)
from harness.report.text import document, summary, text
from harness.stats.words.sentences import recommendation, settling, three, warnings

Make = Callable[..., ComparisonResult]
MakeSweep = Callable[..., SweepResult]

ID = "quickstart-20261130-113332-b1de972b"
SCORES = {"lstm": 258.1, "gru": 245.8}
USED = Recommendation(
    Use.MODEL, "gru", None, Reason.TEST_CASES, "", "lstm", 0.05, 0.98, 0.012, 0.95, "", SCORES, scored_cases=251
)
MORE: dict[str, Any] = {
    "compared_at": 3,
    "outlook": Outlook("gru", "lstm", 0.72, 0.05, 0.95),
    "settling": Settling((3, 6), (30, 60), (240.0, 500.0), True, 0.8),
    "models": ModelsInHand(("lstm", "gru"), -12.1, -20.1, -3.2, 0.95, 250, 48, "gru", SCORES, 251),
    "configurations": Configurations(
        ("lstm", "gru"), 5, {"lstm": 256.5, "gru": 253.6}, -2.9, -5.8, 0.3, 0.95, 0.03, None
    ),
    "warnings": (
        "the score was still falling; longer searches: `harness sweep --extend SWEEP --trials 20`",
        "values lie at the edge of their range; to widen it: `harness spaces new lstm_wide --from lstm`",
    ),
}
LOGISTIC = "logistic regression on mean, spread and end"


@pytest.fixture
def answered(make_comparison: Make, make_sweep: MakeSweep) -> SweepResult:
    """Three datasets as the quickstart has them: the baseline, a family's model, and either."""
    found = (
        ("japanese_vowels", {"use": Use.BASELINE, "baseline": LOGISTIC, "reason": Reason.BASELINE, "against": "gru"}),
        ("vic_elec", {}),
        ("adding_50", {"use": Use.EITHER, "reason": Reason.CHEAPER, "because": "fewer parameters: 1,233", "regret": 2}),
    )
    comparisons = []
    for dataset, changes in found:
        score = Objective("accuracy", Direction.MAX)
        made = make_comparison(
            dataset, trials=10, confirmations=5, **({"objective": score} if "jap" in dataset else {})
        )
        verdict = replace(made.verdict, **MORE, recommendation=replace(USED, **changes))
        comparisons.append(replace(made, verdict=verdict))
    return make_sweep(comparisons, sweep_id=ID)


def test_three_datasets_fit_on_sixty_lines_of_eighty_columns(answered: SweepResult) -> None:
    shown = text(answered, "harness ui", 80, warnings=False).splitlines()
    assert len(shown) + 1 <= 60  # and the line that names the report
    assert [line for line in shown if len(line) > 80] == []


def test_the_first_two_lines_of_each_hold_the_recommendation(answered: SweepResult) -> None:
    blocks = text(answered, "harness ui", 80, warnings=False).split("\n\n")
    for comparison in answered.comparisons:
        lines = next(block for block in blocks if block.startswith(f"{comparison.dataset}: ")).splitlines()
        assert " ".join(line.strip() for line in lines[:2]) == recommendation(comparison.verdict)
        flat = " ".join(" ".join(lines).split())
        for sentence in (*three(comparison.verdict), settling(comparison.verdict, ID)):
            assert sentence in flat


@pytest.mark.parametrize("width", [80, 60, 40, 24, None])
def test_it_keeps_to_the_width_but_for_commands(answered: SweepResult, width: int | None) -> None:
    whole = ("models:/", "sqlite:", "`harness")
    for line in text(answered, "harness ui", width).splitlines():
        assert len(line) <= (width or 80) or line.strip().startswith(whole), line
    commands = re.findall("`[^`]*`", text(answered, "harness ui", width))
    assert f"`harness sweep --extend {ID} --replicates 7`" in commands
    assert not any("\n" in command for command in commands), "a command can be copied"


def test_after_a_sweep_one_line_counts_the_warnings(answered: SweepResult) -> None:
    shown = text(answered, "harness ui", 80, options=" --store s", warnings=False)
    assert f"6 warnings, shown by `harness report {ID} --store s`" in " ".join(shown.split())
    assert "Warning:" not in shown
    assert f"`harness sweep --extend {ID} --store s --replicates 7`" in shown


def test_the_report_shows_each_warning_with_its_remedy(answered: SweepResult) -> None:
    flat = " ".join(text(answered, "harness ui", 80).split())
    for comparison in answered.comparisons:
        assert len(warnings(comparison.verdict, ID)) == 2
        for warning in warnings(comparison.verdict, ID):
            assert f"Warning: {warning}" in flat
    assert f"`harness sweep --extend {ID} --trials 20`" in flat
    assert "shown by" not in flat


def test_a_sweep_that_cannot_grow_names_no_command_to_extend_it(answered: SweepResult) -> None:
    fixed = replace(answered, extendable=False)
    assert "--extend" not in text(fixed, "harness ui", 80)
    assert "settle it, chance 0.80." in text(fixed, "harness ui", 80)


def test_the_table_shows_the_published_scores(answered: SweepResult) -> None:
    block = text(answered, "harness ui", 80).split("vic_elec: ")[1].split("\n\n")[0]
    head, lstm, gru = (line.split() for line in block.splitlines() if re.match(r"  (MAE|lstm |gru )", line))
    assert head[:6] == ["MAE", "in", "MWh,", "lower", "is", "better"]
    assert "selected, other 251" in " ".join(head)
    assert (lstm[1], gru[1]) == ("258.1", "245.8")


def test_the_document_holds_the_same_records_and_sentences(answered: SweepResult) -> None:
    plain = document(answered)
    for comparison in answered.comparisons:
        verdict, said = comparison.verdict, plain["answers"][comparison.dataset]
        assert plain["verdicts"][comparison.dataset] == verdict.to_json()
        assert (said["recommendation"], said["sentences"]) == (recommendation(verdict), list(three(verdict)))
        assert (said["settling"], said["warnings"]) == (settling(verdict, ID), list(warnings(verdict, ID)))
    assert plain["sweep_id"] == ID


def test_python_has_the_recommendation_of_one_dataset_and_of_each(answered: SweepResult) -> None:
    assert answered.recommendations["vic_elec"] is answered.comparisons[1].verdict.recommendation
    with pytest.raises(UsageError, match="expected one dataset, got japanese_vowels, vic_elec, adding_50"):
        _ = answered.recommendation
    alone = replace(answered, comparisons=answered.comparisons[1:2])
    assert alone.recommendation == USED
    assert summary(alone).splitlines()[2].startswith("vic_elec: use gru's model")
