"""Which trial a search selects: by validation alone."""

from __future__ import annotations

from collections.abc import Iterable

from harness.records import Objective, TrialRecord


def select(records: Iterable[TrialRecord], objective: Objective) -> TrialRecord | None:
    """The completed trial with the best validation score; of equals the earliest; None when none completed."""
    best: TrialRecord | None = None
    for record in sorted(records, key=lambda record: (record.key.replicate, record.key.number)):
        if record.validation_score is None:
            continue
        if best is None or objective.better(record.validation_score, best.validation_score or 0.0):
            best = record
    return best
