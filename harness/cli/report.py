"""What sweeps found: `harness report`, `leaderboard`, `trials`, `explain` and `verify`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.common import CodesOption, JsonOption, StoreOption, SweepArgument, TrackingOption
from harness.cli.terminal.output import output_width, say, say_answers, say_json, say_table
from harness.disk import cannot_write, replace_text
from harness.errors import UsageError, nearest
from harness.records import SweepResult
from harness.store import Store, find_store

if TYPE_CHECKING:
    from harness.checks.verify import Disagreement, Verified


SUFFIXES = (".html", ".md", ".tex")


ReadSweepArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="SWEEP",
        help="Id of the sweep; or its name, or a dataset's, for the newest one. [the newest]",
        show_default=False,
    ),
]


def report(
    sweep: ReadSweepArgument = None,
    store: StoreOption = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="File to write: .html; .md or .tex for a table of the verdicts."
        ),
    ] = Path("report.html"),
    no_data_in_report: Annotated[
        bool,
        typer.Option(
            "--no-data-in-report", help="Keep windows of the test part, class names and paths out of the page."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print a sweep's answers and warnings, and write its report."""
    from harness.report.text import document, text

    if output.suffix not in SUFFIXES:
        raise UsageError(
            f"--output {output}: expected a name that ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        )
    place = find_store(store)
    result = read_result(place, sweep)
    if not (result.comparisons or result.to_come):
        why = "; ".join(f"{dataset}: {why}" for dataset, why in result.unfinished.items())
        raise UsageError(f"{result.sweep_id}: no comparison is finished; {why}")
    if no_data_in_report:
        result = dataclasses.replace(result, data_in_report=False)
    written = _written(result, place, output.suffix)
    if as_json:  # the answer first, whether or not its page can be kept
        say_json(document(result, place.options))
    else:
        say_answers(text(result, place.ui_command, output_width(), options=place.options))
    try:
        replace_text(output, written)
    except OSError as error:
        raise UsageError(f"--output {output}: {cannot_write(error, output.parent)}") from error
    say(f"wrote {output}", err=True)


def _written(result: SweepResult, place: Store, suffix: str) -> str:
    """The report in the form that the end of its file's name asks for."""
    from harness.report.html import html
    from harness.report.text import latex, markdown
    from harness.sweeps.mlflow_sync import links_of

    if suffix == ".md":
        return markdown(result)
    if suffix == ".tex":
        return latex(result)
    return html(result, place.ui_command, links_of(place, result.sweep_id), options=place.options)


def trials(
    sweep: ReadSweepArgument = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV (the default).")] = False,
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """Print a sweep's trials as a table for `harness verdict`."""
    from harness.report.text import trials_csv

    if csv and as_json:
        raise UsageError("--csv and --json: expected one of them")
    result = read_result(find_store(store), sweep)
    if as_json:
        say_json([dataclasses.asdict(row) for comparison in result.comparisons for row in comparison.rows])
        return
    typer.echo(trials_csv(result.comparisons, whole=True), nl=False)


def leaderboard(
    datasets: Annotated[
        list[str] | None, typer.Argument(metavar="DATASET", help="Only these. [all]", show_default=False)
    ] = None,
    store: Annotated[
        list[Path] | None,
        typer.Option("--store", metavar="DIR", help="Folder of sweeps; may be repeated. [./mlruns]"),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page.")] = None,
    mlflow: Annotated[
        bool, typer.Option("--mlflow", help="Keep it in MLflow as a run of the experiment leaderboard.")
    ] = False,
    tracking_uri: TrackingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show all verdicts of a store, or of several.

    They stand by dataset, the newest first.
    """
    from harness.checks.leaderboard import leaderboard as read
    from harness.report import leaderboard as report

    if csv and as_json:
        raise UsageError("--csv and --json: expected one of them")
    stores = [find_store(folder, tracking_uri) for folder in (store or (None,))]
    if missing := next((place for place in stores if store and not place.sweeps.is_dir()), None):
        raise UsageError(f"--store {missing.root}: expected a folder with sweeps, got none there")
    if mlflow and len(stores) > 1 and tracking_uri is None:
        raise UsageError("--mlflow: expected one --store, or --tracking-uri to say where the run goes")
    board = read(stores)
    known = {row.dataset for row in board.rows}
    if unknown := next((name for name in datasets or () if name not in known), None):
        raise UsageError(f"no verdict on {unknown!r}. {nearest(unknown, sorted(known))}".rstrip())
    board = dataclasses.replace(board, rows=tuple(row for row in board.rows if not datasets or row.dataset in datasets))
    if as_json:
        say_json(board.to_json())
    elif csv:
        typer.echo(report.to_csv(board), nl=False)
    elif board.rows:
        say_table(report.HEADER, [report.cells(row) for row in board.rows], spare=report.SPARE)
    else:
        say(f"no verdict in {', '.join(str(place.sweeps) for place in stores)} yet", err=True)
    for sweep_id, why in board.unread.items():
        say(f"not shown: {sweep_id}: {why}", err=True)
    if html:
        try:
            replace_text(html, report.to_html(board))
        except OSError as error:
            raise UsageError(f"--html {html}: {cannot_write(error, html.parent)}") from error
        say(f"wrote {html}", err=True)
    if mlflow:
        from harness.tracking.board import log_leaderboard

        files = {"leaderboard.csv": report.to_csv(board), "leaderboard.html": report.to_html(board)}
        say(f"MLflow run {log_leaderboard(stores[0], files, len(board.rows))}", err=True)


def read_result(place: Store, sweep: str | None) -> SweepResult:
    """A sweep as its journal has it: by its id, or the newest one of a name or with a dataset.

    Raises:
        UsageError: There is no such sweep.
        JournalError: Its journal is damaged.
    """
    from harness.journal import Journal
    from harness.sweeps.folders import find_sweep_folder, newest_sweep_of, sweep_ids
    from harness.sweeps.results import Results

    if sweep is not None and sweep not in sweep_ids(place):
        sweep = newest_sweep_of(place, sweep) or sweep
    folder = find_sweep_folder(place, sweep)
    with Journal.read(folder) as journal:
        return Results(journal).sweep(folder.name, place.address)


def explain(
    sweep: SweepArgument = None,
    datasets: Annotated[
        list[str] | None, typer.Argument(metavar="DATASET", help="Datasets of the sweep. [all]", show_default=False)
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Recompute what has been computed before.")] = False,
    code: CodesOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how far back gradients reach, and the gates' means.

    Shown are the selected networks, before and after training: recurrent stacks by the gradient with respect to their
    states, other networks by that with respect to their inputs, and a network of your own where --code names its file.
    A simple RNN with the same hyperparameters is trained for comparison if the sweep has none. The figures are added to
    the sweep's report and to MLflow.
    """
    from harness.executors import PoolExecutor
    from harness.report.explained import text
    from harness.sweeps.explain import explain as look_into
    from harness.sweeps.folders import begun_as, find_sweep_folder
    from harness.sweeps.live.progress import ProgressDisplay

    place = find_store(store)
    threads = begun_as(place, find_sweep_folder(place, sweep).name).plan.threads
    with ProgressDisplay() as display, PoolExecutor(1, threads) as executor:
        found = look_into(place, sweep, datasets or [], executor, display, again=again, code=code or [])
    if as_json:
        say_json([one.to_json() for one in found])
        return
    say("\n\n".join(text(one, output_width()) for one in found))


def verify(
    sweep: SweepArgument = None,
    store: StoreOption = None,
    tracking_uri: TrackingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recompute a sweep's verdicts from its MLflow runs alone.

    The recomputed numbers are compared with the recorded verdict, with the dataset's parent run in MLflow, and with
    the sweep's journal if its folder is there. The exit code is 1 if any number differs.
    """
    from harness.checks.verify import verify as compare
    from harness.sweeps.folders import find_sweep_folder

    place = find_store(store, tracking_uri)
    results = compare(place, sweep or find_sweep_folder(place, None).name)
    if as_json:
        say_json([_plain(one) for one in results])
    else:
        for one in results:
            say("\n".join(_lines(one)))
    if not all(one.agrees for one in results):
        raise typer.Exit(1)


def _lines(one: Verified) -> list[str]:
    if not one.decided:
        return [f"{one.dataset}: not decided yet, nothing to verify"]
    told = "MLflow and the journal" if one.journal else "MLflow; there is no journal here"
    if one.agrees:
        return [f"{one.dataset}: agrees: all {one.compared:,} values match {told}"]
    differ = f"{one.dataset}: differs in {len(one.disagreements):,} of {one.compared:,} values of {told}"
    return [differ, *(f"  {_check_line(it)}" for it in one.disagreements)]


def _check_line(it: Disagreement) -> str:
    run = f" (run {it.run_id})" if it.run_id else ""
    return f"{it.what}: {_number_shown(it.found)} by MLflow's trials, {_number_shown(it.expected)} by {it.place}{run}"


def _number_shown(value: object) -> str:
    return "nothing" if value is None else repr(value) if isinstance(value, float) else str(value)


def _plain(one: Verified) -> dict[str, Any]:
    return {
        "dataset": one.dataset,
        "decided": one.decided,
        "agrees": one.agrees,
        "compared": one.compared,
        "journal": one.journal,
        "disagreements": [dataclasses.asdict(it) for it in one.disagreements],
        "verdict": one.verdict.to_json() if one.verdict else None,
    }
