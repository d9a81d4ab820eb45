"""`harness sweep`: from options or a TOML file to a running sweep."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.common import ConfigDirOption, JsonOption, StoreOption, TrackingOption, count_option, number_option
from harness.cli.fetch import ABSENT
from harness.cli.terminal.output import output_width, say, say_answers, say_json
from harness.disk import free_bytes
from harness.errors import Interrupted, UsageError
from harness.records import SweepResult
from harness.store import Store, find_store
from harness.sweeps import default_name
from harness.sweeps.events import SweepEvent
from harness.sweeps.stop import handling_signals, sweep_bytes
from harness.text import counted, duration_text
from harness.user_code import is_function

if TYPE_CHECKING:
    from harness.config.sweep import SweepConfig
    from harness.sweeps.plan import SweepHeader
    from harness.sweeps.prepare import Estimate, Resuming


def _switch(name: str, help: str) -> Any:
    return typer.Option(name, help=help)


def _number_or_all(given: str) -> str:
    if given == "all" or given.removeprefix("-").isdecimal():
        return given
    raise typer.BadParameter(f'got "{given}", expected a whole number, or all')


def sweep(
    datasets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATASET",
            help="Datasets or suites (groups of them) by name, or configs by path: see `harness datasets list`.",
        ),
    ] = None,
    family: Annotated[
        list[str] | None,
        typer.Option(
            "--family",
            "-f",
            metavar="NAME",
            help="Family to tune, by the name of its search space (`harness spaces list`), or a builder of yours, "
            "FILE.py:function, which is run; repeat for each family. "
            "The same one twice is an A/A comparison. [lstm, gru]",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[
        int | None, count_option("N", "Completed trials per search: one search per family and replicate. [20]")
    ] = None,
    minutes: Annotated[
        float | None,
        number_option(
            "M", "Time for all searches together, instead of --trials; all families get the same number of trials."
        ),
    ] = None,
    epochs: Annotated[
        int | None, count_option("N", "Maximum epochs of a trial, taken as it is. [30, more on little data]")
    ] = None,
    min_steps: Annotated[
        int | None,
        count_option(
            "N",
            "Gradient steps that a trial's epochs hold at least; epochs and patience are raised on little data. "
            "[500; 0 with --epochs]",
        ),
    ] = None,
    max_train: Annotated[
        int | None,
        count_option("N", "Training sequences of each dataset, about; the latest of a series, else by chance. [all]"),
    ] = None,
    replicates: Annotated[int | None, count_option("N", "Independent searches of each family. [1]")] = None,
    until_decided: Annotated[
        bool,
        _switch(
            "--until-decided",
            "Add replicates until there is a winner or practical equivalence: an interim analysis after each, up to "
            "10, with a group-sequential correction of the error rate.",
        ),
    ] = False,
    seeds: Annotated[
        int | None,
        count_option("N", "Retrainings of each family's selected hyperparameters with fresh random seeds. [5]"),
    ] = None,
    oracle: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Keras Tuner's oracle: random, bayesian, hyperband or grid; or tpe, Optuna's. [random]",
        ),
    ] = None,
    prune: Annotated[
        bool, _switch("--prune", "Median stopping: end a trial that is worse than the median of its search so far.")
    ] = False,
    no_calibrate: Annotated[
        bool,
        _switch(
            "--no-calibrate",
            "Leave classifiers as sure as they were trained; else their logits are divided by a temperature, which is "
            "fitted on the validation part.",
        ),
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=V,V,…",
            help="Values of a hyperparameter in every family's search space, such as units=16,64,256: one is fixed, "
            "several are searched. Repeat for each hyperparameter.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int | None, count_option("N", "Random seed of the whole sweep. [1]")] = None,
    workers: Annotated[
        str | None,
        typer.Option(
            metavar="N|all",
            help="Worker processes. [one per core; on a cluster as many as its nodes hold]",
            show_default=False,
            parser=_number_or_all,
        ),
    ] = None,
    threads: Annotated[
        int | None, count_option("N", "Threads of each worker; scores depend on it, not on --workers. [1]")
    ] = None,
    in_flight: Annotated[
        int | None,
        count_option("N", "Trials of one search that a bayesian, tpe or hyperband oracle has running at a time. [1]"),
    ] = None,
    trials_per_gpu: Annotated[
        int | None, count_option("N", "Concurrent trials (worker processes) per GPU; replaces --workers. [4]")
    ] = None,
    trial_minutes: Annotated[float | None, number_option("M", "Time limit of a trial. [none]")] = None,
    trial_memory_mb: Annotated[
        int | None,
        count_option(
            "MB",
            "Memory limit of a trial's process, TensorFlow's own 700 MB or so included. [80 % of RAM, divided equally "
            "among the workers]",
        ),
    ] = None,
    baselines: Annotated[
        str | None,
        typer.Option(
            metavar="WHICH",
            help="all: fit every baseline, however long it takes. limited: those that fit into 10 s, or into a tenth "
            "of the search's time if that is more. [limited]",
            show_default=False,
        ),
    ] = None,
    prior: Annotated[
        str | None,
        typer.Option(
            metavar="WHICH",
            help="Prior of the probability that a family is better: usual, or atlas, what lstm and gru differed by "
            "over the Atlas's data sets. [usual]",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Where trials run: local, in worker processes of this machine, or ray, on a cluster that somebody has "
            "started. [local]",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="With --engine ray: the cluster's head. [RAY_ADDRESS]"),
    ] = None,
    cpus: Annotated[float | None, number_option("X", "CPUs of a node that a worker takes. [1]")] = None,
    gpus: Annotated[
        float | None, number_option("X", "GPUs that a worker takes; 0.25 lets four share one. Not measured. [0]")
    ] = None,
    resources: Annotated[
        str | None,
        typer.Option(
            metavar="JSON", help="The cluster's own resources that a worker takes, such as '{\"big\": 1}'. [none]"
        ),
    ] = None,
    same_cpu: Annotated[
        bool, _switch("--same-cpu", "Refuse nodes of several kinds of processor, whose scores would differ.")
    ] = False,
    shared_data: Annotated[
        bool, _switch("--shared-data", "Datasets are at the same path on every node: their files do not travel.")
    ] = False,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAME",
            help="TOML file of a sweep, or the name of a built-in one (quickstart, published, atlas); options override "
            "it.",
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            metavar="K/N",
            help="Every N-th of the datasets by name, from the K-th on: N such commands, in any order and on any "
            "machines, come to the whole.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the sweep and of its MLflow experiment. [the dataset's name]"),
    ] = None,
    dry_run: Annotated[
        bool, _switch("--dry-run", "Print the plan, and estimates of time and disk space; start no sweep.")
    ] = False,
    resume: Annotated[
        str | None, typer.Option(metavar="SWEEP", help="Resume the sweep with this id, under its original plan.")
    ] = None,
    extend: Annotated[
        str | None,
        typer.Option(
            metavar="SWEEP",
            help="Extend the sweep with this id: raise --trials or --replicates to a new total, or add a DATASET or a "
            "--family.",
        ),
    ] = None,
    accept_changes: Annotated[
        bool,
        _switch(
            "--accept-changes",
            "Resume even if data, configs or library versions have changed since the start; the verdict notes it.",
        ),
    ] = False,
    fresh: Annotated[bool, _switch("--fresh", "Start a new sweep even if the same one is unfinished.")] = False,
    config_dir: ConfigDirOption = None,
    store: StoreOption = None,
    tracking_uri: TrackingOption = None,
    offline: Annotated[
        bool, _switch("--offline", "Write nothing to MLflow; `harness doctor --sync` does it later.")
    ] = False,
    register_as: Annotated[
        str | None,
        typer.Option(
            "--register-as",
            metavar="NAME",
            help="Name of the registered model; for several datasets it must contain the placeholder {dataset}. "
            "[the dataset's name]",
            show_default=False,
        ),
    ] = None,
    refit: Annotated[
        bool,
        _switch(
            "--refit",
            "Also train each dataset's selected model again, on training and validation data together; registered as a "
            "version without a test score.",
        ),
    ] = False,
    no_data_in_report: Annotated[
        bool,
        _switch("--no-data-in-report", "Keep windows of the test part, class names and paths out of the report."),
    ] = False,
    as_json: JsonOption = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print a line for every trial.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the answers only.")] = False,
) -> None:
    """Tune all families, such as LSTM and GRU, with equal budgets.

    Run the same command again to resume an unfinished sweep; after a finished one it starts a new sweep.
    """
    from harness.config import find_space
    from harness.config.spaces.overrides import parse
    from harness.sweeps.folders import begun_as, find_unfinished
    from harness.sweeps.plan import resolve
    from harness.sweeps.prepare import Resuming, without_absent

    if quiet and verbose:
        raise UsageError("--quiet and --verbose: expected one of them")
    if refit and offline:
        raise UsageError("--refit and --offline: expected one of them: a refitted model is registered in MLflow")
    if trials_per_gpu is not None:
        if workers is not None:
            raise UsageError("--workers and --trials-per-gpu: expected one of them")
        if trials_per_gpu < 1:
            raise UsageError(f"--trials-per-gpu {trials_per_gpu}: expected at least 1")
        from harness.executors.resources import default_workers

        workers = str(default_workers(trials_per_gpu))
    options = {
        "datasets": tuple(datasets or ()),
        "families": tuple(family or ()),
        "oracle": oracle,
        "prune": prune or None,
        "calibrate": False if no_calibrate else None,
        "trials": trials,
        "minutes": minutes,
        "epochs": epochs,
        "min_steps": min_steps,
        "max_train": max_train,
        "replicates": replicates,
        "until_decided": until_decided or None,
        "seeds": seeds,
        "seed": seed,
        "hyperparameters": parse(set_ or ()),
        "workers": workers if workers in (None, "all") else int(workers),
        "engine": engine,
        "address": address,
        "cpus": cpus,
        "gpus": gpus,
        "resources": _table("--resources", resources),
        "same_cpu": same_cpu or None,
        "shared_data": shared_data or None,
        "threads": threads,
        "in_flight": in_flight,
        "trial_minutes": trial_minutes,
        "trial_memory_mb": trial_memory_mb,
        "baselines": baselines,
        "prior": prior,
        "name": name,
        "register_as": register_as,
        "data_in_report": False if no_data_in_report else None,
    }
    given: dict[str, object] = {
        key: value for key, value in options.items() if value is not None and value not in ((), {})
    }
    place, folders = find_store(store, tracking_uri), config_dir or []
    sweep_id, left_out = resume if resume is not None else extend, tuple[str, ...]()
    new_plan = {"config": config, "part": part, "dry_run": dry_run, "fresh": fresh}
    if resume is not None:
        _refuse_beside(f"--resume {resume}", given, (), config_dir=folders, **new_plan)
        header = _started(place, resume, given)
    elif extend is not None:
        _refuse_beside(f"--extend {extend}", given, ("datasets", "families", "trials", "replicates"), **new_plan)
        header = _extended(_started(place, extend, given), given | _families(family or (), place), folders)
    else:
        for known in family or ():
            if not is_function(known):
                find_space(known, folders)  # a name that is unknown is said before anything that hangs on it
        given |= _families(family or (), place)
        header = resolve(_plan(given, config), folders)
        header, left_out = without_absent(header if part is None else header.part(*_number_of(part)))
        sweep_id = None if fresh else find_unfinished(place, header)
        header = header.as_begun(begun_as(place, sweep_id)) if sweep_id else header
    if dry_run and as_json:
        raise UsageError("--dry-run and --json: expected one of them")
    if dry_run:
        _dry_run(header, place)
        _end_without(left_out)
        return
    resuming = Resuming(sweep_id, accept_changes=accept_changes, extend=extend is not None)
    result = _run(header, place, resuming, offline=offline, verbose=verbose, quiet=quiet)
    from harness.report.text import document, text
    from harness.sweeps.runner import REPORT_FILE

    if as_json:
        say_json(document(result, place.options))
    else:
        say_answers(text(result, place.ui_command, output_width(), options=place.options, warnings=False))
    if not (quiet or as_json):
        say(f"Report: {place.sweeps / result.sweep_id / REPORT_FILE}")
    if result.behind:
        say(
            f"MLflow is not up to date yet ({result.behind}); the journal is. Once MLflow can be written to, "
            f"`harness doctor --sync {result.sweep_id}{place.options}` writes the rest and registers champions",
            err=True,
        )
    if refit:
        from harness.export.promote import refit as train_again

        for champion in [one.champion for one in result.comparisons if one.champion]:
            done = train_again(f"{champion.name}/{champion.version}", place)
            refitted = f"models:/{done.name}/{done.version} is the champion's refit; untested, and no alias was moved"
            say(refitted, err=as_json)
    if result.unfinished or (result.behind and not offline):
        raise typer.Exit(1)
    _end_without(left_out)


def _families(given: Sequence[str], place: Store) -> dict[str, tuple[str, ...]]:
    """The plan's families where some are builders, `FILE.py:function`: those are written down as search spaces."""
    from harness.config.given import given_families

    if not any(map(is_function, given)):
        return {}
    found = given_families(given)
    return {"families": found.write(place.root / "families")} if found else {}


