"""`harness verdict`: decide from any table of scores."""

from __future__ import annotations

import csv
import io
import itertools
import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.common import JsonOption, count_option, number_option
from harness.cli.terminal.output import output_width, say, say_json
from harness.errors import TableError, UsageError
from harness.records import Decision
from harness.text import INDENT, wrapped

STANDARD_INPUT = Path("-")


def verdict(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE.csv",
            allow_dash=True,
            help="One row per trial, with columns dataset, family, replicate, trial, validation, test; optional: "
            "direction, metric, parameters, fit_seconds, status; - for standard input. `harness trials SWEEP` prints "
            "one that gives the sweep's own answer again.",
        ),
    ],
    direction: Annotated[
        str, typer.Option(metavar="min|max", help="Which scores are better, if the table has no such column.")
    ] = "min",
    trials: Annotated[
        int | None, count_option("N", "Trials of one search. [a family's trials divided by its replicates]")
    ] = None,
    margin: Annotated[
        float | None, number_option("X", "Equivalence margin (half-width of the ROPE), in the metric's units. [0]")
    ] = None,
    oracle: Annotated[
        str | None,
        typer.Option(
            metavar="random|bayesian|tpe|hyperband|grid",
            help="Oracle of the searches; random: trials are pooled; any other: compared per replicate. [random]",
            show_default=False,
        ),
    ] = None,
    level: Annotated[float | None, number_option("P", "Confidence level of the intervals. [0.95]")] = None,
    as_json: JsonOption = False,
) -> None:
    """Decide from any table of scores which family to use."""
    from harness.stats import decide
    from harness.stats.words.sentences import answers

    try:
        decision = decide(read_csv(table), direction, trials=trials, margin=margin, oracle=oracle, level=level)
    except TableError as problem:
        raise TableError(f"{'standard input' if table == STANDARD_INPUT else table}: {problem}") from None
    if as_json:
        say_json({"answers": answers(decision.verdicts), **decision.to_json()})
    else:
        say(as_text(decision, output_width()))


def as_text(decision: Decision, width: int | None = None) -> str:
    """The decision for a terminal: what to use on each dataset, its numbers, and the sentence for all datasets.

    Args:
        decision: The decision.
        width: Columns of the terminal; None where the output is none: then each sentence is one line.
    """
    from harness.stats import across_lines, explain
    from harness.stats.words.sentences import recommendation, settling, three

    blocks = []
    for verdict in decision.verdicts.values():
        lines = (*three(verdict), *filter(None, [settling(verdict)]), *explain(verdict))
        blocks.append((recommendation(verdict), *(f"{INDENT}{line}" for line in lines)))
    if decision.across:
        lines = across_lines(decision.across)
        blocks.append((f"overall: {decision.overall}", *(f"{INDENT}{line}" for line in lines)))
    return "\n\n".join("\n".join(itertools.chain(*(_shown(line, width) for line in block))) for block in blocks)


def _shown(line: str, width: int | None) -> list[str]:
    return wrapped(line.lstrip(), width, line[: -len(line.lstrip())]) if width else [line]


def read_csv(path: Path) -> dict[str, list[str]]:
    """The columns of a CSV file, as text; `-` is standard input.

    Python's own reader, for it takes no cell for something else: a dataset called `NA` stays one.

    Raises:
        TableError: The file cannot be read, has no header, names a column twice or has a row of another
            length.
    """
    try:
        raw = sys.stdin.buffer.read() if path == STANDARD_INPUT else path.read_bytes()
        text = io.StringIO(raw.decode("utf-8-sig"), newline="")
        lines = [line for line in csv.reader(text, strict=True) if line]
    except OSError as problem:
        raise TableError(f"cannot be read: {problem.strerror or problem}") from None
    except UnicodeDecodeError:
        raise TableError("is not text in UTF-8: expected a CSV file") from None
    except csv.Error as problem:
        raise TableError(f"is no CSV file: {problem}") from None
    if not lines:
        raise TableError("is empty: expected a header and one row a trial")
    header = [name.strip() for name in lines[0]]
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise TableError(f"header: {', '.join(map(repr, twice))} appears twice: expected each column once")
    for row, line in enumerate(lines[1:], start=1):
        if len(line) != len(header):
            raise TableError(f"row {row}: {len(line)} cells: expected {len(header)}, as in the header")
    return {name: [line[place] for line in lines[1:]] for place, name in enumerate(header)}


def calibrate(_: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
    """Moved to `benchmarks/calibrate.py`, which reads what `harness trials SWEEP --csv` writes."""
    raise UsageError(
        "calibrate is no command any more: `harness trials SWEEP --csv > trials.csv`, then "
        "`python benchmarks/calibrate.py trials.csv` in a checkout of the source"
    )
