"""Verdicts as sentences, with the reasons to withhold one and the reasons to read one with care.

A sentence says what the numbers say and no more, with the constants that deciding uses.

Names come from tables of other people: whatever could steer a terminal is replaced.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.records import Across, CaseInterval, Direction, Outcome, Pair, PairAcross, Verdict
from harness.stats.differences import Evidence, Side, convincing
from harness.stats.levels import (
    ACROSS_ERROR,
    ACROSS_PROBABILITY,
    CHANCE_TO_DECIDE,
    FAILURE_SHARE,
    MINIMUM_REPLICATES,
    MINIMUM_TRIALS,
    InterimAnalysis,
)


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
        reasons.extend(_about(side, trials))
    searches = {side.name: len(side.searches()) for side in sides}
    if adaptive and min(searches.values()) < MINIMUM_REPLICATES:
        counts = ", ".join(f"{name} {count}" for name, count in searches.items())
        reasons.append(f"an adaptive search needs at least {MINIMUM_REPLICATES} replicates of each family: {counts}")
    return tuple(reasons)


def _about(side: Side, trials: int) -> list[str]:
    reasons = []
    completed = len(side.completed)
    if completed < MINIMUM_TRIALS:
        reasons.append(f"{side.name} has {counted(completed, 'completed trial')}: at least {MINIMUM_TRIALS} are needed")
    elif completed < trials:
        reasons.append(f"{side.name} has {counted(completed, 'completed trial')}: fewer than the budget of {trials}")
    if side.failed > FAILURE_SHARE * side.asked:
        reasons.append(
            f"{side.name} failed in {side.failed} of {counted(side.asked, 'trial')}: more than {FAILURE_SHARE:.0%}"
        )
    return reasons


def warnings_for(
    evidence: Evidence,
    families: Sequence[str],
    *,
    trials: int,
    margin: float,
    level: float,
    direction: Direction,
    baseline: float | None,
) -> tuple[str, ...]:
    """Why to read the verdict with care, from its numbers.

    The expected validation score always improves with the budget; it counts as still improving when the gain
    of the budget's second half, from the best of n/2 to the best of n trials, is surely (by its interval's
    lower end) more than what matters: the equivalence margin, or where there is none what the
    families differ by.

    Args:
        evidence: The estimates.
        families: The two best families, best first or in the order given.
        trials: Budget n of a search.
        margin: Half-width of the equivalence margin.
        level: Level of the intervals.
        direction: Which scores are better.
        baseline: Test score of the best baseline; None when there is none.
    """
    reasons = []
    sign = 1 if direction is Direction.MIN else -1
    if baseline is not None and evidence.expected and min(evidence.expected.values()) >= sign * baseline:
        best = min(evidence.expected, key=lambda name: (evidence.expected[name], name))
        reasons.append(
            "no cell beats the best baseline: expected test score "
            f"{sign * evidence.expected[best]:.4g} ({best}) against {baseline:.4g}"
        )
    yardstick = margin or abs(evidence.between(*families[:2]).value)
    what = "the region of practical equivalence" if margin else "the difference between the families"
    verb = "falling" if direction is Direction.MIN else "rising"
    for name, gain in sorted(evidence.gains.items()):
        if gain.low > yardstick:
            reasons.append(
                f"the expected validation score of {name} was still {verb} at the end of the budget: by "
                f"{gain.value:.4g} from the best of {max(trials // 2, 1)} to the best of {trials} trials "
                f"({percent(level)} interval {gain.low:.4g} to {gain.high:.4g}), "
                f"more than {what} ({yardstick:.4g})"
            )
    return tuple(reasons)


def extras(given: Mapping[str, Sequence[str]], dataset: str) -> tuple[str, ...]:
    """The caller's own reasons about a dataset."""
    return tuple(given.get(dataset, ()))


def counted(number: int, thing: str) -> str:
    """`1 trial`, `2 trials`, `no trial`."""
    return f"{number or 'no'} {thing}{'s' if number > 1 else ''}"


def percent(share: float) -> str:
    """`98 %`, `99.5 %`."""
    return f"{100 * share:.4g} %"


QUESTION = (
    "the expected test score, on this split and test set, of the model that a search of this budget selects "
    "by validation, as that trial was trained"
)
"""What is decided for each family."""


CASES = "test cases"
"""What the second interval is over."""


def clean(text: str) -> str:
    """The text with every unprintable character (escapes, line ends, turned text) replaced by `�`."""
    return "".join(character if character.isprintable() else "�" for character in text)


