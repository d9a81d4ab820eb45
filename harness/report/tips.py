"""What a figure says at its points: read off the artists that draw it, shown by the page's script as tooltips."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.text import count, printable, significant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

MOST_POINTS = 250
"""Points of one line that say something: of longer lines every second, third, … one."""

DIGITS = 4

Point = tuple[int | float | str, ...]
"""Place from the left and from the top in the figure's own units, what is across, what is upwards, and its name."""


class Figure(str):
    """An `<svg>` element that knows what it says at its points; a text like any other for whoever writes it down.

    Attributes:
        tips: `x` and `y`, what its axes show, and `series`: the label of each line with its `Point`s.
    """

    __slots__ = ("tips",)
    tips: Mapping[str, Any]

    def __new__(cls, svg: str, tips: Mapping[str, Any]) -> Figure:
        """The element and its tips."""
        made = super().__new__(cls, svg)
        made.tips = tips
        return made


def tips_of(axes: Axes, named: Mapping[tuple[float, float], str]) -> dict[str, Any]:
    """What the labelled lines of some axes say, at their places in the figure.

    Args:
        axes: With everything drawn, and in the place where they stay.
        named: Names of points, such as that of a trial, by what they are drawn from.

    Returns:
        As `Figure.tips`, empty where no line has a label.
    """
    series = [(printable(str(line.get_label())), list(_points(axes, line, named))) for line in axes.get_lines()]
    said = [(label, points) for label, points in series if points]
    return {"x": printable(axes.get_xlabel()), "y": printable(axes.get_ylabel()), "series": said} if said else {}


def _points(axes: Axes, line: Line2D, named: Mapping[tuple[float, float], str]) -> Iterator[Point]:
    # Lines across the whole figure are drawn by other coordinates, and their legend says what they are.
    figure = axes.get_figure(root=True)
    if figure is None or line.get_transform() != axes.transData or str(line.get_label()).startswith("_"):
        return
    high, scale = figure.get_figheight() * 72, 72 / figure.dpi
    data = np.column_stack([line.get_xdata(), line.get_ydata()]).astype(np.float64)
    data = data[:: -(-len(data) // MOST_POINTS) or 1]
    for (x, y), (across, upwards) in zip(data.tolist(), (axes.transData.transform(data) * scale).tolist(), strict=True):
        if math.isfinite(across) and math.isfinite(upwards):
            name = named.get((x, y))
            place = (round(across), round(high - upwards), _number(x), _number(y))
            yield (*place, name) if name else place


def _number(value: float) -> str:
    """A whole number as one, such as an epoch; others with few digits."""
    return count(int(value)) if value.is_integer() and abs(value) < 1e7 else significant(value, DIGITS)
