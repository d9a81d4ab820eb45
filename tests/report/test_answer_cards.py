"""The first screen: an answer card for each dataset, its title and heading, and the small figure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from harness.records import ComparisonResult, Reason, Recommendation, SweepResult, Use
from harness.report.html import html
from harness.report.page.cards import card_of
from harness.report.view import ComparisonView
from harness.text import MISSING

Make = Callable[..., ComparisonResult]
MakeSweep = Callable[..., SweepResult]


def recommending(comparison: ComparisonResult, **changes: object) -> ComparisonResult:
    """The comparison with a verdict that recommends gru against lstm."""
    values: dict[str, object] = {
        "use": Use.MODEL,
        "family": "gru",
        "baseline": None,
        "reason": Reason.TEST_CASES,
        "because": "",
        "against": "lstm",
        "lower_loss": 0.22,
        "probability": 0.97,
        "regret": 0.02,
        "level": 0.95,
        "abstains": "",
        "scores": {"lstm": 255.5, "gru": 199.9},
        "scored_cases": 184,
        "baseline_score": 256.4,
    }
    found = Recommendation(**{**values, **changes})  # type: ignore[arg-type]
    return dataclasses.replace(comparison, verdict=dataclasses.replace(comparison.verdict, recommendation=found))


def rows(comparison: ComparisonResult) -> dict[str, str]:
    return dict(card_of(ComparisonView(comparison)).rows)


def test_a_card_says_what_by_how_much_how_sure_and_against_what(make_comparison: Make) -> None:
    comparison = recommending(make_comparison())
    assert card_of(ComparisonView(comparison)).use == "use gru"
    said = rows(comparison)
    assert said["by how much"] == "22 % lower error than lstm (199.9 against 255.5 MWh)"
    assert said["how sure"] == "clear: better than lstm with probability 0.97, at worst 2 % more error (95 % sure)"
    assert said["against the baseline"] == "22 % lower error than ridge on the lags (256.4)"


def test_a_baseline_to_use_is_compared_with_the_better_network(make_comparison: Make) -> None:
    scores = {"lstm": 300.0, "gru": 320.5}
    changes = {"use": Use.BASELINE, "family": "lstm", "baseline": "ridge on the lags", "scores": scores}
    said = rows(
        recommending(make_comparison(), **changes, lower_loss=0.145, probability=None, regret=None, abstains="too few")
    )
    assert said["by how much"] == "14 % lower error than lstm (256.4 against 300.0 MWh)"
    assert said["how sure"] == "not known: too few"
    assert "against the baseline" not in said
    assert said["why"] == "no network beats it beyond chance"


def test_a_baseline_that_may_be_beaten_says_whose_probability_it_is(make_comparison: Make) -> None:
    changes = {"use": Use.BASELINE, "reason": Reason.NOT_BEATEN, "baseline": "ridge", "against": "lstm"}
    comparison = recommending(make_comparison(), **changes, probability=0.14, regret=0.12)
    said = rows(comparison)
    assert said["why"] == "lstm seems better, but not beyond chance"
    assert said["how sure"] == (
        "close: lstm is better with probability 0.86, not beyond chance; the baseline has at worst 12 % more error "
        "(95 % sure)"
    )
    certainty = "lstm better with probability 0.86, at worst 12 % more error"
    assert ComparisonView(comparison).certainty == certainty
    surely = recommending(make_comparison(), use=Use.BASELINE, reason=Reason.BASELINE, baseline="ridge")
    assert rows(surely)["why"] == "it is surely better than the networks"


def test_a_withheld_answer_shows_no_number_of_the_families(make_comparison: Make) -> None:
    view = ComparisonView(recommending(make_comparison()))
    assert "better by" in view.difference
    few = dataclasses.replace(
        view.result.verdict, reasons_to_abstain=("too few trials: lstm has 3 completed trials, 5 are needed",)
    )
    withheld = ComparisonView(dataclasses.replace(view.result, verdict=few))
    assert (withheld.difference, withheld.chances) == (MISSING, "")
    assert rows(withheld.result)["lstm or gru"].endswith(", withheld")


def test_scores_that_contradict_the_choice_are_said(make_comparison: Make) -> None:
    said = rows(recommending(make_comparison(), lower_loss=-0.5))
    assert said["by how much"] == (
        "none on the 184 cases that did not help to choose: there lstm has the 33 % lower error "
        "(255.5 against 199.9 MWh)"
    )
    assert said["how sure"].startswith("unclear: better than lstm with probability ")


@pytest.mark.parametrize(("probability", "word"), [(0.95, "clear"), (0.94, "likely"), (0.8, "likely"), (0.79, "close")])
def test_a_word_for_each_probability(make_comparison: Make, probability: float, word: str) -> None:
    said = rows(recommending(make_comparison(), probability=probability))
    assert said["how sure"].startswith(f"{word}: better than lstm with probability ")


def test_the_first_warning_is_in_words(make_comparison: Make) -> None:
    comparison = recommending(make_comparison())
    warnings = ("the first; which has a command", "the second", "the third")
    comparison = dataclasses.replace(comparison, verdict=dataclasses.replace(comparison.verdict, warnings=warnings))
    assert rows(comparison)["to know besides"] == "the first (2 other warnings below)"


def test_the_cards_stand_before_everything_else(make_comparison: Make, make_sweep: MakeSweep) -> None:
    page = html(make_sweep([recommending(make_comparison(name)) for name in ("a", "b", "c")]))
    cards = [found.start() for found in re.finditer('<section class="card"', page)]
    assert len(cards) == 3
    assert page.index("<h1") < cards[0] < cards[-1] < page.index("Three questions.") < page.index("<table")


def test_the_title_says_the_answer(make_comparison: Make, make_sweep: MakeSweep) -> None:
    none = make_sweep([make_comparison(name, levels=(200.0, 200.1)) for name in ("a", "b")])
    assert none.across is not None
    assert not any(none.across.wins.values())
    assert "wins 0" in none.overall
    page = html(none)
    assert "wins 0" not in page
    known = make_sweep([recommending(one) for one in none.comparisons])
    assert "<title>Use gru on a and b · quickstart</title>" in html(known)
    assert "wins 0" not in html(known)


@pytest.mark.parametrize("changes", [{}, {"baselines": []}, {"families": ("lstm", "gru", "rnn", "extra")}])
def test_the_small_figure_names_every_score(make_comparison: Make, changes: dict[str, object]) -> None:
    view = ComparisonView(make_comparison(**changes))
    figure = card_of(view).figure
    words = " ".join(ElementTree.fromstring(figure).itertext())
    for family in view.families:
        assert f"{family.name} {family.selected} MWh" in words
    assert ("baseline" in words) == bool(view.result.baselines)


def test_a_comparison_without_a_score_has_a_card_without_a_figure(make_comparison: Make) -> None:
    whole = make_comparison(baselines=[])
    families = tuple(
        dataclasses.replace(family, selected=None, test_score=None, seed_scores=()) for family in whole.families
    )
    assert card_of(ComparisonView(dataclasses.replace(whole, families=families))).figure == ""
