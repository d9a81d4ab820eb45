"""How many trials a second the parent keeps up with: asking, journal, MLflow; with a stub in place of the workers.

Random search of both families over so many stub slots, whose trials end after a made-up time with made-up scores.
Scheduler, oracles, journal (`synchronous=FULL`) and MLflow (sqlite) are the real ones. Beside trials a second it prints
commits of the journal a trial and the commits that the disk itself takes a second, and, of two numbers of trials, how
much larger the parent has become. `--kills N` ends the process that runs such a search by
SIGKILL so often, goes on each time, and counts trials that were lost: handed out but not in the journal as asked, or
told to an oracle but not there as ended.

    python benchmarks/parent.py --trials 1000 10000             # offline
    python benchmarks/parent.py --trials 10000 --mlflow
    python benchmarks/parent.py --trials 10000 --kills 3        # ends with 1 when anything is lost
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil

from harness.config import make_plan
from harness.executors import Done, Task
from harness.executors.base import checked
from harness.journal import JOURNAL_NAME, EventKind, Journal
from harness.notes import Note
from harness.records import SealedScore, TrialRecord, TrialRequest, TrialStatus
from harness.search import Scheduler
from harness.store import Store
from harness.sweeps.mlflow_sync import MlflowSync
from harness.sweeps.plan import resolve, search_settings
from harness.sweeps.prepare import inspect
from harness.sweeps.trials import TrialRunner, TrialSpec, run_searches

EPOCHS = 10


class Stubs:
    """An executor of many slots whose trials end after a made-up time with made-up scores.

    Args:
        slots: How many.
        seconds: What a trial takes on average.
        seed: Of what is made up.
        begun: Told of each trial that is handed over.
    """

    preferred_group = ""

    def __init__(self, slots: int, seconds: float, seed: int, begun: Callable[[str], None] = lambda _: None) -> None:
        self.slots, self._seconds, self._begun = slots, seconds, begun
        self._running: list[tuple[float, int, Task]] = []
        self._chance, self._count = random.Random(seed), 0
        self.most = 0

    @property
    def free(self) -> int:
        return self.slots - len(self._running)

    @property
    def running(self) -> int:
        return len(self._running)

    def notes(self) -> list[Note]:
        """None."""
        return []

    def prewarm(self, module: str) -> None:
        """There is nothing to get ready."""

    def submit(self, task: Task) -> None:
        self._count += 1
        until = time.monotonic() + self._seconds * self._chance.uniform(0.5, 1.5)
        self._begun(task.arguments["request"].key)
        heapq.heappush(self._running, (until, self._count, checked(task)))
        self.most = max(self.most, len(self._running))

    def wait(self, timeout_seconds: float | None = None) -> list[Done]:
        if not self._running:
            return []
        first = self._running[0][0] - time.monotonic()
        time.sleep(max(0.0, first if timeout_seconds is None else min(first, timeout_seconds)))
        ended, now = [], time.monotonic()
        while self._running and self._running[0][0] <= now:
            ended.append(heapq.heappop(self._running)[2])
        return [Done(task.id, value=self._answer(task)) for task in ended]

    def drop(self) -> None:
        self._running.clear()

    def close(self) -> None:
        """There is nothing to end."""

    def _answer(self, task: Task) -> dict[str, Any]:
        request = TrialRequest.from_json(task.arguments["request"])
        scores = tuple(random.Random(str(request.key)).random() for _ in range(EPOCHS))
        record = TrialRecord(
            request.key,
            TrialStatus.COMPLETED,
            validation_score=min(scores),
            best_epoch=scores.index(min(scores)) + 1,
            epochs=EPOCHS,
            train_losses=scores,
            validation_scores=scores,
            parameters=1000,
            gradient_steps=630,
            started_at=time.time(),
            kernel="stub",
        )
        return {"trial": record.to_json(), "sealed": SealedScore(request.key, min(scores)).to_json()}


def search(folder: Path, trials: int, options: argparse.Namespace, told: Path | None = None) -> dict[str, Any]:
    """Run a search of so many trials over both families, from wherever the journal in the folder says it is.

    Args:
        folder: Where the store is.
        trials: Of both families together.
        options: The command's.
        told: File to which each trial's key is written as it is handed over, and as its oracle is told.
    """
    header = resolve(make_plan({"datasets": ("adding_50",), "trials": trials // 2, "seeds": 0, "name": "parent"}))
    (name,) = header.datasets
    store = Store(folder / "mlruns", f"sqlite:///{folder}/mlruns/mlflow.db")
    sweep = store.sweeps / "one"
    found = inspect(header)[name]
    scheduler = Scheduler(name, header.families, header.spaces, found.objective, search_settings(header, options.slots))
    spec = TrialSpec(header.datasets[name], dict(header.spaces), found.facts.digest, sweep / "weights")
    lines = told.open("a", buffering=1) if told else None

    def tell(what: str) -> None:
        if lines:
            lines.write(f"{what}\n")

    stubs = Stubs(options.slots, options.seconds, 0, lambda key: tell(f"begun {key}"))
    hear = scheduler.tell

    def heard(record: TrialRecord) -> None:
        hear(record)
        tell(f"told {record.key}")

    scheduler.tell = heard  # type: ignore[method-assign]
    opened = Journal.open(sweep) if (sweep / JOURNAL_NAME).exists() else Journal.create(sweep, header)
    commits, began = 0, time.monotonic()

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement.startswith("COMMIT")

    with opened as journal, MlflowSync(store, header, sweep, offline=not options.mlflow) as sync:
        journal._connection.set_trace_callback(count)
        if not journal.has(EventKind.OPENED, name):
            journal.append(EventKind.OPENED, {"facts": found.facts, "objective": found.objective}, dataset=name)
        commits, began = 0, time.monotonic()

        def project() -> None:
            sync.advance()

        runner = TrialRunner(stubs, journal, spec, project)  # type: ignore[arg-type]
        run_searches(scheduler, runner, lambda _: None, None)
        own = time.monotonic() - began
        while not sync.offline and not sync.synced(journal.seq, seconds=1.0):
            sync.advance()
        spent = time.monotonic() - began
    return {
        "trials": trials,
        "trials_a_second": round(trials / spent),
        "of_which_search": round(trials / own),
        "commits_a_trial": round(commits / trials, 3),
        "most_in_flight": stubs.most,
        "megabytes": round(psutil.Process().memory_info().rss / 1e6, 1),
    }


def commits_a_second(folder: Path, seconds: float = 2.0) -> int:
    """Commits that SQLite makes in a folder a second, with a log and `synchronous=FULL`: one small row each."""
    with closing(sqlite3.connect(folder / "disk.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE rows (value TEXT)")
        done, until = 0, time.monotonic() + seconds
        while time.monotonic() < until:
            database.execute("INSERT INTO rows VALUES (?)", ["x" * 1000])
            done += 1
    return round(done / seconds)


def in_process(trials: int, options: argparse.Namespace) -> dict[str, Any]:
    """The same in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, "--trials", str(trials), "--slots", str(options.slots), "--one"]
    command += ["--seconds", str(options.seconds), *(["--mlflow"] if options.mlflow else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def kill(trials: int, options: argparse.Namespace) -> int:
    """End searches by SIGKILL while all slots are taken, and go on; how many trials were lost or done twice."""
    lost = doubled = 0
    with tempfile.TemporaryDirectory() as place:
        folder, told = Path(place), Path(place, "told")
        command = [sys.executable, __file__, "--trials", str(trials), "--slots", str(options.slots), "--one"]
        command += ["--seconds", str(options.seconds), "--folder", str(folder)]
        for number in range(options.kills + 1):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
            before = told.stat().st_size if told.exists() else 0
            while number < options.kills and process.poll() is None:
                if _lines(told, before, "begun") > options.slots * (1 + random.random()):
                    os.kill(process.pid, signal.SIGKILL)
                time.sleep(0.01)
            code = process.wait()
            with Journal.read(folder / "mlruns" / "sweeps" / "one") as journal:
                asked = [event.trial_key for event in journal.events(EventKind.ASKED)]
                ended = [event.trial_key for event in journal.events(EventKind.ENDED)]
            words = [line.split() for line in told.read_text().splitlines() if len(line.split()) == 2]
            lost += len({key for word, key in words if word == "begun"} - set(asked))
            lost += len({key for word, key in words if word == "told"} - set(ended))
            doubled += len(asked) - len(set(asked)) + len(ended) - len(set(ended))
            print(f"exit {code}: {len(asked)} asked, {len(ended)} ended, {len(asked) - len(ended)} in flight")
        lost += trials - len(ended) if code == 0 else trials
    print(f"kills {options.kills}, lost {lost}, doubled {doubled}")
    return lost + doubled


def _lines(file: Path, after: int, word: str) -> int:
    if not file.exists():
        return 0
    with file.open() as lines:
        lines.seek(after)
        return sum(line.startswith(word) for line in lines)


def main() -> None:
    """Measure each number of trials, or kill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--slots", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=0.5, help="what a stub's trial takes on average")
    parser.add_argument("--mlflow", action="store_true", help="with MLflow on sqlite; else offline")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.kills:
        sys.exit(1 if kill(options.trials[-1], options) else 0)
    if options.one:
        with tempfile.TemporaryDirectory() as place:
            told = options.folder / "told" if options.folder else None
            print(json.dumps(search(options.folder or Path(place), options.trials[0], options, told)))
        return
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps({"commits_a_second_of_this_disk": commits_a_second(Path(place))}), flush=True)
    rows = []
    for trials in options.trials:
        rows.append(in_process(trials, options))
        print(json.dumps(rows[-1]), flush=True)
    grown = rows[-1]["megabytes"] - rows[0]["megabytes"]
    print(
        f"{rows[-1]['trials']} trials: {rows[-1]['trials_a_second']} a second; {grown:.1f} MB more than after the first"
    )


if __name__ == "__main__":
    main()
