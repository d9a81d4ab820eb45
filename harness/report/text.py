"""The report as text: a sweep's last lines for terminals; trials as CSV, verdicts as Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator

from harness.records import ComparisonResult, Objective, ScoreRow, SweepResult, TrialStatus
from harness.report.view import ComparisonView
from harness.stats.table import OPTIONAL, REQUIRED
from harness.store import hide_passwords_in
from harness.text import INDENT, NARROWEST, PLAIN_WIDTH, counted, printable, wrapped

EXPECTED = (
    "Expected: the test score that a search with this budget reaches on average with the trial it selects by "
    "validation. The verdict compares these."
)
"""What the column of that name holds."""


def text(result: SweepResult, ui_command: str, width: int | None = None) -> str:
    """The verdict of every dataset, the numbers behind it, and where the runs are.

    Names, addresses and commands are never broken, so that they can be copied; everything else keeps to the width.

    Args:
        result: The sweep as it stands.
        ui_command: The command that opens MLflow's UI on the sweep's store; empty to leave out where the runs are.
        width: Columns of the terminal; None where the output is none.

    Returns:
        Lines without an end of line after the last.
    """
    columns = max(width or PLAIN_WIDTH, NARROWEST)
    blocks = [wrapped(f"{result.name}: {result.budget}", columns) + wrapped(EXPECTED, columns)]
    blocks += [_comparison(ComparisonView(comparison), columns) for comparison in result.comparisons]
    if result.unfinished:
        why = [wrapped(f"{dataset}: {why}", columns, INDENT) for dataset, why in result.unfinished.items()]
        blocks.append(["Not finished:", *itertools.chain(*why)])
    if len(result.comparisons) != 1 or result.unfinished:
        blocks.append(wrapped(result.overall, columns))
    if ui_command:
        blocks.append(_where(result, ui_command, columns))
    return "\n\n".join("\n".join(block) for block in blocks if block)


def summary(result: SweepResult, width: int | None = None) -> str:
    """The verdicts and the numbers behind them, for `print`: what `harness report` shows, without where the runs are.

    Args:
        result: What `harness.sweep` or `harness.compare` gave.
        width: Columns; None for 80.
    """
    return text(result, "", width)


def _comparison(view: ComparisonView, columns: int) -> list[str]:
    lines = wrapped(view.headline, columns)
    for warning in view.warnings:
        lines += wrapped(warning, columns, INDENT)
    lines += wrapped(f"test scores: {view.scores}", columns, INDENT)
    table = _table(view)
    lines += table if max(map(len, table)) <= columns else _list(view, columns)
    baseline = f"{view.baseline}, {view.baseline_score}" if view.baseline else "none"
    lines += wrapped(f"best baseline: {baseline}", columns, INDENT)
    lines += (line for said in view.about_baselines for line in wrapped(said, columns, INDENT))
    if champion := view.result.champion:
        score = view.style.with_unit(champion.test_score)
        alias = champion.alias or "without an alias"
        lines += wrapped(
            f"{alias}: {view.champion} ({champion.arm}, test score {score}; chosen because {champion.why.rstrip('.')})",
            columns,
            INDENT,
        )
        return lines + (wrapped(champion.alias_because, columns, INDENT * 2) if champion.alias_because else [])
    return lines + wrapped("no model was exported", columns, INDENT)


def _columns(view: ComparisonView) -> list[tuple[str, list[str]]]:
    """Head and cells of each column of numbers; fresh seeds only where there were any."""
    seeds = max(family.seeds for family in view.families)
    columns = [("selected trial", [family.selected for family in view.families])]
    if seeds:
        columns.append((f"{counted(seeds, 'fresh seed')}, mean ± sd", [family.repeated for family in view.families]))
    columns.append((f"expected, best of {view.verdict.trials}", [family.expected for family in view.families]))
    return columns


def _table(view: ComparisonView) -> list[str]:
    names = ["family", *(printable(family.name) for family in view.families)]
    columns = [[name.ljust(max(map(len, names))) for name in names]]
    for head, cells in _columns(view):
        width = max(map(len, (head, *cells)))
        columns.append([cell.rjust(width) for cell in (head, *cells)])
    return [INDENT + "   ".join(row) for row in zip(*columns, strict=True)]


def _list(view: ComparisonView, columns: int) -> list[str]:
    lines = []
    for place, family in enumerate(view.families):
        lines += wrapped(f"{family.name}:", columns, INDENT)
        for head, cells in _columns(view):
            lines += wrapped(f"{cells[place]} ({head})", columns, INDENT * 2)
    return lines


def _where(result: SweepResult, ui_command: str, columns: int) -> list[str]:
    pairs = (
        ("Runs in MLflow:", printable(hide_passwords_in(result.tracking_uri))),
        ("Open them with:", printable(hide_passwords_in(ui_command))),
    )
    lines = []
    for label, value in pairs:
        fits = len(label) + 1 + len(value) <= columns
        lines += [f"{label} {value}"] if fits else [label, f"{INDENT}{value}"]
    return lines


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
    writer.writerow((*REQUIRED, *OPTIONAL))
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


def _rows(result: SweepResult) -> Iterator[tuple[str, ...]]:
    for view in map(ComparisonView, result.comparisons):
        head, outcome = f"{view.result.dataset} ({view.scores})", view.outcome
        baseline = f"{view.baseline}: {view.baseline_score}" if view.baseline else "none"
        for family in view.families:
            yield (head, outcome, family.name, family.selected, family.repeated, family.expected, baseline)
            head = outcome = baseline = ""  # stand in the first family's line alone


def _piped(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ampersands(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", printable(text))


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in printable(text))
