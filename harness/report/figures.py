"""The figures of a comparison's trials: records in, SVG text out. They decide nothing.

Colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart and which hold on white and on
dark; each family has a marker and a line of its own as well, so that a figure can be read without colours.

Each function takes a `name` that is put before the ids of the figure's parts (unique in a page) and returns None when
there is nothing to draw.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from harness.records import ComparisonResult, FamilyResult, ScoreRow, TrialStatus
from harness.report.axes import (
    INK,
    PLAIN,
    Look,
    band,
    dots,
    drawing,
    evenly,
    explain_edge,
    finish,
    level_line,
    look_of,
    name_rows,
    render,
    stand_out,
    trace,
)
from harness.report.curves import Curve
from harness.report.format import axis_words, direction_words, metric_words
from harness.text import counted, printable, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes


MOST_POINTS = 250
"""Points drawn of one family in one figure: more would be one blot, and megabytes."""


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
    title = f"Test {metric_words(comparison.objective)} against {words}"
    return _scatter(comparison, name, by, words, title, MOST_POINTS // 2)


def budget(comparison: ComparisonResult, curves: Mapping[str, Curve], name: str = "budget") -> str | None:
    """Expected test score of the trial selected out of n, against n, with bands.

    Args:
        comparison: What is drawn.
        curves: Curve of each family, by its name.
        name: Put before the ids of the figure's parts: unique in a page.
    """
    drawn = [
        (family.family.name, look, curves[family.family.name])
        for family, look in _families(comparison)
        if family.family.name in curves and len(curves[family.family.name].trials) > 1
    ]
    if not drawn:
        return None
    with drawing() as axes:
        for family, look, line in drawn:
            band(axes, line.trials, (line.low, line.expected, line.high), look, family)
        axes.axvline(comparison.verdict.trials, color=INK, alpha=0.45, linewidth=0.9, label="this budget")
        _baseline(axes, comparison, only_near=True)
        axes.set(xlabel="trials of a search", ylabel=f"expected test {axis_words(comparison.objective)}")
        finish(axes, "y", whole_x=True)
        title = f"Expected test {metric_words(comparison.objective)} against the budget in trials"
        return render(axes, name, title, _described(comparison, "with a band for each"))


def importances(
    comparison: ComparisonResult, found: Mapping[str, Mapping[str, float]], name: str = "worth"
) -> str | None:
    """What each hyperparameter is worth to each family, the most important one on top.

    Args:
        comparison: What is drawn.
        found: `importances_of` the comparison.
        name: Put before the ids of the figure's parts: unique in a page.
    """
    every = dict.fromkeys(parameter for its in found.values() for parameter in its)
    worth = {parameter: max(its.get(parameter, 0.0) for its in found.values()) for parameter in every}
    order = sorted(every, key=lambda parameter: worth[parameter])[-MOST_HYPERPARAMETERS:]
    if not order:
        return None
    with drawing() as axes:
        for family, look in _families(comparison):
            its = found.get(family.family.name, {})
            xs = [100 * its.get(parameter, math.nan) for parameter in order]
            dots(axes, xs, list(range(len(order))), look, **FILLED, label=printable(family.family.name))
        axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
        axes.set(xlabel="worth, % of the variance of the trials' ranks", ylim=(-0.6, len(order) - 0.4))
        finish(axes)
        name_rows(axes, [shortened(parameter, 16) for parameter in order])
        title = "Which hyperparameters mattered"
        return render(axes, name, title, _described(comparison, "permutation importance of a forest over the trials"))


def learning(comparison: ComparisonResult, name: str = "learning") -> str | None:
    """Validation score of each epoch of the selected trials; the epoch whose weights were kept stands out."""
    drawn = [
        (family.family.name, family.selected, look)
        for family, look in _families(comparison)
        if family.selected is not None and any(map(math.isfinite, family.selected.validation_scores))
    ]
    if not drawn:
        return None
    with drawing() as axes:
        for family, trial, look in drawn:
            scores = trial.validation_scores
            trace(axes, range(1, len(scores) + 1), scores, look, label=printable(family))
            if 0 < trial.best_epoch <= len(scores):
                stand_out(axes, trial.best_epoch, scores[trial.best_epoch - 1], look)
        explain_edge(axes, "best epoch")
        axes.set(xlabel="epoch", ylabel=f"validation {axis_words(comparison.objective)}")
        finish(axes, "y", whole_x=True)
        title = "Learning curves of the selected trials"
        scaled = any(trial.temperature > 1 for _, trial, _ in drawn)
        what = f"validation score of each epoch{', before the logits were divided' if scaled else ''}"
        return render(axes, name, title, _described(comparison, what))


def spread(comparison: ComparisonResult, name: str = "spread") -> str | None:
    """What chance does: the trial selected by each replicate, and fresh seeds of the one selected of them all."""
    columns = [
        (
            family.family.name,
            look,
            selected_by_replicate(comparison, family.family.name),
            [score for score in family.seed_scores if math.isfinite(score)],
        )
        for family, look in _families(comparison)
    ]
    if not any(replicates or seeds for _, _, replicates, seeds in columns):
        return None
    with drawing() as axes:
        for place, (_, look, replicates, seeds) in enumerate(columns):
            dots(axes, [place - 0.13] * len(replicates), replicates, look, **FILLED)
            dots(axes, [place + 0.13] * len(seeds), seeds, look, **HOLLOW)
        dots(axes, [], [], PLAIN, **FILLED, label="selected trial")
        dots(axes, [], [], PLAIN, **HOLLOW, label="fresh seed")
        _baseline(axes, comparison)
        axes.set_ylabel(f"test {axis_words(comparison.objective)}")
        finish(axes, "y")
        axes.set_xlim(-0.5, len(columns) - 0.5)
        axes.set_xticks(range(len(columns)), [shortened(family, 16) for family, *_ in columns])
        axes.grid(False, axis="x")
        title = f"Spread of the test {metric_words(comparison.objective)} over replicates and seeds"
        return render(axes, name, title, _described(comparison, "replicates and fresh seeds"))


def selected_by_replicate(comparison: ComparisonResult, family: str) -> list[float]:
    """Test score of the trial that each replicate of a family selects by validation, in the replicates' order."""
    sign, replicate = comparison.objective.direction.sign, attrgetter("replicate")
    searches = itertools.groupby(sorted(comparison.rows, key=replicate), replicate)
    points = (_points(rows, family, "validation") for _, rows in searches)
    return [min(pairs, key=lambda pair: sign * pair[0])[1] for pairs in points if pairs]


