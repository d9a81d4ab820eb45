"""What a crash left behind, found and repaired: in the sweeps' folders, among processes, and in MLflow.

Whatever a running command holds is left alone. Nothing that a journal knows is ever removed.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.disk import with_full_disk
from harness.errors import DamagedError, HarnessError, StoreError, UsageError
from harness.executors.worker import orphans
from harness.journal import JOURNAL_NAME, LOCK_NAME, EventKind, Journal, held
from harness.records import TrialKey
from harness.store import Store
from harness.sweeps.folders import sweep_ids
from harness.sweeps.register import champions_of, lost_champions
from harness.sweeps.results import Results
from harness.sweeps.trials import weights_name
from harness.text import counted
from harness.tracking.client import connect, database_file, place_left
from harness.tracking.repair import (
    change_each,
    dangling_aliases,
    recorded_runs,
    stray_folders,
    stray_servers,
    unused_models,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        where: The sweep's id, or `processes`, `store`, `models`.
        what: What is wrong, in one line.
        cure: What repairs it, in the present tense; or what the user can do, where nothing here does.
        repair: Repairs it; None where nothing here does.
        behind: Whether MLflow lacks what the journal holds, which `--sync` writes.
    """

    where: str
    what: str
    cure: str
    repair: Callable[[], object] | None = None
    behind: bool = False


def examine(store: Store, only: str | None = None) -> Iterator[Finding]:
    """All that is wrong in a store, or with one of its sweeps.

    Args:
        store: Where to look.
        only: Id of the one sweep to look at; None looks at everything.

    Raises:
        UsageError: There is no such sweep.
    """
    known = sweep_ids(store)
    if only is not None and only not in known:
        raise UsageError(f"unknown sweep {only!r} in {store.sweeps}")
    if only is None:
        yield from _processes()
        yield from _place(store)
        yield from _folders(store)
    for sweep_id in known if only is None else [only]:
        yield from _sweep(store, sweep_id)
    if only is None:
        yield from _models(store)


def _processes() -> Iterator[Finding]:
    if found := orphans():
        count = counted(len(found), "worker process", "worker processes")
        what = f"{count} without a parent: {', '.join(map(str, found))}"
        yield Finding("processes", what, "ends them", partial(_kill, found))
    for server in stray_servers():
        processes = ", ".join(map(str, server.processes))
        what = f"MLflow's server at {server.address} without the command that started it: {processes}"
        yield Finding("processes", what, "ends it", server.end)
    for folder in stray_folders():
        what = f"{folder}: left by a server that is gone"
        yield Finding("processes", what, "removes it", partial(shutil.rmtree, folder))


