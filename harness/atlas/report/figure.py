"""The forest of the Atlas: every data set's log ratio with its interval, sorted, over the pooled line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.atlas.answer import Answer
from harness.atlas.standings import EQUAL, FAMILIES, DatasetStanding
from harness.report.axes import INK, LINES, Look, drawing, letters_wide, look_of, render, sides
from harness.text import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOOKS: dict[str, Look] = {"lstm": look_of(0), "gru": look_of(1)}
"""How each family is drawn, here as in every report of a sweep."""

KEY = (
    "Coloured: the data set's own trials name a winner. Square: practically equal. Hollow: undecided. The diamond and \
the band are the mean over data sets like these with its 95 % interval; an arrow leads to what lies beyond the axis."
)

_WIDE, _ROW, _LETTERS = 420.0, 14.0, 20
_FARTHEST = math.log(4)
_RATIOS = (0.25, 0.5, 0.67, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5, 2.0, 4.0)
_MOST_TICKS = 7
_REACH = 1.959963984540054
_POOLED = "all data sets"


def forest(answer: Answer, name: str = "forest") -> str | None:
    """The figure.

    Args:
        answer: The Atlas's answer.
        name: Put before the ids of the figure's parts: unique in a page.

    Returns:
        An `<svg>` element; None where there is no data set.
    """
    its = sorted(answer.standings, key=lambda one: -one.estimate.log_ratio)
    if not its:
        return None
    labels = [shortened(one.dataset, _LETTERS) for one in its] + ([_POOLED] if answer.pooled else [])
    ends = sorted(abs(one.estimate.log_ratio) + _REACH * one.estimate.error for one in its)
    reach = min(_FARTHEST, max(0.06, 1.15 * ends[int(0.95 * (len(ends) - 1))]))  # a few far ones get an arrow
    left = 16.0 + 0.87 * letters_wide(labels)
    with drawing(_WIDE, 76.0 + _ROW * len(labels), left=left, top=26.0) as axes:
        axes.set(xlim=(-reach, reach), ylim=(len(labels) - 0.4, -0.6))
        axes.axvline(0, color=INK, alpha=0.5, linewidth=0.8)
        for line, one in enumerate(its):
            _interval(axes, line, one, reach)
        if pooled := answer.pooled:
            axes.axvspan(pooled.low, pooled.high, color=INK, alpha=0.1, linewidth=0)
            axes.axvline(pooled.mean, color=INK, linestyle=(0, (1, 2)), linewidth=1.2)
            axes.plot((pooled.low, pooled.high), (len(its),) * 2, color=INK, linewidth=2.5, solid_capstyle="butt")
            axes.plot(pooled.mean, len(its), "D", color=INK, markersize=7, label=_POOLED)
        first, second = FAMILIES
        sides(axes, f"{second} better", f"{first} better")
        _ticks(axes, reach)
        axes.set_yticks(range(len(labels)), labels, fontsize=10.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(f"{second}'s error as against {first}'s")
        names = {(_within(one, reach), float(line)): one.dataset for line, one in enumerate(its)}
        title = f"Expected errors of {second} and {first} on {len(its)} data sets with 95 % intervals"
        return render(axes, name, title, KEY, names)


def _interval(axes: Axes, line: int, one: DatasetStanding, reach: float) -> None:
    middle, half = one.estimate.log_ratio, _REACH * one.estimate.error
    look = LOOKS.get(one.families)
    color, marker = (look.color, look.marker) if look else (INK, "s" if one.families == EQUAL else "o")
    fill = color if look or one.families == EQUAL else "none"
    ends = [max(-reach, min(reach, end)) for end in (middle - half, middle + half)]
    (drawn,) = axes.plot(ends, (line, line), color=color, linewidth=1.6, solid_capstyle="butt")
    drawn.set_gid(f"{LINES}{line}")
    if abs(middle) > reach:
        marker = ">" if middle > 0 else "<"
    label = one.families.replace("_", " ")
    axes.plot(_within(one, reach), line, marker, color=color, markerfacecolor=fill, markersize=5.5, label=label)


def _within(one: DatasetStanding, reach: float) -> float:
    return max(-0.985 * reach, min(0.985 * reach, one.estimate.log_ratio))


def _ticks(axes: Axes, reach: float) -> None:
    """Log ratios as changes in percent: of those that read well, as many as fit."""
    inside = [ratio for ratio in _RATIOS if abs(math.log(ratio)) <= reach]
    if len(inside) > _MOST_TICKS:
        inside = _spread(inside, reach)
    labels = ["same" if ratio == 1 else f"{100 * (ratio - 1):+.0f} %" for ratio in inside]
    axes.set_xticks([math.log(ratio) for ratio in inside], labels)
    axes.grid(True, axis="x")


def _spread(ratios: Sequence[float], reach: float) -> list[float]:
    """The ratios that lie far enough from those nearer to the middle."""
    kept: list[float] = [1.0]
    for ratio in sorted(ratios, key=lambda one: abs(math.log(one))):
        if all(abs(math.log(ratio / other)) > 0.27 * reach for other in kept):
            kept.append(ratio)
    return sorted(kept)
