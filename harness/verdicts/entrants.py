"""The rows of one dataset by family: what was asked, what failed, and the completed trials as losses.

Turning scores into losses here (a `max` score changes its sign) lets everything after it know one direction
only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import TableError
from harness.records import Direction, ScoreRow, TrialStatus
from harness.verdicts.best_of import Floats, Sample


@dataclass(frozen=True, slots=True)
class Entrant:
    """One family's part in the comparison on one dataset.

    Attributes:
        name: The family (or arm).
        asked: Trials asked for, failures included.
        completed: Rows with scores, best validation first.
        sample: Their losses in that order.
        replicates: Number of searches with at least one row.
        sign: 1 when lower scores are better, -1 when higher ones are.
    """

    name: str
    asked: int
    completed: tuple[ScoreRow, ...]
    sample: Sample
    replicates: int
    sign: int

    @property
    def failed(self) -> int:
        """Trials without a score."""
        return self.asked - len(self.completed)

    def searches(self) -> list[list[ScoreRow]]:
        """The completed rows of each replicate that has any, best validation first."""
        by_replicate: dict[int, list[ScoreRow]] = {}
        for row in self.completed:
            by_replicate.setdefault(row.replicate, []).append(row)
        return [by_replicate[replicate] for replicate in sorted(by_replicate)]


def entrants(rows: Iterable[ScoreRow], families: Sequence[str], direction: Direction) -> Mapping[str, Entrant]:
    """The families of one dataset with their rows.

    Args:
        rows: All rows of the dataset, in any order.
        families: Which families compare, in order; one without rows takes part with none.
        direction: Which scores are better.

    Raises:
        TableError: A completed row's validation or test score is missing or not finite.
    """
    by_family: dict[str, list[ScoreRow]] = {family: [] for family in families}
    for row in rows:
        by_family[row.family].append(row)
    sign = 1 if direction is Direction.MIN else -1
    return {family: _entrant(family, its, sign) for family, its in by_family.items()}


def _entrant(name: str, rows: Sequence[ScoreRow], sign: int) -> Entrant:
    completed = [row for row in rows if row.status is TrialStatus.COMPLETED]
    losses = {id(row): (sign * score(row, "validation"), sign * score(row, "test")) for row in completed}
    completed.sort(key=lambda row: (*losses[id(row)], row.replicate, row.trial))
    ordered: Floats = np.array([losses[id(row)] for row in completed], dtype=np.float64).reshape(-1, 2)
    return Entrant(
        name=name,
        asked=len(rows),
        completed=tuple(completed),
        sample=Sample.of(ordered[:, 0], ordered[:, 1]),
        replicates=len({row.replicate for row in rows}),
        sign=sign,
    )


def score(row: ScoreRow, part: str) -> float:
    """A completed row's score on the `validation` or the `test` part.

    Raises:
        TableError: It is missing or not finite.
    """
    value = row.validation if part == "validation" else row.test
    if value is None or not math.isfinite(value):
        raise TableError(
            f"{row.dataset}, {row.family}, replicate {row.replicate}, trial {row.trial}: {part} = {value}: "
            "expected a finite score in a completed row"
        )
    return value
