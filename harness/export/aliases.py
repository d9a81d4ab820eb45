"""Whether an alias of a registered model moves to a new version: it never gets worse, and never without a word.

`ruling` decides, from what both versions say of themselves and, where their test rows differ, from what they score on
the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.export.artifact import Description, read_description, unlike
from harness.export.verification import FEWEST_CASES, Measured
from harness.store import Store
from harness.tracking.registry import Registered, holder_of, move_alias, one_at_a_time

CHAMPION, CANDIDATE = "champion", "candidate"


@dataclass(frozen=True, slots=True)
class Holder:
    """A version of a registered model, as far as it can be read.

    Attributes:
        reference: What commands call it, such as `sums/2`.
        description: What it is; None where it does not say.
        folder: Its files; None where they cannot be had.
        own: Whether this product made it.
        why_not: Why it cannot be read; empty where it can.
    """

    reference: str
    description: Description | None = None
    folder: Path | None = None
    own: bool = True
    why_not: str = ""


def ruling(
    challenger: Holder,
    incumbent: Holder | None,
    candidate: Holder | None,
    measured: Measured | None,
    *,
    shortfall: str,
    promote: str,
) -> tuple[str, str]:
    """Decide whether `@champion` moves to a new version.

    Args:
        challenger: The new version, verified.
        incumbent: The version that is the champion; None where there is none.
        candidate: The version that is the candidate; None where there is none.
        measured: What both score on the new version's test rows; None where that was not asked for.
        shortfall: What keeps the new version from being a champion, such as `does not beat the best baseline, …`;
            empty for nothing.
        promote: The command that moves the alias all the same.

    Returns:
        The alias that the new version gets: `champion`; `candidate`, and the champion stays; or none, and both stay
        since they are somebody else's. And why in one line; empty where there is nothing to tell: the first champion of
        a name, or itself again.
    """
    if incumbent is None or incumbent.reference == challenger.reference:
        if not shortfall:
            return CHAMPION, ""
        why = _replaced(challenger, candidate, shortfall) if incumbent is None else ""
    else:
        rows, scores, why = _scores(challenger, incumbent, measured, shortfall)
        if scores is not None:
            why = f"on {rows} {_phrase(incumbent, scores[0])} against {_phrase(challenger, scores[1])}"
            if challenger.description and not challenger.description.objective.better(*scores):
                return CHAMPION, f"@champion moves from {incumbent.reference} to {challenger.reference}: {why}"
        all_the_same = f"`{promote}` moves it to {challenger.reference} all the same"
        why = f"@champion stays with {incumbent.reference}: {why}; {all_the_same}"
    if candidate is not None and not candidate.own:
        taken = f"{challenger.reference} has no alias: @candidate is {candidate.reference}, which no sweep made"
        return "", "; ".join(part for part in (why, taken) if part)
    return CANDIDATE, why


def _scores(
    challenger: Holder, incumbent: Holder, measured: Measured | None, shortfall: str
) -> tuple[str, tuple[float, float] | None, str]:
    """The rows that both have a score on, and the scores; None where there are none, and why."""
    if not incumbent.own:
        return "", None, "no sweep made that version"
    if shortfall:
        return "", None, f"{challenger.reference} {shortfall}"
    if not (challenger.description and incumbent.description):
        return "", None, f"it cannot be compared: {incumbent.why_not}"
    if what := unlike(incumbent.description, challenger.description):
        own = "--register-as gives such models a name of their own"
        return "", None, f"{challenger.reference} predicts something else, {what}; {own}"
    both = (incumbent.description.test_score, challenger.description.test_score)
    rows = "the same test rows"
    if not _same_rows(challenger.description, incumbent.description):
        if measured is None or measured.why_not or measured.cases < FEWEST_CASES:
            return "", None, _not_measured(challenger, incumbent, measured)
        left_out = measured.total - measured.cases
        without = f", without {left_out:,} that {incumbent.reference} was trained on," if left_out else ""
        rows = f"{measured.cases:,} of {measured.total:,} new test cases{without}"
        both = (measured.incumbent, measured.challenger)
    had, has = both
    if had is None or has is None:
        return "", None, f"on {rows} one of them has no finite score"
    return rows, (had, has), ""


def must_be_measured(challenger: Holder, incumbent: Holder | None) -> bool:
    """Whether `ruling` needs both versions' scores on the new one's test rows."""
    if incumbent is None or incumbent.reference == challenger.reference or not incumbent.own:
        return False
    if not (challenger.description and incumbent.description) or unlike(incumbent.description, challenger.description):
        return False
    return not _same_rows(challenger.description, incumbent.description)


def holder(store: Store, name: str, alias: str = CHAMPION) -> Holder | None:
    """The version that an alias means; None where it means nothing.

    Raises:
        StoreError: The store cannot be used.
    """
    found = holder_of(store, name, alias)
    if found is None:
        return None
    reference = f"{name}/{found.version}"
    if not found.own:
        return Holder(reference, own=False)
    try:
        folder = found.files()
        return Holder(reference, read_description(folder), folder)
    except HarnessError as error:
        return Holder(reference, why_not=str(error))


def give_alias(
    store: Store, registered: Registered, incumbent: Holder | None, measured: Measured | None, shortfall: str = ""
) -> tuple[str, str]:
    """Let `@champion` mean a verified version, or `@candidate` where `ruling` says so.

    Args:
        store: Which store.
        registered: The version.
        incumbent: The champion, as `holder` found it before both were measured.
        measured: As for `ruling`.
        shortfall: As for `ruling`.

    Returns:
        The alias that means it, empty where none does, and the ruling's reason.

    Raises:
        StoreError: The store cannot be used.
    """
    reference = f"{registered.name}/{registered.version}"
    challenger = Holder(reference, read_description(registered.path), registered.path)
    promote = f"harness models promote {reference}{store.options}"
    with one_at_a_time(store):
        now, candidate = holder(store, registered.name), holder(store, registered.name, CANDIDATE)
        if (now and now.reference) != (incumbent and incumbent.reference):
            measured = None  # another sweep was quicker: what was measured is of another one
        alias, reason = ruling(challenger, now, candidate, measured, shortfall=shortfall, promote=promote)
        if alias:
            move_alias(store, registered.name, registered.version, alias)
    return alias, reason


def instead_of(before: Holder | None, now: Holder) -> str:
    """What an alias meant before it was moved by hand, with both logged scores; empty where nothing else."""
    if before is None or before.reference == now.reference:
        return ""
    return f"; it was {before.reference}: logged are {_logged(before)} and {_logged(now)}"


def _same_rows(challenger: Description, incumbent: Description) -> bool:
    """Whether the logged scores are of the same test rows; a refitted model has none."""
    both = (challenger.test_score, incumbent.test_score)
    return challenger.digest == incumbent.digest and None not in both


def _not_measured(challenger: Holder, incumbent: Holder, measured: Measured | None) -> str:
    logged = f"{_logged(incumbent)} and {_logged(challenger)} are of other rows"
    if measured is None:
        return f"{logged}, and the two were not compared, since the champion changed meanwhile"
    if measured.why_not:
        return f"{logged}, and {incumbent.reference} cannot be compared on the new ones: {measured.why_not}"
    left_out = measured.total - measured.cases
    return (
        f"{logged}; {incumbent.reference} was trained on {left_out:,} of {measured.total:,} new test cases, and "
        f"{measured.cases:,} are too few to compare on (expected {FEWEST_CASES})"
    )


def _replaced(challenger: Holder, candidate: Holder | None, shortfall: str) -> str:
    """What to say where a name without a champion means its candidate, and that changes."""
    why = f"no @champion yet: {challenger.reference} {shortfall}"
    if candidate is None or candidate.reference == challenger.reference:
        return why
    if not candidate.own:
        return ""
    return (
        f"{why}; @candidate moves from {candidate.reference}: logged are {_logged(candidate)} and {_logged(challenger)}"
    )


def _logged(one: Holder) -> str:
    return _phrase(one, one.description.test_score if one.description else None)


def _phrase(one: Holder, score: float | None) -> str:
    """A score and whose it is, such as `test mse 0.0031 (sums/2)`."""
    if one.description is None:
        return f"an unknown score ({one.reference})"
    unit = f" {one.description.unit}" if one.description.unit else ""
    phrase = "no test score" if score is None else f"test {one.description.metric} {score:.6g}{unit}"
    return f"{phrase} ({one.reference})"
