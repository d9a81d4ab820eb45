"""What a trial costs apart from its training: a whole search in which a stub answers in place of a network.

The contest, the oracle, the journal and MLflow (sqlite) are the real ones; only the engine is a stub that answers at
once. Seconds are the processor's, of this process, so that other programs on the machine count for little.

With `--against CHECKOUT` that checkout's `overhead.py` measures its own code, in turn with this one.

    python benchmarks/overhead.py --trials 1000 10000
    python benchmarks/overhead.py --trials 1000 --rounds 3 --against ../before
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from throughput import HERE, code_of

from harness.config import make_plan
from harness.executors import Done, Task
from harness.executors.base import checked
from harness.journal import EventKind, Journal
from harness.notes import Note
from harness.records import SealedScore, TrialRecord, TrialRequest, TrialStatus
from harness.search import Scheduler
from harness.store import Store
from harness.sweeps.mlflow_sync import MlflowSync
from harness.sweeps.plan import resolve, search_settings
from harness.sweeps.prepare import inspect
from harness.sweeps.trials import TrialRunner, TrialSpec, run_searches


class Stub:
    """An engine of two slots whose trials end at once with made-up scores."""

    slots = 2
    preferred_group = ""

    def __init__(self) -> None:
        self._waiting: list[Task] = []
        self._chance = random.Random(0)

    @property
    def free(self) -> int:
        return self.slots - len(self._waiting)

    def warm(self, module: str) -> None:
        """There is nothing to get ready."""

    def submit(self, task: Task) -> None:
        self._waiting.append(checked(task))

    def wait(self, timeout_seconds: float | None = None) -> list[Done]:  # noqa: ARG002
        ended, self._waiting = self._waiting, []
        return [Done(task.id, value=self._answer(task)) for task in ended]

    def notes(self) -> list[Note]:
        """None."""
        return []

    def close(self) -> None:
        """There is nothing to end."""

    def _answer(self, task: Task) -> dict[str, Any]:
        request = TrialRequest.from_json(task.arguments["request"])
        scores = tuple(self._chance.random() for _ in range(10))
        record = TrialRecord(
            request.key,
            TrialStatus.COMPLETED,
            validation_score=min(scores),
            best_epoch=scores.index(min(scores)) + 1,
            epochs=10,
            train_losses=scores,
            validation_scores=scores,
            parameters=1000,
            gradient_steps=630,
            started_at=time.time(),
            kernel="stub",
        )
        return {"trial": record.to_json(), "sealed": SealedScore(request.key, min(scores)).to_json()}


def measure(trials: int) -> dict[str, Any]:
    """Processor seconds of a search of so many trials over both families, in all and by part."""
    header = resolve(make_plan({"datasets": ("adding_50",), "trials": trials // 2, "confirmations": 0}))
    (name,) = header.datasets
    with tempfile.TemporaryDirectory() as place:
        store = Store(Path(place) / "mlruns", f"sqlite:///{place}/mlruns/mlflow.db")
        folder = store.sweeps / "one"
        found = inspect(header)[name]
        scheduler = Scheduler(name, header.families, header.spaces, found.objective, search_settings(header, 2))
        work = TrialSpec(header.datasets[name], dict(header.spaces), found.facts.digest, folder / "weights")
        with Journal.create(folder, header.to_json()) as journal, MlflowSync(store, header, folder) as sync:
            objective = {"metric": found.objective.metric, "direction": found.objective.direction.value, "unit": ""}
            opened = {"facts": found.facts.to_json(), "objective": objective}
            journal.append(EventKind.OPENED, opened, dataset=name)
            floor = TrialRunner(Stub(), journal, work, sync.advance)  # type: ignore[arg-type]
            began, own = time.process_time(), time.thread_time()
            run_searches(scheduler, floor, lambda _: None, None)
            own = time.thread_time() - own
            while not sync.synced(journal.seq, seconds=1.0):
                sync.advance()
            spent = time.process_time() - began
    return {
        "trials": trials,
        "milliseconds_a_trial": round(1000 * spent / trials, 2),
        "of_which_asking_and_journal": round(1000 * own / trials, 2),
        "of_which_mlflow": round(1000 * (spent - own) / trials, 2),
    }


def measure_in(checkout: Path, trials: int) -> dict[str, Any]:
    """What a checkout's own script measures of its code, in a process of its own."""
    command: list[Any] = [sys.executable, checkout / "benchmarks" / "overhead.py", "--trials", str(trials)]
    done = subprocess.run(command, env=code_of(checkout), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{checkout}: {done.stderr[-2000:]}")
    (row,) = json.loads(done.stdout)
    return dict(row)


def compare(checkout: Path, trials: int, rounds: int) -> dict[str, Any]:
    """Alternate the code of another checkout and this code, and take medians."""
    runs = [(measure_in(checkout, trials), measure_in(HERE, trials)) for _ in range(rounds)]
    before, after = (statistics.median(run["milliseconds_a_trial"] for run in side) for side in zip(*runs, strict=True))
    return {
        "trials": trials,
        "ratio": round(before / after, 3),
        "milliseconds_a_trial": [before, after],
        "rounds": [[one["milliseconds_a_trial"] for one in run] for run in runs],
    }


def main() -> None:
    """Measure each number of trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="a checkout to measure in turn with this one")
    parser.add_argument("--rounds", type=int, default=3, help="alternations with `--against`; medians count")
    options = parser.parse_args()
    if options.against:
        rows = [compare(options.against.resolve(), trials, options.rounds) for trials in options.trials]
    else:
        rows = [measure(trials) for trials in options.trials]
    print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
