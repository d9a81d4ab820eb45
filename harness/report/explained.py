"""Figures and sentences of what `harness explain` found."""

from __future__ import annotations

from collections.abc import Iterator

from harness.records import Band, ExplainedCell, Explanation, GradientReach
from harness.report.axes import band, drawing, evenly, finish, level_line, look_of, render
from harness.text import INDENT, counted, listed, wrapped

MOMENTS = ("before", "after")

SMALLEST = 1e-8
"""What is drawn of a gradient that is smaller still: it is nothing, and zero has no place on an axis of logarithms."""

MOST_POINTS = 200


def gradients(explanation: Explanation, moment: str, name: str = "gradients") -> str | None:
    """Norm of the gradient against the distance in steps, one line a cell.

    Args:
        explanation: What is drawn.
        moment: `before` or `after` training.
        name: Put before the ids of the figure's parts: unique in a page.

    Returns:
        None when there is nothing to draw.
    """
    drawn = [
        (cell, reach_of(cell, moment), look_of(position))
        for position, cell in enumerate(explanation.cells)
        if reach_of(cell, moment).longest_steps
    ]
    if not drawn:
        return None
    with drawing() as axes:
        for cell, reach, look in drawn:
            steps, lines = _thinned(reach.relative, SMALLEST)
            band(axes, steps, lines, look, _label(cell))
        level_line(axes, 0.5, "a half")
        axes.set(xlabel="steps before the last", ylabel="gradient's norm, relative")
        finish(axes, "y", whole_x=True)
        cells = ", ".join(cell.name for cell, *_ in drawn)
        title = f"Gradients {moment} training against the distance in steps"
        return render(axes, name, title, f"{explanation.dataset}: {cells}. {half_lives(explanation, moment)}")


def gates(cell: ExplainedCell, name: str = "gates") -> str | None:
    """Openness of each gate of a cell against the step; None for a cell without gates."""
    if not cell.gates:
        return None
    with drawing() as axes:
        for position, gate in enumerate(cell.gates):
            steps, lines = _thinned(gate.by_step, 0.0)
            band(axes, steps, lines, look_of(position), gate.gate)
        axes.set(xlabel="step", ylabel="openness", ylim=(-0.02, 1.02))
        finish(axes, whole_x=True)
        gates_named = ", ".join(gate.gate for gate in cell.gates)
        return render(axes, name, f"Gates of {cell.name}", f"{gates_named}: openness at each step.")


def half_lives(explanation: Explanation, moment: str) -> str:
    """In how many steps the gradient halves, for each cell, in one sentence."""
    parts = [f"{_label(cell)} {half_life_words(reach_of(cell, moment))}" for cell in explanation.cells]
    return f"It halves in: {', '.join(parts)}."


def half_life_words(reach: GradientReach) -> str:
    """A half-life for people, such as `4.2 steps` or `more than 99 steps`."""
    if reach.half_life_steps is None:
        return f"more than {counted(reach.longest_steps, 'step')}"
    return f"{reach.half_life_steps:.1f} steps"


def saturation(cell: ExplainedCell) -> str:
    """How often each gate stands closed and open, in one sentence."""
    parts = [f"{gate.gate} {gate.closed * 100:.0f} % and {gate.open * 100:.0f} %" for gate in cell.gates]
    return f"Closed (at most 0.1) and open (at least 0.9): {', '.join(parts)}."


def reach_of(cell: ExplainedCell, moment: str) -> GradientReach:
    """How far the gradient reaches `before` or `after` training."""
    return cell.before if moment == "before" else cell.after


def _label(cell: ExplainedCell) -> str:
    about = [*(["reference"] if cell.reference else []), *([cell.respect_to] if cell.respect_to != "states" else [])]
    return f"{cell.name} ({', '.join(about)})" if about else cell.name


def _respect_to(explanation: Explanation) -> str:
    """What the gradient is with respect to, for a caption."""
    by_inputs = [cell.name for cell in explanation.cells if cell.respect_to == "inputs"]
    if len(by_inputs) == len(explanation.cells):
        return "the input"
    return f"the state or, of {listed(by_inputs)}, the input" if by_inputs else "the state"


def _thinned(its: Band, least: float) -> tuple[list[int], tuple[list[float], list[float], list[float]]]:
    """Steps from 1 and what is drawn at each, at least `least`: lower ends, medians, upper ends of `MOST_POINTS`."""
    places = evenly(len(its.median), MOST_POINTS)
    low, median, high = ([max(line[at], least) for at in places] for line in (its.low, its.median, its.high))
    return [at + 1 for at in places], (low, median, high)


def text(explanation: Explanation, width: int | None = None) -> str:
    """What was found for one dataset, for a terminal.

    Args:
        explanation: What was found.
        width: Columns of the terminal; None where the output is none.
    """
    head = f"{explanation.dataset}: {counted(explanation.sequences, 'sequence')} of the validation part"
    lines = wrapped(head, width)
    for cell in explanation.cells:
        lines += wrapped(_sentence(cell), width, INDENT)
        for note in cell.notes:
            lines += wrapped(note, width, INDENT * 2)
    return "\n".join(lines)


def _sentence(cell: ExplainedCell) -> str:
    gates_open = ", ".join(f"{gate.gate} {gate.mean:.2f}" for gate in cell.gates)
    return (
        f"{_label(cell)}: the gradient halves in {half_life_words(cell.before)} before training, "
        f"in {half_life_words(cell.after)} after it" + (f"; gates, mean openness: {gates_open}" if gates_open else "")
    )


def drawn(explanation: Explanation, anchor: str) -> Iterator[tuple[str, str | None, str]]:
    """Name, figure and caption of what the selected networks do with the data.

    Args:
        explanation: What is drawn.
        anchor: Put before the ids of the figures' parts, to be unique in a page.
    """
    about = _respect_to(explanation)
    for moment in MOMENTS:
        yield (
            f"gradients-{moment}",
            gradients(explanation, moment, f"{anchor}-gradients-{moment}"),
            f"How far back the loss's gradient reaches {moment} training: its norm with respect to {about} so many "
            f"steps before the last. Bands hold the middle 80 % of sequences. {half_lives(explanation, moment)}",
        )
    for number, cell in enumerate(explanation.cells, start=1):
        if cell.gates:
            yield (
                f"gates-{number}",
                gates(cell, f"{anchor}-gates-{number}"),
                f"How open the gates of {cell.name} stand at each step; bands hold the middle 80 % of sequences and "
                f"units. {saturation(cell)}",
            )
