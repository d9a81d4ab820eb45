"""Verdicts as sentences, with the reasons to abstain from one and the warnings about one.

A sentence says what the numbers say and no more, with the constants that deciding uses.

Names come from tables of other people: whatever could steer a terminal is replaced.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from harness.records import Across, CaseInterval, Direction, Outcome, Pair, PairAcross, Verdict, VerdictPrior
from harness.stats.compare import Comparison
from harness.stats.differences import Difference, Gain, Side, convincing
from harness.stats.levels import (
    ACROSS_ERROR,
    ACROSS_PROBABILITY,
    CHANCE_TO_DECIDE,
    FAILURE_SHARE,
    MINIMUM_REPLICATES,
    MINIMUM_TRIALS,
    InterimAnalysis,
)
from harness.stats.words.extension import is_note, notes_among
from harness.text import counted, level_text, listed, percent, printable


class Edge(NamedTuple):
    """A selected hyperparameter at the edge of its search range.

    Attributes:
        family: Whose it is.
        space: The family's search space.
        hyperparameter: Its name.
        value: The selected value.
        low: Lower end of the range.
        high: Upper end.
        builder: Where a builder of one's own names the range, such as `models.py:build`; empty for a space of a file.
    """

    family: str
    space: str
    hyperparameter: str
    value: float
    low: float
    high: float
    builder: str = ""


def reasons_to_abstain(sides: Sequence[Side], trials: int, adaptive: bool) -> tuple[str, ...]:
    """Why no winner may be named, from the counts of trials alone.

    Args:
        sides: The families.
        trials: Budget n of a search.
        adaptive: Whether the replicate is the unit.
    """
    reasons = []
    if len({len(side.completed) for side in sides}) > 1:
        counts = ", ".join(f"{side.name} {len(side.completed)}" for side in sides)
        reasons.append(f"completed trials differ: {counts}")
    for side in sides:
        completed = f"{side.name} has {counted(len(side.completed), 'completed trial')}"
        if len(side.completed) < MINIMUM_TRIALS:  # what matters first: a headline may have room for no more
            reasons.append(f"too few trials: {completed}, {MINIMUM_TRIALS} are needed")
        elif len(side.completed) < trials:
            reasons.append(f"{completed}: fewer than the budget of {trials}")
        if side.failed > FAILURE_SHARE * side.asked:
            of = counted(side.asked, "trial")
            reasons.append(f"{side.name} failed in {side.failed} of {of}: more than {FAILURE_SHARE:.0%}")
    searches = {side.name: len(side.searches()) for side in sides}
    if adaptive and min(searches.values()) < MINIMUM_REPLICATES:
        counts = ", ".join(f"{name} {count}" for name, count in searches.items())
        reasons.append(f"an adaptive search needs at least {MINIMUM_REPLICATES} replicates of each family: {counts}")
    return tuple(reasons)


def budget_warnings(
    comparison: Comparison,
    lead: Difference,
    trials: int,
    margin: float,
    level: float,
    direction: Direction,
    baseline: float | None,
    rule: int = 1,
) -> list[str]:
    """What the scores say against the budget: a search was still improving, or, in 0.1.0, no family beats a baseline.

    The expected validation score always improves with the budget; it counts as still improving when the gain
    of the budget's second half, from the best of n/2 to the best of n trials, is surely (by its interval's
    lower end) more than what matters: the equivalence margin, or where there is none what the
    families differ by.

    Args:
        comparison: The families compared.
        lead: The difference of the two best families, or of the two that there are.
        trials: Budget n of a search.
        margin: Half-width of the equivalence margin.
        level: Level of the intervals.
        direction: Which scores are better.
        baseline: Test score of the best baseline; None when there is none.
        rule: Version of the rule; since the second the baseline is part of the recommendation.
    """
    if rule > 1:
        return still_improving(comparison.gains(), lead, trials, margin, direction)
    warnings = []
    expected = comparison.expected
    if baseline is not None and expected and min(expected.values()) >= direction.sign * baseline:
        best = min(expected, key=lambda name: (expected[name], name))
        warnings.append(
            "no family beats the best baseline: expected test score "
            f"{direction.sign * expected[best]:.4g} ({best}) against {baseline:.4g}"
        )
    yardstick = margin or abs(lead.value)
    what = "the equivalence margin" if margin else "the difference between the families"
    verb = "falling" if direction is Direction.MIN else "rising"
    for name, gain in sorted(comparison.gains().items()):
        if gain.low > yardstick:
            warnings.append(
                f"the expected validation score of {name} was still {verb} at the end of the budget: by "
                f"{gain.value:.4g} from the best of {max(trials // 2, 1)} to the best of {trials} trials "
                f"({level_text(level)} interval {gain.low:.4g} to {gain.high:.4g}), "
                f"more than {what} ({yardstick:.4g})"
            )
    return warnings


SWEEP = "SWEEP"
"""What stands for the sweep's id in the command of a warning."""


