"""The figures of how a search went: the best score so far, and all trials by their hyperparameters.

Each function takes a `name` that is put before the ids of the figure's parts (unique in a page) and returns None when
there is nothing to draw.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from harness.records import ComparisonResult, TrialRecord, TrialStatus, Value
from harness.report.axes import (
    HEIGHT,
    INK,
    LINES,
    Look,
    drawing,
    evenly,
    finish,
    look_of,
    render,
    trace,
)
from harness.report.format import axis_words, direction_words, metric_words, value_words
from harness.report.tips import Figure
from harness.text import printable, shortened, significant

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = 80
"""Trials of one family among the parallel coordinates, evenly chosen by their score."""

MOST_COLUMNS = 7
"""Hyperparameters among them."""

_WIDE, _MOST_LABELS, _LOG_FROM = 760.0, 6, 12.0
_ABSENT = -0.1
"""Where a trial without the hyperparameter crosses its axis."""


def completed(comparison: ComparisonResult, family: str) -> list[TrialRecord]:
    """A family's trials that have a validation score, in the order in which they were asked."""
    return [
        trial
        for trial in comparison.trials
        if trial.key.family == family
        and trial.status is TrialStatus.COMPLETED
        and trial.validation_score is not None
        and math.isfinite(trial.validation_score)
    ]


