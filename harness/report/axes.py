"""The parts that the figures share: looks of the arms, axes, ticks, legends. Knows matplotlib and no records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.report import numbers
from harness.report.svg import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 420.0, 300.0
_RIGHT, _BOTTOM, _LEGEND_ROW = 12.0, 48.0, 20.0
_LETTER = 6.9
_LOG_FROM = 12.0


@dataclass(frozen=True, slots=True)
class Look:
    """How one arm is drawn everywhere.

    Attributes:
        color: One of Okabe and Ito's colours, for white paper.
        on_dark: One of theirs that takes its place on a dark page.
        marker: Matplotlib's name of the marker.
        line: Matplotlib's name of the line's style.
        symbol: The marker as a letter, for tables.
    """

    color: str
    on_dark: str
    marker: str
    line: str
    symbol: str


LOOKS = (
    Look("#0072b2", "#56b4e9", "o", "-", "●"),
    Look("#d55e00", "#e69f00", "^", "--", "▲"),
    Look("#009e73", "#1fbf92", "s", "-.", "■"),
    Look("#cc79a7", "#cc79a7", "D", ":", "◆"),
)

PLAIN = Look(INK, INK, "o", "-", "●")
"""The look of what belongs to no arm."""


def look_of(position: int) -> Look:
    """The look of the arm at this position of the sweep."""
    return LOOKS[position % len(LOOKS)]


def new_axes(width: float = WIDTH, height: float = HEIGHT, left: float = 60.0, top: float = 12.0) -> Axes:
    """Axes alone in a figure of so many points; the margins are given, since laying out costs more than drawing."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 72, height / 72))
    return figure.add_axes(_box(width, height, left, top))


def dots(axes: Axes, xs: Sequence[float], ys: Sequence[float], look: Look, **more: Any) -> None:
    """Points of one arm, without a line."""
    axes.plot(xs, ys, **{"color": look.color, "marker": look.marker, "linestyle": "none", **more})


def trace(axes: Axes, xs: Sequence[float], ys: Sequence[float], look: Look, **more: Any) -> None:
    """A line of one arm."""
    axes.plot(xs, ys, **{"color": look.color, "linestyle": look.line, "linewidth": 1.6, **more})


def stand_out(axes: Axes, x: float, y: float, look: Look) -> None:
    """One point of an arm, larger and with an edge."""
    dots(axes, [x], [y], look, markersize=10, markeredgecolor=INK, markeredgewidth=1.6, zorder=4)


def explain_edge(axes: Axes, label: str) -> None:
    """What the edge of `stand_out` means, in the legend."""
    dots(axes, [], [], PLAIN, markerfacecolor="none", markersize=9, markeredgewidth=1.6, label=label)


def level_line(axes: Axes, value: float, label: str) -> None:
    """A dotted line across, such as the best baseline's score."""
    axes.axhline(value, color=INK, linestyle=(0, (1, 2)), linewidth=1.4, label=label)


def scale(axes: Axes, side: str) -> None:
    """Make an axis logarithmic where what is drawn spans more than a decade, as bad trials of a random search do."""
    low, high = axes.dataLim.intervaly if side == "y" else axes.dataLim.intervalx
    if math.isfinite(low) and math.isfinite(high) and low > 0 and high / low >= _LOG_FROM:
        (axes.set_yscale if side == "y" else axes.set_xscale)("log")


def sides(axes: Axes, left: str, right: str) -> None:
    """An axis across with its zero within: what lies to the left and to the right, and sizes without a sign."""
    label_ticks(axes, "x")
    axes.set_xticks(axes.get_xticks(), [label.get_text().removeprefix("-") for label in axes.get_xticklabels()])
    axes.set_title(f"← {left}", loc="left", fontsize=12)
    axes.set_title(f"{right} →", loc="right", fontsize=12)
    axes.set_yticks(())
    axes.spines["left"].set_visible(False)


def finish(axes: Axes, whole_x: bool = False) -> None:
    """Grid, ticks for people, the legend above, and margins that fit them.

    Args:
        axes: With everything drawn.
        whole_x: Whether the numbers across count something.
    """
    axes.grid(True)
    label_ticks(axes, "x", whole_x)
    longest = label_ticks(axes, "y")
    rows = _legend(axes)
    left, top = 34.0 + _LETTER * longest, 8.0 + _LEGEND_ROW * rows
    axes.set_position(_box(WIDTH, HEIGHT, left, top))
    axes.yaxis.set_label_coords((14.0 - left) / (WIDTH - left - _RIGHT), 0.5)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Words in place of the numbers of the axis upwards, one at each whole number from 0, after `finish`."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axes.yaxis.set_major_locator(FixedLocator(list(range(len(names)))))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_yticks(range(len(names)), list(names))
    box = axes.get_position()
    left = (16.0 + letters_wide(names)) / WIDTH
    axes.set_position((left, box.y0, box.x1 - left, box.height))


def label_ticks(axes: Axes, side: str, whole: bool = False) -> int:
    """Write an axis' numbers for people.

    Args:
        axes: With everything drawn.
        side: `x` or `y`.
        whole: Whether they count something, so that there is nothing between two whole numbers.

    Returns:
        Letters of the longest number.
    """
    from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullLocator

    axis = axes.xaxis if side == "x" else axes.yaxis
    low, high = sorted(axis.get_view_interval())
    if logarithmic := axis.get_scale() == "log":
        steps = (1.0,) if high / low > 1e3 else (1.0, 2.0, 5.0)
        places = LogLocator(subs=steps, numticks=12).tick_values(low, high)
    else:
        rounds = [1, 2, 5, 10] if whole else [1, 2, 2.5, 5, 10]
        places = MaxNLocator(nbins=6, steps=rounds, integer=whole).tick_values(low, high)
    inside = [float(place) for place in places if low - 1e-9 * abs(low) <= place <= high + 1e-9 * abs(high)]
    labels = [numbers.short(place) for place in inside] if logarithmic else numbers.ticks(inside)
    axis.set_major_locator(FixedLocator(inside))
    axis.set_minor_locator(NullLocator())
    axis.set_ticks(inside, labels=labels)
    return max(map(len, labels), default=0)


def letters_wide(labels: Sequence[str]) -> float:
    """Width of the longest label in points."""
    return _LETTER * max(map(len, labels), default=0)


def _legend(axes: Axes) -> int:
    handles, labels = axes.get_legend_handles_labels()
    fitting = (rows for rows in range(1, len(labels)) if _legend_width(labels, rows) < WIDTH - 55)
    rows = next(fitting, max(1, len(labels)))
    axes.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=math.ceil(len(labels) / rows),
        borderaxespad=0.2,
        handlelength=1.8,
        handletextpad=0.5,
        columnspacing=1.2,
    )
    return rows


def _legend_width(labels: Sequence[str], rows: int) -> float:
    columns = (labels[start : start + rows] for start in range(0, len(labels), rows))
    return sum(letters_wide(column) + 36 for column in columns)


def _box(width: float, height: float, left: float, top: float) -> tuple[float, float, float, float]:
    return (left / width, _BOTTOM / height, (width - left - _RIGHT) / width, (height - _BOTTOM - top) / height)