def still_improving(
    gains: Mapping[str, Gain], lead: Difference, trials: int, margin: float, direction: Direction
) -> list[str]:
    """The warning that searches were still improving, one for all families, with what to do about it.

    A search counts as still improving when the gain of the budget's second half is surely (by its interval's lower end)
    more than what matters: the equivalence margin, or where there is none what the families differ by.

    Args:
        gains: Fall of the expected validation loss from the best of n/2 to the best of n trials, by family.
        lead: The difference of the two best families, or of the two that there are.
        trials: Budget n of a search.
        margin: Half-width of the equivalence margin.
        direction: Which scores are better.
    """
    yardstick = margin or abs(lead.value)
    found = {name: gain.value for name, gain in sorted(gains.items()) if gain.low > yardstick}
    if not found:
        return []
    what = "the equivalence margin" if margin else "the difference between the families"
    verb = "falling" if direction is Direction.MIN else "rising"
    by = listed([f"{number(gain)} ({name})" for name, gain in found.items()])
    return [
        f"the expected validation score was still {verb} at the end of the budget: from the best of "
        f"{max(trials // 2, 1)} to the best of {trials} trials by {by}, more than {what} ({number(yardstick)}); for "
        f"better models: `harness sweep --extend {SWEEP} --trials {2 * trials}`"
    ]


def at_the_edge(edges: Sequence[Edge]) -> list[str]:
    """The warning that selected values lie at the edge of what was searched, one for all, with what to do about it.

    Args:
        edges: Where they lie.
    """
    if not edges:
        return []
    where: dict[tuple[str, float, float, float], list[str]] = {}
    for edge in edges:
        where.setdefault((edge.hyperparameter, edge.value, edge.low, edge.high), []).append(edge.family)
    values = [
        f"{name} = {value:g} of {listed(families)} ({low:g} to {high:g})"
        for (name, value, low, high), families in where.items()
    ]
    ways = dict.fromkeys(
        f"in `{edge.builder}`" if edge.builder else f"`harness spaces new {edge.space}_wide --from {edge.space}`"
        for edge in edges
    )
    return [
        f"selected values lie at the edge of their search range: {', '.join(values)}; to widen it: {listed([*ways])}"
    ]


QUESTION = (
    "For each family: the expected test score of the trial with the best validation score in one search of this "
    "budget. The model is scored as that trial trained it, on this split and test set only."
)
"""What is compared."""


CASES = "test cases"
"""What the second interval is over."""


_ROUNDING = 1e-15


def number(value: float) -> str:
    """A score for people: four significant digits, and no exponent from a thousand to a thousand million.

    What is no more than the rounding of a difference of such scores is 0.
    """
    if abs(value) < _ROUNDING:
        return "0"
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e9 else f"{value:.4g}"


def method(
    adaptive: bool,
    level: float,
    families: int,
    interim: InterimAnalysis | None = None,
    compared_at: int | None = None,
    prior: VerdictPrior | None = None,
) -> str:
    """How a verdict was made, in a few words.

    Args:
        adaptive: Whether the replicate was the unit.
        level: Level of the intervals.
        families: Number of families.
        interim: Which interim analysis it was, where replicates are added until it is decided.
        compared_at: Trials k of the search that was compared, where it is not one of the budget.
        prior: Prior of the probability, where it is not the usual one.
    """
    if adaptive:
        way = (
            f"Welch over replicates (their selected trials), {level_text(level)} interval by Welch's t: "
            "the trials of an adaptive search depend on one another"
        )
    else:
        way = (
            "pooled bootstrap (all trials of all replicates): the expected score of the best of "
            f"{compared_at or 'n'} by validation is exact, its {level_text(level)} interval a bootstrap over trials; "
            f"a winner must also pass a permutation test at {level_text(1 - level)}"
        )
        way += ", and lead at the best of n" if compared_at else ""
    if families > 2:
        way += "; pairs adjusted by Holm"
    if interim:
        way += (
            f"; interim analysis {interim.number} of at most {interim.interims}, at {interim.replicates} replicates, "
            f"at its own level: all interim analyses together hold at {level_text(interim.overall)} "
            "(Lan and DeMets 1983)"
        )
    if prior:
        way += f"; the probability's prior is that of {prior.version}, from {counted(prior.datasets, 'data set')}"
    return way


