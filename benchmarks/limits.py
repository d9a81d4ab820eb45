"""How long after its limit a trial that goes wrong has ended, of which kind it is, and whether its sibling was hurt.

Four trials that go wrong, one after another, on one of two workers, each beside a real trial on the other: one loops
for ever, one allocates without end, one comes to NaN, one exits the interpreter.

    python benchmarks/limits.py    # ends with 1 where one has another kind, ends after 5 s, or hurts its sibling
    python benchmarks/limits.py --kind leave
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from faults import DATASET, FAMILIES, new_place

from harness.config import make_plan
from harness.executors import Done, PoolExecutor, Task
from harness.records import FailureKind
from harness.search import Scheduler
from harness.sweeps.plan import resolve, search_settings
from harness.sweeps.prepare import inspect
from harness.sweeps.trials import TASKS, TrialSpec, outcome
from harness.training import trial

LIMIT_SECONDS, LIMIT_MB, TARGET_SECONDS = 20.0, 1500, 5.0
TEN_MB = 10_000_000


def loop(_: Mapping[str, Any]) -> dict[str, Any]:
    """Never ends."""
    while True:
        pass


def allocate(_: Mapping[str, Any]) -> dict[str, Any]:
    """Takes a gigabyte a second."""
    kept = []
    while True:
        kept.append(b"x" * TEN_MB)
        time.sleep(0.01)


def diverge(plain: Mapping[str, Any]) -> dict[str, Any]:
    """A real trial whose weights leave the numbers there are."""
    request = plain["request"]
    hot = {**request["values"], "learning_rate": 1e38, "clip_norm": float("inf")}
    return trial.run_trial({**plain, "request": {**request, "values": hot}})


def leave(_: Mapping[str, Any]) -> dict[str, Any]:
    """Ends its process."""
    os._exit(7)


def beside(plain: Mapping[str, Any]) -> dict[str, Any]:
    """A real trial that is still there when the other one has come to its limit."""
    time.sleep(LIMIT_SECONDS + 1)
    return trial.run_trial(plain)


WRONG = {
    "loop": FailureKind.TIMEOUT,
    "allocate": FailureKind.OUT_OF_MEMORY,
    "diverge": FailureKind.DIVERGED,
    "leave": FailureKind.KILLED,
}


class Memory:
    """When all workers were last seen below the limit of memory."""

    def __init__(self) -> None:
        self.below_at = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        workers = psutil.Process().children()
        while not self._ended.wait(0.02) and all(_megabytes(worker) < LIMIT_MB for worker in workers):
            self.below_at = time.monotonic()


def _megabytes(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss / 1e6)
    except psutil.Error:  # it was ended
        return float("inf")


def tried(executor: PoolExecutor, wrong: Task, sibling: Task) -> tuple[Done, Done, float]:
    """What became of both, and the seconds between the limit (or the beginning, where there is none) and the end."""
    started, ended = time.monotonic(), dict[str, tuple[Done, float]]()
    with Memory() as memory:
        executor.submit(wrong)
        executor.submit(sibling)
        while len(ended) < 2:
            ended |= {done.task_id: (done, time.monotonic()) for done in executor.wait(1.0)}
    done, at = ended[wrong.id]
    limit = {FailureKind.TIMEOUT: started + LIMIT_SECONDS, FailureKind.OUT_OF_MEMORY: memory.below_at}
    return done, ended[sibling.id][0], at - limit.get(done.failure or FailureKind.BUG, started)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=list(WRONG), action="append", help="may be repeated [all four]")
    kinds = parser.parse_args().kind or list(WRONG)
    good = True
    with tempfile.TemporaryDirectory(prefix="limits-") as root, PoolExecutor(2, threads_per_worker=1) as executor:
        folder = Path(root) / "sweep"
        new_place(folder)
        plan = make_plan({"datasets": (DATASET,), "name": DATASET, "families": tuple(FAMILIES), "trials": 20})
        header = resolve(plan, [folder / "datasets", folder / "search_spaces"])
        found = inspect(header)[DATASET]
        scheduler = Scheduler(DATASET, header.families, header.spaces, found.objective, search_settings(header, 2))
        config, spaces = header.datasets[DATASET], dict(header.spaces)
        for name, kind in ((name, WRONG[name]) for name in kinds):
            seconds, megabytes = (LIMIT_SECONDS, LIMIT_MB) if name != "diverge" else (None, None)
            digest, weights = found.facts.digest, folder / "weights"
            work = TrialSpec(config, spaces, digest, weights, seconds, megabytes, f"limits:{name}")
            requests = [request for request in (scheduler.ask(), scheduler.ask()) if request]
            beside_it = TrialSpec(config, spaces, found.facts.digest, folder / "weights", function="limits:beside")
            warm = [replace(beside_it.task(requests[0]), id=f"{name} {slot}", function=TASKS["trial"]) for slot in "ab"]
            for task in warm:
                executor.submit(task)
            while executor.free < executor.slots:
                executor.wait()
            done, sibling, seconds = tried(executor, work.task(requests[0]), beside_it.task(requests[1]))
            payload, unhurt = outcome(requests[0], done)[0], sibling.value is not None
            got = payload["failure"] or "completed"
            good = good and got == kind.value and seconds < TARGET_SECONDS and unhurt
            print(f"{name}: {got}, {seconds:.2f} s; its sibling {'completed' if unhurt else 'was hurt'}", flush=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
