"""What the prediction intervals of forecasts cover of their test parts, over the catalogue and the Atlas.

    harness datasets fetch atlas                            # or `--from DIR`, where copies of its files are
    harness sweep $(python benchmarks/interval_coverage.py --names) --trials 3 --epochs 10 --seeds 0
    python benchmarks/interval_coverage.py STORE …          # folders that hold `sweeps`
    python benchmarks/interval_coverage.py --cheap          # without a network: seasonal naive or ridge, in minutes

Prints a line for each forecast that a store has a model of, the newest one: the share covered at 80 and 95 %, what it
may be off by (four points, or two standard errors √(p(1 − p)(1/n_cal + 1/n_test))), and n of both parts in windows that
do not overlap. With `--cheap` the intervals are those of the better of two baselines by validation, calibrated as a
champion's are. Leaves with 1 where fewer than 85 % of them are within that.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from harness.baselines import refit
from harness.baselines.gaps import without_gaps
from harness.baselines.summaries import steps_apart
from harness.config import find_dataset, list_datasets
from harness.data import load_dataset
from harness.errors import HarnessError
from harness.export.intervals import calibrate_numbers, coverage_of
from harness.journal import EventKind, Journal
from harness.records import ChampionInfo, Coverage, DataFacts, TaskKind
from harness.records.intervals import MOST_ERRORS, MOST_OFF
from harness.store import Store
from harness.sweeps.folders import sweep_ids

LEVELS = (80, 95)
ENOUGH = 0.85


def names() -> Iterator[str]:
    """The catalogue's forecasts."""
    for found in list_datasets():
        if found.config is not None and found.config.task.kind == "forecast":
            yield found.name


def champions(store: Store) -> Iterator[tuple[str, ChampionInfo]]:
    """The forecasts' models of a store, in the order of their sweeps."""
    for sweep_id in sweep_ids(store):
        try:
            with Journal.read(store.sweeps / sweep_id) as journal:
                for event in journal.events(EventKind.CHAMPION):
                    opened = journal.last(EventKind.OPENED, event.dataset)
                    if opened and event.payload:
                        facts = DataFacts.from_json(opened.payload["facts"])
                        if facts.task is TaskKind.FORECAST:
                            yield event.dataset, ChampionInfo.from_json(event.payload)
        except (HarnessError, KeyError, ValueError) as error:
            print(f"{sweep_id} cannot be read: {error}", file=sys.stderr)


def of_a_baseline(name: str) -> tuple[Coverage, ...]:
    """What the intervals of a cheap baseline cover of a forecast's test part.

    Args:
        name: The dataset; the better of seasonal naive (of the first season) and ridge by validation is calibrated.
    """
    config = find_dataset(name).config
    assert config is not None
    data = without_gaps(load_dataset(config))
    every = steps_apart(data.train)
    ridge = "ridge on the lags" if every == 1 else f"ridge on one lag in {every}"
    fitted, sign = refit(data, ["seasonal naive", ridge]), data.objective.direction.sign
    if not fitted:
        return ()
    (_, best), test = min(fitted, key=lambda one: sign * one[0].validation_score), data.test.open()
    validation, cases = data.validation, data.cases_apart(data.validation)
    said, foretold = (np.asarray(best.predict(part), np.float32) for part in (validation, test))
    intervals = calibrate_numbers(validation.y, said, cases, validation.x, data.target_channels)
    return coverage_of(intervals, test.y, foretold, data.cases_apart(test), test.x)


def cheap(names: Sequence[str]) -> Iterator[tuple[str, tuple[Coverage, ...]]]:
    """Each forecast that is on this machine with the coverage of a cheap baseline."""
    for name in names:
        try:
            yield name, of_a_baseline(name)
        except HarnessError as error:
            print(f"{name}: {error}", file=sys.stderr)


def of_stores(roots: Sequence[Path]) -> Iterator[tuple[str, tuple[Coverage, ...]]]:
    """Each forecast of some stores with the coverage of its newest model."""
    newest: dict[str, ChampionInfo] = {}
    for root in roots:
        for name, info in champions(Store(root, "")):
            if info.coverage or name not in newest:  # a champion of before there were intervals has none
                newest[name] = info
    for name, info in sorted(newest.items()):
        yield name, info.coverage


def within(one: Coverage) -> bool:
    """Whether a coverage is off by no more than it may be, to either side."""
    return abs(one.share - one.level / 100) <= max(MOST_OFF, MOST_ERRORS * one.standard_error)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="List what the intervals of forecasts cover.")
    parser.add_argument("stores", nargs="*", type=Path)
    parser.add_argument("--cheap", action="store_true", help="intervals of cheap baselines, without a store")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these forecasts [all that are here]")
    parser.add_argument("--names", action="store_true", help="print the catalogue's forecasts")
    options = parser.parse_args()
    if options.names:
        print(" ".join(names()))
        return 0
    print("| forecast | 80 % covers | 95 % covers | off by at most | n calibration, test | within |")
    print("|---|---|---|---|---|---|")
    held = counted = 0
    for name, coverage in cheap(options.only or [*names()]) if options.cheap else of_stores(options.stores):
        found = {one.level: one for one in coverage if one.level in LEVELS}
        if not found:
            print(f"| {name} | - | - | - | too few windows that do not overlap | - |")
            continue
        shares = [f"{100 * found[level].share:.1f}" if level in found else "-" for level in LEVELS]
        most = ", ".join(f"{100 * max(MOST_OFF, MOST_ERRORS * one.standard_error):.1f}" for one in found.values())
        some = next(iter(found.values()))
        good = all(map(within, found.values()))
        counted, held = counted + 1, held + good
        sizes = f"{some.calibration}, {some.cases}"
        print(f"| {name} | {' | '.join(shares)} | {most} | {sizes} | {'yes' if good else 'no'} |", flush=True)
    share = held / counted if counted else 0.0
    print(f"\n{held} of {counted} forecasts ({100 * share:.0f} %) are covered within what they may be off by")
    return 0 if counted and share >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
