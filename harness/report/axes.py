"""What all figures share: looks of the families, axes, ticks, legends, and the way to one small piece of SVG.

It knows nothing of trials. Matplotlib's own output would not do: its ids repeat from figure to figure, its style rule
reaches the whole page, and its black would vanish on a dark one.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from harness.report.tips import Figure, tips_of
from harness.text import printable, short, shortened, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes


WIDTH, HEIGHT = 420.0, 300.0

LINES = "lines"
"""What the id of a group begins with that the page's script is to find again, as its `data-lines`."""

INK = "#010203"
"""Draw with this colour what should have the colour of the text around the figure."""

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # letters stay letters: they can be searched, copied and read out
    "text.parse_math": False,  # a unit such as $/MWh is no formula
    "axes.unicode_minus": False,
    "path.simplify": True,
    "font.size": 13.0,
    "axes.labelsize": 13.0,
    "xtick.labelsize": 12.0,
    "ytick.labelsize": 12.0,
    "legend.fontsize": 12.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.13,
    "grid.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_FONT_FAMILY = re.compile(r"font-family: [^;]+")
_FONT_SHORTHAND = re.compile(r"font: (?:[\w.]+ )*?([\d.]+px) [^;]+")


@contextmanager
def drawing(width: float = WIDTH, height: float = HEIGHT, left: float = 60.0, top: float = 12.0) -> Iterator[Axes]:
    """Axes alone in a figure of so many points, made and rendered whatever the user's matplotlibrc says.

    The margins are given, since laying out costs more than drawing.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)  # type: ignore[arg-type]  # its keys are a Literal of 300 names
        # Letters are not drawn here but by the reader's program, which has fonts for them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield Figure(figsize=(width / 72, height / 72)).add_axes(_box(width, height, left, top))


def render(
    axes: Axes,
    name: str,
    title: str,
    description: str,
    named: Mapping[tuple[float, float], str] = MappingProxyType({}),
) -> Figure:
    """The figure of these axes as an `<svg>` element.

    Args:
        axes: Those of `drawing()`, within which this call must be.
        name: Put before every id, so that ids stay unique in a page; letters, digits and hyphens.
        title: What the figure is, for those who cannot see it and as a tooltip.
        description: What it shows, for those who cannot see it.
        named: Names of points, such as that of a trial, by what they are drawn from.

    Returns:
        XML text with a `viewBox` and no size: it fills the width it is given.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.StringIO()
    figure = axes.get_figure(root=True)
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    root = ElementTree.fromstring(buffer.getvalue())
    _drop_surroundings(root)
    _rename(root, name)
    for element in root.iter():
        _tidy(element)
    _lift_styles(root)
    _name_it(root, name, printable(title), printable(description))
    _write_prefixes(root)
    return Figure(ElementTree.tostring(root, encoding="unicode"), tips_of(axes, named))


def _drop_surroundings(root: ElementTree.Element) -> None:
    for child in list(root):
        # Metadata, and a style rule for `*` that would reach every element of the page.
        if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}defs") and child.find(f"{{{_SVG}}}clipPath") is None:
            root.remove(child)
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.set("stroke-linejoin", "round")
    root.set("font-family", FONT)


def _rename(root: ElementTree.Element, name: str) -> None:
    link = f"{{{_XLINK}}}href"
    used: dict[str, str] = {}
    for element in root.iter():
        targets = [element.get(link, "")[1:], *_REFERENCE.findall(element.get("clip-path", ""))]
        for target in filter(None, targets):
            used.setdefault(target, f"{name}-{len(used)}")
    for element in root.iter():
        if (old := element.attrib.pop("id", None)) in used:
            element.set("id", used[old])
        elif old and old.startswith(LINES):
            element.set(f"data-{LINES}", old.removeprefix(LINES))
        if link in element.attrib:
            element.set(link, f"#{used[element.attrib[link][1:]]}")
        if "clip-path" in element.attrib:
            element.set(
                "clip-path", _REFERENCE.sub(lambda found: f"url(#{used[found[1]]})", element.get("clip-path", ""))
            )