_EARLIER_WORDS = (
    (r"^selected trials of the replicates,", "Welch over replicates (their selected trials),"),
    (
        r"^(?:all trials of all replicates pooled|pooled bootstrap \(all trials of all replicates\)), exact "
        r"expectation of the best of n by validation, (\S+ %) interval by bootstrap over trials; ",
        r"pooled bootstrap (all trials of all replicates): the expected score of the best of n by validation is exact, "
        r"its \1 interval a bootstrap over trials; ",
    ),
    (
        r"a winner's difference is matched by at most (\S+ %) of random exchanges of trials|"
        r"a winner passes a permutation test at (\S+ %)",
        r"a winner must also pass a permutation test at \1\2",
    ),
    (r"; look (\d+) of at most", r"; interim analysis \1 of at most"),
    (r"all looks together hold", "all interim analyses together hold"),
    (r"no cell beats the best baseline", "no family beats the best baseline"),
    (r"more than the region of practical equivalence \(", "more than the equivalence margin ("),
    (r" has no completed trial:", " has 0 completed trials:"),
    (r"(\S+ has \d+ completed trials?): at least (\d+) are needed", r"too few trials: \1, \2 are needed"),
    (
        r"a baseline is scored once, on the whole test part: nothing says how its lead scatters",
        "one score of a baseline says nothing of chance: its test cases are not known, or too few",
    ),
    (r"; longer searches: `harness sweep", "; for better models: `harness sweep"),
    (r" lies at the edge of its range \(", " lies at the edge of its search range ("),
    (r"'s model is the best( of those that do not|, though it may not) beat ", r"'s model comes first\1 beat "),
)


def in_todays_words(text: str) -> str:
    """A verdict's method, reason to abstain or warning as it is worded today, where an earlier version wrote it."""
    for old, new in _EARLIER_WORDS:
        text = re.sub(old, new, text)
    return text


def not_over_cases(over: CaseInterval, level: float, dataset: str = "") -> str:
    """The warning about a winner that holds over trials alone, with what to do about it where a dataset is named."""
    remedy = f"; a larger test part, `test` of [split]: `harness datasets show {dataset}`" if dataset else ""
    return (
        f"the lead holds over trials but not over {CASES}: another test set of {over.cases:,} might say otherwise "
        f"({interval(over.low, over.high, level)}){remedy}"
    )


def headline(verdict: Verdict) -> str:
    """The verdict in one sentence: `airline: lstm wins: expected test score 0.912 against 0.951 of gru …`.

    Differences are told without a sign: the family that is better is named.
    """
    sentence = {
        Outcome.WINNER: _winner,
        Outcome.PRACTICALLY_EQUAL: _equal,
        Outcome.UNDECIDED: _undecided,
    }[verdict.outcome](verdict)
    return printable(f"{verdict.dataset}: {sentence}")


def explain(verdict: Verdict) -> tuple[str, ...]:
    """The numbers behind a verdict and what its headline does not say, a line each."""
    expected = ", ".join(f"{name} {number(verdict.expected[name])}" for name in verdict.families)
    lines = [f"expected test score of the best of {counted(verdict.trials, 'trial')} by validation: {expected}"]
    if verdict.expected_at:
        at = ", ".join(f"{name} {number(verdict.expected_at[name])}" for name in verdict.families)
        lines.append(f"of the best of {counted(verdict.compared_at or 0, 'trial')}, which are compared: {at}")
    lines += _difference(verdict)
    if len(verdict.families) > 2:
        lines.extend(_pair(pair) for pair in verdict.pairs)
    lines.extend(f"warning: {reason}" for reason in verdict.warnings if not is_note(reason))
    lines.extend(f"note: {said}" for said in notes_among(verdict.warnings))
    lines.append(f"method: {verdict.method}")
    return tuple(printable(line) for line in lines)


