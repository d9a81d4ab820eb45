"""Wires configs, search, executors, journal, MLflow, verdicts and export for one sweep."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.records import SweepResult
from harness.sweeps.events import Callback, Message

if TYPE_CHECKING:
    from harness.config.given import GivenFamilies
    from harness.sweeps.live.progress import Verbose


def sweep(
    *datasets: str | Path,
    store: str | Path | None = None,
    tracking_uri: str | None = None,
    config_dirs: Sequence[str | Path] = (),
    callback: Callback | None = None,
    verbose: Verbose = "auto",
    offline: bool = False,
    accept_changes: bool = False,
    fresh: bool = False,
    **options: Any,
) -> SweepResult:
    """Compare recurrent cells on datasets, as `harness sweep` does.

    The same call again resumes a sweep that was not finished. Of several datasets those that are not on this machine
    are left out, which a note says.

    Args:
        datasets (str | Path): Names or paths of dataset configs.
        store (str | Path): Folder for journals, models and MLflow's database; `./mlruns` by default.
        tracking_uri (str): MLflow's store, when it is another than the database in that folder.
        config_dirs (Sequence[str | Path]): Folders with configs, searched before the built-in ones.
        callback (Callable[[SweepEvent], None]): Called with progress, notes and finished comparisons.
        verbose (int | str): 1 shows how far the sweep is, on standard error or in a notebook's cell; 2 every trial
            besides; 0 nothing. "auto" is 1, and 0 where there is a callback.
        offline (bool): Leave MLflow alone; `harness doctor --sync` writes there later.
        accept_changes (bool): Resume a sweep whose data, configs or libraries are not what they were when it began.
        fresh (bool): Start a new sweep even where one is unfinished.
        options: Keys of a sweep's TOML file:
            families (Sequence[str] | Mapping[str, Any]): Names or paths of search spaces, at least two; `("lstm",
                "gru")`. One may be a builder of yours, `families={"lstm": "lstm", "mine": build_model}`: a function, a
                `keras_tuner.HyperModel`, `file.py:function`, or the keys of a search space with such a `build`.
            trials (int): Completed trials of each family and replicate; 20.
            minutes (float): Time for all searches together, in place of `trials`.
            epochs (int): The most epochs of a trial; 30.
            patience_epochs (int): Epochs without a better validation score after which a trial ends; 5.
            min_steps (int): Gradient steps that a trial's epochs are raised to on small data; 500, and 0 where
                `epochs` is given.
            calibrate (bool): Divide the logits of classifiers by a temperature fitted on the validation part; True.
            hyperparameters (Mapping[str, Sequence]): Values in place of those of every search space, such as
                `{"units": (16, 64)}`.
            replicates (int): Independent searches of each family; 1.
            until_decided (bool): Add replicates until there is a verdict; False.
            seeds (int): Retrainings of each family's selected hyperparameters with fresh seeds; 5.
            oracle (str): `random`, `bayesian`, `tpe`, `hyperband` or `grid`; `random`.
            prune (bool): Median stopping; False.
            prior (str): Prior of a verdict's probability: `"usual"`, or `"atlas"`; usual.
            seed (int): Seed of the whole sweep; 1.
            workers (int | str): Worker processes; one a core, or `"all"` that a cluster holds.
            max_train (int): The most training sequences of each dataset, about; all.
            threads (int): Threads of each worker; 1.
            in_flight (int): Trials of one search that an adaptive oracle has running at a time; 1.
            trial_minutes (float): Time limit of a trial; none.
            trial_memory_mb (int): Memory limit of a trial's process; four fifths of the machine's by workers.
            engine (str): `local`, worker processes of this machine, or `ray`, a cluster that somebody has started;
                `local`.
            address (str): `HOST:PORT` of the cluster's head; the variable `RAY_ADDRESS`.
            cpus (float), gpus (float), resources (dict): What a worker takes of a node of the cluster; 1, 0 and none.
            same_cpu (bool): Refuse nodes of several kinds of processor; False.
            shared_data (bool): Datasets are at the same path on every node; False.
            baselines (str): `limited` in time, or `all`; `limited`.
            name (str): Name of the sweep and of its MLflow experiment; the dataset's.
            register_as (str): Name of the registered model, in which `{dataset}` is the dataset's; that alone.
            data_in_report (bool): Whether the report may show windows of the test part, names of classes, and paths;
                True.

    Returns:
        Verdicts, scores, budget reports and champions.

    Raises:
        UsageError: An argument is unknown or wrong; the message names it, and near names.
        ConfigError: A config is unknown or wrong.
        DataError: A dataset is missing or not what its config says.
    """
    from harness.config import SweepConfig, make_plan
    from harness.config.arguments import check_names
    from harness.config.given import given_families
    from harness.store import find_store
    from harness.sweeps.engines import open_engine
    from harness.sweeps.folders import begun_as, find_unfinished
    from harness.sweeps.live.progress import watched
    from harness.sweeps.plan import resolve
    from harness.sweeps.prepare import Resuming, without_absent
    from harness.sweeps.stop import handling_signals

    callback = options.pop("listener", callback)  # names of 0.1.0, for one more version
    folders = options.pop("cards", config_dirs)
    check_names("sweep", options, [*_SWEEP, *SweepConfig.model_fields, "confirmations"])
    _check_call(store, tracking_uri, datasets)
    watching = watched(callback, verbose)
    folders = [folders] if isinstance(folders, str | Path) else folders
    families, named = given_families(options.get("families")), tuple(map(str, datasets))
    planned = {"datasets": named, "name": default_name(named), **options, **_named(families)}
    plan = make_plan(planned, str)
    place = find_store(Path(store) if store else None, tracking_uri)
    if families and families.spaces:
        plan = make_plan({**planned, "families": families.write(place.root / "families")}, str)
    header, _ = without_absent(resolve(plan, [Path(folder) for folder in folders]))
    sweep_id = None if fresh else find_unfinished(place, header)
    if sweep_id:
        header = header.as_begun(begun_as(place, sweep_id))

    with watching as watcher, handling_signals() as stop:

        def say(line: str) -> None:
            watcher(Message(line))

        with open_engine(header, place.root, say) as executor:
            from harness.sweeps.runner import run_sweep  # while the workers start

            how = Resuming(sweep_id, accept_changes=accept_changes)
            return run_sweep(header, place, executor, watcher, resume=how, offline=offline, stop=stop)


_SWEEP = ("store", "tracking_uri", "config_dirs", "callback", "verbose", "offline", "accept_changes", "fresh")
_COMPARE = ("y", "task", "name", "lengths", "groups", "channels_first", "store", "tracking_uri", "callback", "verbose")


def _check_call(store: Any, tracking_uri: Any, datasets: Sequence[Any] = ("",)) -> None:
    """Refuse what no option's own check sees.

    Raises:
        UsageError: There is no dataset, or an argument has another type.
    """
    if not datasets:
        raise UsageError("sweep: expected at least one dataset, by its name or the path of its config")
    for one in datasets:
        if not isinstance(one, str | Path):
            raise UsageError(
                f"sweep({type(one).__name__}): expected names or paths of datasets, one by one, such as "
                'sweep("air", "vic_elec"); harness.compare takes data'
            )
    if store is not None and not isinstance(store, str | Path):
        raise UsageError(f"store = {store!r}: expected the path of a folder")
    if tracking_uri is not None and not isinstance(tracking_uri, str):
        raise UsageError(f"tracking_uri = {tracking_uri!r}: expected the address of MLflow's store as text")


def compare(
    X: Any,  # noqa: N803 - as scikit-learn calls it
    y: Any = None,
    *,
    task: str | None = None,
    name: str | None = None,
    lengths: Any = None,
    groups: Any = None,
    channels_first: bool | None = None,
    store: str | Path | None = None,
    tracking_uri: str | None = None,
    callback: Callback | None = None,
    verbose: Verbose = "auto",
    **options: Any,
) -> SweepResult:
    """Compare recurrent cells on arrays or a table that this program holds.

    Nothing is left on the disk where an argument, a builder or the data is wrong.

    Args:
        X (array | list of arrays | table): An array (sequences, steps, channels), or (sequences, steps) of one channel;
            a list of arrays (steps, channels) of different lengths; or a table as a CSV would hold it: pandas' (levels
            of its index become columns), or one that pandas can be made of, such as Polars', Arrow's and Hugging
            Face's. For a forecast a series (rows,), an array (rows, columns) or a table, in the order of time. Masked
            values are missing ones.
        y (array): The answers: one a sequence, or one a step for `task="label"`. For a forecast the target, where X
            does not hold it. None where a table holds them.
        task (str): `forecast`, `classify`, `regress` or `label`. None guesses it, and of a table or a series also what
            else is not given, as `harness datasets new` does; a note says each guess with its reason. Of a
            forecast's table without `lookback_steps` what is not given is guessed as well.
        name (str): What the dataset, the sweep and the champion are called; where none is given `comparison-` and eight
            digits that stand for the data and the options of its task, so that other data never shares a champion's
            name. A note says so.
        lengths (array of int): Real steps of each sequence, where some are padded.
        groups (array): Each sequence's group, such as its person: then no group is in two parts.
        channels_first (bool): Whether X is (sequences, channels, steps); asked for where that does not show.
        store (str | Path): As for `sweep`; the data is kept in its folder `data`.
        tracking_uri (str): As for `sweep`.
        callback (Callable[[SweepEvent], None]): As for `sweep`.
        verbose (int | str): As for `sweep`.
        options: Those of `sweep`, such as `trials=20`; and keys of a dataset's config:
            target (str | list of str): Column or columns of a table to predict.
            features, categorical, known_covariates (str | list of str): Columns of a table that go in.
            id, time (str): Columns that tell sequences or series apart, and that order their rows.
            lookback_steps, horizon_steps, window_stride, season_steps (int): Of a forecast.
            metric (str), unit (str), class_weight (str): How the task is judged.
            missing (str): `error`, `interpolate` or `mask`; `error`.
            split, encoding (dict): Those tables of the config; all keys are in docs/config.md.

    Returns:
        As `sweep`.

    Raises:
        UsageError: An argument is unknown or wrong; the message names it, and near names.
        DataError: X and y do not fit each other or the task.
    """
    from harness.config import make_plan
    from harness.config.arguments import plan_and_dataset
    from harness.config.given import given_families
    from harness.store import find_store
    from harness.sweeps.from_memory import UNNAMED, check_data, checked_first, write_dataset
    from harness.sweeps.live.progress import watched

    planned, phrase = plan_and_dataset(options, task, _COMPARE)
    called = UNNAMED if name is None else name
    families = given_families(planned.get("families"))
    make_plan({"datasets": (called,), "name": called, **planned, **_named(families)}, str)
    _check_call(store, tracking_uri)
    watching = watched(callback, verbose)
    if not (channels_first is None or isinstance(channels_first, bool)):
        raise UsageError(f"channels_first = {channels_first!r}: expected True, False or None")
    if groups is not None:
        phrase = {"split": {"rule": "group"}, **phrase}
    folder = find_store(Path(store) if store else None, tracking_uri).root / "data"

    with watching as watcher:

        def told(guess: str) -> None:
            watcher(Message(f"guessed: {guess}"))

        with checked_first(folder) as draft:
            config = write_dataset(draft, name, X, y, lengths, groups, task, phrase, channels_first, told)
            check_data(config, planned, families)
        if name is None:
            watcher(Message(f"the data has no name and is called {config.stem}; name= gives it one"))
        more: dict[str, Any] = {"store": store, "tracking_uri": tracking_uri, "name": config.stem}
        return sweep(folder / config.relative_to(draft), callback=watcher, verbose=0, **more, **planned)


def _named(families: GivenFamilies | None) -> dict[str, Any]:
    """The plan's key of families, by their names."""
    return {} if families is None else {"families": families.names}


def default_name(datasets: Sequence[str]) -> str:
    """A sweep's name where none is given: its dataset's, or `sweep` for several."""
    only = Path(datasets[0]).stem if len(datasets) == 1 else ""
    return re.sub(r"[^A-Za-z0-9]+", "_", only).strip("_") or "sweep"


__all__ = ["compare", "default_name", "sweep"]
