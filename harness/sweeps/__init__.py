"""Wires configs, search, executors, journal, MLflow, verdicts and export for one sweep."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.records import SweepResult
from harness.sweeps.events import Callback, Message

if TYPE_CHECKING:
    from harness.config.given import GivenFamilies

TRIALS_PER_GPU = 4
"""Trials that share one GPU unless told otherwise. A guess: it was not measured on one."""


def default_workers(trials_per_gpu: int | None = None) -> int:
    """Worker processes where their number is not given: one a core, or so many for each GPU.

    Raises:
        UsageError: A number of trials a GPU, where there is no GPU.
    """
    from harness.executors.resources import cores, visible_gpus

    gpus = len(visible_gpus(os.environ))
    if trials_per_gpu is not None and not gpus:
        raise UsageError(
            f"--trials-per-gpu {trials_per_gpu}: no GPU is visible here (CUDA_VISIBLE_DEVICES, NVIDIA's driver); "
            "expected --workers"
        )
    return gpus * (trials_per_gpu or TRIALS_PER_GPU) if gpus else cores()


def sweep(
    *datasets: str,
    store: str | Path | None = None,
    tracking_uri: str | None = None,
    config_dirs: Sequence[str | Path] = (),
    callback: Callback = lambda _: None,
    offline: bool = False,
    accept_changes: bool = False,
    fresh: bool = False,
    **options: Any,
) -> SweepResult:
    """Compare recurrent cells on datasets, as `harness sweep` does.

    The same call again resumes a sweep that was not finished. Of several datasets those that are not on this machine
    are left out, which the callback is told.

    Args:
        datasets: Names or paths of dataset configs.
        store: Folder for journals, models and MLflow's database; `./mlruns` by default.
        tracking_uri: MLflow's store, when it is another than the database in that folder.
        config_dirs: Folders with configs, searched before the built-in ones.
        offline: Leave MLflow alone; `harness doctor --sync` writes there later.
        accept_changes: Resume a sweep whose data, configs or libraries are not what they were when it began.
        fresh: Start a new sweep even where one is unfinished.
        callback: Called with progress, notes and finished comparisons.
        options: Keys of a sweep's TOML file, such as `trials=20`, `families=("lstm", "gru")`, `replicates=3`. A family
            may be a builder of yours, `families={"lstm": "lstm", "mine": build_model}`: a function, a
            `keras_tuner.HyperModel`, `file.py:function`, or the keys of a search space with such a `build`.

    Returns:
        Verdicts, scores, budget reports and champions.

    Raises:
        ConfigError: A config or an option is wrong.
        DataError: A dataset is missing or not what its config says.
    """
    from harness.config import make_plan
    from harness.config.given import given_families
    from harness.executors import PoolExecutor
    from harness.store import find_store
    from harness.sweeps.folders import begun_as, find_unfinished
    from harness.sweeps.plan import resolve
    from harness.sweeps.prepare import Resuming, without_absent
    from harness.sweeps.runner import run_sweep
    from harness.sweeps.stop import handling_signals

    callback = options.pop("listener", callback)  # names of 0.1.0, for one more version
    folders = options.pop("cards", config_dirs)
    families = given_families(options.get("families"))
    planned = {"datasets": datasets, "name": default_name(datasets), **options, **_named(families)}
    plan = make_plan(planned)
    place = find_store(Path(store) if store else None, tracking_uri)
    if families and families.spaces:
        plan = make_plan({**planned, "families": families.write(place.root / "families")})
    header, _ = without_absent(resolve(plan, [Path(folder) for folder in folders]))
    sweep_id = None if fresh else find_unfinished(place, header)
    if sweep_id:
        header = header.as_begun(begun_as(place, sweep_id))
    with handling_signals() as stop, PoolExecutor(plan.workers or default_workers(), header.plan.threads) as executor:
        how = Resuming(sweep_id, accept_changes=accept_changes)
        return run_sweep(header, place, executor, callback, resume=how, offline=offline, stop=stop)


def compare(
    X: Any,  # noqa: N803 - as scikit-learn calls it
    y: Any = None,
    *,
    task: str,
    name: str | None = None,
    lengths: Any = None,
    groups: Any = None,
    channels_first: bool | None = None,
    store: str | Path | None = None,
    tracking_uri: str | None = None,
    callback: Callback = lambda _: None,
    **options: Any,
) -> SweepResult:
    """Compare recurrent cells on arrays or a table that this program holds.

    Args:
        X: An array (sequences, steps, channels), or (sequences, steps) of one channel; a list of arrays (steps,
            channels) of different lengths; or a table as a CSV would hold it: pandas' (levels of its index become
            columns), or one that pandas can be made of, such as Polars', Arrow's and Hugging Face's. For a forecast a
            series (rows,), an array (rows, columns) or a table, in the order of time. Masked values are missing ones.
        y: The answers: one a sequence, or one a step for `task="label"`. For a forecast the target, where X does not
            hold it. None where a table holds them.
        task: `forecast`, `classify`, `regress` or `label`.
        name: What the dataset, the sweep and the champion are called; where none is given `comparison-` and eight
            digits that stand for the data and the options of its task, so that other data never shares a champion's
            name. The listener is told.
        lengths: Real steps of each sequence, where some are padded.
        groups: Each sequence's group, such as its person: then no group is in two parts.
        channels_first: Whether X is (sequences, channels, steps); asked for where that does not show.
        store: As for `sweep`; the data is kept in its folder `data`.
        tracking_uri: As for `sweep`.
        callback: As for `sweep`.
        options: Options of `sweep`, such as `trials=20`; and keys of a dataset's card: those of `[task]`, such as
            `metric="macro_f1"` or `lookback_steps=48`, tables `split={…}` and `encoding={…}`, and `missing`.

    Returns:
        As `sweep`.

    Raises:
        ConfigError: An option is wrong.
        DataError: X and y do not fit each other or the task.
    """
    from harness.config import SweepConfig, make_plan
    from harness.config.given import given_families
    from harness.config.sweep import in_todays_keys
    from harness.store import find_store
    from harness.sweeps.from_memory import UNNAMED, write_dataset

    options = in_todays_keys(options)
    planned = {key: value for key, value in options.items() if key in SweepConfig.model_fields}
    phrase = {key: value for key, value in options.items() if key not in planned}
    called = UNNAMED if name is None else name
    named = _named(given_families(options.get("families")))
    make_plan(
        {"datasets": (called,), "name": called, **planned, **named}
    )  # what is wrong is said before anything is written
    if groups is not None:
        phrase = {"split": {"rule": "group"}, **phrase}
    root = find_store(Path(store) if store else None, tracking_uri).root
    config = write_dataset(root / "data", name, X, y, lengths, groups, task, phrase, channels_first)
    if name is None:
        callback(Message(f"the data has no name and is called {config.stem}; name= gives it one"))
    more: dict[str, Any] = {"store": store, "tracking_uri": tracking_uri, "callback": callback, "name": config.stem}
    return sweep(str(config), **more, **planned)


def _named(families: GivenFamilies | None) -> dict[str, Any]:
    """The plan's key of families, by their names."""
    return {} if families is None else {"families": families.names}


def default_name(datasets: Sequence[str]) -> str:
    """A sweep's name where none is given: its dataset's, or `sweep` for several."""
    only = Path(datasets[0]).stem if len(datasets) == 1 else ""
    return re.sub(r"[^A-Za-z0-9]+", "_", only).strip("_") or "sweep"


__all__ = ["compare", "default_name", "default_workers", "sweep"]
