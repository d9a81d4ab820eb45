"""Pictures of what a champion does, a module for each kind: diagnostics in, SVG text and captions out."""

from __future__ import annotations

from collections.abc import Iterator

from harness.records.diagnostics import Diagnostics
from harness.report.axes import APPEARANCES, Look
from harness.report.pictures import classes, forecasts, numbers


def drawn(diagnostics: Diagnostics, anchor: str, look: Look = APPEARANCES[0]) -> Iterator[tuple[str, str, str]]:
    """Name, figure and caption of each picture that there is something to draw of.

    Args:
        diagnostics: What is drawn.
        anchor: Put before the ids of the figures' parts, to be unique in a page.
        look: How the model is drawn, such as its family is elsewhere.
    """
    about = f"{diagnostics.dataset}, {diagnostics.rows}"
    if diagnostics.forecast is not None:
        yield from forecasts.drawn(diagnostics.forecast, about, anchor, look)
    if diagnostics.classes is not None:
        yield from classes.drawn(diagnostics.classes, about, anchor, look)
    if diagnostics.numbers is not None:
        yield from numbers.drawn(diagnostics.numbers, about, anchor, look)
