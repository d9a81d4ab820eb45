"""How a sweep is begun or gone on with: its data is looked at, its journal opened, what changed since is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.cards.schema import DatasetCard
from harness.data import load_dataset
from harness.errors import DiskError, UsageError
from harness.journal import EventKind, Journal
from harness.places import place_around, remember
from harness.records import DataFacts, Objective
from harness.sweeping.assembling import facts_of, replicates_of
from harness.sweeping.changing import differences
from harness.sweeping.planning import SweepHeader, large_batches


@dataclass(frozen=True, slots=True)
class Inspected:
    """A dataset as it was found before the sweep began.

    Attributes:
        facts: What it is.
        objective: The metric of its scores.
    """

    facts: DataFacts
    objective: Objective


@dataclass(frozen=True, slots=True)
class Resuming:
    """Which sweep is gone on with, and how.

    Attributes:
        sweep_id: Its id; None begins a new one.
        accept_changes: Whether to go on where data, cards or libraries are not what they were.
        extend: Whether the header is meant to differ: it does more than the sweep did.
    """

    sweep_id: str | None = None
    accept_changes: bool = False
    extend: bool = False


def inspect(header: SweepHeader) -> dict[str, Inspected]:
    """Load every dataset once, so that what is wrong with any of them is known before anything is written.

    Raises:
        DataError: A dataset is missing, changed or not what its card says.
    """
    return {name: _inspect(card) for name, card in header.datasets.items()}


def batch_notes(header: SweepHeader, inspected: Mapping[str, Inspected]) -> list[str]:
    """What to say of batches that are larger than a training part."""
    return [
        note for name, found in inspected.items() for note in large_batches(name, header.spaces, found.facts.sizes[0])
    ]


def open_journal(folder: Path, header: SweepHeader, inspected: Mapping[str, Inspected], how: Resuming) -> Journal:
    """The sweep's journal, new or opened; what changed since it was begun is refused, or recorded as accepted."""
    _remember_place(folder)
    if how.sweep_id is None:
        return Journal.create(folder, header.to_json())
    journal = Journal.open(folder)
    try:
        began = SweepHeader.from_json(journal.plan)
        underneath = [
            *(differences(began, replace(began, versions=header.versions) if how.extend else header)),
            *_changed_data(journal, inspected),
        ]
        if underneath and not how.accept_changes:
            raise UsageError(
                f"{folder.name}: not what it was when it began: {'; '.join(underneath)}. --accept-changes goes on all "
                "the same and says so in the verdict; --fresh starts a new sweep"
            )
        if how.extend:
            _extend(journal, began, header, [*differences(began, header), *_changed_data(journal, inspected)])
        elif underneath:
            journal.append(EventKind.CHANGED, {"header": header.to_json(), "what": underneath, "why": "changed midway"})
    except BaseException:
        journal.close()
        raise
    return journal


def _remember_place(folder: Path) -> None:
    """Write down where the store stands: a journal holds absolute paths, and the store may be moved."""
    try:
        if place := place_around(folder):
            remember(place)
    except OSError as error:
        raise DiskError(f"{folder}: cannot be written: {error.strerror}") from error


def _changed_data(journal: Journal, inspected: Mapping[str, Inspected]) -> list[str]:
    opened = {name: facts_of(journal, name) for name in inspected if journal.has(EventKind.OPENED, name)}
    return [
        f"the data of {name} (digest) was {facts.digest[:12]}, is {inspected[name].facts.digest[:12]}"
        for name, facts in opened.items()
        if facts.digest != inspected[name].facts.digest
    ]


def _extend(journal: Journal, began: SweepHeader, header: SweepHeader, changed: Sequence[str]) -> None:
    """Open again what is to be searched on; the header comes last, so that a crash in between changes nothing."""
    if not changed:
        return  # it was extended by the same command before
    more = (began.arms, began.plan.trials, began.plan.replicates) != (
        header.arms,
        header.plan.trials,
        header.plan.replicates,
    )
    for name in header.datasets:
        if name not in began.datasets or (more and not journal.has(EventKind.GAVE_UP, name)):
            replicates = max(header.plan.replicates, replicates_of(journal, header, name))
            journal.append(EventKind.EXTENDED, {"replicates": replicates, "why": "extended"}, dataset=name)
    journal.append(EventKind.CHANGED, {"header": header.to_json(), "what": list(changed), "why": "extended"})


def _inspect(card: DatasetCard) -> Inspected:
    data = load_dataset(card)
    return Inspected(data.facts, data.objective)
