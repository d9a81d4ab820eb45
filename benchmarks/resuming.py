"""How long it takes to go on with a sweep of a thousand finished trials, and which part of it is the start of workers.

Writes a journal as such a sweep leaves it (asked from real oracles, ended with made-up scores), projects it into
MLflow, and runs `harness sweep` on it until the next trial is asked for.

    python benchmarks/resuming.py --trials 1000
"""

from __future__ import annotations

import argparse
import os
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

from harness.cards import make_plan
from harness.journal import EventKind, Journal
from harness.records import SealedScore, TrialRecord, TrialStatus
from harness.search import Contest
from harness.sweeping.planning import resolve
from harness.sweeping.projecting import Projection
from harness.sweeping.running import inspect, search_settings

EPOCHS = 10


def write_sweep(folder: Path, trials: int) -> Path:
    """A sweep with so many finished trials, and a few to go; its journal."""
    place = new_place(folder)
    options = {"datasets": (DATASET,), "name": DATASET, "families": tuple(FAMILIES), "epochs": EPOCHS, "workers": 2}
    header = resolve(
        make_plan({**options, "trials": trials // 2 + 10}), [folder / "datasets", folder / "search_spaces"]
    )
    found = inspect(header)[DATASET]
    contest = Contest(DATASET, header.arms, header.spaces, found.objective, search_settings(header, 2))
    sweep = place.store.sweeps / f"{DATASET}-20260101-000000"
    with Journal.create(sweep, header.to_json()) as journal:
        objective = {"metric": found.objective.metric, "direction": found.objective.direction.value, "unit": ""}
        journal.append(EventKind.OPENED, {"facts": found.facts.to_json(), "objective": objective}, dataset=DATASET)
        for number in range(trials):
            request = contest.ask()
            assert request
            score = 1 + (number * 7919 % 1000) / 1000
            curve = tuple(score + epoch / 100 for epoch in range(EPOCHS))
            record = TrialRecord(
                *(request.key, TrialStatus.COMPLETED, score, 1, EPOCHS, curve, curve),
                parameters=100,
                fit_seconds=1.0,
                started_at=time.time(),
            )
            journal.append(EventKind.ASKED, request.to_json(), key=request.key)
            journal.append(EventKind.ENDED, record.to_json(), key=record.key, sealed=SealedScore(record.key, score))
            contest.tell(record)
        with Projection(place.store, header, sweep) as projection:
            assert projection.caught_up(journal.seq, seconds=600)
    return sweep / "journal.db"


def seconds_until(command: list[str], folder: Path, reached: Callable[[], bool]) -> float:
    """Seconds from a command's start until something is seen; the command is ended then."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and not reached():
        time.sleep(0.01)
    took = time.perf_counter() - began
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return took


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000, metavar="N")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resuming-") as root:
        folder = Path(root) / "sweep"
        journal = write_sweep(folder, given.trials)

        def asked_again() -> bool:
            with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
                (count,) = connection.execute("SELECT count(*) FROM events WHERE kind = 'asked'").fetchone()
            return int(count) > given.trials

        start = "from harness.starting import load_tensorflow; load_tensorflow(); import keras, keras_tuner"
        loading = seconds_until([sys.executable, "-c", start], folder, lambda: False)
        command = [sys.executable, "-c", "from harness.cli import main; main()"]
        took = seconds_until([*command, "sweep", "--resume", journal.parent.name], folder, asked_again)
    print(
        f"{given.trials} trials: {took:.1f} s until the next was asked for, {loading:.1f} s of it importing Keras Tuner"
    )


if __name__ == "__main__":
    main()
