"""Forecasts against the actual values, with their intervals, and their error by step of the horizon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.records.diagnostics import ForecastDiagnostics, ForecastWindow
from harness.report.axes import (
    INK,
    PLAIN,
    Look,
    drawing,
    evenly,
    finish,
    interval_band,
    quantity,
    render,
    trace,
)
from harness.text import counted, joined, level_text, significant

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 150
"""Steps drawn of one line."""


def window(found: ForecastDiagnostics, one: ForecastWindow, about: str, look: Look, name: str = "window") -> str:
    """One forecast, the history before it, the actual values, and its intervals.

    Args:
        found: Which target, and how wide its intervals are.
        one: The forecast.
        about: Which data, for those who cannot see it.
        look: How the model is drawn.
        name: Put before the ids of the figure's parts: unique in a page.
    """
    steps = _places(len(one.forecast))
    across = [step + 1 for step in steps]
    said = [one.forecast[step] for step in steps]
    # The line of the actual values goes on where the history ends.
    known, first = list(one.before), [0] if one.before else []
    with drawing() as axes:
        if known:
            places = _places(len(known))
            before = [at + 1 - len(known) for at in places]
            trace(axes, before, [known[at] for at in places], PLAIN, alpha=0.5, label="history")
            axes.axvline(0, color=INK, alpha=0.35, linewidth=0.8)
        if one.truth:
            trace(axes, first + across, known[-1:] + [one.truth[step] for step in steps], PLAIN, label="actual")
        marks = {"marker": look.marker, "markersize": 4} if len(steps) <= 24 else {}
        trace(axes, across, said, look, linestyle="--", linewidth=2, label="forecast", **marks)
        levels = sorted(found.half_widths, key=int)
        for place, level in enumerate(levels):
            half = [found.half_widths[level][step] * one.moved for step in steps]
            low, high = ([value + sign * wide for value, wide in zip(said, half, strict=True)] for sign in (-1, 1))
            name_of = level_text(int(level) / 100)
            interval_band(axes, across, (low, high), look, name_of, len(levels) - 1 - place)
        axes.set(xlabel="steps from the end of the history", ylabel=quantity(found.target, found.unit))
        _margin(axes, [*known, *said, *one.truth])
        finish(axes, whole_x=True)
        which = f"{one.place} forecast" if one.truth and found.cases > 1 else "forecast"
        error = f" Mean absolute error {_value(found, one.error)}." if one.truth else ""
        title = f"{which[:1].upper()}{which[1:]}" + (" against the actual values" if one.truth else "")
        return render(axes, name, title, f"{about}: {found.target} over {counted(len(said), 'step')}.{error}")


def error_by_step(found: ForecastDiagnostics, about: str, look: Look, name: str = "error") -> str | None:
    """Mean absolute error at each step of the horizon, beside that of the last value repeated.

    Args:
        found: What is drawn.
        about: Which data, for those who cannot see it.
        look: How the model is drawn.
        name: Put before the ids of the figure's parts: unique in a page.

    Returns:
        None where the horizon is one step, or the actual values are not known.
    """
    if len(found.errors) < 2:
        return None
    steps = _places(len(found.errors))
    across = [step + 1 for step in steps]
    marks = {"markersize": 4} if len(steps) <= 24 else {"markersize": 0}
    with drawing() as axes:
        if found.naive_errors:
            naive = [found.naive_errors[step] for step in steps]
            trace(axes, across, naive, PLAIN, linestyle=":", label="last value repeated")
        errors = [found.errors[step] for step in steps]
        trace(axes, across, errors, look, marker=look.marker, label="forecast", **marks)
        unit = f" ({found.unit})" if found.unit else ""
        axes.set(xlabel="step of the horizon", ylabel=f"mean absolute error{unit}")
        axes.set_ylim(bottom=0)
        finish(axes, whole_x=True)
        return render(axes, name, "Error by step of the horizon", f"{about}: {found.target}. {_ends(found)}")


def drawn(found: ForecastDiagnostics, about: str, anchor: str, look: Look) -> Iterator[tuple[str, str, str]]:
    """Name, figure and caption of each picture of forecasts."""
    levels = [level_text(int(level) / 100) for level in sorted(found.half_widths, key=int)]
    bands = f" Bands are the {' and '.join(levels)} intervals." if levels else ""
    one_of = f" The target is {found.target}, the first of {found.targets}." if found.targets > 1 else ""
    for number, one in enumerate(found.windows, start=1):
        picture = f"forecast-{one.place if one.truth else number}"
        yield picture, window(found, one, about, look, f"{anchor}-{picture}"), _told(found, one) + bands + one_of
    if figure := error_by_step(found, about, look, f"{anchor}-horizon"):
        yield "horizon", figure, f"Error by step of the horizon, over {_windows(found)}. {_ends(found)}"


def _told(found: ForecastDiagnostics, one: ForecastWindow) -> str:
    if not one.truth:
        return f"The forecast{f' of {one.place}' if one.place else ''}, beyond what is known."
    error, where = _value(found, one.error), "" if one.row is None else f", from row {one.row + 1:,} of the source on"
    if found.cases == 1:
        return f"The forecast and the actual values: mean absolute error {error}{where}."
    return f"The {one.place} of {_windows(found)} by mean absolute error, {error}{where}."


def _windows(found: ForecastDiagnostics) -> str:
    return counted(found.cases, "window")


def _ends(found: ForecastDiagnostics) -> str:
    """The first and the last step's error, in a sentence."""
    first, last = (_value(found, found.errors[at]) for at in (0, -1))
    return f"It goes from {first} at the first step to {last} at step {len(found.errors):,}."


def _value(found: ForecastDiagnostics, value: float | None) -> str:
    return joined(significant(value), found.unit)


def _places(number: int) -> Sequence[int]:
    return evenly(number, MOST_POINTS)


def _margin(axes: Axes, values: Sequence[float]) -> None:
    """Room for the lines; an interval that is far wider than they are is cut, lest they become flat."""
    finite = [value for value in values if value == value]
    low, high = min(finite), max(finite)
    spread = (high - low) or abs(high) or 1.0
    bottom, top = axes.dataLim.intervaly
    axes.set_ylim(max(bottom, low - spread) - 0.04 * spread, min(top, high + spread) + 0.04 * spread)
