"""A matplotlib figure becomes one small piece of SVG that can stand in a page beside others, or alone in a file.

It knows nothing of trials. Matplotlib's own output would not do: its ids repeat from figure to figure, its style rule
reaches the whole page, and its black would vanish on a dark one.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from harness.report.clean import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#010203"
"""Draw with this colour what should have the colour of the text around the figure."""

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
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
def drawing() -> Iterator[None]:
    """The surroundings in which figures are made and rendered, whatever the user's matplotlibrc says."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)  # type: ignore[arg-type]  # its keys are a Literal of 300 names
        # Letters are not drawn here but by the reader's program, which has fonts for them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def render(axes: Axes, name: str, title: str, description: str) -> str:
    """The figure of these axes as an `<svg>` element.

    Args:
        axes: Made within `drawing()`, as this call must be.
        name: Put before every id, so that ids stay unique in a page; letters, digits and hyphens.
        title: What the figure is, for those who cannot see it and as a tooltip.
        description: What it shows, for those who cannot see it.

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
    return ElementTree.tostring(root, encoding="unicode")


def _drop_surroundings(root: ElementTree.Element) -> None:
    for child in list(root):
        # Metadata, and a style rule for `*` that would reach every element of the page.
        if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}defs") and child.find(f"{{{_SVG}}}clipPath") is None:
            root.remove(child)
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.set("stroke-linejoin", "round")
    root.set("font-family", _FONT)


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