def _number_of(part: str) -> tuple[int, int]:
    """Which part of how many `--part` means."""
    number, _, of = part.partition("/")
    if number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of):
        return int(number), int(of)
    raise UsageError(f"--part {part}: expected which part of how many, such as 3/12")


def _table(option: str, text: str | None) -> dict[str, object] | None:
    """A table that an option gives as JSON."""
    if text is None:
        return None
    try:
        table = json.loads(text)
    except ValueError:
        table = None
    if not isinstance(table, dict):
        raise UsageError(f"{option} {text}: expected JSON such as '{{\"big\": 1}}'")
    return table


def _end_without(left_out: Sequence[str]) -> None:
    """Name the datasets that were left out once more, at the end, and leave with a code of their own."""
    for line in left_out:
        say(line, err=True)
    if left_out:
        raise typer.Exit(ABSENT)


def _refuse_beside(option: str, given: dict[str, object], may: Sequence[str], **others: object) -> None:
    """A sweep that is resumed has its plan already, but for what changes no trial."""
    from harness.config.sweep import option_name
    from harness.sweeps.plan import FREE

    set_too = [key for key in given if key not in (*FREE, *may)]
    if set_too := [*set_too, *(key for key, value in others.items() if value)]:
        words = ", ".join(map(option_name, set_too))
        raise UsageError(f"{option}: the sweep keeps the plan that it started with; leave out {words}")


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
    header = replace(header, plan=header.plan.model_copy(update={key: getattr(plan, key) for key in more}))
    return header.registered_as(plan.register_as)


