"""How long it takes to go on with a sweep of a thousand finished trials, beyond what any start takes.

Writes a journal as such a sweep leaves it (asked from real oracles, ended with made-up scores), projects it into
MLflow, and runs `harness sweep --resume` on it until the next trial is asked for. The same on a sweep of which no trial
has run shows what the start of workers and the loading of libraries take: the difference is what resuming costs.

    python benchmarks/resuming.py --trials 1000
    python benchmarks/resuming.py --trials 1000 --oracle bayesian [--workers 4]

Asking a Bayesian oracle for a thousand trials takes minutes, so that its points are drawn at random here once it has
learned from a few: a replay compares the first ones alone.
"""

from __future__ import annotations

import argparse
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

from faults import DATASET, FAMILIES, new_place

from harness.config import make_plan
from harness.journal import EventKind, Journal
from harness.records import SealedScore, TrialRecord, TrialRequest, TrialStatus
from harness.search import Scheduler
from harness.sweeps.mlflow_sync import MlflowSync
from harness.sweeps.plan import resolve, search_settings
from harness.sweeps.prepare import inspect

EPOCHS = 10
TARGET_SECONDS = 5.0


def write_sweep(folder: Path, trials: int, oracle: str, workers: int) -> Path:
    """A sweep with so many finished trials, and a few to go; its journal."""
    place = new_place(folder)
    options = {"datasets": (DATASET,), "name": DATASET, "families": tuple(FAMILIES), "epochs": EPOCHS}
    plan = make_plan({**options, "workers": workers, "oracle": oracle, "trials": trials // 2 + 10})
    header = resolve(plan, [folder / "datasets", folder / "search_spaces"])
    found = inspect(header)[DATASET]
    scheduler = Scheduler(DATASET, header.families, header.spaces, found.objective, search_settings(header, workers))
    sweep = place.store.sweeps / f"{DATASET}-20260101-000000"
    with Journal.create(sweep, header.to_json()) as journal:
        objective = {"metric": found.objective.metric, "direction": found.objective.direction.value, "unit": ""}
        journal.append(EventKind.OPENED, {"facts": found.facts.to_json(), "objective": objective}, dataset=DATASET)
        running, asked = list[TrialRequest](), 0
        while asked < trials or running:
            if asked < trials and len(running) < workers and (request := ask(scheduler, asked)):
                asked += 1
                running.append(request)
                journal.append(EventKind.ASKED, request.to_json(), key=request.key)
                continue
            score = 1 + (asked * 7919 % 1000) / 1000
            record = ended(running.pop(0), score)
            journal.append(EventKind.ENDED, record.to_json(), key=record.key, sealed=SealedScore(record.key, score))
            scheduler.tell(record)
        with MlflowSync(place.store, header, sweep) as sync:
            assert sync.synced(journal.seq, seconds=600)
    return sweep / "journal.db"


def ask(scheduler: Scheduler, number: int) -> TrialRequest | None:
    """The contest's next trial; a Bayesian oracle that has learned once takes our word for what it answers."""
    chance = random.Random(number)
    for search in scheduler._rounds[0]:
        search.oracle.recall({"units": chance.choice([2, 3]), "learning_rate": 10 ** chance.uniform(-3, -1)})
    return scheduler.ask()


def ended(request: TrialRequest, score: float) -> TrialRecord:
    """A trial's record with a made-up score."""
    curve = tuple(score + epoch / 100 for epoch in range(EPOCHS))
    return TrialRecord(
        *(request.key, TrialStatus.COMPLETED, score, 1, EPOCHS, curve, curve),
        parameters=100,
        fit_seconds=1.0,
        started_at=time.time(),
    )


def seconds_until(command: list[str], folder: Path, reached: Callable[[], bool]) -> float:
    """Seconds from a command's start until something is seen; the command is ended then."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and not reached():
        time.sleep(0.01)
    took = time.perf_counter() - began
    if process.poll() is not None:
        sys.exit(f"the command ended with {process.returncode}")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return took


def seconds_to_resume(folder: Path, trials: int, oracle: str, workers: int) -> float:
    """Seconds from the command until a trial is asked for, where so many have finished."""
    journal = write_sweep(folder, trials, oracle, workers)

    def asked_again() -> bool:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM events WHERE kind = 'asked'").fetchone()
        return int(count) > trials

    command = [sys.executable, "-c", "from harness.cli import main; main()"]
    return seconds_until([*command, "sweep", "--resume", journal.parent.name], folder, asked_again)


def main() -> None:
    """Measure; ends with 1 when resuming costs more than the target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000, metavar="N")
    parser.add_argument("--oracle", choices=("random", "bayesian"), default="random")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="half of them train each family's trials")
    given = parser.parse_args()
    how = given.oracle, given.workers
    with tempfile.TemporaryDirectory(prefix="resuming-") as root:
        start = seconds_to_resume(Path(root) / "new", 0, *how)
        took = seconds_to_resume(Path(root) / "sweep", given.trials, *how)
    print(
        f"{given.trials} trials, {given.oracle}, {given.workers} workers: {took:.1f} s until the next was asked for; "
        f"{start:.1f} s of them start libraries and workers, {took - start:.1f} s are what resuming costs"
    )
    sys.exit(1 if took - start > TARGET_SECONDS else 0)


if __name__ == "__main__":
    main()
