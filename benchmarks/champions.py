"""Whether all champions of a store are worth the alias: not behind a baseline by more than the margin, nor in chance.

    python benchmarks/champions.py STORE …     # folders that hold `sweeps`

Prints a line for each registered model that was given `@champion`, and for each candidate why it is one, from the
journals alone; leaves with 1 where a champion is behind a baseline or within chance. Scores without test cases are
compared as they are. Sweeps of before the gate may have champions that are named here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.errors import HarnessError
from harness.export.aliases import CHAMPION
from harness.journal import EventKind, Journal
from harness.records import ComparisonResult
from harness.store import Store
from harness.sweeps.folders import sweep_ids
from harness.sweeps.register import short_of_champion
from harness.sweeps.results import Results


def comparisons(store: Store) -> Iterator[tuple[str, ComparisonResult]]:
    """Every decided comparison of a store whose model was registered, with its sweep's id."""
    for sweep_id in sweep_ids(store):
        try:
            with Journal.read(store.sweeps / sweep_id) as journal:
                results = Results(journal)
                for dataset in results.header.datasets:
                    if journal.has(EventKind.DECIDED, dataset):
                        result = results.comparison(dataset)
                        if result.champion:
                            yield sweep_id, result
        except (HarnessError, KeyError, ValueError) as error:
            print(f"| {sweep_id} | cannot be read: {error} | | |", file=sys.stderr)


def line(result: ComparisonResult) -> tuple[str, str]:
    """The alias of a comparison's model, and why it may be a candidate at most; empty where it may be champion."""
    champion = result.champion
    assert champion is not None
    family = next(one for one in result.families if one.family.name == champion.arm)
    return champion.alias, short_of_champion(result, family)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Check the champions of some stores.")
    parser.add_argument("stores", nargs="+", type=Path)
    options = parser.parse_args()
    champions = wrong = 0
    print("| sweep | dataset | alias | what is against it |\n|---|---|---|---|")
    for root in options.stores:
        for sweep_id, result in comparisons(Store(root, "")):
            alias, why = line(result)
            champions += alias == CHAMPION
            wrong += alias == CHAMPION and bool(why)
            print(f"| {sweep_id} | {result.dataset} | {alias} | {why or '-'} |")
    print(f"\n{champions} champions, of which {wrong} are no better than a baseline or within chance")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
