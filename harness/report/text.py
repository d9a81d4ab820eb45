"""The report as text: a sweep's last lines for terminals; trials as CSV, verdicts as Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from harness.errors import UsageError
from harness.records import (
    ComparisonResult,
    Decision,
    Objective,
    Phase,
    ScoreRow,
    SweepResult,
    TrialKey,
    TrialStatus,
)
from harness.report.epochs import too_few_epochs
from harness.report.view import ComparisonView
from harness.stats.table import OPTIONAL, REQUIRED, WHOLE
from harness.stats.words import brief
from harness.stats.words.sentences import answers
from harness.stats.words.sentences import warnings as warnings_of
from harness.store import hide_passwords_in
from harness.text import INDENT, NARROWEST, PLAIN_WIDTH, counted, printable, wrapped


def text(
    result: SweepResult, ui_command: str, width: int | None = None, *, options: str = "", warnings: bool = True
) -> str:
    """What to use on every dataset, what that rests on, the scores, and where the runs are.

    Names, addresses and commands are never broken, so that they can be copied; everything else keeps to the width.

    Args:
        result: The sweep as it stands.
        ui_command: The command that opens MLflow's UI on the sweep's store; empty to leave out where the runs are.
        width: Columns of the terminal; None where the output is none.
        options: What a command is given besides to mean the sweep's store, such as ` --store DIR`.
        warnings: Whether each warning is shown, with what to do about it, and what the model's alias, its intervals and
            the baselines have to say; else one line counts the warnings.

    Returns:
        Lines without an end of line after the last.
    """
    columns = max(width or PLAIN_WIDTH, NARROWEST)
    blocks = [wrapped(f"{result.name}: {result.budget}", columns)]
    if result.to_come:
        to_come = counted(len(result.to_come), "dataset is", "datasets are")
        blocks.append(wrapped(f"Partial: {to_come} still to come", columns))
    sweep = result.to_extend(options)
    views = [ComparisonView(one, sweep=sweep) for one in result.comparisons]
    blocks += [_comparison(view, columns, warnings) for view in views]
    if result.unfinished:
        why = [wrapped(f"{dataset}: {why}", columns, INDENT) for dataset, why in result.unfinished.items()]
        blocks.append(["Not finished:", *itertools.chain(*why)])
    last = []
    if len(result.comparisons) != 1 or result.unfinished:
        used = brief.answers([one.verdict for one in result.comparisons])
        counts = "; ".join(filter(None, families_over_all(result)))
        overall = f"families over all their trials, {counts}" if used and result.across else result.overall
        last += wrapped(used, columns) + wrapped(overall, columns)
    if not warnings:
        last += _counted(views, f"harness report {result.sweep_id}{options}", columns)
    if ui_command:
        last += _where(result, ui_command, columns)
    return "\n\n".join("\n".join(block) for block in (*blocks, last) if block)


def families_over_all(result: SweepResult) -> tuple[str, str]:
    """How often each family wins, is level or open, and what tests over datasets say; what never happens is not said.

    Returns:
        Such as `of 3 datasets: gru wins on 1, undecided on 2`, and the tests' sentence, which may be empty.
    """
    counts, _, tests = result.overall.partition("; ")
    if (across := result.across) is not None:
        found = {f"{family} wins": number for family, number in across.wins.items()}
        found |= {"practically equal": across.practically_equal, "undecided": across.undecided}
        said = ", ".join(f"{words} on {number}" for words, number in found.items() if number)
        counts = f"of {counted(len(result.comparisons), 'dataset')}: {said}"
    return counts, tests


def summary(result: SweepResult, width: int | None = None) -> str:
    """What to use and what that rests on, for `print`: what `harness report` shows, without where the runs are.

    Args:
        result: What `harness.sweep` or `harness.compare` gave.
        width: Columns; None for 80.

    Raises:
        UsageError: It is something else.
    """
    if not isinstance(result, SweepResult):
        raise UsageError(f"summary({type(result).__name__}): expected what harness.sweep or harness.compare gave")
    return text(result, "", width)


def document(result: SweepResult, options: str = "") -> dict[str, Any]:
    """The same as one JSON document: the records of the verdicts, and their sentences.

    Args:
        result: The sweep as it stands.
        options: What a command is given besides to mean the sweep's store.

    Returns:
        Plain values; what is not known is None.
    """
    verdicts = {one.dataset: one.verdict for one in result.comparisons}
    champions = {one.dataset: one.champion.to_json() if one.champion else None for one in result.comparisons}
    said = answers(verdicts, result.to_extend(options))
    for one in result.comparisons:
        said[one.dataset]["warnings"] += filter(None, (too_few_epochs(one),))
    return {
        "sweep_id": result.sweep_id,
        "name": result.name,
        "budget": result.budget,
        "answers": said,
        **Decision(verdicts, result.overall, result.across).to_json(),
        "champions": champions,
        "unfinished": dict(result.unfinished),
        "tracking_uri": hide_passwords_in(result.tracking_uri),
        "behind": result.behind,
    }


def _comparison(view: ComparisonView, columns: int, warnings: bool) -> list[str]:
    lines = wrapped(view.headline, columns)
    for sentence in (*view.answers, view.settling, *((*view.warnings, *view.notes) if warnings else ())):
        lines += wrapped(sentence, columns, INDENT)
    lines += _scores(view, columns)
    baseline = f"{view.baseline}, {view.baseline_score}" if view.baseline else "none"
    lines += wrapped(f"best baseline: {baseline}", columns, INDENT)
    if warnings:
        lines += (line for said in view.about_baselines for line in wrapped(said, columns, INDENT))
    return lines + _champion(view, columns, details=warnings)


def _champion(view: ComparisonView, columns: int, *, details: bool) -> list[str]:
    champion = view.result.champion
    if champion is None:
        return wrapped("no model was exported", columns, INDENT)
    about = champion.arm
    if view.verdict.recommendation is None:
        score = view.style.with_unit(champion.test_score)
        about = f"{champion.arm}, test score {score}; chosen because {champion.why.rstrip('.')}"
    lines = wrapped(f"{champion.alias or 'without an alias'}: {view.champion} ({about})", columns, INDENT)
    for said in (champion.alias_because, view.coverage) if details else ():
        lines += wrapped(said, columns, INDENT * 2) if said else []
    return lines


def _counted(views: Sequence[ComparisonView], command: str, columns: int) -> list[str]:
    """One line that counts the warnings of all datasets, and names the command that shows them."""
    number = sum(len(warnings_of(view.result.verdict)) + bool(view.too_few_epochs) for view in views)
    return wrapped(f"{counted(number, 'warning')}, shown by `{command}`", columns) if number else []


def _scores(view: ComparisonView, columns: int) -> list[str]:
    """Test scores as a table, headed by the metric where there is room; as a list where a table has none."""
    table = _table(view, view.scores)
    if _fits(table, columns):
        return table
    lines = wrapped(f"test scores: {view.scores}", columns, INDENT)
    table = _table(view, "family")
    return lines + (table if _fits(table, columns) else _list(view, columns))


def _fits(lines: Iterable[str], columns: int) -> bool:
    return max(map(len, lines)) <= columns


def _columns(view: ComparisonView) -> list[tuple[str, list[str]]]:
    """Head and cells of each column of numbers; fresh seeds only where there were any."""
    seeds = max(family.seeds for family in view.families)
    found = view.verdict.recommendation
    scored = f"selected, other {found.scored_cases:,}" if found and found.scored_cases else "selected"
    columns = [(scored, [family.selected for family in view.families])]
    if seeds:
        columns.append((counted(seeds, "fresh seed"), [family.repeated for family in view.families]))
    columns.append((f"best of {view.verdict.trials}", [family.expected for family in view.families]))
    return columns


def _table(view: ComparisonView, head: str) -> list[str]:
    names = [head, *(printable(family.name) for family in view.families)]
    columns = [[name.ljust(max(map(len, names))) for name in names]]
    for title, cells in _columns(view):
        width = max(map(len, (title, *cells)))
        columns.append([cell.rjust(width) for cell in (title, *cells)])
    return [INDENT + "  ".join(row) for row in zip(*columns, strict=True)]


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


def trials_csv(comparisons: Iterable[ComparisonResult], *, whole: bool = False) -> str:
    """Every trial of every comparison, in the columns that `harness verdict` reads.

    Scores are written with all their digits. A failed trial has empty scores.

    Args:
        comparisons: Finished comparisons.
        whole: Whether the table holds besides all that `harness verdict` needs to give the sweep's own verdict again:
            scores over test cases, seed repeats, and on the first row of each dataset what it is decided by.

    Returns:
        CSV text with a head and lines that end in a line feed.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow((*REQUIRED, *OPTIONAL, *(WHOLE if whole else ())))
    for comparison in comparisons:
        rows = [_cells(row, comparison.objective) for row in comparison.rows]
        writer.writerows(_whole(comparison, rows) if whole else rows)
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


