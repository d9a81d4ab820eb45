"""`harness sweeps`: what has been run, and removing it."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.saying import say, say_json
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.sweeping.folders import SweepSummary

app = typer.Typer(help="List, show and remove sweeps.", no_args_is_help=True)

StoreOption = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="Folder of the store. [./mlruns]", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_sweeps(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """All sweeps of the store, oldest first."""
    from harness.store import find_store
    from harness.sweeping.folders import summarise, sweep_ids

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
    from harness.sweeping.folders import find_sweep_folder, summarise

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
    from harness.sweeping.folders import find_sweep_folder, remove

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
    begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.begun_at))
    verdicts = f"  {'; '.join(one.outcomes)}" if one.outcomes else ""
    return f"{one.sweep_id}  {begun}  {one.state}  {' vs '.join(one.arms)}  {one.trials} trials{verdicts}"


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
