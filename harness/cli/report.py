"""What a sweep found: `harness sweeps`, `report`, `trials`, `explain` and `verify`."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.common import (
    OLD_OPTIONS,
    CodesOption,
    JsonOption,
    StoreOption,
    SweepArgument,
    TrackingOption,
    output_width,
    say,
    say_json,
)
from harness.disk import cannot_write, replace_text
from harness.errors import UsageError
from harness.records import SweepResult
from harness.store import Store, find_store
from harness.text import counted

if TYPE_CHECKING:
    from harness.checks.verify import Disagreement, Verified
    from harness.sweeps.folders import SweepSummary


app = typer.Typer(help="Sweeps: list, show, rm.", no_args_is_help=True)


@app.command("list")
def list_sweeps(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List all sweeps of the store, oldest first."""
    from harness.sweeps.folders import summarise, sweep_ids

    place = find_store(store)
    summaries = [summarise(place, sweep_id) for sweep_id in sweep_ids(place)]
    if as_json:
        say_json([dataclasses.asdict(one) for one in summaries])
        return
    if not summaries:
        say(f"no sweep in {place.sweeps} yet; start one with `harness sweep DATASET`", err=True)
    for one in summaries:
        say(_line(one))


@app.command("show")
def show(sweep: SweepArgument = None, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show a sweep's plan, progress and folder."""
    from harness.journal import Journal
    from harness.report.format import value_words
    from harness.sweeps.folders import find_sweep_folder, summarise

    place = find_store(store)
    folder = find_sweep_folder(place, sweep)
    with Journal.read(folder) as journal:
        plan = journal.plan
    summary = summarise(place, folder.name)
    if as_json:
        say_json({**dataclasses.asdict(summary), "header": plan})
        return
    say(_line(summary))
    say(f"folder: {folder}")
    for key, value in plan["plan"].items():
        if value is not None:
            shown = ", ".join(value) if isinstance(value, list) else value_words(value)
            say(f"{OLD_OPTIONS.get(key, key)}: {shown}")
    for library, version in plan["versions"].items():
        say(f"{library} {version}")


@app.command("rm")
def remove_sweep(
    sweep: Annotated[str, typer.Argument(metavar="SWEEP", help="Id of the sweep.")],
    store: StoreOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
) -> None:
    """Remove a sweep's journal and weights. Its runs and models in MLflow stay."""
    from harness.sweeps.folders import find_sweep_folder, remove

    place = find_store(store)
    folder = find_sweep_folder(place, sweep)
    if not yes and not _agreed(f"Remove {folder}? The sweep can then be neither reported nor resumed"):
        say(f"kept {folder}", err=True)
        raise typer.Exit(1)
    remove(place, sweep)
    say(f"removed {folder}")


def _agreed(question: str) -> bool:
    typer.echo(f"{question} [y/N] ", err=True, nl=False)
    answer = sys.stdin.readline()
    if not answer:
        typer.echo(err=True)
        raise UsageError("no answer; --yes removes it without asking")
    return answer.strip().lower() in ("y", "yes")


def _line(one: SweepSummary) -> str:
    if one.state == "broken":
        return f"{one.sweep_id}  damaged: {one.error}"
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.begun_at))
    retrainings = counted(one.seed_repeats, "retraining")
    verdicts = f"  {'; '.join(one.outcomes)}" if one.outcomes else ""
    return (
        f"{one.sweep_id}  {started}  {one.state}  {' vs '.join(one.families)}  {counted(one.trials, 'trial')}"
        f"{f', {retrainings}' if one.seed_repeats else ''}{verdicts}"
    )


SUFFIXES = (".html", ".md", ".tex")


def report(
    sweep: SweepArgument = None,
    store: StoreOption = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="File to write: .html; .md or .tex for a table of the verdicts."
        ),
    ] = Path("report.html"),
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
    if not result.comparisons:
        why = "; ".join(f"{dataset}: {why}" for dataset, why in result.unfinished.items())
        raise UsageError(f"{result.sweep_id}: no comparison is finished; {why}")
    written = _written(result, place, output.suffix)
    if as_json:  # the answer first, whether or not its page can be kept
        say_json(document(result, place.options))
    else:
        say(text(result, place.ui_command, output_width(), options=place.options))
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
    sweep: Annotated[str, typer.Argument(metavar="SWEEP", help="Id of the sweep; see `harness sweeps list`.")],
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


def read_result(place: Store, sweep: str | None) -> SweepResult:
    """A sweep as its journal has it.

    Raises:
        UsageError: There is no such sweep.
        JournalError: Its journal is damaged.
    """
    from harness.journal import Journal
    from harness.sweeps.folders import find_sweep_folder
    from harness.sweeps.results import Results

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
    from harness.cli.progress import ProgressDisplay
    from harness.executors import PoolExecutor
    from harness.report.explained import text
    from harness.sweeps.explain import explain as look_into
    from harness.sweeps.folders import begun_as, find_sweep_folder

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
