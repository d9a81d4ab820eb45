"""The page of verdicts that recommend: the sentences first, published scores, and one figure for the three answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from harness.records import (
    ComparisonResult,
    Configurations,
    ModelsInHand,
    Reason,
    Recommendation,
    Settling,
    SweepResult,
    Use,
)
from harness.report import differences
from harness.report.axes import APPEARANCES
from harness.report.html import html
from harness.report.view import ComparisonView
from harness.stats.words import brief, sentences

Make = Callable[..., ComparisonResult]
MakeSweep = Callable[..., SweepResult]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def recommended(make_comparison: Make) -> Make:
    """A comparison whose verdict answers all three questions, the models' one on half of 370 test cases."""

    def make(dataset: str = "vic_elec", **changes: Any) -> ComparisonResult:
        whole = make_comparison(dataset, trials=12)
        published = {"lstm": 255.5, "gru": 199.9}
        verdict = replace(
            whole.verdict,
            compared_at=3,
            models=ModelsInHand(("gru", "lstm"), 44.0, 21.0, 67.0, 0.95, 185, 24, "gru", published, 184),
            configurations=Configurations(("lstm", "gru"), 5, published, -11.0, -31.0, 9.0, 0.95, 0.2, None),
            settling=Settling((2, 6), (24, 72), (340.0, 1020.0), worth=True, chance=0.8),
            recommendation=Recommendation(
                **{
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
                    "scores": published,
                    "scored_cases": 184,
                    **changes,
                }
            ),
        )
        return replace(whole, verdict=verdict)

    return make


def words_of(page: str) -> str:
    """The page's text in one line."""
    plain = re.sub(r"<[^>]+>", "", re.sub(r"<(style|svg|script).*?</\1>", "", page, flags=re.DOTALL))
    return " ".join(plain.replace("\N{NO-BREAK SPACE}", " ").replace("&#39;", "'").split())


def test_sentences_stand_before_any_figure(recommended: Make, make_sweep: MakeSweep) -> None:
    comparison = recommended()
    page = html(make_sweep([comparison]))
    section = words_of(page[page.index('<section class="dataset"') :])
    verdict = comparison.verdict
    first = sentences.recommendation(verdict).removeprefix("vic_elec: ")
    told = [first[0].upper() + first[1:], *sentences.three(verdict)]
    told.append(sentences.settling(verdict, "quickstart-20261123-0712").replace("`", ""))
    places = [section.index(sentence) for sentence in told]
    assert places == sorted(places)
    assert places[0] < 80
    assert "<code>harness sweep --extend quickstart-20261123-0712 --replicates " in page
    assert page.index("harness sweep --extend") < page.index('<figure class="strip"')


def test_published_scores_are_those_that_did_not_choose(recommended: Make, make_sweep: MakeSweep) -> None:
    comparison = recommended()
    view = ComparisonView(comparison)
    assert [family.selected for family in view.families] == ["255.5", "199.9"]
    assert [family.whole for family in view.families] == [f"{one.test_score:.1f}" for one in comparison.families]
    assert [family.recommended for family in view.families] == [False, True]
    page = words_of(html(make_sweep([comparison])))
    assert "over the 184 test cases that did not help to choose" in page
    assert "the same over all test cases" in page
    assert "MWh over all test cases. Chosen because" in page


def test_scores_over_all_cases_need_no_second_column(recommended: Make, make_sweep: MakeSweep) -> None:
    comparison = recommended(scored_cases=None)
    assert "the same over all test cases" not in words_of(html(make_sweep([comparison])))


def test_the_heading_says_what_to_use(recommended: Make, make_sweep: MakeSweep) -> None:
    either = recommended("words", use=Use.EITHER, reason=Reason.CHEAPER)
    one, two = (html(make_sweep(found)) for found in ([recommended()], [recommended(), either]))
    heading = re.compile(r"<h1[^>]*>(.*?)</h1>")
    assert words_of(heading.findall(one)[0]) == "vic_elec: use gru (probability 0.97, at worst 2 % more error)"
    assert words_of(heading.findall(two)[0]) == "Use gru on vic_elec, either on words"


def test_many_datasets_are_counted(recommended: Make) -> None:
    verdicts = [recommended(f"set_{place}").verdict for place in range(4)]
    verdicts.append(recommended("other", use=Use.BASELINE, baseline="ridge", reason=Reason.BASELINE).verdict)
    assert brief.answers(verdicts) == "Use gru on 4 datasets, a baseline on 1 dataset"
    assert brief.answers([replace(verdicts[0], recommendation=None)]) == ""


def test_three_answers_are_three_lines_of_one_figure(recommended: Make) -> None:
    drawn = ElementTree.fromstring(str(differences.difference(recommended())))
    words = [element.text or "" for element in drawn.iter(f"{SVG}text")]
    assert [word for word in words if word in ("models", "configurations", "families")] == [
        *("models", "configurations", "families")
    ]
    assert APPEARANCES[1].color in str(differences.difference(recommended())), "gru's model is the better one"


def test_a_difference_of_the_models_is_turned_to_the_verdicts_order(recommended: Make) -> None:
    comparison = recommended()
    models = comparison.verdict.models
    assert models is not None
    turned = replace(models, families=("lstm", "gru"), difference=-44.0, low=-67.0, high=-21.0)
    same = replace(comparison, verdict=replace(comparison.verdict, models=turned))
    assert differences.difference(same) == differences.difference(comparison)


def test_other_families_models_are_not_drawn_among_these(recommended: Make) -> None:
    comparison = recommended()
    models = comparison.verdict.models
    assert models is not None
    others = replace(models, families=("gru", "rnn"))
    without = replace(comparison.verdict, models=None)
    figures = [
        differences.difference(replace(comparison, verdict=verdict))
        for verdict in (replace(comparison.verdict, models=others), without)
    ]
    assert figures[0] == figures[1]


def test_commands_of_hostile_names_stay_text(recommended: Make, make_sweep: MakeSweep) -> None:
    comparison = recommended(because="`<img src=x onerror=alert(1)>`")
    hostile = replace(comparison, verdict=replace(comparison.verdict, warnings=("`<b>` & <script>alert(1)</script>",)))
    page = html(make_sweep([hostile]))
    assert page.count("<script") == 2, "the data and the script"
    assert "<img" not in page
    assert "<code>&lt;b&gt;</code> &amp; &lt;script&gt;" in page


def test_a_reason_that_no_sentence_has_room_for_is_told_in_full(recommended: Make, make_sweep: MakeSweep) -> None:
    why = "one score of a baseline says nothing of chance: its test cases are not known, or too few"
    name = "logistic regression on mean, spread and end"
    unsure = {"use": Use.BASELINE, "reason": Reason.BASELINE, "probability": None, "regret": None}
    page = words_of(html(make_sweep([recommended(baseline=name, abstains=why, **unsure)])))
    assert f"How sure that is: not known, {why}." in page
    assert f"use the baseline {name}" in page
    assert "How sure that is: not known" not in words_of(html(make_sweep([recommended()])))
