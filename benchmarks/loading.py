"""How long and how much memory it takes from 50,000 rows × 8 columns of CSV to windows of 48 steps.

    python benchmarks/loading.py [--rows N]

Memory is the peak of a fresh process above what the interpreter has once the package is imported.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS, COLUMNS, STEPS = 50_000, 8, 48


def write(path: Path, rows: int) -> None:
    import numpy as np
    import pandas as pd

    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(rows, COLUMNS)), columns=list("abcdefgy"))
    frame.insert(0, "t", pd.date_range("2020-01-01", periods=rows, freq="h"))
    frame.to_csv(path, index=False)


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def load(path: str) -> None:
    import pandas  # noqa: F401 - part of the interpreter that is measured from

    from harness.config.dataset import DatasetConfig
    from harness.data import load_dataset

    task = {"kind": "forecast", "target": ["y"], "time": "t", "lookback_steps": STEPS}
    source = {"kind": "csv", "path": path}
    config = DatasetConfig.model_validate({"name": "big", "source": source, "task": task})
    before, started = megabytes(), time.perf_counter()
    data = load_dataset(config)
    seconds = time.perf_counter() - started
    windows = sum(data.facts.sizes)
    print(
        f"{windows:,} windows of {STEPS} × {COLUMNS}: {seconds:.2f} s, {megabytes() - before:,.0f} MB above the start"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS, metavar="N", help=f"[{ROWS}]")
    parser.add_argument("--load", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.load:
        load(chosen.load)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.csv"
        write(path, chosen.rows)
        for _ in range(3):
            subprocess.run([sys.executable, __file__, "--load", str(path)], check=True)


if __name__ == "__main__":
    main()
