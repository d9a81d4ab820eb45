"""`harness verdict`: decide from any table of scores."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.common import JsonOption, count_option, number_option, say, say_json
from harness.errors import TableError, UsageError
from harness.records import Decision


def verdict(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE.csv",
            help="One row per trial, with columns dataset, family, replicate, trial, validation, test; optional: "
            "direction, metric, parameters, fit_seconds, status.",
        ),
    ],
    direction: Annotated[
        str, typer.Option(metavar="min|max", help="Which scores are better, if the table has no such column.")
    ] = "min",
    trials: Annotated[
        int | None, count_option("N", "Trials of one search. [a family's trials divided by its replicates]")
    ] = None,
    margin: Annotated[
        float, number_option("X", "Equivalence margin (half-width of the ROPE), in the metric's units. [0]")
    ] = 0.0,
    oracle: Annotated[
        str,
        typer.Option(
            metavar="random|bayesian|hyperband|grid",
            help="Oracle of the searches; random: trials are pooled; any other: compared per replicate.",
        ),
    ] = "random",
    level: Annotated[float | None, number_option("P", "Confidence level of the intervals. [0.95]")] = None,
    as_json: JsonOption = False,
) -> None:
    """Decide from any table of scores which family to use."""
    from harness.stats import decide

    try:
        decision = decide(read_csv(table), direction, trials=trials, margin=margin, oracle=oracle, level=level)
    except TableError as problem:
        raise TableError(f"{table}: {problem}") from None
    if as_json:
        say_json(decision.to_json())
    else:
        say(as_text(decision))


def as_text(decision: Decision) -> str:
    """The decision for a terminal: each dataset's sentence, its numbers, and the one for all datasets."""
    from harness.stats import across_lines, explain, headline

    blocks = [
        "\n".join((headline(verdict), *(f"  {line}" for line in explain(verdict))))
        for verdict in decision.verdicts.values()
    ]
    if decision.across:
        blocks.append("\n".join((f"overall: {decision.overall}", *map("  {}".format, across_lines(decision.across)))))
    return "\n\n".join(blocks)


def read_csv(path: Path) -> dict[str, list[str]]:
    """The columns of a CSV file, as text.

    Python's own reader, for it takes no cell for something else: a dataset called `NA` stays one.

    Raises:
        TableError: The file cannot be read, has no header, names a column twice or has a row of another
            length.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file, strict=True) if line]
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
