"""A recommendation in a few words: for names of runs, tags and cells of tables, and for why a model is registered.

Here too: what the registered model's intervals cover.
The sentences are those of `sentences`, and so is how numbers are written; the numbers are the same record's.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.records import Coverage, ModelsInHand, Outcome, Reason, Recommendation, Use, Verdict
from harness.stats.words.sentences import lead_interval, probability_text, regret_text
from harness.stats.words.wording import number
from harness.text import counted, listed, printable


def use(found: Recommendation) -> str:
    """What to use: `use gru`, `use either, gru is cheaper`, `use the baseline ridge`."""
    words = {
        Use.MODEL: f"use {found.family}",
        Use.EITHER: f"use either, {found.family} is cheaper",
        Use.BASELINE: f"use the baseline {found.baseline}",
    }
    return printable(words[found.use])


def answer(verdict: Verdict) -> str:
    """What to use on a dataset and how sure that is: `airline: use gru (probability 0.72, at worst 5 % more error)`.

    Args:
        verdict: The verdict; one of 0.1.0, which recommends nothing, has its outcome.
    """
    if found := verdict.recommendation:
        how_sure = certainty(found)
        return printable(f"{verdict.dataset}: {use(found)}{f' ({how_sure})' if how_sure else ''}")
    if verdict.outcome is Outcome.WINNER:
        return printable(f"{verdict.dataset}: {verdict.family} wins")
    if verdict.outcome is Outcome.UNDECIDED:
        return printable(f"{verdict.dataset}: undecided")
    advice = f" (use {verdict.recommended})" if verdict.recommended else ""
    return printable(f"{verdict.dataset}: practically equal{advice}")


def answers(verdicts: Sequence[Verdict]) -> str:
    """What to use on several datasets in one sentence, the most frequent first; of one dataset its own answer.

    Args:
        verdicts: Those of a sweep.

    Returns:
        Such as `Use gru on words and vic_elec, either on adding_50`, or with counts in place of more than four names;
        empty where one is of 0.1.0, or there is none.
    """
    known = [(verdict, verdict.recommendation) for verdict in verdicts if verdict.recommendation]
    if not known or len(known) < len(verdicts):
        return ""
    if len(known) == 1:
        return answer(verdicts[0])
    places: dict[str, list[str]] = {}
    for verdict, found in known:
        places.setdefault(_WHOSE.get(found.use) or found.family or "", []).append(verdict.dataset)
    often = sorted(places.items(), key=lambda item: -len(item[1]))
    few = len(known) <= _MOST_NAMES
    words = [f"{which} on {listed(names) if few else counted(len(names), 'dataset')}" for which, names in often]
    return printable(f"Use {', '.join(words)}")


_WHOSE = {Use.EITHER: "either", Use.BASELINE: "a baseline"}
_MOST_NAMES = 4


def certainty(found: Recommendation) -> str:
    """How sure that is: `probability 0.72, at worst 5 % more error`; empty where it is not known."""
    words = []
    if (network := found.network_probability) is not None:
        words.append(f"{found.against} better with probability {probability_text(network)}")
    elif found.probability is not None:
        words.append(f"probability {probability_text(found.probability)}")
    if found.regret is not None:
        words.append(f"at worst {regret_text(found.regret)}")
    return ", ".join(words)


def lead(found: ModelsInHand) -> str:
    """Whose model seems better, by how much, and the interval: `gru by 0.0123 (95 % interval -0.001 to 0.0256)`."""
    better = found.families[0 if found.difference >= 0 else 1]
    return printable(f"{better} by {number(abs(found.difference))} ({lead_interval(found)})")


def why(found: Recommendation) -> str:
    """Why the recommended family's model is the one to register, in one sentence without its full stop."""
    words = {
        Reason.TEST_CASES: f"{found.family}'s model is the better one over the test cases that decide",
        Reason.TRIALS: f"all trials, over the test cases that decide, speak for {found.family}",
        Reason.VALIDATION: f"validation selected {found.family}'s model",
        Reason.CHEAPER: f"the families are practically equal, and {found.family} is the cheaper one",
        Reason.BASELINE: f"{found.family}'s model comes first of those that do not beat the baseline {found.baseline}",
        Reason.NOT_BEATEN: f"{found.family}'s model comes first, though it may not beat the baseline {found.baseline}",
    }[found.reason]
    return printable(f"{words} ({found.because})" if found.because else words)


SHOWN = (80, 95)
"""Levels of intervals, in percent, whose coverage is told."""


def coverage_words(found: Sequence[Coverage]) -> str:
    """What the levels that reports show cover, in one sentence; empty where nothing is known of them.

    Args:
        found: A champion's coverage of the test part.
    """
    shown = [one for one in found if one.level in SHOWN]
    if not shown:
        return ""
    kind = "set" if shown[0].sets else "interval"
    parts = [
        f"{one.level} % {kind} covers {100 * one.share:.1f} % of test (standard error {100 * one.standard_error:.1f} "
        "points)"
        for one in shown
    ]
    counts = f"n = {shown[0].cases:,} of test, {shown[0].calibration:,} of validation"
    return "; ".join(part for part in (listed(parts), counts, coverage_warning(shown)) if part)


def coverage_warning(found: Sequence[Coverage], levels: Sequence[int] = SHOWN) -> str:
    """That coverage cannot be promised, with the levels that say so; empty where it can.

    Args:
        found: A champion's coverage of the test part.
        levels: Those that are asked for, in percent.
    """
    off = [one.level for one in found if one.off and one.level in levels]
    return f"validation and test part differ at {listed(off)} %: coverage cannot be promised" if off else ""
