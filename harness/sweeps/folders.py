"""The folders of sweeps: their names, their locks, which are unfinished, and how they go away."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.disk import cannot_write
from harness.errors import HarnessError, JournalError, UsageError, nearest
from harness.journal import JOURNAL_NAME, LOCK_NAME, EventKind, Journal, held
from harness.records import Phase, Recommendation, TrialKey
from harness.stats.words import brief
from harness.store import Store
from harness.sweeps.plan import SweepHeader

_GLANCE_SECONDS = 1.0
"""How long a lock is waited for: who only asks whether a sweep runs holds it for an instant."""


@dataclass(frozen=True, slots=True)
class SweepSummary:
    """A line of `harness sweeps list`.

    Attributes:
        sweep_id: The folder's name.
        begun_at: Seconds since 1970.
        state: `finished`, `unfinished`, `running` or `broken`.
        datasets: Names of the datasets.
        families: Names of the families.
        trials: Ended trials of the searches.
        seed_repeats: Ended retrainings with fresh seeds.
        outcomes: Outcome of each decided dataset, in words.
        error: Why it cannot be read; empty otherwise.
    """

    sweep_id: str
    begun_at: float
    state: str
    datasets: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    trials: int = 0
    seed_repeats: int = 0
    outcomes: tuple[str, ...] = ()
    error: str = ""


def new_id(name: str) -> str:
    """A sweep id that nobody has, here or on any other machine that writes to the same MLflow server.

    The name, the time, and eight hexadecimal digits: three count the second's 4096ths, so that ids sort by time, and
    five are drawn by chance. Runs and models are found by it.

    Args:
        name: The sweep's name.
    """
    now = time.time()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    return f"{name}-{stamp}-{int(now % 1 * 4096):03x}{secrets.randbelow(1 << 20):05x}"


def sweep_ids(store: Store) -> list[str]:
    """Ids of all sweeps, oldest first."""
    if not store.sweeps.is_dir():
        return []
    return sorted((path.parent.name for path in store.sweeps.glob(f"*/{JOURNAL_NAME}")), key=_stamp)


def find_sweep_folder(store: Store, sweep_id: str | None) -> Path:
    """The folder of a sweep, the newest when none is named.

    Raises:
        UsageError: There is none of that id.
    """
    ids = sweep_ids(store)
    if sweep_id is None and not ids:
        raise UsageError(f"{store.sweeps}: no sweep yet; start one with `harness sweep DATASET`")
    if sweep_id is not None and sweep_id not in ids:
        raise UsageError(f"unknown sweep {sweep_id!r} in {store.sweeps}. {nearest(sweep_id, ids)}".rstrip())
    return store.sweeps / (sweep_id or ids[-1])


def newest_sweep_of(store: Store, name: str) -> str | None:
    """Id of the newest sweep that is called so or has a dataset of that name; None where there is none."""
    for sweep_id in reversed(sweep_ids(store)):
        try:
            header = begun_as(store, sweep_id)
        except (JournalError, ValueError, KeyError):
            continue
        if name == header.plan.name or name in header.datasets:
            return sweep_id
    return None


def begun_as(store: Store, sweep_id: str) -> SweepHeader:
    """What a sweep is, as its journal has it."""
    with Journal.read(store.sweeps / sweep_id) as journal:
        return SweepHeader.from_json(journal.plan)


def find_unfinished(store: Store, header: SweepHeader) -> str | None:
    """The newest sweep of the same plan that is not finished; its configs may have changed since."""
    for sweep_id in reversed(sweep_ids(store)):
        try:
            with Journal.read(store.sweeps / sweep_id) as journal:
                same = SweepHeader.from_json(journal.plan).means_the_same_as(header)
                if same and not journal.has(EventKind.FINISHED):
                    return sweep_id
        except (JournalError, ValueError, KeyError):
            continue
    return None


def decided_by(store: Store, sweep_id: str) -> dict[str, Any]:
    """Version of the rule and prior that a sweep began with, and is decided by to its end: fields of its header."""
    with Journal.read(find_sweep_folder(store, sweep_id)) as journal:
        header = SweepHeader.from_json(journal.plan)
        return {"rule": header.rule, "prior": header.prior}


def opened_by(store: Store, sweep_id: str) -> set[str]:
    """The datasets whose comparison a sweep has begun."""
    with Journal.read(find_sweep_folder(store, sweep_id)) as journal:
        return {event.dataset for event in journal.events(EventKind.OPENED)}


def summarise(store: Store, sweep_id: str) -> SweepSummary:
    """A sweep in one line; a broken one stays in the list with its error."""
    folder = store.sweeps / sweep_id
    try:
        with Journal.read(folder) as journal:
            header = SweepHeader.from_json(journal.plan)
            decided = [event for name in header.datasets if (event := journal.last(EventKind.DECIDED, name))]
            phases = Counter(TrialKey.parse(event.trial_key).phase for event in journal.events(EventKind.ENDED))
            given_up = [event.dataset for event in journal.events(EventKind.COMPARISON_FAILED)]
            return SweepSummary(
                sweep_id=sweep_id,
                begun_at=next(journal.events(EventKind.PLANNED)).at,
                state="finished" if journal.has(EventKind.FINISHED) else "running" if held(folder) else "unfinished",
                datasets=tuple(header.datasets),
                families=tuple(family.name for family in header.families),
                trials=phases[Phase.SEARCH],
                seed_repeats=phases[Phase.SEED_REPEAT],
                outcomes=(
                    *(f"{one.dataset}: {_outcome(one.payload)}" for one in decided),
                    *(f"{dataset}: failed" for dataset in given_up),
                ),
            )
    except (HarnessError, ValueError, KeyError, StopIteration) as error:
        return SweepSummary(sweep_id, 0.0, "broken", error=str(error))


def _outcome(verdict: Mapping[str, Any]) -> str:
    """What a verdict recommends; of one of 0.1.0 the winner, or that there is none."""
    if found := verdict.get("recommendation"):
        return brief.use(Recommendation.from_json(found))
    return str(verdict["family"] or verdict["outcome"])


def remove(store: Store, sweep_id: str) -> Path:
    """Remove a sweep's folder; what MLflow recorded of it stays.

    Raises:
        UsageError: It is unknown, or running.
    """
    folder = find_sweep_folder(store, sweep_id)
    with lock(folder):
        shutil.rmtree(folder)
    return folder


@contextmanager
def lock(folder: Path, *, new: bool = False) -> Iterator[None]:
    """Hold a sweep for one command. The kernel lets go when the process ends, however it ends.

    Args:
        folder: The sweep's folder.
        new: Whether the sweep begins: its folder is made, and one that is there is somebody else's.

    Raises:
        UsageError: Another command holds it.
        JournalError: The folder cannot be written, or is there though the sweep is new.
    """
    try:
        folder.mkdir(parents=True, exist_ok=not new)
        handle = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise JournalError(f"{folder}: {cannot_write(error, folder)}") from error
    try:
        if not _taken(handle, time.monotonic() + _GLANCE_SECONDS):
            raise UsageError(f"{folder.name}: another command is running this sweep; wait for it or end it")
        yield
    finally:
        os.close(handle)


def _taken(handle: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)


def _stamp(sweep_id: str) -> tuple[str, str, str]:
    """What sorts ids by time: day, time, and what `new_id` puts after them.

    Those of 0.1.0 ended with the time, and from the second sweep of a second on with a number, `-2`; they come first.
    """
    found = re.search(r"-(\d{8}-\d{6})(?:-([0-9a-f]{8})|-(\d{1,7}))?$", sweep_id)
    return (found[1], found[2] or f"{int(found[3] or 1):07d}", sweep_id) if found else ("", "", sweep_id)
