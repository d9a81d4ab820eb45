"""Tables to go on with: trials as CSV for `harness verdict`, verdicts as Markdown and LaTeX. Returns text only."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from harness.records import ComparisonResult, Objective, ScoreRow, SweepResult, TrialStatus
from harness.report.clean import printable
from harness.report.view import ComparisonView, view_of

COLUMNS = (
    "dataset",
    "family",
    "replicate",
    "trial",
    "validation",
    "test",
    "direction",
    "metric",
    "parameters",
    "fit_seconds",
    "status",
)
"""Columns of the table that `harness verdict` reads."""

# A spreadsheet runs a cell that begins so as a formula (OWASP, "CSV injection").
_FORMULA_STARTS = ("=", "+", "-", "@")
_MARKDOWN = re.compile(r"([\\`*_\[\]|<>~&#])")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "²": r"$^2$",
    "<": r"$<$",
    ">": r"$>$",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}
_HEADS = ("dataset", "verdict", "family", "selected trial", "fresh seeds", "expected", "best baseline")


def trials_csv(comparisons: Iterable[ComparisonResult]) -> str:
    """Every trial of every comparison, in the columns that `harness verdict` reads.

    Scores are written with all their digits. A failed trial has empty scores.

    Args:
        comparisons: Finished comparisons.

    Returns:
        CSV text with a head and lines that end in a line feed.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for comparison in comparisons:
        writer.writerows(_cells(row, comparison.objective) for row in comparison.rows)
    return buffer.getvalue()


def markdown(result: SweepResult) -> str:
    """The verdicts as a table of GitHub's Markdown, one line a family, with the overall sentence above."""
    lines = [_markdown(result.overall), "", _piped(_HEADS), _piped(["---"] * 3 + ["---:"] * 3 + ["---"])]
    lines += [_piped(map(_markdown, row)) for row in _rows(result)]
    return "\n".join(lines) + "\n"


def latex(result: SweepResult) -> str:
    r"""The verdicts as a LaTeX `tabular`, one line a family; it needs `\usepackage{booktabs}`."""
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{tabular}{lllrrrl}",
        r"\toprule",
        _ampersands(_HEADS),
        r"\midrule",
        *(_ampersands(map(_latex, row)) for row in _rows(result)),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _cells(row: ScoreRow, objective: Objective) -> list[str | int | float | None]:
    failed = row.status is TrialStatus.FAILED
    return [
        _no_formula(row.dataset),
        _no_formula(row.family),
        row.replicate,
        row.trial,
        None if failed else row.validation,
        None if failed else row.test,
        objective.direction.value,
        _no_formula(objective.metric),
        row.parameters,
        row.fit_seconds,
        row.status.value,
    ]


def _no_formula(text: str) -> str:
    clean = printable(text).strip()
    return f"'{clean}" if clean.startswith(_FORMULA_STARTS) else clean


def _rows(result: SweepResult) -> list[tuple[str, ...]]:
    return [row for comparison in result.comparisons for row in _comparison_rows(view_of(comparison))]


def _comparison_rows(view: ComparisonView) -> Iterable[tuple[str, ...]]:
    baseline = f"{view.baseline}: {view.baseline_score}" if view.baseline else "none"
    for place, arm in enumerate(view.arms):
        first = (f"{view.result.dataset} ({view.scores})", view.outcome) if place == 0 else ("", "")
        last = baseline if place == 0 else ""
        yield (*first, arm.name, arm.selected, arm.confirmed, arm.expected, last)


def _piped(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ampersands(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", printable(text))


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in printable(text))
