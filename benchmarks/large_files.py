"""How much memory `harness predict` takes for small and for large files of sequences, and how long.

    harness sweep japanese_vowels --trials 5
    python benchmarks/large_files.py japanese_vowels

MODEL is what `harness predict` takes; it must be a classifier of numbers. Files of random numbers are
written to a temporary folder (`--to` names another): as many sequences as each of `--sequences` says, of 1 to 29 steps.
Predicting runs in a process of its own, whose peak of resident memory Linux tells in `/proc`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from harness.export import Description, load

LONGEST = 29
WRITTEN_AT_ONCE = 20_000

# The kernel's ru_maxrss would count what this process held when it started the other one.
COMMAND = """
import pathlib, sys
from harness.cli import main
told = pathlib.Path(sys.argv.pop(1))
try:
    main()
finally:
    told.write_text(pathlib.Path("/proc/self/status").read_text())
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model")
    arguments.add_argument("--sequences", type=int, nargs="+", default=[3_000, 300_000])
    arguments.add_argument("--forms", nargs="+", default=["csv", "parquet", "npz"])
    arguments.add_argument("--to", type=Path)
    given = arguments.parse_args()
    description = load(given.model).description
    print(f"{'form':<10}{'sequences':>10}{'file MB':>10}{'seconds':>10}{'peak MB':>10}")
    with tempfile.TemporaryDirectory(dir=given.to) as folder:
        for form in given.forms:
            for count in given.sequences:
                file = Path(folder, f"in.{form}")
                write(description, file, count)
                seconds, peak_mb = predicted(given.model, file)
                size_mb = file.stat().st_size / 1e6
                print(f"{form:<10}{count:>10,}{size_mb:>10,.0f}{seconds:>10.1f}{peak_mb:>10,.0f}", flush=True)


def write(description: Description, file: Path, count: int) -> None:
    """So many sequences of random numbers."""
    chance = np.random.default_rng(0)
    if file.suffix == ".npz":
        x = chance.normal(size=(count, LONGEST, len(description.channels)))
        np.savez(file, x=x, lengths=chance.integers(1, LONGEST + 1, count))
        return
    import pyarrow
    import pyarrow.parquet

    writer = None
    for begin in range(0, count, WRITTEN_AT_ONCE):
        frame = rows(description, chance, begin, min(begin + WRITTEN_AT_ONCE, count))
        if file.suffix == ".csv":
            frame.to_csv(file, index=False, mode="a" if begin else "w", header=not begin, float_format="%.6f")
            continue
        table = pyarrow.Table.from_pandas(frame, preserve_index=False)
        writer = writer or pyarrow.parquet.ParquetWriter(file, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def rows(description: Description, chance: np.random.Generator, begin: int, end: int) -> pd.DataFrame:
    """The rows of some sequences."""
    task = description.card["task"]
    column = task["id"] or "sequence"
    frame = pd.DataFrame({column: np.repeat(np.arange(begin, end), chance.integers(1, LONGEST + 1, end - begin))})
    if task["time"]:
        frame[task["time"]] = frame.groupby(column).cumcount()
    return frame.assign(**{name: chance.normal(size=len(frame)) for name in description.channels})


def predicted(model: str, file: Path) -> tuple[float, float]:
    """Seconds, and the peak of resident memory in MB."""
    told = file.with_name("status.txt")
    began = time.perf_counter()
    command = [sys.executable, "-c", COMMAND, str(told), "predict", model, str(file)]
    subprocess.run([*command, "-o", str(file.with_name("out.csv"))], check=True)
    seconds = time.perf_counter() - began
    (peak,) = (line.split()[1] for line in told.read_text().splitlines() if line.startswith("VmHWM"))
    return seconds, int(peak) * 1.024e-3


if __name__ == "__main__":
    main()
