"""What a crash left in MLflow, and servers that nobody will end any more: found, and how it is repaired.

Only runs and models of this package are looked at; whose journal they belong to is for the caller to know.

Since version 0.2 a server ends with its starter (`supervisor`); one of an earlier version stayed when that was killed.
Linux alone tells. Nothing is ever taken for a stray that another program started, or whose starter lives.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.store import Store
from harness.tracking import naming
from harness.tracking.client import connect, registered_models
from harness.tracking.naming import is_explained
from harness.tracking.pyfunc import FOLDER_PREFIX, SERVED
from harness.tracking.queries import experiment_ids, search_runs
from harness.tracking.registry import REFIT, linked_names, logged_models, made_here, resolve, trial_of, versions_named


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run of a sweep in MLflow.

    Attributes:
        run_id: Its id.
        dataset: Name of the dataset.
        trial_key: Which trial it is; empty for a comparison's run.
        status: Such as `RUNNING` or `FINISHED`.
        explained: Whether it holds what `harness explain` found.
        tabled: Whether it is a comparison's whose trials have no runs of their own.
    """

    run_id: str
    dataset: str
    trial_key: str
    status: str
    explained: bool
    tabled: bool = False


@dataclass(frozen=True, slots=True)
class DanglingAlias:
    """An alias of a registered model that leads to nothing.

    Attributes:
        name: Registered name.
        alias: Such as `champion`.
        why: What is missing, in one line.
    """

    name: str
    alias: str
    why: str


@dataclass(frozen=True, slots=True)
class RegistryState:
    """How a champion stands in the registry.

    Attributes:
        version: The version that is registered of it, with its files; empty where there is none.
        holder: Which trial of which sweep its alias means, `sweep/trial`; empty where it means nothing.
    """

    version: str
    holder: str


def recorded_runs(store: Store, sweep_id: str) -> list[RecordedRun]:
    """All runs of a sweep that are not deleted.

    Raises:
        StoreError: The store cannot be used, or there is none.
    """
    return [
        RecordedRun(
            run.info.run_id,
            run.data.tags.get("dataset", ""),
            run.data.tags.get(naming.TRIAL_KEY, "").removeprefix(f"{sweep_id}/"),
            run.info.status,
            any(map(is_explained, run.data.metrics)),
            naming.TRIALS_IN in run.data.tags,
        )
        for run in search_runs(connect(store, create=False), {naming.SWEEP_ID: sweep_id})
    ]


def change_each(store: Store, change: str, *each: Sequence[str]) -> None:
    """Have MLflow's client do one thing again and again, such as `delete_run`, with the arguments of each time."""
    client = connect(store)
    for arguments in each:
        getattr(client, change)(*arguments)


def registry_state_of(store: Store, name: str, alias: str, key: str) -> RegistryState:
    """How a champion stands in the registry.

    Args:
        store: Which store.
        name: Its registered name.
        alias: The alias that it was given.
        key: Which trial of which sweep it is, `sweep/trial`.

    Raises:
        StoreError: The store cannot be used, or there is none.
    """
    client = connect(store, create=False)
    models = registered_models(client)
    if name not in models:
        return RegistryState("", "")
    versions = {str(version.version): version for version in versions_named(client, name)}
    own = [number for number, version in versions.items() if trial_of(version) == key]
    whole = next((number for number in own if not _missing(store, name, number, versions)), "")
    holder = versions.get(str(models[name].aliases.get(alias, "")))
    return RegistryState(whole, trial_of(holder) if holder else "")


def unused_models(store: Store, sweep_id: str, champions: Iterable[str]) -> list[str]:
    """Ids of the logged models of a sweep that no version is made of, and that are no champion's.

    A refitted one belongs to the command that was refitting, which goes on with it.

    Args:
        store: Which store.
        sweep_id: The sweep.
        champions: Trials that are champions, or become ones.

    Raises:
        StoreError: The store cannot be used, or there is none.
    """
    client = connect(store, create=False)
    logged = [
        model
        for experiment in experiment_ids(client)
        for model in logged_models(client, experiment, f"tags.{naming.SWEEP_ID} = '{sweep_id}'")
    ]
    names = {name for model in logged for name in (model.name, *linked_names(model))}
    # A version that was read again does not say its logged model's id, only its address (MLflow 3.17).
    used = {version.source for name in names for version in versions_named(client, name)}
    kept = {f"{sweep_id}/{trial}" for trial in champions}
    return [
        model.model_id
        for model in logged
        if not used & {model.artifact_location, f"models:/{model.model_id}"}
        and (key := trial_of(model)) not in kept
        and not key.endswith(REFIT)
    ]