def progress(comparison: ComparisonResult, name: str = "progress") -> str | None:
    """The best validation score so far of each family, trial by trial."""
    better = min if comparison.objective.direction.sign > 0 else max
    drawn: list[tuple[str, Look, list[float]]] = []
    for place, family in enumerate(comparison.families):
        scores = [float(trial.validation_score or 0.0) for trial in completed(comparison, family.family.name)]
        if len(scores) > 1:
            drawn.append((family.family.name, look_of(place), list(accumulate(scores, better))))
    if not drawn:
        return None
    with drawing() as axes:
        for family_name, look, best in drawn:
            places = evenly(len(best), 250)
            xs, ys = [at + 1 for at in places], [best[at] for at in places]
            marks = {"marker": look.marker, "markersize": 4, "markevery": max(1, len(xs) // 12)}
            trace(axes, xs, ys, look, label=printable(family_name), drawstyle="steps-post", **marks)
        axes.set(xlabel="completed trials", ylabel=f"best validation {axis_words(comparison.objective)}")
        finish(axes, "y", whole_x=True)
        title = f"Best validation {metric_words(comparison.objective)} so far"
        families = " and ".join(family_name for family_name, *_ in drawn)
        said = f"{comparison.dataset}: {families}, trial by trial; {direction_words(comparison.objective)}."
        return render(axes, name, title, said)


@dataclass(frozen=True, slots=True)
class Column:
    """One axis of the parallel coordinates.

    Attributes:
        name: The hyperparameter's, or the score's.
        low: The smallest number, or its logarithm.
        high: The largest one.
        log: Whether logarithms are meant.
        words: The values in order where they are no numbers, or few; they stand evenly then.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    words: tuple[Value, ...] = ()

    @classmethod
    def of(cls, name: str, values: Sequence[Value | None]) -> Column:
        """The axis on which these values have their places."""
        known = {value for value in values if value is not None}
        numbers = [float(value) for value in known if isinstance(value, int | float) and not isinstance(value, bool)]
        if len(numbers) < len(known) or len(known) <= _MOST_LABELS:
            return cls(name, words=tuple(sorted(known, key=lambda value: (isinstance(value, str), value))))
        low, high = min(numbers), max(numbers)
        if low > 0 and high / low >= _LOG_FROM:
            return cls(name, math.log(low), math.log(high), log=True)
        return cls(name, low, high)

    def place(self, value: Value | None) -> float:
        """Where a value stands, from 0 to 1; below that where there is none."""
        if value is None:
            return _ABSENT
        if self.words:
            return (self.words.index(value) + 0.5) / len(self.words)
        number = math.log(float(value)) if self.log else float(value)
        return (number - self.low) / (self.high - self.low) if self.high > self.low else 0.5

    def labels(self) -> Iterator[tuple[float, str]]:
        """What stands beside the axis, and where."""
        if self.words:
            shown = self.words if len(self.words) <= _MOST_LABELS else (self.words[0], self.words[-1])
            yield from ((self.place(value), shortened(value_words(value), 9)) for value in shown)
        else:
            for place, end in ((0.0, self.low), (1.0, self.high)):
                yield place, significant(math.exp(end) if self.log else end, 2)


def parallel(
    comparison: ComparisonResult, found: Mapping[str, Mapping[str, float]], name: str = "parallel"
) -> Figure | None:
    """Every trial as a line over its hyperparameters, the most important first, to its score, the best on top.

    Args:
        comparison: What is drawn.
        found: `importances_of` the comparison.
        name: Put before the ids of the figure's parts: unique in a page.

    Returns:
        A figure whose `tips` hold, as `lines`, which trials each family's lines are: places in `comparison.trials`.
    """
    trials = {family.family.name: completed(comparison, family.family.name) for family in comparison.families}
    every = [trial for its in trials.values() for trial in its]
    names = _columns(comparison, every, found)
    if not names or len(every) < 2:
        return None
    values = {str(trial.key): comparison.values[str(trial.key)] for trial in every}
    columns = [Column.of(one, [values[str(trial.key)].get(one) for trial in every]) for one in names]
    scores = Column.of("score", [float(trial.validation_score or 0.0) for trial in every])
    sign = comparison.objective.direction.sign
    numbers = {str(trial.key): number for number, trial in enumerate(comparison.trials)}
    lines: dict[str, list[int]] = {}
    with drawing(width=_WIDE) as axes:
        axes.set_position((24 / _WIDE, 52 / HEIGHT, 1 - 92 / _WIDE, 1 - 96 / HEIGHT))
        for place, family in enumerate(comparison.families):
            its = trials[family.family.name]
            ranked = sorted(its, key=lambda trial: sign * float(trial.validation_score or 0.0))
            shown = [ranked[at] for at in evenly(len(ranked), MOST_LINES)] if ranked else []
            paths = [_path(trial, values[str(trial.key)], columns, scores, sign) for trial in shown]
            _draw(axes, paths, look_of(place), place, printable(family.family.name))
            lines[str(place)] = [numbers[str(trial.key)] for trial in shown]
        _axes(axes, columns, scores, sign)
        title = f"All trials by their hyperparameters and validation {metric_words(comparison.objective)}"
        said = f"{comparison.dataset}: a line a trial, over {', '.join(names)}; the best validation score is on top."
        svg = render(axes, name, title, said)
    return Figure(svg, {"lines": lines})


def _columns(
    comparison: ComparisonResult, trials: Sequence[TrialRecord], found: Mapping[str, Mapping[str, float]]
) -> list[str]:
    """The hyperparameters that trials differ in, the most important first."""
    values = [comparison.values[str(trial.key)] for trial in trials]
    names = [
        name for name in dict.fromkeys(n for one in values for n in one) if len({one.get(name) for one in values}) > 1
    ]
    worth = {name: max((its.get(name, 0.0) for its in found.values()), default=0.0) for name in names}
    return sorted(names, key=lambda name: -worth[name])[:MOST_COLUMNS]


def _path(
    trial: TrialRecord, values: Mapping[str, Value], columns: Sequence[Column], scores: Column, sign: int
) -> list[tuple[float, float]]:
    ys = [column.place(values.get(column.name)) for column in columns]
    score = scores.place(float(trial.validation_score or 0.0))
    return list(enumerate([*ys, 1 - score if sign > 0 else score]))


def _draw(axes: Axes, paths: list[list[tuple[float, float]]], look: Look, place: int, label: str) -> None:
    from matplotlib.collections import LineCollection

    styles = {"colors": look.color, "linestyles": look.line, "linewidths": 1.2, "alpha": 0.4}
    lines = LineCollection(paths, **styles)  # type: ignore[arg-type]
    lines.set_gid(f"{LINES}{place}")
    axes.add_collection(lines)
    trace(axes, [], [], look, label=label)


def _axes(axes: Axes, columns: Sequence[Column], scores: Column, sign: int) -> None:
    axes.set(xlim=(0, len(columns)), ylim=(_ABSENT - 0.02, 1.02))
    for place, column in enumerate([*columns, scores]):
        axes.axvline(place, color=INK, alpha=0.55, linewidth=0.9)
        for at, words in column.labels():
            upwards = 1 - at if column is scores and sign > 0 else at
            axes.text(place + 0.03, upwards, words, fontsize=11, va="center", ha="left")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_yticks(())
    letters = max(6, round(100 / (len(columns) + 1)))
    axes.set_xticks(range(len(columns) + 1), [*(shortened(one.name, letters) for one in columns), "score"])
    axes.tick_params(axis="x", length=0)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.03), ncols=4, borderaxespad=0.2, handlelength=1.8)
