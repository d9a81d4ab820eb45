"""What two folders of tables say of the same data sets: a second run gives the same, but for what is timed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from harness.atlas.tables import DatasetRow, Tables, TrialRow
from harness.records.serialization import Record
from harness.text import counted

TIMED = ("seconds", "wall_seconds", "cpu_seconds", "finished")
"""Columns that no two runs have alike."""

WHERE = ("cpu", "version")
"""Columns that say where and by what it was run: a difference in them explains others, and is told with them."""


@dataclass(frozen=True, slots=True)
class Again(Record):
    """What two runs of a data set come to.

    Attributes:
        dataset: Its name.
        differs: Columns in which rows differ, but for times; none where both runs are the same.
        trials: Trained networks that differ, those that one run has not among them.
        largest: Largest relative difference of a test score that both have; 0 where none differs.
        where: Kinds of processor and versions of both runs where they differ, in words; empty where they are alike.
    """

    dataset: str
    differs: tuple[str, ...]
    trials: int
    largest: float
    where: str

    @property
    def same(self) -> bool:
        """Whether nothing but times differs, and perhaps where it was run."""
        return not (self.differs or self.trials)

    @property
    def in_words(self) -> str:
        """All of it in one line."""
        what = "the same"
        if self.trials:
            what = f"{counted(self.trials, 'network')} of other scores, on the test part by at most {self.largest:.2g}"
        elif self.differs:
            what = "another row"
        columns = f" ({', '.join(self.differs)})" if self.differs else ""
        return "; ".join(part for part in (f"{self.dataset}: {what}{columns}", self.where) if part)


def compared(first: Tables, second: Tables) -> list[Again]:
    """Each data set that both have, in their order.

    Args:
        first: One run's tables.
        second: Another's.
    """
    return [_compared(name, first, second) for name in first.datasets if name in second.datasets]


def _compared(name: str, first: Tables, second: Tables) -> Again:
    rows = first.datasets[name], second.datasets[name]
    runs = _by_key(first, name), _by_key(second, name)
    pairs = [(runs[0][key], runs[1][key]) for key in runs[0].keys() & runs[1].keys()]
    differing = [pair for pair in pairs if _columns(*pair)]
    differs = {column for pair in differing for column in _columns(*pair)} | set(_columns(*rows)) - set(WHERE)
    tests = [(a.test, b.test) for a, b in differing if a.test is not None and b.test is not None]
    told = [f"{key} {getattr(rows[0], key)} and {getattr(rows[1], key)}" for key in WHERE if key in _columns(*rows)]
    return Again(
        dataset=name,
        differs=tuple(sorted(differs)),
        trials=len(differing) + len(runs[0].keys() ^ runs[1].keys()),
        largest=max((abs(a - b) / max(abs(a), abs(b), math.ulp(0)) for a, b in tests), default=0.0),
        where="; ".join(told),
    )


def _by_key(tables: Tables, name: str) -> Mapping[tuple[str, str, int, int], TrialRow]:
    return {(row.family, row.kind, row.replicate, row.trial): row for row in tables.trials.get(name, ())}


def _columns(a: TrialRow | DatasetRow, b: TrialRow | DatasetRow) -> list[str]:
    names = (field.name for field in fields(a))
    return [name for name in names if name not in TIMED and getattr(a, name) != getattr(b, name)]
