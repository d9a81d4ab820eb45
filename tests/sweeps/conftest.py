"""A tiny project, and one real sweep over it that many tests look at."""

from __future__ import annotations

import gc
import inspect
import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.config import make_plan
from harness.executors import PoolExecutor
from harness.records import SweepResult
from harness.search import Scheduler
from harness.store import Store
from harness.sweeps.events import ComparisonFinished, Message, Progress
from harness.sweeps.plan import SweepHeader, resolve
from harness.sweeps.runner import run_sweep
from harness.tracking.relocation import settle


@pytest.fixture(scope="session")
def toys(write_project: Callable[[Path], Path]) -> SimpleNamespace:
    """What tests make more of: projects, headers, stores."""
    return SimpleNamespace(write_project=write_project, header=tiny_header, store_in=store_in, floats_in=floats_in)


@pytest.fixture(scope="session")
def configs(tmp_path_factory: pytest.TempPathFactory, write_project: Callable[[Path], Path]) -> Path:
    return write_project(tmp_path_factory.mktemp("project"))


def tiny_header(configs: Path, **changes: object) -> SweepHeader:
    plan = {
        "name": "tiny",
        "datasets": ("tiny_adding", "tiny_waves"),
        "families": ("tiny_lstm", "tiny_gru"),
        "trials": 3,
        "epochs": 2,
        "patience_epochs": 2,
        "confirmations": 1,
        "seed": 5,
        "workers": 2,
    }
    return resolve(make_plan({**plan, **changes}), [configs])


def store_in(folder: Path) -> Store:
    return Store(folder / "mlruns", f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}")


@dataclass
class Spy:
    """Watches a sweep and, while a dataset is searched, looks for its sealed scores where they must not be."""

    store: Store
    phrase: list[Progress | Message | ComparisonFinished] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    interim_replicates: int = 0

    def __call__(self, phrase: Progress | Message | ComparisonFinished) -> None:
        self.phrase.append(phrase)
        if isinstance(phrase, Progress):
            self._look(phrase.dataset)

    def _look(self, dataset: str) -> None:
        sealed = self._sealed(dataset)
        if not sealed:
            return
        contests = [one for one in contests_running() if one.dataset == dataset]
        self.interim_replicates += bool(contests)
        with closing(sqlite3.connect(f"file:{self.store.root / 'mlflow.db'}?mode=ro", uri=True)) as database, database:
            found = {value for (value,) in database.execute("SELECT value FROM metrics")}
        if found & sealed:
            self.leaks.append(f"{dataset}: in MLflow")
        if any(floats_in(scheduler) & sealed for scheduler in contests):
            self.leaks.append(f"{dataset}: within reach of the search")
        if any(repr(score) in str(self.phrase) for score in sealed):
            self.leaks.append(f"{dataset}: on the screen")

    def _sealed(self, dataset: str) -> set[float]:
        (journal,) = self.store.sweeps.glob("*/journal.db")
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as database, database:
            rows = database.execute("SELECT payload FROM sealed WHERE dataset = ?", [dataset])
            return {json.loads(payload)["test_score"] for (payload,) in rows}


def contests_running() -> list[Scheduler]:
    """The contests of the functions that called this one.

    `gc.get_objects` would find them too, but holds tuples that another thread is still building, which then fails.
    """
    found, frame = list[Scheduler](), inspect.currentframe()
    while frame:
        found += [value for value in frame.f_locals.values() if isinstance(value, Scheduler)]
        frame = frame.f_back
    return found


def floats_in(root: object) -> set[float]:
    """Every float that can be reached from an object without passing through a module or a class."""
    found, seen, waiting = set(), set(), [root]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, float):
            found.add(thing)
        if id(thing) in seen or isinstance(thing, type) or type(thing).__name__ in ("module", "function"):
            continue
        seen.add(id(thing))
        waiting.extend(gc.get_referents(thing))
    return found


@dataclass(frozen=True)
class Swept:
    """A finished sweep and what was seen of it."""

    header: SweepHeader
    store: Store
    result: SweepResult
    spy: Spy
    store_bytes: int
    """What its store took when it ended: tests that share the sweep may add to it."""

    @property
    def folder(self) -> Path:
        return self.store.sweeps / self.result.sweep_id

    def copied_to(self, folder: Path) -> Store:
        """A copy of its store below a folder; made by another process, since this one has the database open."""
        subprocess.run(["cp", "-a", self.store.root, folder / "mlruns"], check=True)
        store = store_in(folder)
        settle(store.root, store.root / "mlflow.db")  # MLflow leads to where the copy stands, and opens nothing here
        return store


@pytest.fixture(scope="session")
def swept(configs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swept]:
    store = store_in(tmp_path_factory.mktemp("store"))
    header, spy = tiny_header(configs), Spy(store)
    with PoolExecutor(2, threads_per_worker=1) as executor:
        result = run_sweep(header, store, executor, spy)
        store_bytes = sum(path.stat().st_size for path in store.root.rglob("*") if path.is_file())
        yield Swept(header, store, result, spy, store_bytes)
