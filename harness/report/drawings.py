"""Every figure of a comparison with its caption and the name of its file, and those of `harness explain`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.records import ComparisonResult, ExplainedCell, Explanation, GradientReach
from harness.report import figures as draw
from harness.report.axes import Look, drawing, finish, level_line, look_of, new_axes, render, scale, trace
from harness.report.curves import curves_of, importances_of, leads_of
from harness.report.text import INDENT, wrapped
from harness.report.view import ComparisonView, view_of
from harness.text import counted, printable

MOMENTS = ("before", "after")

SMALLEST = 1e-8
"""What is drawn of a gradient that is smaller still: it is nothing, and zero has no place on an axis of logarithms."""

MOST_POINTS = 200


def gradients(explanation: Explanation, moment: str, name: str = "gradients") -> str | None:
    """Norm of the gradient with respect to the state against the distance in steps, one line a cell.

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
    with drawing():
        axes = new_axes()
        for cell, reach, look in drawn:
            distances = range(1, len(reach.relative.median) + 1)
            places = _thinned(len(distances))
            low, high = (
                [max(side[place], SMALLEST) for place in places] for side in (reach.relative.low, reach.relative.high)
            )
            line = [max(reach.relative.median[place], SMALLEST) for place in places]
            xs = [distances[place] for place in places]
            axes.fill_between(xs, low, high, color=look.color, alpha=0.13, linewidth=0)
            trace(axes, xs, line, look, label=printable(_label(cell)), **_marks(look, len(xs)))
        level_line(axes, 0.5, "a half")
        axes.set_xlabel("steps before the last")
        axes.set_ylabel("gradient's norm, relative")
        scale(axes, "y")
        finish(axes, whole_x=True)
        cells = ", ".join(cell.name for cell, *_ in drawn)
        title = f"Gradients {moment} training against the distance in steps"
        return render(axes, name, title, f"{explanation.dataset}: {cells}. {half_lives(explanation, moment)}")


def gates(cell: ExplainedCell, name: str = "gates") -> str | None:
    """Openness of each gate of a cell against the step; None for a cell without gates."""
    if not cell.gates:
        return None
    with drawing():
        axes = new_axes()
        for position, gate in enumerate(cell.gates):
            look = look_of(position)
            places = _thinned(len(gate.by_step.median))
            xs = [place + 1 for place in places]
            low, high = ([side[place] for place in places] for side in (gate.by_step.low, gate.by_step.high))
            axes.fill_between(xs, low, high, color=look.color, alpha=0.13, linewidth=0)
            line = [gate.by_step.median[place] for place in places]
            trace(axes, xs, line, look, label=gate.gate, **_marks(look, len(xs)))
        axes.set_xlabel("step")
        axes.set_ylabel("openness")
        axes.set_ylim(-0.02, 1.02)
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
    return f"{cell.name} (reference)" if cell.reference else cell.name


