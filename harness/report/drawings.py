"""Every figure of a comparison with its caption and the name of its file: what a page shows, and what MLflow keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.records import ComparisonResult
from harness.report import explained, intervals
from harness.report import figures as draw
from harness.report.curves import curves_of, leads_of
from harness.report.importances import importances_of
from harness.report.numbers import counted
from harness.report.view import ComparisonView, view_of

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
    svg = intervals.difference(view.result, f"{anchor}-difference")
    verdict = view.result.verdict
    over = f"The thin line is {view.over_cases}: what another test set might say. " if view.over_cases else ""
    caption = (
        f"{view.difference}. {over}"
        f"The grey zone is the region of practical equivalence, ± {view.style.with_unit(verdict.region)}."
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
    changes = ", ".join(f"{arm} from {counted(trials, 'trial')} on" for trials, arm in leads)
    return f"The lead changes hands: {changes}."


def _explained(view: ComparisonView, anchor: str) -> list[Drawing]:
    """What the selected networks do with the data, where `harness explain` was asked."""
    explanation = view.result.explanation
    if explanation is None:
        return []
    made = [
        (
            f"gradients-{moment}",
            explained.gradients(explanation, moment, f"{anchor}-gradients-{moment}"),
            f"How far back the loss's gradient reaches {moment} training: its norm with respect to the state so many "
            "steps before the last. Bands hold the middle 80 % of sequences. "
            f"{explained.half_lives(explanation, moment)}",
        )
        for moment in explained.MOMENTS
    ]
    made += [
        (
            f"gates-{number}",
            explained.gates(cell, f"{anchor}-gates-{number}"),
            f"How open the gates of {cell.name} stand at each step; bands hold the middle 80 % of sequences and units. "
            f"{explained.saturation(cell)}",
        )
        for number, cell in enumerate(explanation.cells, start=1)
        if cell.gates
    ]
    return [Drawing(name, svg, caption) for name, svg, caption in made if svg]
