"""What every form of the report says about a comparison, written once; text, HTML, Markdown and LaTeX lay it out.

It turns numbers into words and decides nothing: outcomes and sentences come from `harness.verdicts`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from harness.records import ArmResult, ComparisonResult, Outcome, Verdict
from harness.report import numbers
from harness.report.axes import look_of
from harness.report.curves import Curve
from harness.report.numbers import Style, style_of
from harness.report.words import model_uri, score_words
from harness.verdicts.wording import headline

OUTCOMES = {
    Outcome.PRACTICALLY_EQUAL: "practically equal",
    Outcome.UNDECIDED: "undecided",
}


@dataclass(frozen=True, slots=True)
class ArmView:
    """One arm's line in the tables.

    Attributes:
        name: The arm's name.
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
        arms: Its arms.
        curves: Expected score against budget of each arm, by its name; empty where nobody asked.
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
    arms: tuple[ArmView, ...]
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
        arms=tuple(_arm_view(arm, position, verdict, style, curves) for position, arm in enumerate(comparison.arms)),
        curves=curves,
        baseline=best.name if best else "",
        baseline_score=style.write(best.test_score) if best else numbers.MISSING,
        champion=model_uri(comparison.champion) if comparison.champion else "",
        difference=_difference(verdict, style),
        over_cases=_over_cases(verdict, style),
        chances=_chances(verdict),
        cautions=_cautions(verdict, sentence),
    )


def _outcome(verdict: Verdict) -> str:
    if verdict.family:
        return f"{verdict.family} wins"
    return OUTCOMES[verdict.outcome] + (", withheld" if verdict.withheld_because else "")


def _arm_view(arm: ArmResult, position: int, verdict: Verdict, style: Style, curves: Mapping[str, Curve]) -> ArmView:
    name, look = arm.arm.name, look_of(position)
    low, high = curves[name].at(verdict.trials) if name in curves else (math.nan, math.nan)
    mean, spread = numbers.mean_and_spread(arm.confirmations)
    return ArmView(
        name=name,
        color=look.color,
        symbol=look.symbol,
        expected=style.write(verdict.expected.get(name)),
        interval=style.interval(low, high),
        selected=style.write(arm.test_score),
        confirmed=style.with_spread(mean, spread),
        seeds=len(arm.confirmations),
        wins=name == verdict.family,
    )


def _style(comparison: ComparisonResult) -> Style:
    verdict, best = comparison.verdict, comparison.best_baseline
    values = [*verdict.expected.values(), *(arm.test_score for arm in comparison.arms)]
    spreads = [numbers.mean_and_spread(arm.confirmations)[1] for arm in comparison.arms]
    return style_of(
        [*values, best.test_score if best else None],
        [*spreads, (verdict.high - verdict.low) / 2],
        comparison.objective.unit,
    )


def _difference(verdict: Verdict, style: Style) -> str:
    if not math.isfinite(verdict.difference) or len(verdict.families) < 2:
        return numbers.MISSING
    leads = verdict.difference >= 0
    low, high = (verdict.low, verdict.high) if leads else (-verdict.high, -verdict.low)
    leader = verdict.families[0 if leads else 1]
    gap = f"{leader} better by {style.write(abs(verdict.difference))}" if verdict.difference else "no difference"
    return f"{gap}, {numbers.level(verdict.level)} interval {style.interval(low, high)}"


def _over_cases(verdict: Verdict, style: Style) -> str:
    over = verdict.over_cases
    if over is None:
        return ""
    low, high = (over.low, over.high) if verdict.difference >= 0 else (-over.high, -over.low)
    return f"the interval over the {numbers.count(over.cases)} test cases drawn again, {style.interval(low, high)}"


def _chances(verdict: Verdict) -> str:
    if len(verdict.families) < 2 or not all(map(math.isfinite, verdict.probabilities)):
        return ""
    first, equal, second = map(numbers.percent, verdict.probabilities)
    one, other = verdict.families[:2]
    sentence = f"Probabilities: {one} better {first}, practically equal {equal}, {other} better {second}."
    if verdict.shuffled is None:
        return sentence
    share = numbers.percent(verdict.shuffled)
    return f"{sentence} Of random exchanges of trials between the two {share} differ as much."


def _cautions(verdict: Verdict, sentence: str) -> tuple[str, ...]:
    withheld = [f"Withheld: {reason}" for reason in verdict.withheld_because if reason not in sentence]
    return (*withheld, *(f"With care: {reason}" for reason in verdict.qualified_because if reason not in sentence))
