"""`harness sweeps`: the sweeps of a store, and how they go away."""

from __future__ import annotations

import dataclasses
import sys
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import OLD_OPTIONS, JsonOption, StoreOption, SweepArgument, TrackingOption
from harness.cli.terminal.output import say, say_json
from harness.errors import UsageError
from harness.store import find_store
from harness.text import are, counted, listed

if TYPE_CHECKING:
    from harness.sweeps.folders import SweepSummary


app = typer.Typer(help="Sweeps: list, show, remove.", no_args_is_help=True)


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


def watch(
    sweep: SweepArgument = None,
    once: Annotated[bool, typer.Option("--once", help="Show how it stands now, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print how it stands now as JSON, and end.")] = False,
    store: StoreOption = None,
    tracking_uri: TrackingOption = None,
) -> None:
    """Watch a running sweep until it ends, or Ctrl-C.

    From another terminal; the sweep itself is not touched. With --tracking-uri through MLflow, from any machine.
    """
    from harness.cli.terminal.watch import lines, show
    from harness.sweeps.live.observe import standing_in_mlflow, standing_of

    place = find_store(store, tracking_uri)
    look = partial(standing_in_mlflow if tracking_uri else standing_of, place)
    found = look(sweep)
    if as_json:
        say_json(found.to_json())
    elif once:
        say("\n".join(lines(found)))
    else:
        with suppress(KeyboardInterrupt):  # which ends the watching, not the sweep
            show(found, partial(look, found.sweep_id))


@app.command("remove")
def remove(
    sweep: Annotated[str, typer.Argument(metavar="SWEEP", help="Id of the sweep.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
    store: StoreOption = None,
    tracking_uri: TrackingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a sweep's journal, weights and report, once you agree. Its runs and models in MLflow stay.

    Refused while the sweep runs, and where an alias points to a model of it: what is in use should stay explained.
    """
    from harness.sweeps import folders
    from harness.tracking.registry import versions_of

    place = find_store(store, tracking_uri)
    folder = folders.find_sweep_folder(place, sweep)
    with folders.lock(folder):  # said before anybody is asked
        summary = folders.summarise(place, sweep)
    versions = versions_of(place, sweep)
    if used := [f"models:/{one.name}@{alias}" for one in versions for alias in one.aliases]:
        raise UsageError(
            f"{sweep}: {listed(used)} {are(len(used))} of this sweep: expected none; move the alias to another version "
            f"first, by `harness models promote NAME/VERSION --alias ALIAS{place.options}`"
        )
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    if not yes:
        say(_line(summary), err=True)
        say(f"  goes: {folder}, {counted(len(files), 'file')}, {size / 1e6:,.1f} MB", err=True)
        kept = listed([one.reference for one in versions]) if versions else "no model"
        say(f"  stays in MLflow: its runs; {kept}", err=True)
        if not _agreed("Remove it? It can then be neither reported nor resumed"):
            say(f"kept {folder}", err=True)
            raise typer.Exit(1)
    folders.remove(place, sweep)
    if as_json:
        say_json({"sweep_id": sweep, "removed": str(folder), "files": len(files), "bytes": size})
    else:
        say(f"removed {folder}")


app.command("rm", hidden=True)(remove)


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
