"""Whether a worker grows: its resident size over many trials on a fixed set of structures.

One worker process runs random trials of both families with four sizes of network each, as a sweep hands them to it, and
would be replaced above 1,300 MB. Leaves with 1 where it grew by 10 % or more between trial 50 and the last, came to
1.3 GB, or was replaced.

    python benchmarks/memory.py --trials 300
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from typing import Any

import psutil

from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.data import load_dataset
from harness.executors import PoolExecutor, Task
from harness.records import Phase, TrialKey, TrialRequest

FAMILIES = {"lstm": "LSTM", "gru": "GRU"}
UNITS = (16, 32, 48, 64)
LARGEST_GROWTH, LARGEST_MB = 1.10, 1300
FIRST = 50

CARD = DatasetConfig.model_validate(
    {
        "name": "work",
        "source": {"kind": "generator", "generator": "adding", "steps": 24, "sequences": 1000},
        "task": {"kind": "regress", "metric": "mse"},
    }
)


def arguments(number: int, digest: str) -> dict[str, Any]:
    """What a worker needs to know for a trial."""
    chance = random.Random(number)
    family = list(FAMILIES)[number % 2]
    ranges = {"units": {"type": "Choice", "values": list(UNITS)}}
    values = {
        "units": chance.choice(UNITS),
        "learning_rate": 10 ** chance.uniform(-3, -2),
        "dropout": chance.uniform(0, 0.4),
    }
    request = TrialRequest(TrialKey("work", family, 1, Phase.SEARCH, number), family, values, number, 3, 3)
    space = SearchSpace.model_validate({"name": family, "layer": FAMILIES[family], "hyperparameters": ranges})
    return {
        "request": request,
        "dataset": CARD.model_dump_json(),
        "spaces": {family: space.model_dump_json()},
        "digest": digest,
        "weights_to": None,
    }


def sizes(trials: int) -> tuple[dict[int, float], int]:
    """The worker's megabytes after every trial, and how many workers there were."""
    digest, after, seen = load_dataset(CARD).facts.digest, {}, set()
    with PoolExecutor(1, threads_per_worker=1) as executor:
        for number in range(1, trials + 1):
            executor.submit(Task(str(number), "harness.training.trial:run_trial", arguments(number, digest)))
            (done,) = executor.wait()
            if done.failure:
                sys.exit(f"trial {number}: {done.message}")
            largest = max(psutil.Process().children(recursive=True), key=lambda one: one.memory_info().rss)
            seen.add(largest.pid)
            after[number] = largest.memory_info().rss / 1e6
    return after, len(seen)


def main() -> int:
    """Measure, print, and say by the exit code whether it is within the limits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=300)
    trials = parser.parse_args().trials
    if trials <= FIRST:
        parser.error(f"--trials {trials}: expected more than {FIRST}, the first that is compared")
    after, workers = sizes(trials)
    growth, largest = after[trials] / after[FIRST], max(after.values())
    shown = {f"mb_after_trial_{number}": round(after[number]) for number in sorted({1, 10, FIRST, trials // 2, trials})}
    print(json.dumps({**shown, "growth": round(growth, 3), "largest_mb": round(largest), "workers": workers}, indent=2))
    return 0 if growth < LARGEST_GROWTH and largest < LARGEST_MB and workers == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
