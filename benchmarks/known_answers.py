"""Sweeps whose answer is known: two of generated data where one family must win, and a family against itself.

    python benchmarks/known_answers.py counting           # LSTM counts without a bound
    python benchmarks/known_answers.py adding             # GRU remembers over 200 steps what LSTM loses, in this budget
    python benchmarks/known_answers.py alike              # twenty small sweeps of a family against itself: no winner
    python benchmarks/known_answers.py ... --store DIR    # the same call goes on where it was cut short
    python benchmarks/known_answers.py counting --look    # a trial of an epoch each: shows that it runs

Prints a table in Markdown; leaves with 1 where the answer is not the known one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.config import make_plan
from harness.executors import PoolExecutor
from harness.executors.resources import cores
from harness.records import ComparisonResult
from harness.stats import headline
from harness.store import find_store
from harness.sweeps.events import Message
from harness.sweeps.folders import find_unfinished
from harness.sweeps.plan import resolve
from harness.sweeps.runner import run_sweep

ALIKE = (("gru", "digits"), ("lstm", "digits"), ("gru", "italy_power_demand"), ("lstm", "italy_power_demand"))
SWEEPS_OF_EACH = 5
FALSE_WINNERS = 2
"""Winners among the twenty up to which the rule is as good as it says: more have a chance of 8 % at an error of 5 %."""

Compare = Callable[..., ComparisonResult]


def say(phrase: object) -> None:
    if isinstance(phrase, Message):
        print(phrase.text, file=sys.stderr, flush=True)


def known(compare: Compare, dataset: str, winner: str, **plan: Any) -> bool:
    """One sweep of LSTM against GRU, read in one direction as what is known was, that must name the winner."""
    result = compare(dataset, families=("lstm", "gru"), hyperparameters={"bidirectional": (False,)}, **plan)
    verdict = result.verdict
    print(f"- {headline(verdict)}")
    for family in result.families:
        tests = sorted(result.scores[str(one.key)] for one in result.trials if one.key.family == family.family.name)
        quarter, half = tests[len(tests) // 4], tests[len(tests) // 2]
        print(
            f"  - {family.family.name}: tests of {len(tests)} trials from {tests[0]:.4g} to {tests[-1]:.4g}, ", end=""
        )
        print(f"a quarter below {quarter:.4g}, half below {half:.4g}; selected {family.test_score:.4g}")
    print(
        f"  - {max(row.replicate for row in result.rows)} replicates; holds in {' and '.join(verdict.holds_in) or '-'}"
    )
    return verdict.family == winner


def counting(compare: Compare) -> bool:
    return known(compare, "counting", "lstm", trials=10, epochs=20, patience_epochs=8, until_decided=True)


def adding(compare: Compare) -> bool:
    """Five epochs: given twenty, both learn it (the curves of a probe with another seed, in docs/verdicts.md)."""
    return known(compare, "adding_200", "gru", trials=10, epochs=5, patience_epochs=5, until_decided=True)


def alike(compare: Compare) -> bool:
    """Twenty sweeps of a family against itself, whose two arms are different searches."""
    print("| family | dataset | seed | different trials | difference | 95 % interval | outcome |")
    print("|---|---|---:|---:|---:|---:|---|")
    winners = 0
    for family, dataset in ALIKE:
        for seed in range(1, SWEEPS_OF_EACH + 1):
            result = compare(dataset, families=(family, family), trials=8, epochs=4, seed=seed)
            first, second = (
                {
                    tuple(sorted(values.items()))
                    for key, values in result.values.items()
                    if f"/{family.family.name}/" in key
                }
                for family in result.families
            )
            assert len(first) == len(second) == 8, "each arm has trials of its own"
            assert not first & second, "no trial of one arm is one of the other's"
            verdict = result.verdict
            winners += verdict.family is not None
            interval = f"{verdict.low:.3g} to {verdict.high:.3g}"
            cells = (
                family,
                dataset,
                seed,
                len(first | second),
                f"{verdict.difference:.3g}",
                interval,
                verdict.outcome.value,
            )
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
    print(f"\n{winners} of {SWEEPS_OF_EACH * len(ALIKE)} have a winner; at most {FALSE_WINNERS} may.")
    return winners <= FALSE_WINNERS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=[one.__name__ for one in (counting, adding, alike)])
    parser.add_argument("--store", type=Path, help="where the sweeps are kept [a temporary folder]")
    parser.add_argument("--look", action="store_true", help="one trial of one epoch a family; not with alike")
    chosen = parser.parse_args()
    if chosen.look and chosen.which == alike.__name__:
        parser.error("--look: expected counting or adding, got alike, which holds its arms' trials against each other")
    least = {"trials": 1, "epochs": 1, "until_decided": False} if chosen.look else {}
    with tempfile.TemporaryDirectory(prefix="harness-") as folder, PoolExecutor(cores()) as executor:
        store = find_store(chosen.store or Path(folder))

        def compare(dataset: str, **plan: Any) -> ComparisonResult:
            named = {"name": "known", "datasets": (dataset,), "confirmations": 0, **plan, **least}
            header = resolve(make_plan(named), [])
            result = run_sweep(header, store, executor, say, resume=find_unfinished(store, header))
            return result.comparisons[0]

        sys.exit(0 if globals()[chosen.which](compare) else 1)


if __name__ == "__main__":  # workers are spawned and import this file
    main()
