"""The answer for people: what to use on a dataset, what that rests on, and what would settle the rest.

Every number is one of the verdict's. An error is a loss; where higher scores are better, it is what a score lacks to 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from harness.records import (
    Configurations,
    ModelsInHand,
    Outcome,
    Outlook,
    Reason,
    Recommendation,
    Settling,
    Use,
    Verdict,
)
from harness.stats.words.extension import is_note, notes_among
from harness.stats.words.wording import SWEEP, doubt, equals, headline, in_todays_words, interval, lead, number
from harness.text import PLAIN_WIDTH, begin_of, counted, duration_text, level_text, listed, printable, wrapped

_MOST_LINES = 2
_MOST_WARNINGS = 3
_EXTENDING = re.compile(f"; [^;]*`harness sweep --extend {SWEEP}[^`]*`")
_LENGTHS = (None, 60, 45, 36, 28, 20)
"""Of a reason to abstain: the longest with which the sentence fits."""
_TERSER = (
    (" sure\\)$", ")"),
    (" over the [0-9,]+ cases that score", ""),
    ("; it is better with probability", "; better with probability"),
    (", the chosen network,", ""),
    ("; better with probability", "; probability"),
    (", the chosen network", ""),
    ("(?<= error) (than|as|of) [^;]*", ""),
    (", which [^;]* may not beat", ", maybe not beaten"),
    (" the error \\(", " ("),
    (", though ", ", "),
)
"""Words that the sentence can do without (patterns), and what takes their place, in the order in which they go."""
_LEAST = 4

_WHY = {
    Reason.TEST_CASES: ", better over test cases",
    Reason.TRIALS: ", for which all trials speak",
    Reason.VALIDATION: ", which validation selected",
    Reason.CHEAPER: "",
    Reason.BASELINE: "",
    Reason.NOT_BEATEN: "",
}


def recommendation(verdict: Verdict) -> str:
    """What to use, by how much it is better, and how sure that is, in a sentence that begins with the dataset's name.

    Args:
        verdict: The verdict; one of 0.1.0, which recommends nothing, has its headline.

    Returns:
        At most two lines of 80 columns; more only where the names of dataset and families alone are that long.
    """
    if (found := verdict.recommendation) is None:
        return headline(verdict)
    why = _WHY[found.reason]
    whys = [f"{why} ({found.because})", why] if found.because else [why]
    forms: list[tuple[str, int | None]] = [*((one, None) for one in whys), *(("", most) for most in _LENGTHS)]
    sentences = [printable(f"{verdict.dataset}: {_what(found, one)}; {_certainty(found, most)}") for one, most in forms]
    terser = [list(accumulate(_TERSER, _without, initial=one)) for one in sentences]
    # A reason is worth more than the first of these words, and less than the others.
    sentences = [one for forms in terser for one in forms[:_LEAST]]
    sentences += [one for level in zip(*(forms[_LEAST:] for forms in terser), strict=True) for one in level]
    return next((one for one in sentences if len(wrapped(one, PLAIN_WIDTH)) <= _MOST_LINES), sentences[-1])


def _without(sentence: str, words: tuple[str, str]) -> str:
    return re.sub(*words, sentence)


def three(verdict: Verdict) -> tuple[str, ...]:
    """What is known of the models in hand, of their configurations, and of the families over searches.

    Args:
        verdict: The verdict; one of 0.1.0, which did not ask the first two, has no sentences.

    Returns:
        A sentence each, which begins with what it is about. Where the answers disagree the last one says so.
    """
    if verdict.recommendation is None:
        return ()
    return (
        printable(f"Models in hand: {_models(verdict.models)}."),
        printable(f"Configurations: {_configurations(verdict.configurations)}."),
        printable(f"Families: {_families(verdict)}.{_though(verdict, verdict.recommendation)}"),
    )


def settling(verdict: Verdict, sweep: str | None = None) -> str:
    """What would settle the families' question, in a sentence; empty where it is settled or no estimate is to be had.

    Args:
        verdict: The verdict.
        sweep: Id of the sweep to extend, with the options that mean its store; None where there is none that can be.
    """
    if (found := verdict.settling) is None:
        return ""
    more = _between([f"{count:,}" for count in found.trials])
    if not found.worth:
        return f"Not worth more trials: {more} more per family would hardly settle the families."
    times = f" ({_between([duration_text(seconds) for seconds in found.seconds])})" if found.seconds else ""
    command = f": `{_extending(verdict, found, sweep)}`" if sweep else "."
    chance = probability_text(found.chance)
    return f"{more} more trials per family{times} settle it, chance {chance}{command}"


def warnings(verdict: Verdict, sweep: str | None = None) -> tuple[str, ...]:
    """What to know besides, each with its remedy as a command where there is one.

    Args:
        verdict: The verdict; one of 0.1.0 has every warning as it was given.
        sweep: Id of the sweep to extend, with the options that mean its store; None where there is none that can be.

    Returns:
        At most three, of which the last holds what is more.
    """
    words = [printable(in_todays_words(one)) for one in verdict.warnings if not is_note(one)]
    if verdict.recommendation is None:
        return tuple(words)
    words = [_EXTENDING.sub("", one) if sweep is None else one.replace(SWEEP, sweep) for one in words]
    last = "; ".join(words[_MOST_WARNINGS - 1 :])
    return (*words[: _MOST_WARNINGS - 1], *([last] if last else []))


def notes(verdict: Verdict) -> tuple[str, ...]:
    """Facts about the sweep that whoever reads its verdict should know and that speak against nothing.

    Args:
        verdict: The verdict.
    """
    return tuple(map(printable, notes_among(verdict.warnings)))


def answers(verdicts: Mapping[str, Verdict], sweep: str | None = None) -> dict[str, dict[str, Any]]:
    """Every sentence of some verdicts, as plain values for JSON.

    Args:
        verdicts: The verdicts by dataset.
        sweep: Id of the sweep to extend, with the options that mean its store; None where there is none that can be.

    Returns:
        By dataset `recommendation`, `sentences`, `settling`, `warnings` and `notes`; what was not asked is empty.
    """
    return {
        dataset: {
            "recommendation": recommendation(verdict),
            "sentences": list(three(verdict)),
            "settling": settling(verdict, sweep),
            "warnings": list(warnings(verdict, sweep)),
            "notes": list(notes(verdict)),
        }
        for dataset, verdict in verdicts.items()
    }


def probability_text(probability: float) -> str:
    """A probability as a number of two digits; 0 and 1 are never claimed.

    Args:
        probability: From 0 to 1.

    Returns:
        Such as `0.72`, `under 0.01` or `over 0.99`.
    """
    if probability < 0.01:
        return "under 0.01"
    return "over 0.99" if probability > 0.99 else f"{probability:.2f}"


def regret_text(share: float) -> str:
    """By how much more error a choice costs at worst, rounded up.

    Args:
        share: The bound as a share of the other's error; 0.05 is 5 % more.

    Returns:
        Such as `no more error`, `5 % more error` or `2.4 times the error`.
    """
    if share <= 0:
        return "no more error"
    if share <= 1:
        return f"{math.ceil(round(100 * share, 6))} % more error"
    return f"{math.ceil(round(10 * (1 + share), 6)) / 10:g} times the error"


def _what(found: Recommendation, why: str) -> str:
    """What to use, why, and by how much it is better."""
    use = f"use {found.family}'s model"
    if found.use is Use.BASELINE:
        use = f"use the baseline, {found.baseline}"
    elif found.use is Use.EITHER:
        use = f"use either model; {found.family}'s is cheaper"
    other = f"{found.against}'s"
    if found.use is Use.BASELINE:
        other += ", the chosen network"
    size = _size(found.lower_loss, other, found.scored_cases) if found.against and found.lower_loss is not None else ""
    if found.use is Use.BASELINE and (found.reason is Reason.NOT_BEATEN or (found.lower_loss or 0) < 0):
        size = f", which {other}, may not beat"
    return f"{use}{why}{size}"


def compared_with(lower: float) -> str:
    """By what share an error is lower or higher than another's, before the other's name.

    Args:
        lower: 0.05 is 5 % lower; negative: higher.

    Returns:
        Such as `22 % lower error than`, `the same error as` or `2.4 times the error of`.
    """
    percents = abs(100 * lower)
    if percents < 0.05:
        return "the same error as"
    share = f"{percents:.1g} %" if percents < 1 else f"{percents:.0f} %"
    if lower > 0:
        return f"{'over 99 %' if lower > 0.99 else share} lower error than"
    return f"{1 - lower:.1f} times the error of" if lower < -1 else f"{share} higher error than"


def _size(lower: float, other: str, cases: int | None) -> str:
    """By what share the error is lower than another's, as the end of a sentence that names what to use.

    Where that contradicts the choice, it says which test cases do.
    """
    words = f"{compared_with(lower)} {other}"
    if 100 * lower > -0.05:
        return f": {words}"
    where = f" over the {cases:,} cases that score" if cases else ""
    return f", though {words}{where}"


def _certainty(found: Recommendation, most: int | None) -> str:
    if found.probability is None:
        why = begin_of(found.abstains, most) if most else found.abstains
        return f"how sure is not known{f': {why}' if why else ''}"
    if (network := found.network_probability) is not None:
        return f"{found.against}'s is better with probability {odds(network, found.regret, found.level)}"
    return f"it is better with probability {odds(found.probability, found.regret, found.level)}"


def odds(probability: float, regret: float | None, level: float) -> str:
    """A probability and what the choice costs at worst: `0.97, at worst 2 % more error (95 % sure)`."""
    worst = at_worst(regret, level)
    return f"{probability_text(probability)}{', ' * bool(worst)}{worst}"


def at_worst(regret: float | None, level: float) -> str:
    """What a choice costs at worst, such as `at worst 2 % more error (95 % sure)`; empty where that is not known."""
    return "" if regret is None else f"at worst {regret_text(regret)} ({level_text(level)} sure)"


def _models(found: ModelsInHand | None) -> str:
    if found is None:
        return "not asked: single test cases are unknown, or too few"
    return f"{_better(found)} over the {found.cases:,} test cases that decide ({lead_interval(found)}{_chance(found)})"


def _chance(found: ModelsInHand) -> str:
    """Why a difference of models is open though its interval excludes zero."""
    if found.family or found.low <= 0 <= found.high or found.permutation_p is None:
        return ""
    alike = found.cases // found.block
    return f", but too few blocks of neighbouring cases, {alike}, tell it from chance: p = {found.permutation_p:.2g}"


def _configurations(found: Configurations | None) -> str:
    if found is None:
        return "not asked: that takes two fresh seeds or more (--seeds)"
    over = found.over_cases if found.family else None
    holds = f"; {'also' if over.settled else 'not'} over test cases" if over else ""
    return f"{_better(found)} over {found.seeds} fresh seeds each ({lead_interval(found)}){holds}"


def _better(found: ModelsInHand | Configurations) -> str:
    """Whose is better by how much, or that it is open and whose seems to be."""
    if not found.difference:
        return "no difference"
    better, other = found.families if found.difference > 0 else reversed(found.families)
    size = f"by {number(abs(found.difference))}"
    return f"{better}'s is better than {other}'s {size}" if found.family else f"undecided, {better}'s better {size}"


def lead_interval(found: ModelsInHand | Configurations) -> str:
    """The interval of the lead of whoever seems better."""
    ends = (found.low, found.high) if found.difference >= 0 else (-found.high, -found.low)
    return interval(*ends, found.level)


def _families(verdict: Verdict) -> str:
    if verdict.reasons_to_abstain:
        return f"no answer, because {'; '.join(verdict.reasons_to_abstain)}"
    if math.isnan(verdict.difference):
        return "no answer, because a family has no completed trial"
    searches = f"searches of {counted(verdict.trials, 'trial')}"
    if verdict.compared_at and verdict.compared_at < verdict.trials:
        searches = f"searches of {verdict.compared_at:,} of the {counted(verdict.trials, 'trial')}"
    size = f"by {number(abs(verdict.difference))}"
    first, second = verdict.families[:2]
    other = second if verdict.leader == first else first
    if verdict.outcome is Outcome.WINNER:
        over = f"; {'also' if verdict.over_cases.settled else 'not'} over test cases" if verdict.over_cases else ""
        return f"{verdict.family} is better than {other} {size} in {searches} ({lead(verdict)}){over}"
    than = f" than {other}" if len(verdict.families) > 2 else ""
    gap = f"{verdict.leader} better{than} {size}" if verdict.difference else "no difference"
    if verdict.outcome is Outcome.PRACTICALLY_EQUAL:
        within = f"({gap}, {lead(verdict)}, within ±{number(verdict.margin)})"
        cheaper = f"; {verdict.recommended} is cheaper, {verdict.cheaper_because}" if verdict.recommended else ""
        return f"{listed(equals(verdict))} are practically equal in {searches} {within}{cheaper}"
    odds = _outlook(verdict.outlook, verdict.leader)
    return f"undecided in {searches}: {gap} ({lead(verdict)}{_why_open(verdict)}){odds}"


def _why_open(verdict: Verdict) -> str:
    """Why a difference is open though its interval excludes zero."""
    if verdict.low <= 0 <= verdict.high:
        return ""
    first, second = verdict.families[:2]
    if (here := verdict.expected_at) and (here[first] < here[second]) != (
        verdict.expected[first] < verdict.expected[second]
    ):
        return f", but not in searches of {counted(verdict.trials, 'trial')}"
    return f", {doubt(verdict)}"


def _outlook(found: Outlook | None, leader: str) -> str:
    if found is None or found.probability is None:
        return ""
    if found.better == leader:
        return f", with probability {odds(found.probability, found.regret, found.level)}"
    # The estimate reads validation scores too, and may favour the other one.
    return f"; by all scores {found.better} with probability {odds(found.probability, found.regret, found.level)}"


def _though(verdict: Verdict, found: Recommendation) -> str:
    """Which of the three answers name another family than the recommended model's."""
    if found.use is not Use.MODEL:
        return ""
    others = []
    if (seeds := verdict.configurations) and seeds.family not in (None, found.family):
        others.append(f"{seeds.family}'s configuration is the better one over fresh seeds")
    if verdict.family not in (None, found.family):
        others.append(f"{verdict.family} is the better family over searches")
    elif _probably_better(verdict) not in (None, found.family):
        others.append(f"{_probably_better(verdict)} is probably the better family over searches")
    return f" The model in hand is {found.family}'s though {listed(others)}." if others else ""


def _probably_better(verdict: Verdict) -> str | None:
    """The family that the outlook favours where the verdict is open; None where that rounds to even odds."""
    outlook = verdict.outlook
    if verdict.outcome is not Outcome.UNDECIDED or outlook is None or outlook.probability is None:
        return None
    return outlook.better if round(outlook.probability, 2) > 0.5 else None


def _between(values: Sequence[str]) -> str:
    """The smallest and the largest of some numbers in order, as text."""
    return " to ".join(dict.fromkeys((values[0], values[-1]))) if values else ""


def _extending(verdict: Verdict, found: Settling, sweep: str) -> str:
    """The command by which the sweep makes as many replicates as are likely to be needed at most."""
    replicates = min(verdict.completed.values()) // verdict.trials + found.replicates[-1]
    return f"harness sweep --extend {sweep} --replicates {replicates}"
