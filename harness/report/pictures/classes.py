"""Probabilities against the truth: a reliability diagram, and a confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Iterator

from harness.records.diagnostics import OTHERS, ClassDiagnostics
from harness.report.axes import (
    INK,
    WIDTH,
    Look,
    diagonal,
    dots,
    drawing,
    finish,
    letters_wide,
    name_rows,
    render,
)
from harness.text import counted, shortened, significant

_DARKEST = 0.62
"""Opacity of the fullest cell, on which the numbers can still be read, on white and on dark."""

_BIN = 0.1
_NAME = 14
"""Letters of a class's name beside a row."""


def reliability(found: ClassDiagnostics, about: str, look: Look, name: str = "reliability") -> str | None:
    """How often what was said with a probability came true, with its 95 % interval.

    Args:
        found: What is drawn.
        about: Which data, for those who cannot see it.
        look: How the model is drawn.
        name: Put before the ids of the figure's parts: unique in a page.

    Returns:
        None where nothing was said.
    """
    if not found.counts:
        return None
    total = sum(found.counts)
    with drawing() as axes:
        places = [(min(int(said / _BIN + 1e-9), 9) + 0.5) * _BIN for said in found.confidence]
        shares = [count / total for count in found.counts]
        axes.bar(places, shares, width=0.09, color=INK, alpha=0.13, linewidth=0, label="share of all")
        diagonal(axes, (0.0, 1.0), "as often as said")
        ends = [wilson(share, count) for share, count in zip(found.frequency, found.counts, strict=True)]
        axes.vlines(
            found.confidence, [low for low, _ in ends], [high for _, high in ends], color=look.color, linewidth=1.4
        )
        dots(axes, found.confidence, found.frequency, look, markersize=7, label="came true")
        said = "label's probability" if found.flags else "probability of the most probable class"
        axes.set(xlabel=said, ylabel="how often it came true", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        finish(axes)
        return render(axes, name, "Reliability diagram", f"{about}: {_calibration(found)}")


def confusion(found: ClassDiagnostics, about: str, look: Look, name: str = "confusion") -> str | None:
    """True classes by row against the most probable ones by column, coloured by share of the row.

    Args:
        found: What is drawn.
        about: Which data, for those who cannot see it.
        look: How the model is drawn.
        name: Put before the ids of the figure's parts: unique in a page.

    Returns:
        None where answers are labels, or a class alone.
    """
    from matplotlib.patches import Rectangle

    size = len(found.names)
    if size < 2:
        return None
    order = [size - 1 - at for at in range(size)]  # the first class on top
    letters = 13.0 if size <= 6 else 11.0 if size <= 9 else 10.0
    with drawing() as axes:
        for row, counts in enumerate(found.confusion):
            total = sum(counts)
            for column, count in enumerate(counts):
                if count:
                    place = (column - 0.48, order[row] - 0.48)
                    shade = _DARKEST * count / total
                    axes.add_patch(Rectangle(place, 0.96, 0.96, color=look.color, alpha=shade, linewidth=0))
                    axes.text(column, order[row], f"{count:,}", ha="center", va="center", fontsize=letters)
        axes.set(xlim=(-0.5, size - 0.5), ylim=(-0.5, size - 0.5), xlabel="most probable class", ylabel="true class")
        finish(axes)
        rows = [shortened(one, _NAME) for one in found.names]
        columns = rows
        if letters_wide(rows) > (WIDTH - 80 - letters_wide(rows)) / size:  # numbers in the place of names
            columns = [str(number) for number in range(1, size + 1)]
            rows = [f"{shortened(one, _NAME - 2)} {number}" for number, one in enumerate(rows, start=1)]
        name_rows(axes, rows[::-1])
        axes.set_xticks(range(size), columns)
        axes.grid(False)
        box = axes.get_position()
        axes.set_position((box.x0 + 18 / WIDTH, box.y0, box.width - 18 / WIDTH, box.height))
        axes.yaxis.set_label_coords((14 / WIDTH - box.x0 - 18 / WIDTH) / (box.width - 18 / WIDTH), 0.5)
        return render(axes, name, "Confusion matrix", f"{about}: {_right(found)}")


def drawn(found: ClassDiagnostics, about: str, anchor: str, look: Look) -> Iterator[tuple[str, str, str]]:
    """Name, figure and caption of each picture of classes."""
    if figure := reliability(found, about, look, f"{anchor}-reliability"):
        yield "reliability", figure, f"Reliability: {_calibration(found)} Bars up and down are 95 % intervals."
    if figure := confusion(found, about, look, f"{anchor}-confusion"):
        others = f" The {len(found.names) - 1} most frequent classes are shown." if _has_others(found) else ""
        yield "confusion", figure, f"Confusion matrix, coloured by share of the row: {_right(found)}{others}"


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share.

    Source: E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference".

    Args:
        share: From 0 to 1.
        count: Of how many, at least 1.
    """
    z = 1.959964
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def _calibration(found: ClassDiagnostics) -> str:
    total = sum(found.counts)
    noun = "label" if found.flags else "step" if found.steps else "sequence"
    off = significant(100 * found.calibration_error, 2)
    return f"over {counted(total, noun)} the probabilities are off by {off} points on average."


def _right(found: ClassDiagnostics) -> str:
    total = sum(map(sum, found.confusion))
    right = sum(row[at] for at, row in enumerate(found.confusion[: len(found.names) - _has_others(found)]))
    noun = "step" if found.steps else "sequence"
    if _has_others(found):
        return f"{counted(total, noun)}."
    return f"{right:,} of {counted(total, noun)} are called by their class."


def _has_others(found: ClassDiagnostics) -> bool:
    return found.names[-1:] == (OTHERS,)
