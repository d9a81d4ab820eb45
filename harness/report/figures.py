"""The figures of a comparison: records in, SVG text out. They decide nothing and read no files.

Colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart and which hold on white and on
dark; each arm has a marker and a line of its own as well, so that a figure can be read without colours.

Every function takes a `name` that is put before the ids of the figure's parts (unique in a page) and returns None
when there is nothing to draw.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.records import ArmResult, ComparisonResult, Direction, ScoreRow, TrialStatus
from harness.report import numbers
from harness.report.axes import (
    PLAIN,
    Look,
    dots,
    explain_edge,
    finish,
    level_line,
    look_of,
    name_rows,
    new_axes,
    scale,
    stand_out,
    trace,
)
from harness.report.clean import printable, shortened
from harness.report.curves import Curve
from harness.report.svg import INK, drawing, render
from harness.report.words import axis_words, direction_words, metric_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 250
"""Points drawn of one arm in one figure: more would be one blot, and megabytes."""


MOST_HYPERPARAMETERS = 10
"""Hyperparameters drawn; those worth least are left out."""

SMALL: dict[str, Any] = {"markersize": 5.5, "markeredgewidth": 0, "alpha": 0.6}
FILLED: dict[str, Any] = {"markersize": 8, "markeredgewidth": 0, "alpha": 0.75}
HOLLOW: dict[str, Any] = {"markersize": 8, "markeredgewidth": 1.5, "markerfacecolor": "none"}


def trials(comparison: ComparisonResult, name: str = "trials") -> str | None:
    """Test score of every trial against its validation score; the selected trials stand out."""
    metric = metric_words(comparison.objective)
    label = f"validation {axis_words(comparison.objective)}"
    return _scatter(comparison, name, "validation", label, f"Test against validation {metric} of every trial")


def cost(comparison: ComparisonResult, by: str, name: str = "cost") -> str | None:
    """Test score of every trial against what it cost.

    Args:
        comparison: What is drawn.
        by: `parameters` or `fit_seconds`.
        name: Put before the ids of the figure's parts: unique in a page.
    """
    words = {"parameters": "trainable weights", "fit_seconds": "seconds of training"}[by]
    return _scatter(comparison, name, by, words, f"Test {metric_words(comparison.objective)} against {words}")


def budget(comparison: ComparisonResult, curves: Mapping[str, Curve], name: str = "budget") -> str | None:
    """Expected test score of the trial selected out of n, against n, with bands.

    Args:
        comparison: What is drawn.
        curves: Curve of each arm, by its name.
        name: Put before the ids of the figure's parts: unique in a page.
    """
    drawn = [
        (arm.arm.name, look, curves[arm.arm.name])
        for arm, look in _arms(comparison)
        if arm.arm.name in curves and len(curves[arm.arm.name].trials) > 1
    ]
    if not drawn:
        return None
    with drawing():
        axes = new_axes()
        for arm, look, line in drawn:
            axes.fill_between(line.trials, line.low, line.high, color=look.color, alpha=0.16, linewidth=0)
            every = max(1, len(line.trials) // 8)
            marks = {"marker": look.marker, "markevery": every, "markersize": 5}
            trace(axes, line.trials, line.expected, look, label=printable(arm), **marks)
        axes.axvline(comparison.verdict.trials, color=INK, alpha=0.45, linewidth=0.9, label="this budget")
        _baseline(axes, comparison, only_near=True)
        axes.set_ylabel(f"expected test {axis_words(comparison.objective)}")
        axes.set_xlabel("trials of a search")
        scale(axes, "y")
        finish(axes, whole_x=True)
        title = f"Expected test {metric_words(comparison.objective)} against the budget in trials"
        return render(axes, name, title, _described(comparison, "with a band for each"))


def importances(
    comparison: ComparisonResult, found: Mapping[str, Mapping[str, float]], name: str = "worth"
) -> str | None:
    """What each hyperparameter is worth to each arm, the most important one on top.

    Args:
        comparison: What is drawn.
        found: `importances_of` the comparison.
        name: Put before the ids of the figure's parts: unique in a page.
    """
    worth: dict[str, float] = {}
    for its in found.values():
        worth |= {parameter: max(value, worth.get(parameter, 0.0)) for parameter, value in its.items()}
    order = sorted(worth, key=lambda parameter: worth[parameter])[-MOST_HYPERPARAMETERS:]
    if not order:
        return None
    with drawing():
        axes = new_axes()
        for arm, look in _arms(comparison):
            its = found.get(arm.arm.name, {})
            xs = [100 * its.get(parameter, math.nan) for parameter in order]
            dots(axes, xs, list(range(len(order))), look, **FILLED, label=printable(arm.arm.name))
        axes.set_xlabel("worth, % of the variance of the trials' ranks")
        axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
        axes.set_ylim(-0.6, len(order) - 0.4)
        finish(axes)
        name_rows(axes, [shortened(parameter, 16) for parameter in order])
        title = "Which hyperparameters mattered"
        return render(axes, name, title, _described(comparison, "permutation importance of a forest over the trials"))


def learning(comparison: ComparisonResult, name: str = "learning") -> str | None:
    """Validation score of each epoch of the selected trials; the epoch whose weights were kept stands out."""
    drawn = [
        (arm.arm.name, arm.selected, look)
        for arm, look in _arms(comparison)
        if arm.selected is not None and any(map(math.isfinite, arm.selected.validation_scores))
    ]
    if not drawn:
        return None
    with drawing():
        axes = new_axes()
        for arm, trial, look in drawn:
            scores = trial.validation_scores
            trace(axes, range(1, len(scores) + 1), scores, look, label=printable(arm))
            if 0 < trial.best_epoch <= len(scores):
                stand_out(axes, trial.best_epoch, scores[trial.best_epoch - 1], look)
        explain_edge(axes, "epoch kept")
        axes.set_ylabel(f"validation {axis_words(comparison.objective)}")
        axes.set_xlabel("epoch")
        scale(axes, "y")
        finish(axes, whole_x=True)
        title = "Learning curves of the selected trials"
        return render(axes, name, title, _described(comparison, "validation score of each epoch"))


def spread(comparison: ComparisonResult, name: str = "spread") -> str | None:
    """What chance does: the trial selected by each replicate, and fresh seeds of the one selected of them all."""
    columns = [
        (
            arm.arm.name,
            look,
            selected_by_replicate(comparison, arm.arm.name),
            [score for score in arm.confirmations if math.isfinite(score)],
        )
        for arm, look in _arms(comparison)
    ]
    if not any(replicates or seeds for _, _, replicates, seeds in columns):
        return None
    with drawing():
        axes = new_axes()
        for place, (_, look, replicates, seeds) in enumerate(columns):
            dots(axes, [place - 0.13] * len(replicates), replicates, look, **FILLED)
            dots(axes, [place + 0.13] * len(seeds), seeds, look, **HOLLOW)
        dots(axes, [], [], PLAIN, **FILLED, label="selected trial")
        dots(axes, [], [], PLAIN, **HOLLOW, label="fresh seed")
        _baseline(axes, comparison)
        axes.set_ylabel(f"test {axis_words(comparison.objective)}")
        scale(axes, "y")
        finish(axes)
        axes.set_xlim(-0.5, len(columns) - 0.5)
        axes.set_xticks(range(len(columns)), [shortened(arm, 16) for arm, *_ in columns])
        axes.grid(False, axis="x")
        title = f"Spread of the test {metric_words(comparison.objective)} over replicates and seeds"
        return render(axes, name, title, _described(comparison, "replicates and fresh seeds"))


def selected_by_replicate(comparison: ComparisonResult, arm: str) -> list[float]:
    """Test score of the trial that each replicate of an arm selects by validation, in the replicates' order."""
    sign = 1 if comparison.objective.direction is Direction.MIN else -1
    best: dict[int, tuple[float, float]] = {}
    for replicate in {row.replicate for row in comparison.rows}:
        rows = [row for row in comparison.rows if row.replicate == replicate]
        if pairs := _points(rows, arm, "validation"):
            best[replicate] = min(pairs, key=lambda pair: sign * pair[0])
    return [best[replicate][1] for replicate in sorted(best)]