def _kill(processes: Sequence[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _place(store: Store) -> Iterator[Finding]:
    """A store that was moved, and that nothing has been written to since."""
    if former := place_left(store):
        what = f"MLflow's locations lead to {former}, where the store stood"
        yield Finding("store", what, "has them lead to where it stands", partial(connect, store))


def _folders(store: Store) -> Iterator[Finding]:
    """Folders of sweeps that ended before they had a journal."""
    for folder in sorted(store.sweeps.glob("*/")):
        left = {path.name for path in folder.iterdir()}
        started = {name for name in left if name == LOCK_NAME or name.startswith(f"{JOURNAL_NAME}.")}
        if left == started and not held(folder):
            yield Finding(folder.name, "a folder without a journal", "removes it", partial(shutil.rmtree, folder))


class _Known:
    """What a sweep's journal knows of it."""

    def __init__(self, journal: Journal) -> None:
        has, results = journal.has, Results(journal)
        self.opened = list(dict.fromkeys(event.dataset for event in journal.events(EventKind.OPENED)))
        self.ended = {event.trial_key for event in journal.events(EventKind.ENDED)}
        self.asked = {event.trial_key for event in journal.events(EventKind.ASKED)} - self.ended
        over, self.owed = list(filter(results.over, self.opened)), list(filter(results.owed, self.opened))
        # Champions are made from the weights of each family's selected trial, and `harness explain` reads them.
        selected = {
            name: [one.record.key for one in results.selected(name).values()]
            for name in (*over, *self.owed)
            if not has(EventKind.COMPARISON_FAILED, name)
        }
        self.kept = {name: set(map(weights_name, selected.get(name, []))) for name in over}
        self.explained = {name for name in over if has(EventKind.EXPLAINED, name)}
        # The trials that are registered, and those that may be.
        self.champions = {info.trial for info in champions_of(journal).values()}
        self.champions |= {str(key) for name in self.owed for key in selected[name]}


def _sweep(store: Store, sweep_id: str) -> Iterator[Finding]:
    folder = store.sweeps / sweep_id
    if held(folder):
        return
    try:
        with Journal.read(folder) as journal:
            known = _Known(journal)
    except DamagedError as error:
        yield Finding(sweep_id, str(error), "restore the journal from a copy, or remove the sweep")
        return
    except HarnessError as error:  # a full disk, a lock, a permission: the journal may be sound
        yield Finding(sweep_id, with_full_disk(str(error), error, folder), "leaves it alone until it can be read")
        return
    yield from _weights(folder, known.kept)
    yield from _runs(store, sweep_id, known)
    yield from _unused(store, sweep_id, known)


def _weights(folder: Path, kept: Mapping[str, set[str]]) -> Iterator[Finding]:
    """Weights of losers in comparisons that are over, and what was being written when a worker was killed."""
    files = sorted(folder.glob("weights/*/*"))
    losers = [path for path in files if path.parent.name in kept and path.name not in kept[path.parent.name]]
    left = [*losers, *(path for path in files if ".tmp" in path.name and path not in losers)]
    if left:
        size = sum(path.stat().st_size for path in left) / 1e6
        what = f"{counted(len(left), 'file')} of weights that nobody needs, {size:.1f} MB"
        yield Finding(folder.name, what, "removes them", partial(_remove, left))


def _remove(files: Sequence[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def _runs(store: Store, sweep_id: str, known: _Known) -> Iterator[Finding]:
    """Where MLflow and the journal differ."""
    try:
        runs = recorded_runs(store, sweep_id)
        with Journal.read(store.sweeps / sweep_id) as journal:
            lost = list(lost_champions(store, sweep_id, journal))
    except StoreError as error:
        empty = store.local and not database_file(store).exists()
        what = "MLflow holds nothing of it" if empty else f"MLflow does not hold it: {error}"
        yield Finding(sweep_id, what, "writes it", behind=True)
        return
    trials = [run for run in runs if run.trial_key]
    parents = [run for run in runs if not run.trial_key]
    if strangers := [run for run in trials if run.trial_key not in known.ended | known.asked]:
        what = f"{counted(len(strangers), 'run')} of trials that its journal does not know"
        delete = partial(change_each, store, "delete_run", *([run.run_id] for run in strangers))
        yield Finding(sweep_id, what, "deletes them; MLflow's UI can restore them", delete)
    tabled = {run.dataset for run in parents if run.tabled}
    missing = {key for key in known.ended if TrialKey.parse(key).dataset not in tabled}
    missing -= {run.trial_key for run in trials if run.status not in ("RUNNING", "KILLED")}
    behind = [
        *([f"{len(missing)} of its {len(known.ended)} trials"] if missing else []),
        *(f"the run of {name}" for name in known.opened if name not in {run.dataset for run in parents}),
        *(f"the champion of {name}" for name in (*known.owed, *lost)),
    ]
    if behind:
        yield Finding(sweep_id, f"MLflow lacks {', '.join(behind)}", "writes what is missing", behind=True)
    elif unexplained := sorted(known.explained - {run.dataset for run in parents if run.explained}):
        what = f"MLflow lacks what `harness explain` found of {', '.join(unexplained)}"
        yield Finding(sweep_id, what, "writes it", behind=True)
    elif left := [run for run in (*parents, *trials) if run.status == "RUNNING"]:
        names = dict.fromkeys(run.dataset for run in left)
        what = f"left running in MLflow, though nothing works on it: {', '.join(names)}"
        end = partial(change_each, store, "set_terminated", *([run.run_id, "KILLED"] for run in left))
        yield Finding(sweep_id, what, f"marks them as killed; `harness sweep --resume {sweep_id}` goes on", end)


def _unused(store: Store, sweep_id: str, known: _Known) -> Iterator[Finding]:
    """Models that were logged for a champion which another one has replaced before it was registered."""
    with suppress(StoreError):  # which was said before
        if unused := unused_models(store, sweep_id, known.champions):
            what = f"{counted(len(unused), 'logged model')} that no version is made of: {', '.join(unused)}"
            delete = partial(change_each, store, "delete_logged_model", *([model_id] for model_id in unused))
            yield Finding(sweep_id, what, "deletes them; `mlflow gc` removes their files", delete)


def _models(store: Store) -> Iterator[Finding]:
    try:
        found = dangling_aliases(store)
    except StoreError as error:
        if not store.local or database_file(store).exists():  # a store that was never used is no fault
            yield Finding("store", f"MLflow cannot be read: {error}", "repairs nothing there until it can")
        return
    for one in found:
        what = f"{one.name}@{one.alias} leads to nothing: {one.why}"
        remove = partial(change_each, store, "delete_registered_model_alias", [one.name, one.alias])
        yield Finding("models", what, "removes the alias", remove)
