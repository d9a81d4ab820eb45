"""The figures of verdicts: differences with their intervals over what counts as equal, and ranks over datasets.

Each function takes a `name` that is put before the ids of the figure's parts (unique in a page) and returns None when
there is nothing to draw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.records import Across, ComparisonResult, Outcome, Verdict
from harness.report import numbers
from harness.report.axes import PLAIN, dots, label_ticks, letters_wide, look_of, new_axes, sides
from harness.report.clean import shortened
from harness.report.svg import INK, drawing, render
from harness.report.words import axis_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OVERVIEW_KEY = "Coloured: a winner is named. Square: practically equal. Hollow: undecided."
"""What the markers of `overview` and `difference` mean."""


def difference(comparison: ComparisonResult, name: str = "difference") -> str | None:
    """The difference of the two families with its interval, over the region in which they would be called equal."""
    verdict = comparison.verdict
    if not _has_interval(verdict):
        return None
    first, second = (shortened(family, 16) for family in verdict.families[:2])
    with drawing():
        axes = new_axes(height=116.0, left=14.0, top=28.0)
        _zones(axes, verdict.region)
        _interval(axes, 0, (verdict.low, verdict.difference, verdict.high), comparison)
        ends = [verdict.low, verdict.high]
        if over := verdict.over_cases:
            ends += [over.low, over.high]
            axes.plot((over.low, over.high), (-0.65, -0.65), color=INK, linewidth=1, solid_capstyle="butt")
        reach = 1.15 * max(map(abs, (*ends, verdict.region, 1e-300)))
        axes.set_xlim(-reach, reach)
        axes.set_ylim(-1, 1)
        sides(axes, f"{second} better", f"{first} better")
        axes.set_xlabel(f"difference of the expected test {axis_words(comparison.objective)}")
        title = f"Difference of {first} and {second} with its {numbers.level(verdict.level)} interval"
        return render(axes, name, title, "The grey zone is the region of practical equivalence.")


def overview(comparisons: Sequence[ComparisonResult], name: str = "overview") -> str | None:
    """The differences of all datasets, each divided by its own region of practical equivalence.

    None as well unless two datasets or more compare the same two families and have a region.
    """
    drawn = [each for each in comparisons if _has_interval(each.verdict) and each.verdict.region > 0]
    contests = {each.verdict.families for each in drawn}
    if len(drawn) < 2 or len(contests) > 1 or len(contests.pop()) != 2:
        return None
    labels = [shortened(each.dataset, 22) for each in drawn]
    first, second = (shortened(family, 16) for family in drawn[0].verdict.families[:2])
    with drawing():
        axes = new_axes(height=80.0 + 22.0 * len(drawn), left=16.0 + letters_wide(labels), top=28.0)
        _zones(axes, 1.0)
        for line, each in enumerate(drawn):
            ends = (each.verdict.low, each.verdict.difference, each.verdict.high)
            _interval(axes, line, tuple(value / each.verdict.region for value in ends), each)
        reach = 1.05 * max(map(abs, (*axes.get_xlim(), 1.0)))
        axes.set_xlim(-reach, reach)
        axes.set_ylim(len(drawn) - 0.4, -0.6)
        sides(axes, f"{second} better", f"{first} better")
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("difference ÷ region of equivalence")
        title = f"Differences of {first} and {second} on {len(drawn)} datasets"
        return render(axes, name, title, OVERVIEW_KEY)


def ranks(across: Across, name: str = "ranks") -> str | None:
    """Average ranks of the families over all datasets, over a bar as long as the critical difference (Demšar 2006)."""
    if not across.average_ranks or across.critical_difference is None:
        return None
    with drawing():
        axes = new_axes(
            height=96.0 + 24.0 * len(across.average_ranks), left=16.0 + letters_wide(list(across.average_ranks))
        )
        places = sorted(across.average_ranks.items(), key=lambda item: item[1])
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


def _zones(axes: Axes, region: float) -> None:
    axes.axvspan(-region, region, color=INK, alpha=0.13, linewidth=0)
    axes.axvline(0, color=INK, alpha=0.5, linewidth=0.8)


def _interval(axes: Axes, line: int, parts: tuple[float, ...], comparison: ComparisonResult) -> None:
    low, middle, high = parts
    color, marker, fill = _outcome_look(comparison)
    axes.plot((low, high), (line, line), color=color, linewidth=2.5, solid_capstyle="butt")
    axes.plot(middle, line, marker, color=color, markerfacecolor=fill, markersize=9, markeredgewidth=1.8)


def _outcome_look(comparison: ComparisonResult) -> tuple[str, str, str]:
    verdict = comparison.verdict
    for place, arm in enumerate(comparison.arms):
        if arm.arm.name == verdict.family:
            look = look_of(place)
            return look.color, look.marker, look.color
    return (INK, "s", INK) if verdict.outcome is Outcome.PRACTICALLY_EQUAL else (INK, "o", "none")
