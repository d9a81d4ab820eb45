"""The last lines of a sweep, as plain text without colours: for terminals of any width, pipes and log files."""

from __future__ import annotations

import textwrap

from harness.addresses import hide_passwords_in
from harness.records import SweepResult
from harness.report import numbers
from harness.report.clean import printable
from harness.report.view import ComparisonView, view_of

PLAIN_WIDTH = 80
"""Columns where there is no terminal to ask."""

_NARROWEST = 24
INDENT = "  "


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
    columns = max(width or PLAIN_WIDTH, _NARROWEST)
    blocks = [wrapped(f"{result.name}: {result.budget}", columns)]
    blocks += [_comparison(view_of(comparison), columns) for comparison in result.comparisons]
    if result.unfinished:
        blocks.append(_unfinished(result, columns))
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
    for caution in view.cautions:
        lines += wrapped(caution, columns, INDENT)
    lines += wrapped(f"test scores: {view.scores}", columns, INDENT)
    table = _table(view)
    lines += table if max(map(len, table)) <= columns else _list(view, columns)
    if view.baseline:
        lines += wrapped(f"best baseline: {view.baseline}, {view.baseline_score}", columns, INDENT)
    else:
        lines += wrapped("best baseline: none", columns, INDENT)
    if champion := view.result.champion:
        score = view.style.with_unit(champion.test_score)
        alias = champion.alias or "without an alias"
        lines += wrapped(f"{alias}: {view.champion} ({champion.arm}, test score {score})", columns, INDENT)
        return lines + (wrapped(champion.alias_because, columns, INDENT * 2) if champion.alias_because else [])
    return lines + wrapped("champion: none was exported", columns, INDENT)


def _columns(view: ComparisonView) -> list[tuple[str, list[str]]]:
    """Head and cells of each column of numbers; fresh seeds only where there were any."""
    seeds = max(arm.seeds for arm in view.arms)
    columns = [("selected trial", [arm.selected for arm in view.arms])]
    if seeds:
        columns.append((numbers.counted(seeds, "fresh seed"), [arm.confirmed for arm in view.arms]))
    columns.append((f"expected, best of {view.result.verdict.trials}", [arm.expected for arm in view.arms]))
    return columns


def _table(view: ComparisonView) -> list[str]:
    names = ["family", *(printable(arm.name) for arm in view.arms)]
    columns = [[name.ljust(max(map(len, names))) for name in names]]
    for head, cells in _columns(view):
        width = max(map(len, (head, *cells)))
        columns.append([cell.rjust(width) for cell in (head, *cells)])
    return [INDENT + "   ".join(row) for row in zip(*columns, strict=True)]


def _list(view: ComparisonView, columns: int) -> list[str]:
    lines = []
    for place, arm in enumerate(view.arms):
        lines += wrapped(f"{arm.name}:", columns, INDENT)
        for head, cells in _columns(view):
            lines += wrapped(f"{cells[place]} ({head})", columns, INDENT * 2)
    return lines


def _unfinished(result: SweepResult, columns: int) -> list[str]:
    lines = ["Not finished:"]
    for dataset, why in result.unfinished.items():
        lines += wrapped(f"{dataset}: {why}", columns, INDENT)
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


def wrapped(sentence: str, width: int | None, indent: str = "") -> list[str]:
    """The sentence in lines of at most so many columns; names, addresses and commands are never broken."""
    tied = printable(sentence).replace(" %", "\N{NO-BREAK SPACE}%")
    lines = textwrap.wrap(
        tied,
        max(width or PLAIN_WIDTH, _NARROWEST),
        initial_indent=indent,
        subsequent_indent=indent + INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]
