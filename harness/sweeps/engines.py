"""The engine that a plan asks for: worker processes of this machine, or slots of a cluster, with what tasks take there.

Only here is it known that there are several. A cluster is joined and never started.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.config.sweep import SweepConfig
from harness.data.files import code_files, data_files
from harness.data.readers.paths import CACHE_VARIABLE, DATA_FOLDER, cache_folder, own_data
from harness.errors import UsageError
from harness.executors import Executor, PoolExecutor, Task
from harness.executors.resources import default_workers
from harness.sweeps.plan import SweepHeader
from harness.sweeps.trials import TASKS
from harness.user_code import file_of, is_function

if TYPE_CHECKING:
    from harness.executors.ray import RayExecutor

RAY = "ray"

_JOB_FOLDER = "runtime_resources"
"""In the path of the folder that `ray job submit --working-dir` unpacks, which Ray removes when it likes."""


def open_engine(header: SweepHeader, store: Path, say: Callable[[str], None]) -> Executor:
    """Where a sweep's tasks are to run; its workers load their libraries while this process loads its own and the data.

    Args:
        header: The sweep; its plan says where.
        store: The folder of its store.
        say: Told in one line what machines there are, come and go.

    Raises:
        UsageError: The cluster cannot be used; nothing was started.
    """
    plan, module = header.plan, TASKS["trial"].partition(":")[0]
    if plan.engine != RAY:
        workers = PoolExecutor(plan.workers or default_workers(), plan.threads)
        workers.prewarm(module)
        return workers
    if _JOB_FOLDER in store.absolute().parts:
        raise UsageError(f"{store}: lies in a job's folder, which Ray removes: expected --store on a disk that stays")
    executor = join_cluster(plan, say, module)
    try:
        if not plan.shared_data:
            for config in header.datasets.values():
                executor.require_room(data_files(config))
        _require_code(header, executor)
    except BaseException:
        executor.close()
        raise
    return executor


def open_probe(header: SweepHeader, store: Path, say: Callable[[str], None]) -> tuple[Executor, int]:
    """Where a few trials are timed, and how many workers the sweep itself would have.

    On this machine one worker is enough: all of them would be a TensorFlow each, loaded to do nothing.

    Args:
        header: As of `open_engine`.
        store: As of `open_engine`.
        say: As of `open_engine`.
    """
    plan = header.plan
    if plan.engine != RAY:
        one = replace(header, plan=plan.model_copy(update={"workers": 1}))
        return open_engine(one, store, say), plan.workers or default_workers()
    executor = open_engine(header, store, say)
    return executor, executor.slots


def join_cluster(plan: SweepConfig, say: Callable[[str], None], module: str = "") -> RayExecutor:
    """The slots of the cluster that a plan names; what is found there is said, and nothing runs yet.

    Args:
        plan: Its address (by default the variable `RAY_ADDRESS`), what a slot takes, and how many there are to be.
        say: Told in one line what machines there are, come and go.
        module: What workers import as soon as they are there.

    Raises:
        UsageError: There is no address, Ray is not installed, or the cluster cannot be used.
    """
    if importlib.util.find_spec("ray") is None:
        raise UsageError('--engine ray: Ray is not installed: `pip install "lstm-gru-harness[ray]"` brings it')
    if not (address := plan.address or os.environ.get("RAY_ADDRESS", "")):
        raise UsageError(
            "--engine ray: expected --address HOST:PORT, or the variable RAY_ADDRESS: no cluster is started here, "
            "since whoever reaches one runs code on it; see docs/cluster.md"
        )
    from harness.executors.ray import Needs, RayExecutor

    environment = {CACHE_VARIABLE: str(cache_folder()), DATA_FOLDER: str(own_data().absolute())}
    needs = Needs(plan.cpus, plan.gpus, plan.resources)
    return RayExecutor(address, plan.workers, plan.threads, needs, say, environment, module, same_cpu=plan.same_cpu)


def files_for(header: SweepHeader, dataset: str, executor: Executor) -> tuple[str, ...]:
    """Paths of all that tasks about a dataset are made of, where they run on other machines; none on this one.

    Args:
        header: The sweep.
        dataset: The dataset's name.
        executor: Where they run.
    """
    if executor.here is executor:
        return ()
    config = header.datasets[dataset]
    data = () if header.plan.shared_data else data_files(config)
    return (*data, *code_files(config), *_builders(header))


def _builders(header: SweepHeader) -> list[str]:
    return [str(file_of(space.build)[0]) for space in header.spaces.values() if space.build]


def _require_code(header: SweepHeader, executor: RayExecutor) -> None:
    """Refuse nodes on which the user's own code cannot be loaded: their trials would fail, and the others' would not.

    Raises:
        UsageError: It cannot; the message says where and why.
    """
    locations = [space.build for space in header.spaces.values() if space.build]
    for config in header.datasets.values():
        named = (getattr(config.source, "loader", ""), config.task.metric)
        locations += [location for location in named if location and is_function(location)]
    if not locations:
        return
    files = tuple(str(file_of(location)[0]) for location in dict.fromkeys(locations))
    task = Task("code", "harness.user_code:load_functions", {"locations": locations}, inputs=files)
    for host, done in executor.on_every_node(task).items():
        if done.value is None:
            raise UsageError(f"{host}: {done.message.removeprefix('UsageError: ')}")
