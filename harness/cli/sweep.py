"""`harness sweep`: from options or a TOML file to a running sweep."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.cards.schema import SweepPlan
    from harness.sweeping.estimating import Estimate
    from harness.sweeping.planning import SweepHeader

SEARCHING = "What is searched"
BUDGET = "Budget"
RUNNING = "Where and how it runs"


def sweep(
    datasets: Annotated[
        list[str] | None,
        typer.Argument(help="Names or paths of dataset cards; see `harness datasets list`.", show_default=False),
    ] = None,
    family: Annotated[
        list[str] | None,
        typer.Option(
            "--family",
            "-f",
            help="A family of cells; twice the same plays it against itself. [lstm, gru]",
            rich_help_panel=SEARCHING,
            show_default=False,
        ),
    ] = None,
    oracle: Annotated[
        str | None,
        typer.Option(help="random or bayesian. [random]", rich_help_panel=SEARCHING, show_default=False),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            help="Completed trials of each family and replicate. [20]",
            rich_help_panel=BUDGET,
            show_default=False,
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            help="Minutes for all searches, instead of trials; ended on complete pairs.",
            rich_help_panel=BUDGET,
            show_default=False,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="The most epochs of a trial. [30]", rich_help_panel=BUDGET, show_default=False),
    ] = None,
    replicates: Annotated[
        int | None,
        typer.Option(help="Independent repetitions of each search. [1]", rich_help_panel=BUDGET, show_default=False),
    ] = None,
    confirmations: Annotated[
        int | None,
        typer.Option(
            help="Retrainings of the selected hyperparameters with fresh seeds. [3]",
            rich_help_panel=BUDGET,
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of everything random. [1]", rich_help_panel=BUDGET, show_default=False),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Worker processes. [one a core]", rich_help_panel=RUNNING, show_default=False),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            help="A sweep's TOML file, or the name of a built-in one; options override it.",
            rich_help_panel=RUNNING,
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            help="The sweep's name, also the MLflow experiment's.",
            rich_help_panel=RUNNING,
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(help="Go on with the sweep of this id.", rich_help_panel=RUNNING, show_default=False),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the plan and an estimate of time; run nothing else.",
            rich_help_panel=RUNNING,
        ),
    ] = False,
    cards: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder with cards, searched first. [./datasets, ./search_spaces]",
            rich_help_panel=RUNNING,
            show_default=False,
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            help="Folder of journals, models and MLflow's database. [./mlruns]",
            rich_help_panel=RUNNING,
            show_default=False,
        ),
    ] = None,
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            help="MLflow's store, when it is a server. [the store's database]",
            rich_help_panel=RUNNING,
            show_default=False,
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="A line for every trial.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the verdicts.")] = False,
) -> None:
    """Tune every family on every dataset with equal budgets, and say which to use.

    The same command again goes on with a sweep that was not finished, and starts a new one after a finished one.
    """
    from harness.store import find_store

    place = find_store(store, tracking_uri)
    options = {
        "datasets": tuple(datasets or ()),
        "families": tuple(family or ()),
        "oracle": oracle,
        "trials": trials,
        "minutes": minutes,
        "epochs": epochs,
        "replicates": replicates,
        "confirmations": confirmations,
        "seed": seed,
        "workers": workers,
        "name": name,
    }
    given: dict[str, object] = {key: value for key, value in options.items() if value is not None and value != ()}
    header, begun = _header(place, given, config, resume, cards or [])
    if dry_run:
        _dry_run(header)
        return
    _run(header, place, begun, verbose=verbose, quiet=quiet)


def _header(
    place: Any, given: dict[str, object], config: str | None, resume: str | None, cards: list[Path]
) -> tuple[SweepHeader, str | None]:
    """The sweep that the options mean, and the id of the one to go on with."""
    from harness.sweeping.folders import find_sweep_folder, find_unfinished
    from harness.sweeping.planning import resolve

    if resume is None:
        header = resolve(_plan(given, config), cards)
        return header, find_unfinished(place, header)
    if others := sorted(set(given) - {"workers"}):
        raise UsageError(f"--resume {resume}: goes with the plan it began with; leave out {', '.join(others)}")
    return _begun_header(find_sweep_folder(place, resume)), resume


def _begun_header(folder: Path) -> SweepHeader:
    from harness.journal import Journal
    from harness.sweeping.planning import SweepHeader

    with Journal.open(folder) as journal:
        return SweepHeader.from_json(journal.plan)


def _plan(given: dict[str, object], config: str | None) -> SweepPlan:
    from harness.cards import find_sweep, make_plan, read_sweep
    from harness.sweeping import default_name

    if config is not None:
        return read_sweep(find_sweep(config), given)
    datasets = given.get("datasets")
    if not isinstance(datasets, tuple) or not datasets:
        raise UsageError("no dataset: name one or more, or a --config; see `harness datasets list`")
    return make_plan({"name": default_name(datasets), **given})


def _run(header: SweepHeader, place: Any, begun: str | None, *, verbose: bool, quiet: bool) -> None:
    from harness.cli.watching import Watcher
    from harness.engines import ProcessEngine
    from harness.report.terminal import text
    from harness.sweeping import cores
    from harness.sweeping.progress import Note
    from harness.sweeping.running import run_sweep

    signal.signal(signal.SIGTERM, _as_interrupt)
    workers = header.plan.workers or cores()
    with Watcher(verbose=verbose, quiet=quiet) as watcher:
        for note in header.notes:
            watcher(Note(note))
        if workers > cores():
            watcher(Note(f"{workers} workers on {cores()} cores: allowed, but they will wait for each other"))
        watcher(Note(f"going on with sweep {begun}" if begun else "starting a new sweep"))
        with ProcessEngine(workers) as engine:
            result = run_sweep(header, place, engine, watcher, resume=begun)
    typer.echo(text(result, place.ui_command))
    if result.unfinished:
        raise typer.Exit(1)


def _dry_run(header: SweepHeader) -> None:
    from harness.engines import ProcessEngine
    from harness.sweeping import cores
    from harness.sweeping.assembling import budget_in_words
    from harness.sweeping.estimating import estimate
    from harness.sweeping.running import inspect

    workers = header.plan.workers or cores()
    inspected = inspect(header)
    typer.echo(f"arms: {', '.join(arm.name for arm in header.arms)}")
    typer.echo(f"budget: {budget_in_words(header)}")
    with ProcessEngine(workers) as engine:
        estimates = estimate(header, inspected, engine)
    for one in estimates:
        typer.echo(_estimate_line(one))
    fits = sum((one.searches or 0) + one.confirmations for one in estimates)
    total = _duration(sum(one.seconds for one in estimates))
    counted = (
        f"{fits} fits" if not header.plan.minutes else f"as many fits as the time allows, and {fits} confirmations"
    )
    typer.echo(f"in all: {counted}, at most about {total} on {workers} workers (early stopping shortens it)")


def _estimate_line(one: Estimate) -> str:
    train, validation, test = one.sizes
    trials = "trials for the given time" if one.searches is None else f"{one.searches} trials"
    line = (
        f"{one.dataset}: {train:,} train, {validation:,} validation, {test:,} test sequences; "
        f"{trials} + {one.confirmations} confirmations, at most about {_duration(one.seconds)}"
    )
    return f"{line}; the probe failed: {one.failure}" if one.failure else line


def _duration(seconds: float) -> str:
    from harness.cli.watching import duration

    return duration(seconds)


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt
