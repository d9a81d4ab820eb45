"""Random trials of LSTM and GRU on four real datasets, recorded as small tables that the verdicts' rule is judged by.

Runs one sweep of one search of N trials a family, without confirmations, and writes `benchmarks/recorded/<dataset>.csv`
in the columns that `harness verdict` and `calibrate.py` read, scores rounded to six significant digits.

    python benchmarks/record_trials.py --trials 160 --store recording    # the same call goes on where it was cut short
    python benchmarks/record_trials.py --dataset first_names --epochs 20 # as its table was recorded
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

import harness
from harness.report.text import trials_csv
from harness.sweeps.events import Message

DATASETS = ("digits", "first_names", "japanese_vowels", "vic_elec")
FAMILIES = ("lstm", "gru")
CARDS = Path(__file__).parent / "cards"
RECORDED = Path(__file__).parent / "recorded"
ROUNDED = ("validation", "test", "fit_seconds")


def rounded(table: str) -> str:
    """The table with its numbers at six significant digits."""
    lines = csv.DictReader(io.StringIO(table))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, lines.fieldnames or (), lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow(line | {name: f"{float(line[name]):.6g}" for name in ROUNDED if line[name]})
    return buffer.getvalue()


def record(datasets: tuple[str, ...], trials: int, store: Path, output: Path, options: dict[str, Any]) -> None:
    """Run the sweep in that store and write a table a dataset."""
    result = harness.sweep(
        *datasets,
        store=store,
        callback=lambda phrase: print(phrase.text, file=sys.stderr) if isinstance(phrase, Message) else None,
        name="recording",
        cards=[CARDS],
        families=FAMILIES,
        trials=trials,
        confirmations=0,
        **options,
    )
    output.mkdir(parents=True, exist_ok=True)
    for comparison in result.comparisons:
        path = output / f"{comparison.dataset}.csv"
        path.write_text(rounded(trials_csv([comparison])), encoding="utf-8")
        print(
            f"{path}: "
            f"{', '.join(f'{family.family.name} {family.usage.completed}' for family in comparison.families)} trials"
        )
    for dataset, why in result.unfinished.items():
        sys.exit(f"{dataset}: {why}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=160, help="random trials of each family [160]")
    parser.add_argument("--dataset", action="append", help=f"may be repeated [{', '.join(DATASETS)}]")
    parser.add_argument("--epochs", type=int, help="the most epochs of a trial [a sweep's own]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", type=Path, help="where the sweep is kept [a temporary folder]")
    parser.add_argument("--output", type=Path, default=RECORDED, help="where the tables go [benchmarks/recorded]")
    chosen = parser.parse_args()
    options = {name: value for name in ("epochs", "seed") if (value := getattr(chosen, name)) is not None}
    datasets = tuple(chosen.dataset or DATASETS)
    if chosen.store:
        record(datasets, chosen.trials, chosen.store, chosen.output, options)
        return
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        record(datasets, chosen.trials, Path(folder), chosen.output, options)


if __name__ == "__main__":  # workers are spawned and import this file
    main()