def thinned(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """At most `most` of the points, evenly over their order by x, the first and the last included."""
    ordered = sorted(points)
    return [ordered[place] for place in evenly(len(ordered), most)]


def trial_name(replicate: int, number: int) -> str:
    """What tables and tooltips call a trial of a family: `r1/7`."""
    return f"r{replicate}/{number}"


def _families(comparison: ComparisonResult) -> list[tuple[FamilyResult, Look]]:
    return [(family, look_of(position)) for position, family in enumerate(comparison.families)]


def _scatter(
    comparison: ComparisonResult, name: str, by: str, x_label: str, title: str, most: int = MOST_POINTS
) -> str | None:
    points = {family.family.name: _points(comparison.rows, family.family.name, by) for family in comparison.families}
    if not any(points.values()):
        return None
    with drawing() as axes:
        for family, look in _families(comparison):
            shown = thinned(points[family.family.name], most)
            dots(axes, [x for x, _ in shown], [y for _, y in shown], look, **SMALL, label=printable(family.family.name))
        for family, look in _families(comparison):
            for x, y in _points(_selected_rows(comparison.rows, family), family.family.name, by):
                stand_out(axes, x, y, look)
        explain_edge(axes, "selected")
        _baseline(axes, comparison)
        axes.set(xlabel=x_label, ylabel=f"test {axis_words(comparison.objective)}")
        finish(axes, "xy")
        names = {
            (float(x), row.test): trial_name(row.replicate, row.trial)
            for row in comparison.rows
            if (x := getattr(row, by)) is not None and row.test is not None
        }
        return render(axes, name, title, _described(comparison, _how_many(points, most)), names)


def _points(rows: Iterable[ScoreRow], family: str, by: str) -> list[tuple[float, float]]:
    completed = (row for row in rows if row.family == family and row.status is TrialStatus.COMPLETED)
    pairs = ((getattr(row, by), row.test) for row in completed)
    return [(x, y) for x, y in pairs if x is not None and y is not None and math.isfinite(x) and math.isfinite(y)]


def _selected_rows(rows: Iterable[ScoreRow], family: FamilyResult) -> list[ScoreRow]:
    if family.selected is None:
        return []
    key = family.selected.key
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


def _how_many(points: Mapping[str, Sequence[object]], most: int) -> str:
    total = sum(map(len, points.values()))
    shown = sum(min(len(family_points), most) for family_points in points.values())
    return counted(total, "trial") if shown == total else f"{shown:,} of {total:,} trials, evenly chosen"


def _described(comparison: ComparisonResult, what: str) -> str:
    families = " and ".join(family.family.name for family in comparison.families)
    return f"{comparison.dataset}: {families}, {what}; {direction_words(comparison.objective)}."
