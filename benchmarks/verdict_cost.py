"""What deciding and reporting cost, in processor seconds: a table in Markdown. Leaves with 1 where a target is missed.

The trials are those that the tests of the report make up, with scores over 200 test cases; everything is decided by the
rule that decides sweeps, second interval included.

    python benchmarks/verdict_cost.py [--datasets N]
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness.records import CaseScores, Direction, Objective
from harness.report.html import html
from harness.stats import decide_rows

MADE_UP = Path(__file__).parents[1] / "tests" / "report" / "conftest.py"
MAE = Objective("mae", Direction.MIN)


def made_up() -> Any:
    """The module with the factories of the report's tests."""
    spec = importlib.util.spec_from_file_location("made_up", MADE_UP)
    if spec is None or spec.loader is None:
        sys.exit(f"{MADE_UP}: expected the factories of the report's tests")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cases_of(rows: Any) -> dict[tuple[str, int, int], CaseScores]:
    """Scores over 200 test cases for every row, whose mean is its test score."""
    random = np.random.default_rng(1)
    spread = random.normal(size=200)
    return {
        (row.family, row.replicate, row.trial): CaseScores(400, 6, tuple((row.test * (1 + 0.5 * spread)).tolist()))
        for row in rows
    }


def seconds(work: Callable[[], object], times: int) -> float:
    """Median processor seconds of so many calls, after one that loads what is loaded once."""
    work()
    spent = []
    for _ in range(times):
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)
    return statistics.median(spent)


def deciding(comparisons: Any) -> Callable[[], object]:
    rows = [row for one in comparisons for row in one.rows]
    cases = {one.dataset: cases_of(one.rows) for one in comparisons}
    margins = {one.dataset: one.verdict.margin for one in comparisons}
    return lambda: decide_rows(rows, objective=MAE, margins=margins, cases=cases)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=24, metavar="N", help="datasets of the large sweep [24]")
    datasets = parser.parse_args().datasets
    factory = made_up()
    one = [factory.comparison("one", trials=20, replicates=5, levels=(215.0, 201.0))]
    many = [factory.comparison(f"set_{n}", trials=50, replicates=10, seed=n) for n in range(datasets)]
    page = factory.sweep(many)
    size = len(html(page).encode()) / 1e6
    measured = (
        ("deciding 2 families × 5 replicates × 20 trials", seconds(deciding(one), 21), 0.020, "s"),
        (f"deciding {datasets} datasets × 2 families × 10 × 50", seconds(deciding(many), 3), 5.0, "s"),
        (f"the report of those {datasets} datasets", seconds(lambda: html(page), 1), 30.0, "s"),
        ("its size", size, 10.0, "MB"),
    )
    print("| what | measured | target |\n|---|---:|---:|")
    for what, value, target, unit in measured:
        print(f"| {what} | {value:.3g} {unit} | {target:g} {unit} |")
    sys.exit(0 if all(value <= target for _, value, target, _ in measured) else 1)


if __name__ == "__main__":
    main()