_Cell: TypeAlias = str | int | float | None


def _cells(row: ScoreRow, objective: Objective) -> list[_Cell]:
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


def _whole(comparison: ComparisonResult, rows: Sequence[list[_Cell]]) -> Iterator[list[_Cell]]:
    """The searched trials' rows and those of the seed repeats, each with its phase, its cases, and the terms once."""
    terms = json.dumps(comparison.terms.to_json()) if comparison.terms else None
    keys = [TrialKey(row.dataset, row.family, row.replicate, Phase.SEARCH, row.trial) for row in comparison.rows]
    for key, row in (*zip(keys, rows, strict=True), *_seed_repeats(comparison)):
        cases = comparison.cases.get(str(key))
        yield [*row, key.phase.value, json.dumps(cases.to_json()) if cases else None, terms]
        terms = None


def _seed_repeats(comparison: ComparisonResult) -> Iterator[tuple[TrialKey, list[_Cell]]]:
    """The selected trials' seed repeats: their test scores are all that is decided from."""
    for family in comparison.families:
        for name in family.seed_repeats:
            key = TrialKey.parse(name)
            row = ScoreRow(key.dataset, key.family, key.replicate, key.number, None, comparison.scores[name])
            yield key, _cells(row, comparison.objective)


def _no_formula(text: str) -> str:
    clean = printable(text).strip()
    return f"'{clean}" if clean.startswith(_FORMULA_STARTS) else clean


def _rows(result: SweepResult) -> Iterator[tuple[str, ...]]:
    for view in map(ComparisonView, result.comparisons):
        head, outcome = f"{view.result.dataset} ({view.scores})", ", ".join(filter(None, (view.use, view.certainty)))
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