def overall(verdicts: Mapping[str, Verdict], across: Across | None) -> str:
    """One sentence for all datasets: counts, and what the tests over datasets allow besides."""
    if not verdicts:
        return "no dataset was compared"
    if across is None:
        return "; ".join(headline(verdict) for verdict in verdicts.values())
    wins = ", ".join(f"{family} wins {count}" for family, count in across.wins.items())
    parts = [
        f"of {len(verdicts)} datasets {wins}, practically equal {across.practically_equal}, "
        f"undecided {across.undecided}"
    ]
    tested = [pair for pair in across.pairs if pair.signed_rank is not None]
    parts.extend(_over_datasets(pair) for pair in tested)
    if not tested:
        parts.append("no test over datasets was made")
    return printable("; ".join(parts))


def across_lines(across: Across) -> tuple[str, ...]:
    """The numbers over all datasets, a line each."""
    lines = [
        f"{pair.first} against {pair.second}: {counted(pair.wins, 'win')}, {counted(pair.ties, 'tie')}, "
        f"{counted(pair.losses, 'loss', 'losses')}, {pair.undecided} undecided"
        for pair in across.pairs
    ]
    if across.average_ranks:
        ranks = ", ".join(f"{name} {rank:.2f}" for name, rank in across.average_ranks.items())
        lines.append(
            f"average ranks: {ranks} (Friedman p = {across.friedman_p:.3g}; families further apart than "
            f"{across.critical_difference:.2f} differ at 5 % by Nemenyi)"
        )
    lines.extend(f"not made: {reason}" for reason in across.refused)
    return tuple(printable(line) for line in lines)


def _winner(verdict: Verdict) -> str:
    winner = verdict.family or ""
    others = [name for name in verdict.families if name != winner]
    rank = ", the runner-up" if len(others) > 1 else ""
    return (
        f"{winner} wins: expected test score {number(verdict.expected[winner])} against "
        f"{number(verdict.expected[others[0]])} of {others[0]}{rank} "
        f"(better by {number(abs(verdict.difference))}, "
        f"{lead(verdict)}{_holds(verdict)})"
    )


def _holds(verdict: Verdict) -> str:
    """In which of its two intervals a winner holds, where both are known."""
    if verdict.over_cases is None:
        return ""
    both = len(verdict.holds_in) > 1
    return f"; it holds over trials {'and' if both else 'but not'} over {CASES}"


def _equal(verdict: Verdict) -> str:
    equal = equals(verdict)
    beaten = [name for name in verdict.families if name not in equal]
    also = f", and the best of them beats {listed(beaten)}" if beaten else ""
    which = (
        f"use {verdict.recommended}: {verdict.cheaper_because}"
        if verdict.recommended
        else "nothing says which is cheaper"
    )
    return (
        f"{listed(equal)} are practically equal (difference in expected test score "
        f"{number(abs(verdict.difference))}, "
        f"{lead(verdict)}, "
        f"within ±{number(verdict.margin)}){also}; {which}"
    )


def _undecided(verdict: Verdict) -> str:
    between = f"undecided between {listed(verdict.families)}"
    if verdict.reasons_to_abstain:
        return f"{between}, withheld because {'; '.join(verdict.reasons_to_abstain)}"
    if math.isnan(verdict.difference):
        return f"{between} (a family has no completed trial)"
    gap = f"{verdict.leader} better by {number(abs(verdict.difference))}" if verdict.difference else "no difference"
    why = f"{gap} in expected test score, {lead(verdict)}, {doubt(verdict)}"
    if verdict.more_trials is None:
        return f"{between} ({why})"
    searches = verdict.more_trials // verdict.trials
    return (
        f"{between} ({why}); an estimated {counted(searches, 'more replicate')} (independent "
        f"{'search' if searches == 1 else 'searches'}) of {counted(verdict.trials, 'trial')} per family would decide "
        f"with a probability of {level_text(CHANCE_TO_DECIDE)}"
    )


