"""Predicted numbers against the truth, and their residuals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.records.diagnostics import NumberDiagnostics
from harness.report.axes import INK, Look, diagonal, dots, drawing, finish, level_line, quantity, render
from harness.text import counted, joined, level_text, significant

_POINT = {"markersize": 5.0, "markeredgewidth": 0, "alpha": 0.55}
_DASHES = {"80": "--", "95": ":"}


def predicted(found: NumberDiagnostics, about: str, look: Look, name: str = "predicted") -> str | None:
    """Truth against prediction; the line is where both are equal.

    Args:
        found: What is drawn.
        about: Which data, for those who cannot see it.
        look: How the model is drawn.
        name: Put before the ids of the figure's parts: unique in a page.

    Returns:
        None where there is nothing to draw.
    """
    if not found.prediction:
        return None
    with drawing() as axes:
        dots(axes, found.prediction, found.truth, look, **_POINT, label="sequence")
        both = [*found.prediction, *found.truth]
        diagonal(axes, (min(both), max(both)), "as predicted")
        axes.set(xlabel=f"predicted {quantity(found.target, found.unit)}", ylabel="true")
        finish(axes)
        return render(axes, name, "Truth against prediction", f"{about}: {_errors(found)}")


def residuals(found: NumberDiagnostics, about: str, look: Look, name: str = "residuals") -> str | None:
    """Truth minus prediction against the prediction, with the ends of the intervals; arguments as for `predicted`."""
    if not found.prediction:
        return None
    off = [true - said for true, said in zip(found.truth, found.prediction, strict=True)]
    with drawing() as axes:
        dots(axes, found.prediction, off, look, **_POINT, label="sequence")
        level_line(axes, 0.0, "no error")
        for level, half in sorted(found.half_widths.items(), key=lambda item: int(item[0])):
            ends: dict[str, Any] = {"color": INK, "linestyle": _DASHES.get(level, "-"), "linewidth": 1.1, "alpha": 0.7}
            axes.axhline(-half, **ends)
            axes.axhline(half, **ends, label=level_text(int(level) / 100))
        axes.set(xlabel=f"predicted {quantity(found.target, found.unit)}", ylabel="true minus predicted")
        finish(axes)
        return render(axes, name, "Residuals against prediction", f"{about}: {_errors(found)}")


def drawn(found: NumberDiagnostics, about: str, anchor: str, look: Look) -> Iterator[tuple[str, str, str]]:
    """Name, figure and caption of each picture of numbers."""
    shown = "" if found.cases == len(found.prediction) else f" {len(found.prediction):,} of them are drawn."
    if figure := predicted(found, about, look, f"{anchor}-predicted"):
        yield "predicted", figure, f"Truth against prediction: {_errors(found)}{shown}"
    if figure := residuals(found, about, look, f"{anchor}-residuals"):
        mean = joined(significant(found.mean_residual, 2), found.unit)
        lines = " Dashed lines are the ends of the intervals." if found.half_widths else ""
        yield "residuals", figure, f"Residuals, truth minus prediction: their mean is {mean}.{lines}{shown}"


def _errors(found: NumberDiagnostics) -> str:
    return f"mean absolute error {joined(significant(found.mae), found.unit)} over {counted(found.cases, 'sequence')}."
