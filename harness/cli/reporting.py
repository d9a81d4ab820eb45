"""`harness report` and `harness trials`: what a sweep found, from its journal alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.arguments import output_width
from harness.cli.sweeps import JsonOption, StoreOption
from harness.disk import cannot_write, replace_text
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.records import SweepResult
    from harness.store import Store

COLUMNS = ("dataset", "family", "replicate", "trial", "validation", "test", "parameters", "fit_seconds", "status")

SUFFIXES = (".html", ".md", ".tex")

SweepArgument = Annotated[
    str | None, typer.Argument(metavar="SWEEP", help="Id of the sweep; the newest by default.", show_default=False)
]


def report(
    sweep: SweepArgument = None,
    store: StoreOption = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where it goes: .html, or .md or .tex for the verdicts as a table."
        ),
    ] = Path("report.html"),
) -> None:
    """Show the verdicts of a sweep at a glance, and write report.html."""
    from harness.report.terminal import text
    from harness.store import find_store

    if output.suffix not in SUFFIXES:
        raise UsageError(
            f"--output {output}: expected a name that ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        )
    place = find_store(store)
    result = read_result(place, sweep)
    if not result.comparisons:
        why = "; ".join(f"{dataset}: {why}" for dataset, why in result.unfinished.items())
        raise UsageError(f"{result.sweep_id}: no comparison is finished; {why}")
    written = _written(result, place, output.suffix)
    typer.echo(text(result, place.ui_command, output_width()))  # the answer first, whether or not its page can be kept
    try:
        replace_text(output, written)
    except OSError as error:
        raise UsageError(f"--output {output}: {cannot_write(error, output.parent)}") from error
    typer.echo(f"wrote {output}", err=True)


def _written(result: SweepResult, place: Store, suffix: str) -> str:
    """The report in the form that the end of its file's name asks for."""
    from harness.report.html import html
    from harness.report.tables import latex, markdown
    from harness.sweeping.linking import links_of

    if suffix == ".md":
        return markdown(result)
    if suffix == ".tex":
        return latex(result)
    return html(result, place.ui_command, links_of(place, result.sweep_id))


def trials(
    sweep: Annotated[str, typer.Argument(metavar="SWEEP", help="Id of the sweep; see `harness sweeps list`.")],
    csv: Annotated[bool, typer.Option("--csv", help="As CSV (the default).")] = False,
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """Print the table of scores that `harness verdict` reads, of every finished comparison."""
    from harness.report.tables import trials_csv
    from harness.store import find_store

    if csv and as_json:
        raise UsageError("--csv and --json: expected one of them")
    result = read_result(find_store(store), sweep)
    if as_json:
        rows = [row for comparison in result.comparisons for row in comparison.rows]
        typer.echo(json.dumps([{name: getattr(row, name) for name in COLUMNS} for row in rows], indent=2))
        return
    typer.echo(trials_csv(result.comparisons), nl=False)


def read_result(place: Store, sweep: str | None) -> SweepResult:
    """A sweep as its journal has it.

    Raises:
        UsageError: There is no such sweep.
        JournalError: Its journal is damaged.
    """
    from harness.journal import Journal
    from harness.sweeping.assembling import sweep_of
    from harness.sweeping.folders import find_sweep_folder
    from harness.sweeping.planning import SweepHeader

    folder = find_sweep_folder(place, sweep)
    with Journal.read(folder) as journal:
        return sweep_of(journal, SweepHeader.from_json(journal.plan), folder.name, place.address)