def doubt(verdict: Verdict) -> str:
    """Why the better family is not the winner."""
    if verdict.low <= 0 <= verdict.high:
        return "which contains 0"
    if verdict.permutation_p is not None and not convincing(verdict.permutation_p, verdict.level):
        return f"but the permutation p-value is {verdict.permutation_p:.3g}, above {1 - verdict.level:.3g}"
    return "but not all pairs are settled once adjusted by Holm"


def _difference(verdict: Verdict) -> list[str]:
    if math.isnan(verdict.difference):
        return ["no difference: a family has no completed trial"]
    first, second = verdict.families[:2]
    gap = f"no difference between {first} and {second}"
    if verdict.difference:
        other = second if verdict.leader == first else first
        gap = f"{verdict.leader} better than {other} by {number(abs(verdict.difference))}"
    margin = f"equivalence margin ±{number(verdict.margin)}" if verdict.margin else "no equivalence margin"
    lines = [f"{gap}, {lead(verdict)}; {margin}"]
    if over := verdict.over_cases:
        ends = interval(*verdict.for_leader(over.low, over.high), verdict.level)
        together = f", {over.block} neighbouring ones together" if over.block > 1 else ""
        lines.append(f"over {CASES}: {ends} ({over.cases:,} resampled{together})")
    return [*lines, chances] if (chances := probabilities(verdict)) else lines


def probabilities(verdict: Verdict) -> str:
    """How probable it is that a family is better by more than what matters; empty where that is not known.

    Of verdicts of 0.1.0, which recommend nothing: later ones have the outlook's probability, which is right as often
    as it says, and no other. They are shares of the bootstrap's resamples, or, over replicates, those of Welch's t.
    """
    if verdict.recommendation or len(verdict.families) < 2 or not all(map(math.isfinite, verdict.probabilities)):
        return ""
    first, equal, second = map(percent, verdict.probabilities)
    one, other = verdict.families[:2]
    by = " by more than the equivalence margin" if verdict.margin else ""
    neither = f"; that neither is: {equal}" if verdict.margin else ""
    return (
        f"Estimated probability, by the interval's method, that {one} is better{by}: {first}; that {other} is: "
        f"{second}{neither}."
    )


def lead(verdict: Verdict) -> str:
    """The interval of the leader's lead."""
    return interval(*verdict.for_leader(verdict.low, verdict.high), verdict.level)


def interval(low: float, high: float, level: float) -> str:
    """An interval with its level: `95 % interval 0.1 to 0.3`."""
    return "no interval" if math.isnan(low) else f"{level_text(level)} interval {number(low)} to {number(high)}"


def equals(verdict: Verdict) -> list[str]:
    """The best family and those practically equal to it."""
    best = verdict.families[0] if len(verdict.families) > 2 else verdict.leader
    equal = {best}
    for pair in verdict.pairs:
        if pair.outcome is Outcome.PRACTICALLY_EQUAL and best in (pair.first, pair.second):
            equal |= {pair.first, pair.second}
    return [name for name in verdict.families if name in equal]


def _pair(pair: Pair) -> str:
    answer = f"{pair.family} better" if pair.family else pair.outcome.value.replace("_", " ")
    return (
        f"{pair.first} against {pair.second}: better by {number(pair.difference)} "
        f"({number(pair.low)} to {number(pair.high)}), p = {pair.p:.3g}: {answer}"
    )


def _over_datasets(pair: PairAcross) -> str:
    """What the tests say of one pair: a name only where both agree."""
    assert pair.signed_rank is not None  # of the pairs that were tested
    assert pair.wilcoxon_p is not None
    first, equal, second = pair.signed_rank
    for name, other, share in ((pair.first, pair.second, first), (pair.second, pair.first, second)):
        if share >= ACROSS_PROBABILITY and pair.wilcoxon_p <= ACROSS_ERROR:
            return (
                f"over datasets like these {name} is better than {other} by more than what matters "
                f"(probability {share:.3f}, Wilcoxon p = {pair.wilcoxon_p:.3g})"
            )
    if equal >= ACROSS_PROBABILITY:
        return (
            f"over datasets like these {pair.first} and {pair.second} are practically equal (probability {equal:.3f})"
        )
    return (
        f"over datasets like these neither {pair.first} nor {pair.second} is shown to be better "
        f"(probabilities {first:.3f} and {second:.3f}, practically equal {equal:.3f}, "
        f"Wilcoxon p = {pair.wilcoxon_p:.3g})"
    )