def _extended(header: SweepHeader, given: dict[str, object], folders: Sequence[Path]) -> SweepHeader:
    from harness.config import make_plan
    from harness.sweeps.plan import FREE, extended

    more: dict[str, Any] = {key: value for key, value in given.items() if key not in FREE}
    if not more:
        raise UsageError("--extend: expected what to add: --trials, --replicates, a DATASET or a --family")
    counts: dict[str, object] = {key: more[key] for key in ("trials", "replicates") if key in more}
    make_plan({"datasets": header.plan.datasets, **counts})  # the numbers are checked as those of a new sweep are
    return extended(header, **more, card_folders=folders)


def _plan(given: dict[str, object], config: str | None) -> SweepConfig:
    from harness.config import find_sweep, make_plan, read_sweep

    if config is not None:
        return read_sweep(find_sweep(config), given)
    datasets = given.get("datasets")
    if not isinstance(datasets, tuple) or not datasets:
        raise UsageError("no dataset: name one or more, or a --config; see `harness datasets list`")
    return make_plan({"name": default_name(datasets), **given})


def _run(
    header: SweepHeader, place: Store, resuming: Resuming, *, offline: bool, verbose: bool, quiet: bool
) -> SweepResult:
    from harness.sweeps.engines import open_engine
    from harness.sweeps.events import Message
    from harness.sweeps.live.progress import ProgressDisplay

    with ProgressDisplay(verbose=verbose, quiet=quiet, warning=_crowded(header.plan)) as display:

        def tell(line: str) -> None:
            display(Message(line))

        try:
            with handling_signals() as stop, open_engine(header, place.root, tell) as executor:
                from harness.sweeps.runner import run_sweep  # while the workers start

                def show(event: SweepEvent) -> None:
                    display(event)
                    if display.unread:
                        stop.ask()

                return run_sweep(header, place, executor, show, resume=resuming, offline=offline, stop=stop)
        except KeyboardInterrupt:
            if display.unread:
                raise BrokenPipeError from None
            if not display.sweep_id:
                raise Interrupted("interrupted before the sweep started") from None
            raise Interrupted(
                "interrupted; finished trials are kept. To resume, run the same command again, or "
                f"`harness sweep --resume {display.sweep_id}{place.options}`"
            ) from None


