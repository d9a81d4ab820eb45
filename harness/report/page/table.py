"""All trials of a comparison as a table: the best ones as HTML, all of them as data for the page's script."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from harness.records import ComparisonResult, TrialRecord
from harness.report.axes import look_of
from harness.report.figures import trial_name
from harness.report.format import Style, value_words
from harness.text import MISSING, count

MOST_ROWS = 20
"""Rows that stand in the page itself; its script adds the others when somebody asks for them."""


@dataclass(frozen=True, slots=True)
class TrialsTable:
    """The trials, the best validation score first, failed ones last.

    Attributes:
        heads: Names of the columns, the trial's own first; of hyperparameters those that trials differ in.
        words: Places of the columns that hold words.
        rows: Of each trial its place in the comparison, its family's place, and its cells.
    """

    heads: tuple[str, ...]
    words: tuple[int, ...]
    rows: tuple[tuple[int, int, tuple[str, ...]], ...]

    @property
    def best(self) -> tuple[tuple[int, int, tuple[str, ...]], ...]:
        """The rows that stand in the page itself."""
        return self.rows[:MOST_ROWS]

    @property
    def data(self) -> dict[str, Any]:
        """What the script makes the other rows of."""
        looks = {place: (look_of(place).symbol, look_of(place).color) for _, place, _ in self.rows}
        return {"heads": self.heads, "words": self.words, "looks": looks, "rows": self.rows}


def table_of(comparison: ComparisonResult, style: Style) -> TrialsTable:
    """The table of a comparison's trials.

    Args:
        comparison: Whose trials.
        style: How its scores are written.
    """
    places = {family.family.name: place for place, family in enumerate(comparison.families)}
    values = [comparison.values.get(str(trial.key), {}) for trial in comparison.trials]
    every = dict.fromkeys(name for one in values for name in one)
    names = [name for name in every if len({one.get(name) for one in values}) > 1]
    sign = comparison.objective.direction.sign
    scores = [trial.validation_score for trial in comparison.trials]
    ranks = [math.inf if score is None else sign * score for score in scores]
    rows = []
    for number in sorted(range(len(ranks)), key=lambda at: (ranks[at], at)):
        trial = comparison.trials[number]
        cells = _cells(trial, comparison.scores.get(str(trial.key)), style)
        chosen = [values[number].get(name) for name in names]
        shown = [MISSING if value is None else value_words(value) for value in chosen]
        rows.append((number, places.get(trial.key.family, 0), (*cells, *shown)))
    wordy = [at for at, name in enumerate(names) if any(isinstance(one.get(name), str) for one in values)]
    return TrialsTable((*_HEADS, *names), (0, 1, *(len(_HEADS) + at for at in wordy)), tuple(rows))


_HEADS = ("trial", "family", "validation", "test", "epochs", "weights", "seconds")


def _cells(trial: TrialRecord, test: float | None, style: Style) -> tuple[str, ...]:
    failed = trial.failure.value.replace("_", " ") if trial.failure else ""
    return (
        trial_name(trial.key.replicate, trial.key.number),
        trial.key.family,
        failed or style.write(trial.validation_score),
        MISSING if test is None else style.write(test),
        count(trial.epochs),
        count(trial.parameters),
        f"{trial.fit_seconds:.1f}",
    )
