"""What a sweep found: `harness sweeps`, `report`, `trials`, `explain` and `verify`."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.common import output_width, say, say_json
from harness.disk import cannot_write, replace_text
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.records import SweepResult
    from harness.store import Store
    from harness.sweeps.folders import SweepSummary
    from harness.sweeps.verify import Disagreement, Verified


app = typer.Typer(help="List, show and remove sweeps.", no_args_is_help=True)

StoreOption = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="Folder of the store. [./mlruns]", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_sweeps(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """All sweeps of the store, oldest first."""
    from harness.store import find_store
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
def show(
    sweep: Annotated[
        str | None, typer.Argument(metavar="SWEEP", help="Id of the sweep; the newest by default.", show_default=False)
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """One sweep: its plan, how far it is, and where it lies."""
    from harness.journal import Journal
    from harness.store import find_store
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
        say(f"{key}: {_shown(value)}")
    for library, version in plan["versions"].items():
        say(f"{library} {version}")


@app.command("rm")
def remove_sweep(
    sweep: Annotated[str, typer.Argument(metavar="SWEEP", help="Id of the sweep.")],
    store: StoreOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a sweep's folder: its journal and weights. Runs and models in MLflow stay."""
    from harness.store import find_store
    from harness.sweeps.folders import find_sweep_folder, remove

    place = find_store(store)
    folder = find_sweep_folder(place, sweep)
    if not yes and not _agreed(f"Remove {folder}? It cannot be reported or resumed afterwards"):
        say(f"kept {folder}", err=True)
        raise typer.Exit(1)
    remove(place, sweep)
    say(f"removed {folder}")


def _agreed(question: str) -> bool:
    typer.echo(f"{question} [y/N] ", err=True, nl=False)
    answer = sys.stdin.readline()
    if not answer:
        typer.echo(err=True)
        raise UsageError("nobody answered; --yes removes it without asking")
    return answer.strip().lower() in ("y", "yes")


def _line(one: SweepSummary) -> str:
    if one.state == "broken":
        return f"{one.sweep_id}  broken: {one.error}"
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.begun_at))
    verdicts = f"  {'; '.join(one.outcomes)}" if one.outcomes else ""
    return f"{one.sweep_id}  {started}  {one.state}  {' vs '.join(one.families)}  {one.trials} trials{verdicts}"


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


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
    from harness.report.text import text
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
    from harness.report.text import latex, markdown
    from harness.sweeps.mlflow_sync import links_of

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
    from harness.report.text import trials_csv
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
    from harness.sweeps.folders import find_sweep_folder
    from harness.sweeps.results import Results

    folder = find_sweep_folder(place, sweep)
    with Journal.read(folder) as journal:
        return Results(journal).sweep(folder.name, place.address)


def explain(
    sweep: Annotated[
        str | None, typer.Argument(metavar="SWEEP", help="Id of the sweep; the newest by default.", show_default=False)
    ] = None,
    datasets: Annotated[
        list[str] | None, typer.Argument(metavar="DATASET", help="Its datasets; all by default.", show_default=False)
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Look again at what has been looked at.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how far back gradients reach in the selected networks, before and after training, and how open gates stand.

    A plain recurrent network, trained with the selected hyperparameters, stands beside them where the sweep has none.
    Figures go into the sweep's report and into MLflow.
    """
    from harness.cli.progress import ProgressDisplay
    from harness.executors import PoolExecutor
    from harness.report.drawings import text
    from harness.store import find_store
    from harness.sweeps.explain import explain as look_into

    place = find_store(store)
    with ProgressDisplay() as display, PoolExecutor(1) as executor:
        found = look_into(place, sweep, datasets or [], executor, display, again=again)
    if as_json:
        typer.echo(json.dumps([one.to_json() for one in found], indent=2))
        return
    typer.echo("\n\n".join(text(one, output_width()) for one in found))


def verify(
    sweep: Annotated[
        str | None, typer.Argument(metavar="SWEEP", help="Id of the sweep; the newest by default.", show_default=False)
    ] = None,
    store: StoreOption = None,
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            metavar="URI", help="MLflow's store, when it is a server. [the store's database]", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Recompute the verdicts of a sweep from what MLflow holds alone; exit code 1 when any number differs.

    Compared are the trials' runs, the recorded verdict, what the comparison's run shows, and the sweep's journal where
    its folder is there.
    """
    from harness.store import find_store
    from harness.sweeps.folders import find_sweep_folder
    from harness.sweeps.verify import verify as compare

    place = find_store(store, tracking_uri)
    results = compare(place, sweep or find_sweep_folder(place, None).name)
    if as_json:
        typer.echo(json.dumps([_plain(one) for one in results], indent=2))
    else:
        for one in results:
            typer.echo("\n".join(_lines(one)))
    if not all(one.agrees for one in results):
        raise typer.Exit(1)


def _lines(one: Verified) -> list[str]:
    if not one.decided:
        return [f"{one.dataset}: not decided yet, nothing to verify"]
    told = "MLflow and the journal" if one.journal else "MLflow; there is no journal here"
    if one.agrees:
        return [f"{one.dataset}: agrees: {one.compared} numbers and words are those of {told}"]
    differ = f"{one.dataset}: differs in {len(one.disagreements)} of {one.compared} numbers and words of {told}"
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
