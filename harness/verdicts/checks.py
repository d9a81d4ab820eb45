"""Reasons to withhold a verdict, and reasons to read one with care. Each is one phrase for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.records import Direction
from harness.verdicts.constants import FAILURE_SHARE, MINIMUM_REPLICATES, MINIMUM_TRIALS
from harness.verdicts.differences import Evidence
from harness.verdicts.entrants import Entrant


def reasons_to_withhold(entrants: Sequence[Entrant], trials: int, adaptive: bool) -> tuple[str, ...]:
    """Why no winner may be named, from the counts of trials alone.

    Args:
        entrants: The families.
        trials: Budget n of a search.
        adaptive: Whether the replicate is the unit.
    """
    reasons = []
    if len({len(entrant.completed) for entrant in entrants}) > 1:
        counts = ", ".join(f"{entrant.name} {len(entrant.completed)}" for entrant in entrants)
        reasons.append(f"completed trials differ: {counts}")
    for entrant in entrants:
        reasons.extend(_about(entrant, trials))
    searches = {entrant.name: len(entrant.searches()) for entrant in entrants}
    if adaptive and min(searches.values()) < MINIMUM_REPLICATES:
        counts = ", ".join(f"{name} {count}" for name, count in searches.items())
        reasons.append(f"an adaptive search needs at least {MINIMUM_REPLICATES} replicates of each family: {counts}")
    return tuple(reasons)


def _about(entrant: Entrant, trials: int) -> list[str]:
    reasons = []
    completed = len(entrant.completed)
    if completed < MINIMUM_TRIALS:
        reasons.append(
            f"{entrant.name} has {counted(completed, 'completed trial')}: at least {MINIMUM_TRIALS} are needed"
        )
    elif completed < trials:
        reasons.append(f"{entrant.name} has {counted(completed, 'completed trial')}: fewer than the budget of {trials}")
    if entrant.failed > FAILURE_SHARE * entrant.asked:
        reasons.append(
            f"{entrant.name} failed in {entrant.failed} of {counted(entrant.asked, 'trial')}: "
            f"more than {FAILURE_SHARE:.0%}"
        )
    return reasons


def reasons_for_care(
    evidence: Evidence,
    families: Sequence[str],
    *,
    trials: int,
    region: float,
    level: float,
    direction: Direction,
    baseline: float | None,
) -> tuple[str, ...]:
    """Why to read the verdict with care, from its numbers.

    The expected validation score always improves with the budget; it counts as still improving when the gain
    of the budget's second half, from the best of n/2 to the best of n trials, is surely (by its interval's
    lower end) more than what matters: the region of practical equivalence, or where there is none what the
    families differ by.

    Args:
        evidence: The estimates.
        families: The two best families, best first or in the order given.
        trials: Budget n of a search.
        region: Half-width of the region of practical equivalence.
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
    yardstick = region or abs(evidence.between(*families[:2]).value)
    what = "the region of practical equivalence" if region else "the difference between the families"
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