def thinned(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """At most `most` of the points, evenly over their order by x, the first and the last included."""
    ordered = sorted(points)
    if len(ordered) <= most:
        return ordered
    return [ordered[round(place * (len(ordered) - 1) / (most - 1))] for place in range(most)]


def _arms(comparison: ComparisonResult) -> list[tuple[ArmResult, Look]]:
    return [(arm, look_of(position)) for position, arm in enumerate(comparison.arms)]


def _scatter(comparison: ComparisonResult, name: str, by: str, x_label: str, title: str) -> str | None:
    points = {arm.arm.name: _points(comparison.rows, arm.arm.name, by) for arm in comparison.arms}
    if not any(points.values()):
        return None
    with drawing():
        axes = new_axes()
        for arm, look in _arms(comparison):
            shown = thinned(points[arm.arm.name], MOST_POINTS)
            dots(axes, [x for x, _ in shown], [y for _, y in shown], look, **SMALL, label=printable(arm.arm.name))
        for arm, look in _arms(comparison):
            for x, y in _points(_selected_rows(comparison.rows, arm), arm.arm.name, by):
                stand_out(axes, x, y, look)
        explain_edge(axes, "selected")
        _baseline(axes, comparison)
        axes.set_xlabel(x_label)
        axes.set_ylabel(f"test {axis_words(comparison.objective)}")
        scale(axes, "x")
        scale(axes, "y")
        finish(axes)
        return render(axes, name, title, _described(comparison, _how_many(points)))


def _points(rows: Iterable[ScoreRow], arm: str, by: str) -> list[tuple[float, float]]:
    completed = (row for row in rows if row.family == arm and row.status is TrialStatus.COMPLETED)
    pairs = ((_number(getattr(row, by)), _number(row.test)) for row in completed)
    return [pair for pair in pairs if all(map(math.isfinite, pair))]


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _selected_rows(rows: Iterable[ScoreRow], arm: ArmResult) -> list[ScoreRow]:
    if arm.selected is None:
        return []
    key = arm.selected.key
    return [row for row in rows if (row.replicate, row.trial) == (key.replicate, key.number)]


def _baseline(axes: Axes, comparison: ComparisonResult, *, only_near: bool = False) -> None:
    """The best baseline's line; asked so, only where it leaves what is drawn at least half of the axis."""
    best = comparison.best_baseline
    if best is None or not math.isfinite(best.test_score):
        return
    low, high = axes.dataLim.intervaly
    if only_near and not 2 * low - high <= best.test_score <= 2 * high - low:
        return
    level_line(axes, best.test_score, f"baseline: {shortened(best.name, 24)}")


def _how_many(points: Mapping[str, Sequence[object]]) -> str:
    total = sum(map(len, points.values()))
    shown = sum(min(len(arm_points), MOST_POINTS) for arm_points in points.values())
    return numbers.counted(total, "trial") if shown == total else f"{shown:,} of {total:,} trials, evenly chosen"


def _described(comparison: ComparisonResult, what: str) -> str:
    arms = " and ".join(arm.arm.name for arm in comparison.arms)
    return f"{comparison.dataset}: {arms}, {what}; {direction_words(comparison.objective)}."