def number(value: float) -> str:
    """A score for people: four significant digits, and no exponent from ten thousand to a thousand million."""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def method(adaptive: bool, level: float, families: int, look: InterimAnalysis | None = None) -> str:
    """How a verdict was made, in a few words."""
    if adaptive:
        way = (
            f"selected trials of the replicates, {percent(level)} interval by Welch's t: "
            "the trials of an adaptive search depend on one another"
        )
    else:
        way = (
            "all trials of all replicates pooled, exact expectation of the best of n by validation, "
            f"{percent(level)} interval by bootstrap over trials; a winner's difference is matched by "
            f"at most {percent(1 - level)} of random exchanges of trials"
        )
    return way + ("; pairs adjusted by Holm" if families > 2 else "") + (f"; {_interim(look)}" if look else "")


def _interim(look: InterimAnalysis) -> str:
    return (
        f"look {look.number} of at most {look.interims}, at {look.replicates} replicates, at its own level: all looks "
        f"together hold at {percent(look.overall)} (Lan and DeMets 1983)"
    )


def not_over_cases(over: CaseInterval, level: float) -> str:
    """Why a winner is to be read with care that holds over trials alone."""
    return (
        f"the lead holds over trials but not over {CASES}: another test set of {over.cases:,} might say otherwise "
        f"({_interval(over.low, over.high, level)})"
    )


def headline(verdict: Verdict) -> str:
    """The verdict in one sentence: `airline: lstm wins: expected test score 0.912 against 0.951 of gru …`."""
    sentence = {
        Outcome.WINNER: _winner,
        Outcome.PRACTICALLY_EQUAL: _equal,
        Outcome.UNDECIDED: _undecided,
    }[verdict.outcome](verdict)
    return clean(f"{verdict.dataset}: {sentence}")


def explain(verdict: Verdict) -> tuple[str, ...]:
    """The numbers behind a verdict and what its headline does not say, a line each."""
    expected = ", ".join(f"{name} {number(verdict.expected[name])}" for name in verdict.families)
    lines = [
        f"expected test score of the best of {counted(verdict.trials, 'trial')} by validation: {expected}",
        *_difference(verdict),
    ]
    if len(verdict.families) > 2:
        lines.extend(_pair(pair) for pair in verdict.pairs)
    lines.extend(f"with care: {reason}" for reason in verdict.warnings)
    lines.append(f"method: {verdict.method}")
    return tuple(clean(line) for line in lines)


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
    return clean("; ".join(parts))


def across_lines(across: Across) -> tuple[str, ...]:
    """The numbers over all datasets, a line each."""
    lines = [
        f"{pair.first} against {pair.second}: {_tally(pair.wins, 'win')}, {_tally(pair.ties, 'tie')}, "
        f"{_tally(pair.losses, 'loss', 'losses')}, {pair.undecided} undecided"
        for pair in across.pairs
    ]
    if across.average_ranks:
        ranks = ", ".join(f"{name} {rank:.2f}" for name, rank in across.average_ranks.items())
        lines.append(
            f"average ranks: {ranks} (Friedman p = {across.friedman_p:.3g}; families further apart than "
            f"{across.critical_difference:.2f} differ at 5 % by Nemenyi)"
        )
    lines.extend(f"not made: {reason}" for reason in across.refused)
    return tuple(clean(line) for line in lines)


def _tally(count: int, one: str, more: str = "") -> str:
    return f"{count} {one if count == 1 else more or one + 's'}"


def _winner(verdict: Verdict) -> str:
    winner = verdict.family or ""
    others = [name for name in verdict.families if name != winner]
    rank = ", the runner-up" if len(others) > 1 else ""
    return (
        f"{winner} wins: expected test score {number(verdict.expected[winner])} against "
        f"{number(verdict.expected[others[0]])} of {others[0]}{rank} "
        f"(better by {number(abs(verdict.difference))}, "
        f"{_interval(*_seen_from(verdict, winner), verdict.level)}{_holds(verdict)})"
    )


def _holds(verdict: Verdict) -> str:
    """In which of its two intervals a winner holds, where both are known."""
    if verdict.over_cases is None:
        return ""
    both = len(verdict.holds_in) > 1
    return f"; it holds over trials {'and' if both else 'but not'} over {CASES}"


