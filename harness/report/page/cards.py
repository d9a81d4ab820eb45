"""The first screen: for each dataset what to use, by how much, how sure that is, and against the baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.records import Objective, Reason, Recommendation, Use, Verdict
from harness.report.axes import (
    INK,
    PLAIN,
    Look,
    dots,
    drawing,
    label_ticks,
    letters_wide,
    look_of,
    render,
)
from harness.report.format import axis_words, direction_words, metric_words
from harness.report.view import ComparisonView
from harness.stats.words.sentences import at_worst, compared_with, odds, probability_text
from harness.text import MISSING, begin_of, counted, shortened

_WIDE, _LANE, _BELOW = 320.0, 24.0, 58.0

_STRENGTHS = ((0.95, "clear"), (0.8, "likely"), (0.0, "close"))
"""What a card calls a probability of at least so much."""

_WARNING_LETTERS = 110


@dataclass(frozen=True, slots=True)
class Card:
    """One dataset's answer.

    Attributes:
        dataset: Its name.
        title: What its data are, in a few words; empty where its config does not say.
        anchor: Id of what is said of it further down.
        use: What to use, such as `use gru`.
        rows: Label and words: by how much, how sure, against the baseline, the families.
        color: Colour of the family that is to be used; empty for none.
        figure: Test scores of models, fresh seeds and the best baseline; empty where nothing is known.
    """

    dataset: str
    title: str
    anchor: str
    use: str
    rows: tuple[tuple[str, str], ...]
    color: str
    figure: str


def card_of(view: ComparisonView) -> Card:
    """The answer card of a comparison."""
    verdict, found = view.verdict, view.verdict.recommendation
    is_baseline = found is not None and found.use is Use.BASELINE
    rows = (
        ("why", _why(found) if found and is_baseline else ""),
        ("by how much", _by_how_much(view)),
        ("how sure", _how_sure(verdict)),
        (" or ".join(verdict.families), view.outcome if found else ""),
        ("against the baseline", "" if is_baseline else _against_baseline(view)),
        ("to know besides", _warned(view)),
    )
    recommended = next((family for family in view.families if family.recommended), None)
    return Card(
        verdict.dataset,
        view.result.facts.title,
        view.anchor,
        view.use,
        tuple((label, words) for label, words in rows if words),
        recommended.color if recommended else "",
        scores(view, f"{view.anchor}-card") or "",
    )


def _why(found: Recommendation) -> str:
    """Why a baseline is to be used."""
    if found.reason is Reason.NOT_BEATEN:
        return f"{found.against or 'the best network'} seems better, but not beyond chance"
    if found.probability is not None and found.probability >= _STRENGTHS[0][0]:
        return "it is surely better than the networks"
    return "no network beats it beyond chance"


def _by_how_much(view: ComparisonView) -> str:
    found = view.verdict.recommendation
    if found is None:
        return "" if view.difference == MISSING else view.difference
    if found.against is None or found.lower_loss is None:
        return ""
    if found.lower_loss >= 0:
        return f"{compared_with(found.lower_loss)} {found.against}{_side_by_side(view, found)}"
    # What was chosen by other test cases, or by validation, need not be ahead in what is published.
    where = f"the {found.scored_cases:,} cases that did not help to choose" if found.scored_cases else "the test part"
    less = compared_with(1 - 1 / (1 - found.lower_loss)).removesuffix(" than")
    scores = _side_by_side(view, found, theirs_first=True)
    return f"none on {where}: there {found.against} has the {less}{scores}"


def _side_by_side(view: ComparisonView, found: Recommendation, *, theirs_first: bool = False) -> str:
    """Both scores, where they are known: ` (0.512 against 0.631 MWh)`."""
    ours = found.baseline_score if found.use is Use.BASELINE else found.scores.get(found.family or "")
    theirs = found.scores.get(found.against or "")
    if ours is None or theirs is None:
        return ""
    first, second = (theirs, ours) if theirs_first else (ours, theirs)
    return f" ({view.style.write(first)} against {view.style.with_unit(second)})"


def _how_sure(verdict: Verdict) -> str:
    found = verdict.recommendation
    if found is None or found.probability is None:
        return _unsure(verdict)
    if (network := found.network_probability) is not None:
        theirs = f"{found.against} is better with probability {probability_text(network)}"
        worst = "" if found.regret is None else f"; the baseline has {at_worst(found.regret, found.level)}"
        return f"close: {theirs}, not beyond chance{worst}"
    than = f" than {found.against}" if found.against else ""
    word = next(word for least, word in _STRENGTHS if found.probability >= least)
    if (found.lower_loss or 0) < 0:
        word = "unclear"  # the test cases that chose and those that score disagree
    return f"{word}: better{than} with probability {odds(found.probability, found.regret, found.level)}"


def _warned(view: ComparisonView) -> str:
    """The first warning in words, and how many there are besides."""
    if not view.warnings:
        return ""
    first = begin_of(view.warnings[0].removeprefix("Warning: ").partition(";")[0], _WARNING_LETTERS)
    others = len(view.warnings) - 1
    return f"{first} ({counted(others, 'other warning')} below)" if others else first


def _unsure(verdict: Verdict) -> str:
    found = verdict.recommendation
    if found is None:
        return "; ".join(verdict.reasons_to_abstain)
    return f"not known: {found.abstains}" if found.abstains else "not known"


def _against_baseline(view: ComparisonView) -> str:
    """The better network's error as against the best baseline's, with the baseline's name and score."""
    best, found = view.result.best_baseline, view.verdict.recommendation
    if best is None:
        return "no baseline was computed"
    named = f"{shortened(best.name, 60)} ({view.baseline_score})"
    score = found.scores.get(found.family or "") if found else None
    known = best.test_score if found is None or found.baseline_score is None else found.baseline_score
    ours, theirs = (_loss(value, view.result.objective) for value in (score, known))
    if ours is None or theirs is None or theirs <= 0:
        return named
    return f"{compared_with(1 - ours / theirs)} {named}"


def _loss(score: float | None, objective: Objective) -> float | None:
    """A score as an error: where higher is better, what it lacks to 1."""
    if score is None or not math.isfinite(score):
        return None
    return score if objective.direction.sign > 0 else 1 - score


def scores(view: ComparisonView, name: str) -> str | None:
    """Test scores on one line each: the selected models, their fresh seeds, and the best baseline.

    Args:
        view: Whose.
        name: Put before the ids of the figure's parts: unique in a page.
    """
    result, found = view.result, view.verdict.recommendation
    lanes: list[tuple[str, Look, float, tuple[float, ...]]] = []
    for place, family in enumerate(result.families):
        score = family.test_score if found is None else found.scores.get(family.family.name)
        if score is not None and math.isfinite(score):
            seeds = tuple(one for one in family.seed_scores if math.isfinite(one))
            lanes.append((family.family.name, look_of(place), score, seeds))
    if not lanes:
        return None
    if (best := result.best_baseline) is not None:
        known = best.test_score if found is None or found.baseline_score is None else found.baseline_score
        if math.isfinite(known):
            lanes.append(("baseline", PLAIN, known, ()))
    labels = [shortened(lane, 12) for lane, *_ in lanes]
    high = _BELOW + 8 + _LANE * len(lanes)
    with drawing(_WIDE, high, left=16 + letters_wide(labels), top=8) as axes:
        for line, (lane, look, score, seeds) in enumerate(lanes):
            axes.axhline(line, color=INK, alpha=0.13, linewidth=0.8)
            dots(axes, seeds, [line] * len(seeds), look, markersize=5, markerfacecolor="none", alpha=0.7)
            marker = "D" if look is PLAIN else look.marker
            dots(axes, [score], [line], look, marker=marker, markersize=9, label=lane)
        values = [value for *_, score, seeds in lanes for value in (score, *seeds)]
        if min(values) > 0 and max(values) / min(values) >= 12:
            axes.set_xscale("log")
        axes.margins(x=0.08)
        axes.set_ylim(len(lanes) - 0.5, -0.6)
        label_ticks(axes, "x")
        words = [label.get_text() for label in axes.get_xticklabels()]
        every = max(1, math.ceil(len(words) * (letters_wide(words) + 10) / (_WIDE - letters_wide(labels) - 28)))
        axes.set_xticks(axes.get_xticks()[::every], words[::every])
        axes.set_yticks(range(len(lanes)), labels)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(
            f"test {axis_words(result.objective)}, {direction_words(result.objective).split()[0]} is better\n"
            "filled: selected, hollow: fresh seeds"
        )
        title = f"Test {metric_words(result.objective)} of the selected models"
        said = "; ".join(f"{lane} {view.style.with_unit(score)}" for lane, _, score, _ in lanes)
        return render(axes, name, title, f"{result.dataset}: {said}. Small and hollow: fresh seeds.")
