"""Does a search space pay? Random search in two of them on the same data: expected best validation score by seconds.

Each space's trials are drawn as a sweep draws them (the same oracle, epochs, patience and batches), trained one after
the other in this process, and told by validation alone. Of n trials with seconds each, the expected best of what fits
into a time is the mean, over orders drawn by chance, of the best trial among those that end within it. The table has
both spaces at the seconds that 20 trials of the first take.

    python benchmarks/spaces.py gun_point basic_motions --trials 24
    python benchmarks/spaces.py gun_point --new bidirectional=true,false summary=last,mean --json
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.config import SearchSpace, find_datasets, find_space
from harness.config.spaces.overrides import overridden, parse
from harness.config.spaces.sized import sized
from harness.data import load_dataset
from harness.records import Family, SealedScore, TrialRecord
from harness.search import Budget, Scheduler, SearchSettings
from harness.training.trial import run_trial

BEST_OF = 20
ORDERS = 2000


def trials_of(dataset: str, space: SearchSpace, trials: int, seed: int) -> list[tuple[float, float]]:
    """Seconds (compiling included) and validation score of each trial of a random search; a failed one's is NaN."""
    (found,) = find_datasets(dataset, [])
    config = found.config
    assert config is not None
    data = load_dataset(config)
    family = Family(space.name, space.name)
    spaces = sized({space.name: space}, config, data.facts.steps[1])
    settings = SearchSettings(
        *("random", Budget(trials), 1, 30, 5, seed, 1), sequences=data.facts.sizes[0], min_steps=500
    )
    scheduler = Scheduler(dataset, [family], spaces, data.objective, settings)
    common = {"dataset": config.model_dump_json(), "spaces": {space.name: space.model_dump_json()}}
    ended = []
    while request := scheduler.ask():
        began = time.process_time()
        done = run_trial({"request": request.to_json(), "digest": data.facts.digest, **common})
        record: TrialRecord = done["trial"]
        assert isinstance(done["sealed"], SealedScore | None)  # which nothing here reads
        scheduler.tell(record)
        score = record.validation_score
        ended.append((time.process_time() - began, float("nan") if score is None else score))
    return ended


def expected_best(ended: Sequence[tuple[float, float]], seconds: float, sign: int, seed: int = 0) -> float:
    """The expected best score among the trials that end within a time.

    Args:
        ended: Seconds and score of each trial.
        seconds: The time; the first trial counts in any case.
        sign: 1 where lower scores are better, -1 where higher ones are.
        seed: Draws the orders.
    """
    chance, losses = np.random.default_rng(seed), np.array([sign * score for _, score in ended])
    spent, best = np.array([cost for cost, _ in ended]), []
    for _ in range(ORDERS):
        order = chance.permutation(len(ended))
        within = np.cumsum(spent[order]) <= seconds
        within[0] = True
        best.append(np.nanmin(losses[order][within], initial=np.inf))
    finite = [one for one in best if np.isfinite(one)]
    return sign * float(np.mean(finite)) if finite else float("nan")


def compare(dataset: str, family: str, new: Sequence[str], trials: int, seed: int) -> dict[str, object]:
    """One row of the table."""
    before = find_space(family, []).config
    assert before is not None
    after = overridden({family: before}, parse(new))[family]
    config = find_datasets(dataset, [])[0].config
    assert config is not None
    sign = load_dataset(config).objective.direction.sign
    sides = {name: trials_of(dataset, space, trials, seed) for name, space in (("before", before), ("after", after))}
    seconds = BEST_OF * float(np.mean([cost for cost, _ in sides["before"]]))
    best = {name: expected_best(ended, seconds, sign) for name, ended in sides.items()}
    means = {f"{name}_seconds_a_trial": float(np.mean([cost for cost, _ in ended])) for name, ended in sides.items()}
    return {"dataset": dataset, "family": family, "seconds": seconds, **best, **means}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="+")
    parser.add_argument("--family", default="lstm")
    parser.add_argument("--new", nargs="+", default=[], metavar="NAME=V,V", help="the second space, as `--set` has it")
    parser.add_argument("--trials", type=int, default=BEST_OF)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there, too")
    given = parser.parse_args()
    rows = []
    for dataset in given.datasets:
        row = compare(dataset, given.family, given.new, given.trials, given.seed)
        rows.append(row)
        print(
            f"{dataset:20} best of {BEST_OF} in {row['seconds']:.0f} s: {row['before']:.4g} before, "
            f"{row['after']:.4g} after; {row['before_seconds_a_trial']:.1f} and {row['after_seconds_a_trial']:.1f} s a "
            "trial",
            flush=True,
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
