"""How long a sweep over many small datasets takes, against other code of this product on the same plan.

Writes so many forecasts of 300 rows each (waves of their own period, phase and noise), and sweeps over all of them with
few trials: the same plan, seeds and baselines on both sides, each in fresh processes with an empty folder for compiled
code. With `--against CHECKOUT` both sides run in turn; the trials' validation and test scores and the order of the
verdicts must be equal, or the script ends with 1.

    python benchmarks/many_datasets.py --datasets 6
    python benchmarks/many_datasets.py --datasets 60 --against ../before --rounds 1
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from throughput import HARNESS, HERE, code_of

ROWS = 300
CONFIG = """
name = "{name}"
[source]
kind = "csv"
path = "{name}.csv"
[task]
kind = "forecast"
target = ["y"]
lookback_steps = 24
horizon_steps = 6
"""


def write_dataset(folder: Path, number: int) -> str:
    """One forecast: a wave with noise; its name."""
    name, chance = f"wave_{number:04d}", random.Random(number)
    period, phase, noise = chance.uniform(8, 40), chance.uniform(0, 6), chance.uniform(0.05, 0.5)
    values = [math.sin(row * 2 * math.pi / period + phase) + chance.gauss(0, noise) for row in range(ROWS)]
    (folder / f"{name}.csv").write_text("\n".join(["y", *(f"{value:.6f}" for value in values)]) + "\n")
    (folder / f"{name}.toml").write_text(CONFIG.format(name=name))
    return name


def sweep(checkout: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One sweep with a checkout's code: seconds in all and of the processor, and what came out."""
    with tempfile.TemporaryDirectory(prefix="many-") as place:
        folder = Path(place)
        names = [write_dataset(folder, number) for number in range(1, options.datasets + 1)]
        command: list[Any] = [*HARNESS, "sweep", *names, "--name", "many", "--trials", str(options.trials)]
        command += ["--epochs", str(options.epochs), "--seeds", str(options.seeds), "--workers", str(options.workers)]
        command += ["--config-dir", folder, "--store", folder / "s", *(["--offline"] if options.offline else [])]
        environment = {**code_of(checkout), "HARNESS_XLA_CACHE": str(folder / "xla"), "TF_CPP_MIN_LOG_LEVEL": "3"}
        began, spent = time.time(), _processor_seconds()
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        seconds, processor = time.time() - began, _processor_seconds() - spent
        if done.returncode:
            sys.exit(f"{checkout}: {done.stderr[-2000:]}")
        (journal,) = (folder / "s" / "sweeps").glob("*/journal.db")
        with closing(sqlite3.connect(journal)) as database:
            rows = database.execute("SELECT at, kind, dataset, trial_key, payload FROM events ORDER BY seq").fetchall()
            sealed = dict(database.execute("SELECT trial_key, payload FROM sealed").fetchall())
    if options.show:
        for at, kind, dataset, key, _ in rows:
            print(f"{at - began:8.2f} {kind:10} {dataset} {key}", file=sys.stderr)
    ended = {key: json.loads(payload)["validation_score"] for _, kind, _, key, payload in rows if kind == "ended"}
    asked = [at for at, kind, *_ in rows if kind == "asked"]
    return {
        "seconds": round(seconds, 2),
        "processor_seconds": round(processor, 2),
        "cores_busy": round(processor / seconds, 2),
        "before_the_first_trial": round(min(asked) - began, 2),
        "after_the_last_trial": round(began + seconds - max(at for at, kind, *_ in rows if kind == "ended"), 2),
        "trials": len(ended),
        "scores": {key: [ended[key], json.loads(sealed.get(key, "{}")).get("test_score")] for key in sorted(ended)},
        "verdicts": [dataset for _, kind, dataset, *_ in rows if kind == "decided"],
    }


def _processor_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def main() -> None:
    """Measure this code alone, or in turn with another checkout's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=60)
    parser.add_argument("--trials", type=int, default=3, help="of each family")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--offline", action="store_true", help="without MLflow and champions")
    parser.add_argument("--rounds", type=int, default=1, help="alternations with `--against`; medians count")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="a checkout to measure in turn with this one")
    parser.add_argument("--show", action="store_true", help="print what happened when")
    options = parser.parse_args()
    sides = {"before": options.against.resolve(), "now": HERE} if options.against else {"now": HERE}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for _ in range(options.rounds):
        for name, checkout in sides.items():
            runs[name].append(sweep(checkout, options))
            kept = {key: value for key, value in runs[name][-1].items() if key not in ("scores", "verdicts")}
            print(json.dumps({"code": name, **kept}), flush=True)
    known = [run for its in runs.values() for run in its]
    if any(run[what] != known[0][what] for run in known for what in ("scores", "verdicts")):
        sys.exit("scores or the order of verdicts differ")
    if options.against:
        before, now = (statistics.median(run["seconds"] for run in runs[name]) for name in sides)
        print(f"{options.datasets} datasets: {before / now:.2f} times faster ({before:.1f} s before, {now:.1f} s now)")


if __name__ == "__main__":
    main()