def _equal(verdict: Verdict) -> str:
    equal = _equals(verdict)
    beaten = [name for name in verdict.families if name not in equal]
    also = f", and the best of them beats {_listed(beaten)}" if beaten else ""
    which = (
        f"use {verdict.recommended}: {verdict.cheaper_because}"
        if verdict.recommended
        else "nothing says which is cheaper"
    )
    return (
        f"{_listed(equal)} are practically equal (difference {number(abs(verdict.difference))}, "
        f"{_interval(*_seen_from(verdict, _leader(verdict)), verdict.level)}, "
        f"within ±{number(verdict.margin)}){also}; {which}"
    )


def _undecided(verdict: Verdict) -> str:
    between = f"undecided between {_listed(verdict.families)}"
    if verdict.reasons_to_abstain:
        return f"{between}, withheld because {'; '.join(verdict.reasons_to_abstain)}"
    leader = _leader(verdict)
    interval = _interval(*_seen_from(verdict, leader), verdict.level)
    gap = f"{leader} better by {number(abs(verdict.difference))}" if verdict.difference else "no difference"
    why = f"{gap}, {interval}, {_doubt(verdict)}"
    if verdict.more_trials is None:
        return f"{between} ({why})"
    searches = verdict.more_trials // verdict.trials
    return (
        f"{between} ({why}); by estimate {counted(searches, 'more replicate')} of "
        f"{counted(verdict.trials, 'trial')} a family would decide "
        f"with a chance of {percent(CHANCE_TO_DECIDE)}"
    )


def _doubt(verdict: Verdict) -> str:
    """Why the better family is not the winner."""
    if verdict.low <= 0 <= verdict.high:
        return "which holds 0"
    allowed = 1 - verdict.level
    if verdict.permutation_p is not None and not convincing(verdict.permutation_p, verdict.level):
        return (
            f"but {percent(round(verdict.permutation_p, 3))} of random exchanges of trials differ as much, "
            f"more than {percent(allowed)}"
        )
    return "but not all pairs are settled once adjusted by Holm"


def _difference(verdict: Verdict) -> list[str]:
    if math.isnan(verdict.difference):
        return ["no difference: a family has no completed trial"]
    leader = _leader(verdict)
    first, second = verdict.families[:2]
    interval = _interval(*_seen_from(verdict, leader), verdict.level)
    gap = f"no difference between {first} and {second}"
    if verdict.difference:
        gap = f"{leader} better than {second if leader == first else first} by {number(abs(verdict.difference))}"
    lines = [f"{gap}, {interval}; {_margin(verdict.margin)}"]
    if over := verdict.over_cases:
        low, high = (over.low, over.high) if leader == first else (-over.high, -over.low)
        together = f", {over.block} neighbouring ones together" if over.block > 1 else ""
        lines.append(f"over {CASES}: {_interval(low, high, verdict.level)} ({over.cases:,} drawn again{together})")
    if not math.isnan(verdict.probabilities[0]):
        better, equal, worse = verdict.probabilities
        lines.append(
            f"probabilities: {first} better {better:.3f}, practically equal {equal:.3f}, {second} better {worse:.3f}"
        )
    return lines


def _leader(verdict: Verdict) -> str:
    return verdict.families[0] if verdict.difference >= 0 else verdict.families[1]


def _seen_from(verdict: Verdict, family: str) -> tuple[float, float]:
    """The interval turned so that positive says `family` is better."""
    if family == verdict.families[0]:
        return verdict.low, verdict.high
    return -verdict.high, -verdict.low


def _interval(low: float, high: float, level: float) -> str:
    return "no interval" if math.isnan(low) else f"{percent(level)} interval {number(low)} to {number(high)}"


def _margin(margin: float) -> str:
    return f"region of practical equivalence ±{number(margin)}" if margin else "no region of practical equivalence"


def _equals(verdict: Verdict) -> list[str]:
    """The best family and those practically equal to it."""
    best = verdict.families[0] if len(verdict.families) > 2 else _leader(verdict)
    equal = {best}
    for pair in verdict.pairs:
        if pair.outcome is Outcome.PRACTICALLY_EQUAL and best in (pair.first, pair.second):
            equal |= {pair.first, pair.second}
    return [name for name in verdict.families if name in equal]


def _pair(pair: Pair) -> str:
    answer = f"{pair.family} better" if pair.family else pair.outcome.value.replace("_", " ")
    return (
        f"{pair.first} against {pair.second}: {number(pair.difference)} "
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


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