def _crowded(plan: SweepConfig) -> str:
    """A warning where workers will wait for each other; with GPUs they are meant to be more than the cores."""
    from harness.executors import visible_gpus
    from harness.executors.resources import cores, default_workers

    workers = plan.workers or default_workers()
    if plan.engine != "local" or workers <= cores() or visible_gpus(os.environ):
        return ""
    return f"{workers} workers share {counted(cores(), 'core')}, and will wait for each other"


def _dry_run(header: SweepHeader, place: Store) -> None:
    from harness.sweeps.engines import open_probe
    from harness.sweeps.prepare import estimate, inspect, notes, with_builders
    from harness.sweeps.results import budget_in_words

    executor, workers = open_probe(header, place.root, say)  # which loads its libraries while this process loads data
    with executor:
        inspected = inspect(header)
        header = with_builders(header)
        for note in notes(header, inspected, workers):
            say(note)
        say(f"families: {', '.join(family.name for family in header.families)}")
        say(f"budget: {budget_in_words(header)}")
        estimates = estimate(header, inspected, executor, workers)
    for one in estimates:
        say(_estimate_lines(one))
    repeats = sum(one.seed_repeats for one in estimates)
    fits = counted(sum(one.searches or 0 for one in estimates) + repeats, "fit")
    if header.plan.minutes:
        fits = f"as many trials as fit into the time, and {counted(repeats, 'retraining')}"
    total = duration_text(math.ceil(sum(one.seconds for one in estimates)))
    say(
        f"in all: {fits}, at most about {total} on {counted(workers, 'worker')}, reckoned from two epochs of one trial "
        "of each family (early stopping shortens it)"
    )
    needed, free = sweep_bytes([one.disk_bytes for one in estimates]) / 1e6, free_bytes(place.root) / 1e6
    say(f"disk: about {needed:,.0f} MB; {free:,.0f} MB are free{'' if free > needed else ', which is too little'}")


def _estimate_lines(one: Estimate) -> str:
    train, validation, test = one.sizes
    trials = "trials for the given time" if one.searches is None else counted(one.searches, "trial")
    repeats = f"{counted(one.seed_repeats, 'retraining')} with fresh seeds"
    lines = (
        f"{one.dataset}: {trials} and {repeats}, at most about {duration_text(math.ceil(one.seconds))}",
        f"  {train:,} training, {validation:,} validation and {test:,} test sequences",
        *([f"  the probe failed: {one.failure}"] if one.failure else []),
    )
    return "\n".join(lines)