def dangling_aliases(store: Store) -> list[DanglingAlias]:
    """Aliases of this package's registered models whose version is gone or, in a local store, its files.

    Raises:
        StoreError: The store cannot be used, or there is none.
    """
    client, found = connect(store, create=False), []
    for model in registered_models(client).values():
        versions = {str(version.version): version for version in versions_named(client, model.name)}
        if not any(naming.SWEEP_ID in version.tags for version in versions.values()):
            continue
        for alias, version in model.aliases.items():
            if str(version) in versions and not made_here(versions[str(version)]):
                continue  # in a name that 0.1.0 joined, somebody else's
            if why := _missing(store, model.name, str(version), versions):
                found.append(DanglingAlias(model.name, alias, why))
    return found


def _missing(store: Store, name: str, version: str, versions: Mapping[str, Any]) -> str:
    if version not in versions:
        return f"version {version} is gone"
    if not store.local:
        return ""  # its files are the server's
    try:
        resolve(store, f"{name}/{version}")
    except HarnessError as error:
        return str(error)
    return ""


YOUNGEST_SECONDS = 600
"""A folder that was made later may be that of a server which is just being started."""

_END_SECONDS = 5
_UI_OPTIONS = ("--backend-store-uri", "--default-artifact-root", "--no-serve-artifacts")


@dataclass(frozen=True, slots=True)
class StrayServer:
    """A server whose starter is gone.

    Attributes:
        processes: Its process ids, its workers' included.
        address: Where it listens.
        folder: The folder that was made for it; None where it has none.
    """

    processes: tuple[int, ...]
    address: str
    folder: Path | None

    def end(self) -> None:
        """End it, what it is answering first, and remove its folder."""
        import psutil

        family = []
        for number in self.processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                family.append(psutil.Process(number))
        for number in (signal.SIGTERM, signal.SIGKILL):
            for one in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.send_signal(number)
            _, family = psutil.wait_procs(family, timeout=_END_SECONDS)
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def stray_servers() -> list[StrayServer]:
    """This user's servers that were started as this package starts them, and whose starter is gone."""
    mine = _own_processes()
    found = []
    for process in mine:
        words = process.info["cmdline"]
        if _is_ours(words) and _leads(process.pid) and not _has_starter(process, mine):
            session = sorted(one.pid for one in mine if _session(one.pid) == _session(process.pid))
            found.append(
                StrayServer(tuple(session), f"{_after(words, '--host')}:{_after(words, '--port')}", _folder(words))
            )
    return found


def stray_folders() -> list[Path]:
    """Folders that were made for a server of this user's and that no process is told of any more."""
    told = {word for process in _own_processes() for word in process.info["cmdline"]}
    return [folder for folder in _server_folders() if not any(str(folder) in word for word in told)]


def _own_processes() -> list[Any]:
    import psutil

    if not Path("/proc/self/fd").is_dir():
        return []
    processes = psutil.process_iter(["cmdline", "ppid", "uids"])
    return [
        one for one in processes if one.info["uids"] and one.info["uids"].real == os.getuid() and one.info["cmdline"]
    ]


def _is_ours(words: list[str]) -> bool:
    """Whether a command line is one that `servers` makes."""
    match words[1:]:
        case ["-P", "-m", "mlflow", "server", *options]:
            return all(option in options for option in _UI_OPTIONS)
        case ["-P", "-m", "mlflow", "models", "serve", *_]:
            return _folder(words) is not None
    return False


def _folder(words: list[str]) -> Path | None:
    served = Path(_after(words, "--model-uri"))
    made = served.is_absolute() and served.name == SERVED and served.parent.name.startswith(FOLDER_PREFIX)
    return served.parent if made else None


def _after(words: list[str], option: str) -> str:
    return words[words.index(option) + 1] if option in words[:-1] else ""


def _leads(process: int) -> bool:
    """Whether its session is its own, or was that of a process which is gone: what else is in it belongs to it."""
    leader = _session(process)
    return leader == process or (leader is not None and not Path(f"/proc/{leader}").exists())


def _session(process: int) -> int | None:
    try:
        return os.getsid(process)
    except OSError:
        return None


def _has_starter(server: Any, mine: list[Any]) -> bool:
    """Whether a process outside its session holds the file open that the server writes its messages to.

    Only the starter does, and only as long as it lives. A parent's id does not tell: who takes in an orphan differs.
    """
    log = _identity(Path(f"/proc/{server.pid}/fd/1"))
    others = (one.pid for one in mine if _session(one.pid) != _session(server.pid))
    return log is None or any(log in _open_files(other) for other in others)


def _open_files(process: int) -> Iterator[tuple[int, int] | None]:
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{process}/fd").iterdir():
            yield _identity(link)


def _identity(link: Path) -> tuple[int, int] | None:
    try:
        about = link.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino


def _server_folders() -> Iterator[Path]:
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*")):
        with contextlib.suppress(OSError):
            about, described = folder.lstat(), folder / SERVED / "MLmodel"
            old = time.time() - about.st_mtime > YOUNGEST_SECONDS
            ours = about.st_uid == os.getuid() and folder.is_dir() and not folder.is_symlink()
            if old and ours and "loader_module: harness." in described.read_text(encoding="utf-8"):
                yield folder
