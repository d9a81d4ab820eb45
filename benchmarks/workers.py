"""Trials a minute with two workers against one, each with one thread, on the work of `throughput.py`.

Whole sweeps, the start of workers and the champion included, in fresh processes with XLA's compiles on disk empty; the
sides alternate, the median ratio counts. Both sides must give the same trials and scores, to the last digit.

    python benchmarks/workers.py --size middle --rounds 3
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from throughput import FAMILIES, SEED, SIZES, Size, dataset, space, write_toml


def run_sweep_on(workers: int, size: Size) -> dict[str, float]:
    """The test score of each trial of one sweep of this size in this process."""
    from harness.config import make_plan
    from harness.executors import PoolExecutor
    from harness.store import find_store
    from harness.sweeps.plan import resolve
    from harness.sweeps.runner import run_sweep

    with tempfile.TemporaryDirectory() as folder:
        configs = Path(folder)
        write_toml(configs / "work.toml", dataset(size))
        for family in FAMILIES:
            write_toml(configs / f"{family}.toml", space(size, family))
        plan = {"datasets": ("work",), "trials": size.trials // 2, "seeds": 0, "seed": SEED, "workers": workers}
        header = resolve(make_plan({**plan, "epochs": size.epochs, "patience_epochs": size.epochs}), [configs])
        with PoolExecutor(workers, header.plan.threads) as executor:
            result = run_sweep(header, find_store(configs / "s", None), executor, lambda _: None)
        return dict(result.comparisons[0].scores)


def measured(workers: int, size: str) -> tuple[float, dict[str, float]]:
    """Seconds of one sweep in a process of its own, and its test scores."""
    with tempfile.TemporaryDirectory() as cache:
        began = time.perf_counter()
        command = [sys.executable, __file__, "--size", size, "--side", str(workers)]
        environment = {**os.environ, "HARNESS_XLA_CACHE": cache, "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        return time.perf_counter() - began, json.loads(done.stdout.splitlines()[-1])


def compare(size: str, rounds: int) -> dict[str, Any]:
    """Alternate one worker and two."""
    runs = []
    for _ in range(rounds):
        (one, scores), (two, others) = (measured(workers, size) for workers in (1, 2))
        if scores != others:
            sys.exit(f"the sides have different scores: {scores} with one worker, {others} with two")
        runs.append((one, two))
    ratios = [one / two for one, two in runs]
    one, two = (statistics.median(side) / SIZES[size].trials for side in zip(*runs, strict=True))
    return {"size": size, "ratio": statistics.median(ratios), "ratios": ratios, "seconds_a_trial": [one, two]}


def main() -> None:
    """Compare, or, called by itself, run one side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="middle")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(run_sweep_on(options.side, SIZES[options.size])))
        return
    print(json.dumps(compare(options.size, options.rounds), indent=2))


if __name__ == "__main__":
    main()