def _marks(look: Look, count: int) -> dict[str, object]:
    return {"marker": look.marker, "markevery": max(1, count // 8), "markersize": 5}


def _thinned(count: int) -> Sequence[int]:
    """At most so many places, evenly, the last included."""
    if count <= MOST_POINTS:
        return range(count)
    return sorted({round(place * (count - 1) / (MOST_POINTS - 1)) for place in range(MOST_POINTS)})


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


NOTEBOOK_PIXELS = 560


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure and what stands under it.

    Attributes:
        name: Its name among the comparison's figures, also of its file.
        svg: The figure.
        caption: One or two sentences.
    """

    name: str
    svg: str
    caption: str

    def _repr_svg_(self) -> str:
        """How a notebook shows it: in its own size, and on white, since a picture does not learn the page's colours."""
        return self.svg.replace("<svg ", f'<svg width="{NOTEBOOK_PIXELS}" style="background:#fff" ', 1)

    def __repr__(self) -> str:
        return f"{self.name}: {self.caption}"


def figures(comparison: ComparisonResult) -> dict[str, Drawing]:
    """The figures of the report by their names, such as `difference`, `trials` and `budget`.

    A notebook shows a figure as a picture; its `svg` can be written into a file.

    Args:
        comparison: One of a result's `comparisons`.
    """
    view = view_of(comparison, curves_of(comparison))
    difference = difference_of(view)
    return {drawing.name: drawing for drawing in [*([difference] if difference else []), *drawings_of(view)]}


def difference_of(view: ComparisonView, anchor: str = "figure") -> Drawing | None:
    """The difference of the two families with its interval; None when it is not known.

    Args:
        view: The comparison in words.
        anchor: Put before the ids of the figure's parts, to be unique in a page.
    """
    svg = draw.difference(view.result, f"{anchor}-difference")
    verdict = view.result.verdict
    over = f"The thin line is {view.over_cases}: what another test set might say. " if view.over_cases else ""
    caption = (
        f"{view.difference}. {over}"
        f"The grey zone is the region of practical equivalence, ± {view.style.with_unit(verdict.margin)}."
    )
    return Drawing("difference", svg, caption) if svg else None


def drawings_of(view: ComparisonView, anchor: str = "figure") -> list[Drawing]:
    """The other figures, those that there is something to draw of.

    Args:
        view: The comparison in words.
        anchor: Put before the ids of the figures' parts, to be unique in a page.
    """
    result, trials = view.result, view.result.verdict.trials
    line = f" The dotted line is the best baseline, {view.baseline}." if view.baseline else ""
    made = (
        (
            "trials",
            draw.trials(result, f"{anchor}-trials"),
            f"Every completed trial. The one with the best validation score is selected.{line}",
        ),
        (
            "budget",
            draw.budget(result, view.curves, f"{anchor}-budget"),
            f"What a search of so many trials can expect of the trial it selects; the line at {trials} is this budget. "
            f"{_lead(leads_of(result))}".rstrip(),
        ),
        (
            "spread",
            draw.spread(result, f"{anchor}-spread"),
            "Chance at work: another search selects another trial, and another seed scores otherwise.",
        ),
        ("learning", draw.learning(result, f"{anchor}-learning"), "The selected trials, epoch by epoch."),
        (
            "parameters",
            draw.cost(result, "parameters", f"{anchor}-parameters"),
            "What size buys: all completed trials.",
        ),
        (
            "seconds",
            draw.cost(result, "fit_seconds", f"{anchor}-seconds"),
            "What time buys: all completed trials.",
        ),
        (
            "importances",
            draw.importances(result, importances_of(result), f"{anchor}-importances"),
            "Which hyperparameters mattered: by how much worse a forest ranks the trials when one is shuffled.",
        ),
    )
    return [*(Drawing(name, svg, caption) for name, svg, caption in made if svg), *_explained(view, anchor)]


def _lead(leads: Sequence[tuple[int, str]]) -> str:
    """Who leads from which budget on, in a sentence."""
    if not leads:
        return ""
    if len(leads) == 1:
        return f"At every number of trials {leads[0][1]} is expected to do best."
    changes = ", ".join(f"{family} from {counted(trials, 'trial')} on" for trials, family in leads)
    return f"The lead changes hands: {changes}."


def _explained(view: ComparisonView, anchor: str) -> list[Drawing]:
    """What the selected networks do with the data, where `harness explain` was asked."""
    explanation = view.result.explanation
    if explanation is None:
        return []
    made = [
        (
            f"gradients-{moment}",
            gradients(explanation, moment, f"{anchor}-gradients-{moment}"),
            f"How far back the loss's gradient reaches {moment} training: its norm with respect to the state so many "
            "steps before the last. Bands hold the middle 80 % of sequences. "
            f"{half_lives(explanation, moment)}",
        )
        for moment in MOMENTS
    ]
    made += [
        (
            f"gates-{number}",
            gates(cell, f"{anchor}-gates-{number}"),
            f"How open the gates of {cell.name} stand at each step; bands hold the middle 80 % of sequences and units. "
            f"{saturation(cell)}",
        )
        for number, cell in enumerate(explanation.cells, start=1)
        if cell.gates
    ]
    return [Drawing(name, svg, caption) for name, svg, caption in made if svg]
