"""The last lines of a sweep."""

from __future__ import annotations

import dataclasses
import math
import re
import statistics
from collections.abc import Callable

import pytest

from harness.records import ChampionInfo, ComparisonResult, FamilyResult, SweepResult
from harness.report.text import text
from harness.stats.words.wording import headline

Make = Callable[..., ComparisonResult]
MakeSweep = Callable[..., SweepResult]


def flat(shown: str) -> str:
    return " ".join(shown.split())


def test_it_says_what_the_records_say(three_datasets: SweepResult) -> None:
    shown = text(three_datasets, "harness ui", 80)
    for comparison in three_datasets.comparisons:
        block = next(part for part in shown.split("\n\n") if part.startswith(f"{comparison.dataset}:"))
        assert flat(block).startswith(headline(comparison.verdict))
        for family in comparison.families:
            _, selected, mean, _, spread, expected = next(
                line.split() for line in block.splitlines() if line.split()[:1] == [family.family.name] and "±" in line
            )
            assert float(selected) == pytest.approx(family.test_score, rel=1e-3)
            assert float(mean) == pytest.approx(statistics.fmean(family.seed_scores), rel=1e-3)
            assert float(spread) == pytest.approx(statistics.stdev(family.seed_scores), rel=0.06)
            assert float(expected) == pytest.approx(comparison.verdict.expected[family.family.name], rel=1e-3)
        best = comparison.best_baseline
        assert best is not None
        found = re.search(rf"best baseline: {best.name}, ([\d.]+)", flat(block))
        assert found is not None
        assert float(found[1]) == pytest.approx(best.test_score, rel=1e-2)
        champion = comparison.champion
        assert champion is not None
        assert f"models:/{comparison.dataset}@{champion.alias}" in block
        assert f"best of {comparison.verdict.trials}" in block


def test_the_last_lines_say_where_the_runs_are(three_datasets: SweepResult) -> None:
    lines = text(three_datasets, "harness ui --store /data/a b", 80).splitlines()
    assert lines[-2:] == [
        "Runs in MLflow: sqlite:////home/ada/demo/mlruns/mlflow.db",
        "Open them with: harness ui --store /data/a b",
    ]
    assert flat(three_datasets.overall) in flat("\n".join(lines))


@pytest.mark.parametrize("width", [80, 60, 40, 24, 10, None])
def test_it_keeps_to_the_width(three_datasets: SweepResult, width: int | None) -> None:
    shown = text(three_datasets, "harness ui", width)
    most = max(width or 80, 24)
    unbroken = ("models:/", "sqlite:")
    for line in shown.splitlines():
        assert len(line) <= most or line.strip().startswith(unbroken), line
        assert line == line.rstrip()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown), "no colours, no controls"
    assert "models:/japanese_vowels@champion" in shown, "addresses are never broken"
    assert "sqlite:////home/ada/demo/mlruns/mlflow.db" in shown


def test_narrow_and_wide_say_the_same_numbers(three_datasets: SweepResult) -> None:
    def found(width: int) -> set[str]:
        return set(re.findall(r"\d[\d.,]*\d", text(three_datasets, "harness ui", width)))

    assert found(40) == found(80)


def test_a_number_is_not_parted_from_its_percent_sign(three_datasets: SweepResult) -> None:
    for width in range(24, 100):
        assert not any(line.strip().startswith("%") for line in text(three_datasets, "x", width).splitlines())


def test_no_baseline_no_seeds_no_champion(make_comparison: Make, make_sweep: MakeSweep) -> None:
    bare = make_comparison(baselines=[], confirmations=0, champion=False, families=("lstm-1", "lstm-2"))
    shown = text(make_sweep([bare]), "harness ui", 80)
    assert "best baseline: none" in shown
    assert "no model was exported" in shown
    assert "seed" not in shown
    assert re.search(r"^  lstm-1 +\S+ +\S+$", shown, re.MULTILINE)


def test_a_candidate_is_not_called_champion(three_datasets: SweepResult) -> None:
    shown = text(three_datasets, "harness ui", 80)
    assert "candidate: models:/adding_50@candidate" in shown


def test_reasons_to_withhold_are_said_once(make_comparison: Make, make_sweep: MakeSweep) -> None:
    reason = "a leakage guard fired: the test part repeats 3 windows of the training part"
    shown = flat(text(make_sweep([make_comparison(withheld=[reason])]), "harness ui", 80))
    assert shown.count(reason) == 1
    assert "undecided" in shown


def test_an_unfinished_sweep_says_what_is_missing(make_comparison: Make, make_sweep: MakeSweep) -> None:
    sweep = make_sweep([make_comparison()], unfinished={"jsb": "search at trial 7 of 12"})
    assert "Not finished:\n  jsb: search at trial 7 of 12" in text(sweep, "harness ui", 80)
    nothing = make_sweep([], unfinished={"jsb": "waiting"})
    assert "no dataset was compared" in text(nothing, "harness ui", 80)


def test_three_arms_have_a_line_each(make_comparison: Make, make_sweep: MakeSweep) -> None:
    shown = text(make_sweep([make_comparison(families=("lstm", "gru", "rnn"))]), "harness ui", 80)
    assert [line.split()[0] for line in shown.splitlines() if " ± " in line and "sd" not in line] == [
        "lstm",
        "gru",
        "rnn",
    ]


def test_an_arm_that_never_completed_a_trial(make_comparison: Make, make_sweep: MakeSweep) -> None:
    whole = make_comparison()
    failed: FamilyResult = dataclasses.replace(
        whole.families[0], selected=None, selected_values={}, validation_score=None, test_score=None, seed_scores=()
    )
    verdict = dataclasses.replace(whole.verdict, expected={"lstm": math.nan, "gru": 187.2})
    sweep = make_sweep([dataclasses.replace(whole, families=(failed, whole.families[1]), verdict=verdict)])
    assert re.search(r"^  lstm +- +- +-$", text(sweep, "harness ui", 80), re.MULTILINE)


def test_hostile_text_cannot_steer_the_terminal(make_comparison: Make, make_sweep: MakeSweep) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\r\nridge"
    sweep = make_sweep(
        [make_comparison(baselines=[(hostile, 200.0)])], unfinished={"late": hostile}, name=hostile, budget=hostile
    )
    shown = text(sweep, f"harness ui {hostile}", 80)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)


def test_a_password_in_the_store_is_hidden(make_comparison: Make, make_sweep: MakeSweep) -> None:
    uri = "https://ada:secret@mlflow.example"
    shown = text(make_sweep([make_comparison()], tracking_uri=uri), f"open {uri}", 80)
    assert "secret" not in shown
    assert "https://***@mlflow.example" in shown


def test_a_champions_score_has_its_unit(make_comparison: Make, make_sweep: MakeSweep) -> None:
    comparison = make_comparison()
    champion: ChampionInfo | None = comparison.champion
    assert champion is not None
    assert f"test score {champion.test_score:.1f} MWh" in flat(text(make_sweep([comparison]), "harness ui", 80))


def test_a_summary_is_the_same_without_where_the_runs_are(three_datasets: SweepResult) -> None:
    from harness.report.text import summary

    before, where, _ = text(three_datasets, "harness ui").partition("\nRuns in MLflow:")
    assert (summary(three_datasets), where) == (before, "\nRuns in MLflow:")
