"""The figures of a comparison and of its verdict: records in, SVG text out. They decide nothing.

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

from harness.records import Across, ComparisonResult, FamilyResult, Outcome, ScoreRow, TrialStatus, Verdict
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
    label_ticks,
    letters_wide,
    level_line,
    look_of,
    name_rows,
    render,
    sides,
    stand_out,
    trace,
)
from harness.report.curves import Curve
from harness.report.format import axis_words, direction_words, metric_words
from harness.text import counted, level_text, printable, shortened

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
    return _scatter(comparison, name, by, words, f"Test {metric_words(comparison.objective)} against {words}")


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
        return render(axes, name, title, _described(comparison, "validation score of each epoch"))


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


def _families(comparison: ComparisonResult) -> list[tuple[FamilyResult, Look]]:
    return [(family, look_of(position)) for position, family in enumerate(comparison.families)]


def _scatter(comparison: ComparisonResult, name: str, by: str, x_label: str, title: str) -> str | None:
    points = {family.family.name: _points(comparison.rows, family.family.name, by) for family in comparison.families}
    if not any(points.values()):
        return None
    with drawing() as axes:
        for family, look in _families(comparison):
            shown = thinned(points[family.family.name], MOST_POINTS)
            dots(axes, [x for x, _ in shown], [y for _, y in shown], look, **SMALL, label=printable(family.family.name))
        for family, look in _families(comparison):
            for x, y in _points(_selected_rows(comparison.rows, family), family.family.name, by):
                stand_out(axes, x, y, look)
        explain_edge(axes, "selected")
        _baseline(axes, comparison)
        axes.set(xlabel=x_label, ylabel=f"test {axis_words(comparison.objective)}")
        finish(axes, "xy")
        return render(axes, name, title, _described(comparison, _how_many(points)))


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


def _how_many(points: Mapping[str, Sequence[object]]) -> str:
    total = sum(map(len, points.values()))
    shown = sum(min(len(family_points), MOST_POINTS) for family_points in points.values())
    return counted(total, "trial") if shown == total else f"{shown:,} of {total:,} trials, evenly chosen"


def _described(comparison: ComparisonResult, what: str) -> str:
    families = " and ".join(family.family.name for family in comparison.families)
    return f"{comparison.dataset}: {families}, {what}; {direction_words(comparison.objective)}."


OVERVIEW_KEY = "Coloured: a winner is named. Square: practically equal. Hollow: undecided."
"""What the markers of `overview` and `difference` mean."""


def difference(comparison: ComparisonResult, name: str = "difference") -> str | None:
    """The difference of the two families with its interval, over the margin in which they would be called equal."""
    verdict = comparison.verdict
    if not _has_interval(verdict):
        return None
    first, second = (shortened(family, 16) for family in verdict.families[:2])
    with drawing(height=116.0, left=14.0, top=28.0) as axes:
        _zones(axes, verdict.margin)
        _interval(axes, 0, (verdict.low, verdict.difference, verdict.high), comparison)
        ends = [verdict.low, verdict.high]
        if over := verdict.over_cases:
            ends += [over.low, over.high]
            axes.plot((over.low, over.high), (-0.65, -0.65), color=INK, linewidth=1, solid_capstyle="butt")
        reach = 1.15 * max(map(abs, (*ends, verdict.margin, 1e-300)))
        axes.set(xlim=(-reach, reach), ylim=(-1, 1))
        sides(axes, f"{second} better", f"{first} better")
        axes.set_xlabel(f"difference of the expected test {axis_words(comparison.objective)}")
        title = f"Difference of {first} and {second} with its {level_text(verdict.level)} interval"
        return render(axes, name, title, "The grey zone is the equivalence margin.")


def overview(comparisons: Sequence[ComparisonResult], name: str = "overview") -> str | None:
    """The differences of all datasets, each divided by its own equivalence margin.

    None as well unless two datasets or more compare the same two families and have a margin.
    """
    drawn = [each for each in comparisons if _has_interval(each.verdict) and each.verdict.margin > 0]
    compared = {each.verdict.families for each in drawn}
    if len(drawn) < 2 or len(compared) > 1 or len(compared.pop()) != 2:
        return None
    labels = [shortened(each.dataset, 22) for each in drawn]
    first, second = (shortened(family, 16) for family in drawn[0].verdict.families[:2])
    with drawing(height=80.0 + 22.0 * len(drawn), left=16.0 + letters_wide(labels), top=28.0) as axes:
        _zones(axes, 1.0)
        for line, each in enumerate(drawn):
            ends = (each.verdict.low, each.verdict.difference, each.verdict.high)
            _interval(axes, line, tuple(value / each.verdict.margin for value in ends), each)
        reach = 1.05 * max(map(abs, (*axes.get_xlim(), 1.0)))
        axes.set(xlim=(-reach, reach), ylim=(len(drawn) - 0.4, -0.6))
        sides(axes, f"{second} better", f"{first} better")
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("difference ÷ equivalence margin")
        title = f"Differences of {first} and {second} on {len(drawn)} datasets"
        return render(axes, name, title, OVERVIEW_KEY)


def ranks(across: Across, name: str = "ranks") -> str | None:
    """Average ranks of the families over all datasets, over a bar as long as the critical difference (Demšar 2006)."""
    if not across.average_ranks or across.critical_difference is None:
        return None
    places = sorted(across.average_ranks.items(), key=lambda item: item[1])
    with drawing(height=96.0 + 24.0 * len(places), left=16.0 + letters_wide(list(across.average_ranks))) as axes:
        dots(axes, [rank for _, rank in places], range(len(places)), PLAIN, markersize=8)
        best = places[0][1]
        axes.plot((best, best + across.critical_difference), (-0.8, -0.8), color=INK, linewidth=2.5)
        axes.set_ylim(len(places) - 0.5, -1.3)
        axes.set_yticks(range(len(places)), [shortened(family, 22) for family, _ in places])
        axes.set_xlim(0.8, max(len(places) + 0.2, best + across.critical_difference + 0.2))
        axes.set_xlabel("average rank, 1 is best; the bar is the critical difference")
        axes.grid(True, axis="x")
        label_ticks(axes, "x")
        return render(
            axes, name, "Average ranks of the families", "Families within the bar's length are not told apart."
        )


def _has_interval(verdict: Verdict) -> bool:
    return len(verdict.families) > 1 and all(map(math.isfinite, (verdict.low, verdict.difference, verdict.high)))


def _zones(axes: Axes, margin: float) -> None:
    axes.axvspan(-margin, margin, color=INK, alpha=0.13, linewidth=0)
    axes.axvline(0, color=INK, alpha=0.5, linewidth=0.8)


def _interval(axes: Axes, line: int, parts: tuple[float, ...], comparison: ComparisonResult) -> None:
    low, middle, high = parts
    color, marker, fill = _outcome_look(comparison)
    axes.plot((low, high), (line, line), color=color, linewidth=2.5, solid_capstyle="butt")
    axes.plot(middle, line, marker, color=color, markerfacecolor=fill, markersize=9, markeredgewidth=1.8)


def _outcome_look(comparison: ComparisonResult) -> tuple[str, str, str]:
    verdict = comparison.verdict
    looks = {family.family.name: look for family, look in _families(comparison)}
    if look := looks.get(verdict.family or ""):
        return look.color, look.marker, look.color
    return (INK, "s", INK) if verdict.outcome is Outcome.PRACTICALLY_EQUAL else (INK, "o", "none")
