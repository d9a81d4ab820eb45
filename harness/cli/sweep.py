"""`harness sweep`: from options or a TOML file to a running sweep."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.common import number, output_width, whole_number
from harness.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from harness.config.sweep import SweepConfig
    from harness.records import SweepResult
    from harness.store import Store
    from harness.sweeps.events import SweepEvent
    from harness.sweeps.plan import SweepHeader
    from harness.sweeps.prepare import Estimate


def sweep(
    datasets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATASET", help="Datasets or suites by name, or cards by path; see `harness datasets list`."
        ),
    ] = None,
    family: Annotated[
        list[str] | None,
        typer.Option(
            "--family",
            "-f",
            metavar="NAME",
            help="A family of cells, repeated for each; one named twice plays itself. [lstm, gru]",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(metavar="N", parser=whole_number, help="Completed trials of each family and replicate. [20]"),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            metavar="M",
            parser=number,
            help="Minutes for all searches, instead of trials; every family comes to as many trials.",
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", parser=whole_number, help="The most epochs of a trial. [30]")
    ] = None,
    replicates: Annotated[
        int | None, typer.Option(metavar="R", parser=whole_number, help="Independent repetitions of each search. [1]")
    ] = None,
    until_decided: Annotated[
        bool,
        typer.Option(
            "--until-decided",
            help="Add replicates until the verdict is decided, at looks fixed in advance (3, 5, 10 replicates); "
            "each look spends its share of the error.",
        ),
    ] = False,
    confirmations: Annotated[
        int | None,
        typer.Option(
            metavar="S",
            parser=whole_number,
            help="Retrainings of the selected hyperparameters with fresh seeds. [3]",
        ),
    ] = None,
    oracle: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="How hyperparameters are chosen: random, bayesian, hyperband or grid. [random]"
        ),
    ] = None,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="End a trial whose best score is below the median of its search so far."),
    ] = False,
    seed: Annotated[
        int | None, typer.Option(metavar="K", parser=whole_number, help="Seed of everything random. [1]")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", parser=whole_number, help="Worker processes. [one a core]")
    ] = None,
    trials_per_gpu: Annotated[
        int | None,
        typer.Option(metavar="N", parser=whole_number, help="Workers that share each GPU, in place of --workers. [4]"),
    ] = None,
    trial_minutes: Annotated[
        float | None,
        typer.Option(metavar="M", parser=number, help="Minutes after which a trial is ended. [no limit]"),
    ] = None,
    trial_memory_mb: Annotated[
        int | None,
        typer.Option(
            metavar="MB",
            parser=whole_number,
            help="Memory of a worker at which its trial is ended; TensorFlow takes 700. [a share of the machine]",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAME", help="A sweep's TOML file, or the name of a built-in one; options override it."
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The sweep's name, also the MLflow experiment's. [the dataset's]"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and an estimate of time; run nothing else.")
    ] = False,
    resume: Annotated[
        str | None, typer.Option(metavar="SWEEP", help="Go on with the sweep of this id, with the plan it began with.")
    ] = None,
    extend: Annotated[
        str | None,
        typer.Option(
            metavar="SWEEP",
            help="Do more in the sweep of this id: more --trials or --replicates in all, a DATASET or --family to add.",
        ),
    ] = None,
    accept_changes: Annotated[
        bool,
        typer.Option(
            "--accept-changes",
            help="Go on though data, cards or libraries are not what they were when it began; the verdict says so.",
        ),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start a new sweep even where this one is unfinished.")
    ] = False,
    cards: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="A folder with cards; may be repeated. [./datasets, ./search_spaces]",
            show_default=False,
        ),
    ] = None,
    store: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of journals, models and MLflow's database. [./mlruns]")
    ] = None,
    tracking_uri: Annotated[
        str | None,
        typer.Option(metavar="URI", help="MLflow's store, when it is a server. [the store's database]"),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Leave MLflow alone; `harness doctor --sync` writes there later.")
    ] = False,
    register_as: Annotated[
        str | None,
        typer.Option(
            "--register-as",
            metavar="NAME",
            help="What the champion is registered as; of several datasets with {dataset} in it. [the dataset's name]",
            show_default=False,
        ),
    ] = None,
    refit: Annotated[
        bool,
        typer.Option(
            "--refit", help="Train champions again on training and validation parts, as further, untested versions."
        ),
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="A line for every trial.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the verdicts.")] = False,
) -> None:
    """Tune every family on every dataset with equal budgets, and say which to use.

    The same command again goes on with a sweep that was not finished, and starts a new one after a finished one.
    """
    from harness.store import find_store

    if quiet and verbose:
        raise UsageError("--quiet and --verbose: expected one of them")
    if trials_per_gpu is not None:
        workers = _on_gpus(trials_per_gpu, workers)
    if refit and offline:
        raise UsageError("--refit and --offline: expected one of them: a refitted model is registered in MLflow")
    options = {
        "datasets": tuple(datasets or ()),
        "families": tuple(family or ()),
        "oracle": oracle,
        "prune": prune or None,
        "trials": trials,
        "minutes": minutes,
        "epochs": epochs,
        "replicates": replicates,
        "until_decided": until_decided or None,
        "confirmations": confirmations,
        "seed": seed,
        "workers": workers,
        "trial_minutes": trial_minutes,
        "trial_memory_mb": trial_memory_mb,
        "name": name,
        "register_as": register_as,
    }
    given: dict[str, object] = {key: value for key, value in options.items() if value is not None and value != ()}
    place, started = find_store(store, tracking_uri), resume or extend
    if resume is not None:
        _refuse_beside(f"--resume {resume}", given, (), config=config, cards=cards, dry_run=dry_run, fresh=fresh)
        header = _started(place, resume, given)
    elif extend is not None:
        may = ("datasets", "families", "trials", "replicates")
        _refuse_beside(f"--extend {extend}", given, may, config=config, dry_run=dry_run, fresh=fresh)
        header = _extended(_started(place, extend, given), given, cards or [])
    else:
        header, started = _meant(place, given, config, cards or [], fresh=fresh)
    if dry_run:
        _dry_run(header, place)
        return
    how = Going(started, accept_changes=accept_changes, extend=extend is not None, offline=offline, refit=refit)
    _run(header, place, how, verbose=verbose, quiet=quiet)


@dataclass(frozen=True, slots=True)
class Going:
    """How a sweep is run, apart from what it is.

    Attributes:
        started: Id of the sweep to go on with; None for a new one.
        accept_changes: Whether to go on where something changed underneath.
        extend: Whether it is to do more than it did.
        offline: Whether MLflow is left alone.
        refit: Whether champions are trained again afterwards.
    """

    started: str | None
    accept_changes: bool
    extend: bool
    offline: bool
    refit: bool


def _refuse_beside(option: str, given: dict[str, object], may: Sequence[str], **others: object) -> None:
    """A sweep that is gone on with has its plan already, but for what changes no trial."""
    from harness.sweeps.plan import FREE

    names = {"datasets": "DATASET", "families": "--family"}
    set_too = [
        *(key for key in given if key not in (*FREE, *may)),
        *(key for key, value in others.items() if value),
    ]
    if set_too:
        words = ", ".join(names.get(key, f"--{key.replace('_', '-')}") for key in set_too)
        raise UsageError(f"{option}: goes on with the plan it began with; leave out {words}")


def _meant(
    place: Store, given: dict[str, object], config: str | None, cards: list[Path], *, fresh: bool
) -> tuple[SweepHeader, str | None]:
    """The sweep that the options mean, and the id of the unfinished one that is the same."""
    from harness.sweeps.folders import find_unfinished
    from harness.sweeps.plan import resolve

    header = resolve(_plan(given, config), cards)
    return header, None if fresh else find_unfinished(place, header)


def _started(place: Store, sweep_id: str, given: dict[str, object]) -> SweepHeader:
    """A sweep as it began, on the libraries of today."""
    from harness.config import make_plan
    from harness.journal import Journal
    from harness.sweeps.folders import find_sweep_folder
    from harness.sweeps.plan import FREE, SweepHeader, versions

    with Journal.read(find_sweep_folder(place, sweep_id)) as journal:
        header = replace(SweepHeader.from_json(journal.plan), versions=versions())
    more = {key: given[key] for key in FREE if key in given}
    plan = make_plan({"datasets": header.plan.datasets, **more})
    header = replace(header, plan=header.plan.model_copy(update={"workers": plan.workers or header.plan.workers}))
    return header.registered_as(plan.register_as)


def _extended(header: SweepHeader, given: dict[str, object], cards: list[Path]) -> SweepHeader:
    from harness.config import make_plan
    from harness.sweeps.plan import FREE, extended

    more: dict[str, Any] = {key: value for key, value in given.items() if key not in FREE}
    if not more:
        raise UsageError("--extend: expected what to do more: --trials, --replicates, a DATASET or a --family")
    counts: dict[str, object] = {key: more[key] for key in ("trials", "replicates") if key in more}
    make_plan({"datasets": header.plan.datasets, **counts})  # the numbers are checked as those of a new sweep are
    return extended(header, **more, card_folders=cards)


def _plan(given: dict[str, object], config: str | None) -> SweepConfig:
    from harness.config import find_sweep, make_plan, read_sweep
    from harness.sweeps import default_name

    if config is not None:
        return read_sweep(find_sweep(config), given)
    datasets = given.get("datasets")
    if not isinstance(datasets, tuple) or not datasets:
        raise UsageError("no dataset: name one or more, or a --config; see `harness datasets list`")
    if table := next((name for name in datasets if name.endswith((".csv", ".parquet"))), None):
        raise UsageError(f"{table}: expected a dataset's card; begin one with `harness datasets new {table}`")
    return make_plan({"name": default_name(datasets), **given})


def _run(header: SweepHeader, place: Store, how: Going, *, verbose: bool, quiet: bool) -> None:
    from harness.cli.progress import ProgressDisplay
    from harness.executors import PoolExecutor
    from harness.report.text import text
    from harness.sweeps import default_workers
    from harness.sweeps.prepare import Resuming
    from harness.sweeps.runner import run_sweep
    from harness.sweeps.stop import handling_signals

    workers = header.plan.workers or default_workers()
    with ProgressDisplay(verbose=verbose, quiet=quiet, warning=_crowded(workers)) as display:
        try:
            with handling_signals() as stop, PoolExecutor(workers) as executor:

                def tell(phrase: SweepEvent) -> None:
                    display(phrase)
                    if display.unread:
                        stop.ask()

                resuming = Resuming(how.started, how.accept_changes, how.extend)
                result = run_sweep(header, place, executor, tell, resume=resuming, offline=how.offline, stop=stop)
        except KeyboardInterrupt:
            if display.unread:
                raise BrokenPipeError from None
            raise Interrupted(_how_to_resume(display.sweep_id, place)) from None
    typer.echo(text(result, place.ui_command, output_width()))
    if result.behind:
        typer.echo(_how_to_catch_up(result, place), err=True)
    if how.refit:
        _refit(result, place)
    if result.unfinished or (result.behind and not how.offline):
        raise typer.Exit(1)


def _on_gpus(trials_per_gpu: int, workers: int | None) -> int:
    from harness.sweeps import default_workers

    if workers is not None:
        raise UsageError("--workers and --trials-per-gpu: expected one of them")
    if trials_per_gpu < 1:
        raise UsageError(f"--trials-per-gpu {trials_per_gpu}: expected at least 1")
    return default_workers(trials_per_gpu)


def _crowded(workers: int) -> str:
    """A warning where workers will wait for each other; with GPUs they are meant to be more than the cores."""
    from harness.executors import visible_gpus
    from harness.executors.resources import cores

    if workers <= cores() or visible_gpus(os.environ):
        return ""
    return f"{workers} workers on {cores()} cores: they will wait for each other"


def _refit(result: SweepResult, place: Store) -> None:
    from harness.export.promote import refit

    for champion in [one.champion for one in result.comparisons if one.champion]:
        done = refit(f"{champion.name}/{champion.version}", place)
        typer.echo(f"models:/{done.name}/{done.version} is the champion's refit; untested, and no alias was moved")


def _how_to_resume(sweep_id: str, place: Store) -> str:
    if not sweep_id:
        return "interrupted before the sweep began"
    return (
        "interrupted; what has ended is kept. The same command goes on with it, "
        f"or `harness sweep --resume {sweep_id}{place.options}`"
    )


def _how_to_catch_up(result: SweepResult, place: Store) -> str:
    return (
        f"MLflow does not hold everything yet ({result.behind}); the journal does. Once it can be written to, "
        f"`harness doctor --sync {result.sweep_id}{place.options}` writes the rest and registers champions"
    )


def _dry_run(header: SweepHeader, place: Store) -> None:
    from harness.disk import free_bytes
    from harness.executors import PoolExecutor
    from harness.report.format import counted
    from harness.sweeps import default_workers
    from harness.sweeps.prepare import batch_notes, estimate, inspect
    from harness.sweeps.results import budget_in_words
    from harness.sweeps.stop import sweep_bytes

    workers = header.plan.workers or default_workers()
    inspected = inspect(header)
    for note in (*header.notes, *batch_notes(header, inspected)):
        typer.echo(note)
    typer.echo(f"arms: {', '.join(family.name for family in header.families)}")
    typer.echo(f"budget: {budget_in_words(header)}")
    with PoolExecutor(workers) as executor:
        estimates = estimate(header, inspected, executor)
    for one in estimates:
        typer.echo(_estimate_line(one))
    fits = sum((one.searches or 0) + one.confirmations for one in estimates)
    total = _duration(sum(one.seconds for one in estimates))
    runs = f"{fits} fits" if not header.plan.minutes else f"as many fits as the time allows, and {fits} confirmations"
    typer.echo(f"in all: {runs}, at most about {total} on {counted(workers, 'worker')} (early stopping shortens it)")
    needed, free = sweep_bytes([one.disk_bytes for one in estimates]) / 1e6, free_bytes(place.root) / 1e6
    typer.echo(
        f"disk: about {needed:,.0f} MB; {free:,.0f} MB are free{'' if free > needed else ', which is too little'}"
    )


def _estimate_line(one: Estimate) -> str:
    train, validation, test = one.sizes
    trials = "trials for the given time" if one.searches is None else f"{one.searches} trials"
    line = (
        f"{one.dataset}: {train:,} train, {validation:,} validation, {test:,} test sequences; "
        f"{trials} + {one.confirmations} confirmations, at most about {_duration(one.seconds)}"
    )
    return f"{line}; the probe failed: {one.failure}" if one.failure else line


def _duration(seconds: float) -> str:
    from harness.cli.progress import duration

    return duration(seconds)
