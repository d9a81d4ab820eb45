"""What every form of the report says about a comparison, written once, and its tables as rows of words.

It turns numbers into words and decides nothing: outcomes and sentences come from `harness.stats`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.records import ComparisonResult, DataFacts, FamilyResult, Outcome, ResourceUsage, Verdict
from harness.report.axes import look_of
from harness.report.curves import Curve
from harness.report.format import Style, failures_words, mean_and_spread, model_uri, score_words, style_of, value_words
from harness.stats.wording import headline
from harness.text import MISSING, count, duration_text, level, percent, shortened, significant

Row = tuple[str, tuple[str, ...]]
"""A label and one cell a family."""

MOST_NAMES = 12
"""Channels or classes named; the rest is counted."""

_USAGE: tuple[tuple[str, Callable[[ResourceUsage], str]], ...] = (
    ("trials asked for", lambda usage: count(usage.asked)),
    ("distinct", lambda usage: count(usage.distinct)),
    ("completed", lambda usage: count(usage.completed)),
    ("failed", failures_words),
    ("stopped below the median", lambda usage: count(usage.pruned)),
    ("epochs", lambda usage: count(usage.epochs)),
    ("gradient steps", lambda usage: count(usage.gradient_steps)),
    ("training", lambda usage: duration_text(usage.fit_seconds)),
    ("compiling", lambda usage: duration_text(usage.compile_seconds)),
    ("trainable weights: smallest, median, largest", lambda usage: ", ".join(map(count, usage.parameters))),
    ("of those in recurrent layers", lambda usage: ", ".join(map(count, usage.recurrent_parameters))),
    ("units of a recurrent layer", lambda usage: ", ".join(map(count, usage.units))),
    ("ran as", lambda usage: ", ".join(f"{name} {count:,}" for name, count in usage.kernels.items())),
)


def usage_rows(comparison: ComparisonResult) -> list[Row]:
    """What each family spent, in every currency."""
    return [(label, tuple(words(family.usage) for family in comparison.families)) for label, words in _USAGE]


def selected_rows(comparison: ComparisonResult) -> list[Row]:
    """The selected trials: hyperparameters, seed, size and length."""
    names = dict.fromkeys(name for family in comparison.families for name in family.selected_values)
    rows = [(name, tuple(_value(family, name) for family in comparison.families)) for name in names]
    facts: tuple[tuple[str, Callable[[FamilyResult], str]], ...] = (
        ("trainable weights", lambda family: count(family.selected.parameters if family.selected else None)),
        (
            "in recurrent layers",
            lambda family: count(family.selected.recurrent_parameters if family.selected else None),
        ),
        ("epoch kept, of epochs", _epochs),
        ("training", lambda family: duration_text(family.selected.fit_seconds if family.selected else None)),
        ("seed", lambda family: str(family.selected_seed) if family.selected else MISSING),
        ("replicate and trial", _place),
    )
    return rows + [(label, tuple(words(family) for family in comparison.families)) for label, words in facts]


def pair_rows(verdict: Verdict, style: Style) -> list[tuple[str, ...]]:
    """Every pair of families where there are three or more: names, difference, interval, adjusted p, answer."""
    if len(verdict.families) < 3:
        return []
    return [
        (
            f"{pair.first} against {pair.second}",
            style.write(pair.difference),
            style.interval(pair.low, pair.high),
            significant(pair.p, 2),
            f"{pair.family} better" if pair.family else pair.outcome.value.replace("_", " "),
        )
        for pair in verdict.pairs
    ]


def fact_rows(facts: DataFacts) -> list[tuple[str, str]]:
    """What the dataset is; what is unknown is left out."""
    shortest, longest = facts.steps
    train, validation, test = map(count, facts.sizes)
    rows = (
        ("task", facts.task.value),
        ("sequences", f"{train} to train, {validation} to validate, {test} to test"),
        ("steps", count(shortest) if shortest == longest else f"{shortest:,} to {longest:,}"),
        ("channels", _names(facts.channels)),
        ("targets", _names(facts.targets)),
        ("classes", _names(facts.classes)),
        ("split", facts.split),
        ("licence", facts.license),
        ("digest", facts.digest),
        ("notes", "; ".join(facts.notes)),
    )
    return [(label, value) for label, value in rows if value]


def _value(family: FamilyResult, name: str) -> str:
    return value_words(family.selected_values[name]) if name in family.selected_values else MISSING


def _epochs(family: FamilyResult) -> str:
    return f"{family.selected.best_epoch:,} of {family.selected.epochs:,}" if family.selected else MISSING


def _place(family: FamilyResult) -> str:
    return f"{family.selected.key.replicate}, {family.selected.key.number}" if family.selected else MISSING


def _names(names: tuple[str, ...]) -> str:
    if not names:
        return ""
    shown = ", ".join(shortened(name, 40) for name in names[:MOST_NAMES])
    if len(names) > MOST_NAMES:
        shown += f" and {len(names) - MOST_NAMES:,} more"
    return shown if len(names) == 1 else f"{len(names):,}: {shown}"


OUTCOMES = {
    Outcome.PRACTICALLY_EQUAL: "practically equal",
    Outcome.UNDECIDED: "undecided",
}


@dataclass(frozen=True, slots=True)
class FamilyView:
    """One family's line in the tables.

    Attributes:
        name: The family's name.
        color: Its colour in the figures.
        symbol: Its marker in the figures.
        expected: Expected test score of the best of n trials by validation.
        interval: Interval of that; missing where no curve was given.
        selected: Test score of the selected trial, as it was trained.
        confirmed: Mean and standard deviation of the test score over fresh seeds.
        seeds: How many fresh seeds.
        wins: Whether it is the winner.
    """

    name: str
    color: str
    symbol: str
    expected: str
    interval: str
    selected: str
    confirmed: str
    seeds: int
    wins: bool


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """A comparison in words.

    Attributes:
        result: The record itself.
        headline: The verdict in a sentence that begins with the dataset.
        sentence: The same without the dataset.
        outcome: The verdict in two words: `gru wins`, `practically equal`, `undecided, withheld`.
        scores: Metric, unit and direction.
        style: How its scores are written.
        families: Its families.
        curves: Expected score against budget of each family, by its name; empty where nobody asked.
        baseline: Name of the best baseline; empty when there is none.
        baseline_score: Its test score.
        champion: Address of the exported model; empty when there is none.
        difference: Which family is better by how much, with interval and level.
        over_cases: The second interval, over test cases; empty where single cases are not known.
        chances: The probabilities of the three answers; empty when they are not known.
        cautions: Reasons to withhold or qualify that the headline does not give itself.
    """

    result: ComparisonResult
    headline: str
    sentence: str
    outcome: str
    scores: str
    style: Style
    families: tuple[FamilyView, ...]
    curves: Mapping[str, Curve]
    baseline: str
    baseline_score: str
    champion: str
    difference: str
    over_cases: str
    chances: str
    cautions: tuple[str, ...]


def view_of(comparison: ComparisonResult, curves: Mapping[str, Curve] | None = None) -> ComparisonView:
    """The comparison in words.

    Args:
        comparison: The record.
        curves: `curves_of` the comparison, where the intervals of the expected scores are to be shown.
    """
    verdict, best = comparison.verdict, comparison.best_baseline
    curves = curves or {}
    style = _style(comparison)
    sentence = headline(verdict)
    return ComparisonView(
        result=comparison,
        headline=sentence,
        sentence=sentence.removeprefix(f"{verdict.dataset}: "),
        outcome=_outcome(verdict),
        scores=score_words(comparison.objective),
        style=style,
        families=tuple(
            _family_view(family, position, verdict, style, curves)
            for position, family in enumerate(comparison.families)
        ),
        curves=curves,
        baseline=best.name if best else "",
        baseline_score=style.write(best.test_score) if best else MISSING,
        champion=model_uri(comparison.champion) if comparison.champion else "",
        difference=_difference(verdict, style),
        over_cases=_over_cases(verdict, style),
        chances=_chances(verdict),
        cautions=_cautions(verdict, sentence),
    )


def _outcome(verdict: Verdict) -> str:
    if verdict.family:
        return f"{verdict.family} wins"
    return OUTCOMES[verdict.outcome] + (", withheld" if verdict.reasons_to_abstain else "")


def _family_view(
    family: FamilyResult, position: int, verdict: Verdict, style: Style, curves: Mapping[str, Curve]
) -> FamilyView:
    name, look = family.family.name, look_of(position)
    low, high = curves[name].at(verdict.trials) if name in curves else (math.nan, math.nan)
    mean, spread = mean_and_spread(family.confirmations)
    return FamilyView(
        name=name,
        color=look.color,
        symbol=look.symbol,
        expected=style.write(verdict.expected.get(name)),
        interval=style.interval(low, high),
        selected=style.write(family.test_score),
        confirmed=style.with_spread(mean, spread),
        seeds=len(family.confirmations),
        wins=name == verdict.family,
    )


def _style(comparison: ComparisonResult) -> Style:
    verdict, best = comparison.verdict, comparison.best_baseline
    values = [*verdict.expected.values(), *(family.test_score for family in comparison.families)]
    spreads = [mean_and_spread(family.confirmations)[1] for family in comparison.families]
    return style_of(
        [*values, best.test_score if best else None],
        [*spreads, (verdict.high - verdict.low) / 2],
        comparison.objective.unit,
    )


def _difference(verdict: Verdict, style: Style) -> str:
    if not math.isfinite(verdict.difference) or len(verdict.families) < 2:
        return MISSING
    leads = verdict.difference >= 0
    low, high = (verdict.low, verdict.high) if leads else (-verdict.high, -verdict.low)
    leader = verdict.families[0 if leads else 1]
    gap = f"{leader} better by {style.write(abs(verdict.difference))}" if verdict.difference else "no difference"
    return f"{gap}, {level(verdict.level)} interval {style.interval(low, high)}"


def _over_cases(verdict: Verdict, style: Style) -> str:
    over = verdict.over_cases
    if over is None:
        return ""
    low, high = (over.low, over.high) if verdict.difference >= 0 else (-over.high, -over.low)
    return f"the interval over the {count(over.cases)} test cases drawn again, {style.interval(low, high)}"


def _chances(verdict: Verdict) -> str:
    if len(verdict.families) < 2 or not all(map(math.isfinite, verdict.probabilities)):
        return ""
    first, equal, second = map(percent, verdict.probabilities)
    one, other = verdict.families[:2]
    sentence = f"Probabilities: {one} better {first}, practically equal {equal}, {other} better {second}."
    if verdict.permutation_p is None:
        return sentence
    share = percent(verdict.permutation_p)
    return f"{sentence} Of random exchanges of trials between the two {share} differ as much."


def _cautions(verdict: Verdict, sentence: str) -> tuple[str, ...]:
    withheld = [f"Withheld: {reason}" for reason in verdict.reasons_to_abstain if reason not in sentence]
    return (*withheld, *(f"With care: {reason}" for reason in verdict.warnings if reason not in sentence))