def _tidy(element: ElementTree.Element) -> None:
    element.tail = None
    if not element.tag.endswith("text"):
        element.text = None
    for key, value in element.attrib.items():
        if key in ("d", "x", "y", "transform", "points"):
            shorter = _NUMBER.sub(lambda found: f"{float(found[0]):.2f}", value)
            element.set(key, " ".join(shorter.split()))
        elif key == "style":
            element.set(key, _plain_style(value))


def _plain_style(style: str) -> str:
    """Ink takes the text's colour; the font's family is the root's."""
    style = _FONT_SHORTHAND.sub(r"font-size: \1", style.replace(INK, "currentColor"))
    return _FONT_FAMILY.sub("", style).replace("; ;", ";").replace(": ", ":").replace("; ", ";").strip("; ")


def _lift_styles(root: ElementTree.Element) -> None:
    """A style that all points of a series share is written once: most of a large figure is such repetition."""
    for group in root.iter(f"{{{_SVG}}}g"):
        children = list(group)
        styles = {child.get("style") for child in children}
        if len(children) > 1 and len(styles) == 1 and None not in styles and "style" not in group.attrib:
            group.set("style", str(styles.pop()))
            for child in children:
                del child.attrib["style"]


def _name_it(root: ElementTree.Element, name: str, title: str, description: str) -> None:
    root.set("role", "img")
    root.set("data-figure", name)
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(f"{{{_SVG}}}{tag}", {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(position, element)


def _write_prefixes(root: ElementTree.Element) -> None:
    # By hand, because ElementTree keeps prefixes for the whole process and would otherwise write `ns0:svg`.
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
        for key in [key for key in element.attrib if key.startswith(f"{{{_XLINK}}}")]:
            element.set(f"xlink:{key.rpartition('}')[2]}", element.attrib.pop(key))
    root.set("xmlns", _SVG)
    root.set("xmlns:xlink", _XLINK)


_RIGHT, _BOTTOM, _LEGEND_ROW = 12.0, 48.0, 20.0
_LETTER = 6.9
_LOG_FROM = 12.0


@dataclass(frozen=True, slots=True)
class Look:
    """How one family is drawn everywhere.

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


APPEARANCES = (
    Look("#0072b2", "#56b4e9", "o", "-", "●"),
    Look("#d55e00", "#e69f00", "^", "--", "▲"),
    Look("#009e73", "#1fbf92", "s", "-.", "■"),
    Look("#cc79a7", "#cc79a7", "D", ":", "◆"),
)

PLAIN = Look(INK, INK, "o", "-", "●")
"""The look of what belongs to no family."""


def look_of(position: int) -> Look:
    """The look of the family at this position of the sweep."""
    return APPEARANCES[position % len(APPEARANCES)]


def dots(axes: Axes, xs: Sequence[float], ys: Sequence[float], look: Look, **more: Any) -> None:
    """Points of one family, without a line."""
    axes.plot(xs, ys, **{"color": look.color, "marker": look.marker, "linestyle": "none", **more})


def trace(axes: Axes, xs: Sequence[float], ys: Sequence[float], look: Look, **more: Any) -> None:
    """A line of one family."""
    axes.plot(xs, ys, **{"color": look.color, "linestyle": look.line, "linewidth": 1.6, **more})


def band(
    axes: Axes,
    xs: Sequence[float],
    lines: tuple[Sequence[float], Sequence[float], Sequence[float]],
    look: Look,
    label: str,
) -> None:
    """A line with a band around it, and eight markers or so on it.

    Args:
        axes: Where it is drawn.
        xs: Places across, ascending.
        lines: Lower ends of the band, the line, and upper ends, one at each place.
        look: How the family or gate is drawn.
        label: Its name in the legend.
    """
    low, middle, high = lines
    axes.fill_between(xs, low, high, color=look.color, alpha=0.16, linewidth=0)
    marks = {"marker": look.marker, "markevery": max(1, len(xs) // 8), "markersize": 5}
    trace(axes, xs, middle, look, label=printable(label), **marks)


def interval_band(
    axes: Axes, xs: Sequence[float], ends: tuple[Sequence[float], Sequence[float]], look: Look, label: str, around: int
) -> None:
    """The area between two ends, at each place across; it is the darker, the more others lie around it.

    Args:
        axes: Where it is drawn.
        xs: Places across, ascending.
        ends: Lower and upper ends, one at each place.
        look: How it is drawn.
        label: Its name in the legend.
        around: How many wider ones are drawn too.
    """
    opacity = 0.17
    seen = 1 - (1 - opacity) ** (around + 1)  # in the legend, where none lies below it
    if len(xs) > 1:
        axes.fill_between(xs, *ends, color=look.color, alpha=opacity, linewidth=0)
    else:
        axes.vlines(xs, *ends, color=look.color, alpha=2 * opacity, linewidth=7)
    axes.fill_between([], [], [], color=look.color, alpha=seen, linewidth=0, label=label)


def diagonal(axes: Axes, ends: tuple[float, float], label: str) -> None:
    """The line on which what is across is as large as what is upwards."""
    trace(axes, ends, ends, PLAIN, linestyle=(0, (1, 2)), linewidth=1.4, label=label)


def quantity(name: str, unit: str) -> str:
    """What an axis shows, with its unit."""
    return f"{shortened(name, 24)} ({shortened(unit, 12)})" if unit else shortened(name, 30)


def evenly(number: int, most: int) -> Sequence[int]:
    """Places of a sequence, evenly spread, the first and the last included.

    Args:
        number: Length of the sequence.
        most: How many places at most, at least 2.
    """
    if number <= most:
        return range(number)
    return [round(place * (number - 1) / (most - 1)) for place in range(most)]


def stand_out(axes: Axes, x: float, y: float, look: Look) -> None:
    """One point of a family, larger and with an edge."""
    dots(axes, [x], [y], look, markersize=10, markeredgecolor=INK, markeredgewidth=1.6, zorder=4)


def explain_edge(axes: Axes, label: str) -> None:
    """What the edge of `stand_out` means, in the legend."""
    dots(axes, [], [], PLAIN, markerfacecolor="none", markersize=9, markeredgewidth=1.6, label=label)


def level_line(axes: Axes, value: float, label: str) -> None:
    """A dotted line across, such as the best baseline's score."""
    axes.axhline(value, color=INK, linestyle=(0, (1, 2)), linewidth=1.4, label=label)


def sides(axes: Axes, left: str, right: str) -> None:
    """An axis across with its zero within: what lies to the left and to the right, and sizes without a sign."""
    label_ticks(axes, "x")
    axes.set_xticks(axes.get_xticks(), [label.get_text().removeprefix("-") for label in axes.get_xticklabels()])
    axes.set_title(f"← {left}", loc="left", fontsize=12)
    axes.set_title(f"{right} →", loc="right", fontsize=12)
    axes.set_yticks(())
    axes.spines["left"].set_visible(False)


def finish(axes: Axes, scores: str = "", whole_x: bool = False) -> None:
    """Scales, grid, ticks for people, the legend above, and margins that fit them.

    Args:
        axes: With everything drawn.
        scores: Axes, of `x` and `y`, that become logarithmic where what is drawn spans more than a decade, as bad
            trials of a random search do.
        whole_x: Whether the numbers across count something.
    """
    for side in scores:
        low, high = axes.dataLim.intervaly if side == "y" else axes.dataLim.intervalx
        if math.isfinite(low) and math.isfinite(high) and low > 0 and high / low >= _LOG_FROM:
            (axes.set_yscale if side == "y" else axes.set_xscale)("log")
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
    labels = [short(place) for place in inside] if logarithmic else ticks(inside)
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
