"""What each oracle finds with the same budget: the test score of the best of 20 trials by validation, a table.

Every cell is the mean over independent searches of one family, seeds 1 to R, with its standard error. Random,
Bayesian search and TPE ask for 20 trials; grid search for the first 20 of its grid; Hyperband for as many of its own as
come to the epochs of 20 trials, a trial that goes on with another one counting from where it goes on. One trial is in
flight. Time apart from training is what the oracle itself takes.

    python benchmarks/oracles.py                                     # four datasets, five oracles, 5 searches each
    python benchmarks/oracles.py --dataset adding_50 --oracle tpe --oracle random --replicates 3 --epochs 10
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from harness.config import find_datasets, find_space
from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.data import load_dataset
from harness.executors import InProcessExecutor
from harness.records import Objective, Phase, SealedScore, TrialKey, TrialRecord, TrialRequest, derive_seed
from harness.search.oracle import Oracle, Point
from harness.search.tpe import TPE, TpeOracle
from harness.sweeps.trials import TrialSpec, run_one

DATASETS = ("japanese_vowels", "adding_50", "digits", "seattle_temps")
ORACLES = ("random", "bayesian", TPE, "hyperband", "grid")
BATCH_SIZE = 32


@dataclass(frozen=True, slots=True)
class Found:
    """What one search came to.

    Attributes:
        test: Test score of its best trial by validation.
        trials: Trials.
        epochs: Epochs trained at most, without those that a trial went on from.
        seconds: What asking and telling took.
    """

    test: float
    trials: int
    epochs: int
    seconds: float


class Search:
    """One search of one family on one dataset.

    Args:
        config: The dataset.
        space: The family's search space.
        trials: Trials of a search.
        epochs: The most epochs of a trial.
    """

    def __init__(self, config: DatasetConfig, space: SearchSpace, trials: int, epochs: int) -> None:
        data = load_dataset(config)
        self.objective: Objective = data.objective
        self._space, self._trials, self._epochs, self._dataset = space, trials, epochs, config.name
        self._spec = TrialSpec(config, {space.name: space}, data.facts.digest, Path("unused"))
        self._executor = InProcessExecutor()

    def run(self, kind: str, seed: int) -> Found:
        """Search with one oracle to the end of the budget."""
        oracle = self._oracle(kind, derive_seed(seed, self._dataset, kind))
        budget = self._trials * self._epochs
        ended: list[tuple[float, float]] = []
        done, trials, spent, seconds = dict[int, tuple[int, int]](), 0, 0, 0.0
        while spent < budget:
            started = time.perf_counter()
            point = oracle.ask()
            seconds += time.perf_counter() - started
            if not isinstance(point, Point):
                break
            trials += 1
            epochs = point.epochs or self._epochs
            trial_seed, before = done.get(point.continues or 0, (derive_seed(seed, self._dataset, trials), 0))
            done[trials], spent = (trial_seed, epochs), spent + epochs - before
            validation, test = self._train(point, trials, trial_seed, epochs)
            ended += [] if validation is None or test is None else [(self.objective.direction.sign * validation, test)]
            started = time.perf_counter()
            oracle.tell(trials, validation)
            seconds += time.perf_counter() - started
        return Found(min(ended)[1], trials, spent, seconds)

    def _oracle(self, kind: str, seed: int) -> Oracle | TpeOracle:
        if kind == TPE:
            return TpeOracle(self._space, self.objective, seed)
        return Oracle(kind, self._space, self.objective, seed, self._epochs)

    def _train(self, point: Point, number: int, seed: int, epochs: int) -> tuple[float | None, float | None]:
        """Validation and test score; of a trial that goes on with another one the whole training, which is the same."""
        key = TrialKey(self._dataset, self._space.name, 1, Phase.SEED_REPEAT, number)  # which keeps no weights
        values = {"batch_size": BATCH_SIZE, **point.values}
        request = TrialRequest(key, self._space.name, values, seed, epochs, epochs)
        made = run_one(self._executor, self._spec.task(request))
        sealed = made["sealed"]
        score = TrialRecord.from_json(made["trial"]).validation_score
        return score, None if sealed is None else SealedScore.from_json(sealed).test_score


def cell(found: list[Found]) -> str:
    """Mean and standard error of the searches' scores, trials and seconds of a search."""
    tests = [one.test for one in found]
    error = statistics.stdev(tests) / len(tests) ** 0.5 if len(tests) > 1 else float("nan")
    trials, seconds = (statistics.mean(getattr(one, name) for one in found) for name in ("trials", "seconds"))
    return f"{statistics.mean(tests):.4g} ± {error:.2g} ({trials:.0f}, {seconds:.1f} s)"


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", action="append", help="name or path; several times for several")
    parser.add_argument("--oracle", action="append", choices=ORACLES)
    parser.add_argument("--family", default="gru", help="name or path of a search space")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--replicates", type=int, default=5, help="searches of each cell")
    given = parser.parse_args()
    oracles = given.oracle or ORACLES
    space = find_space(given.family).config
    assert space is not None  # `find_space` raises for a broken one
    print(f"Test score of the best of {given.trials} trials by validation, {given.family}, {given.epochs} epochs: mean")
    print(f"± standard error over {given.replicates} searches (trials, the oracle's own seconds of a search).\n")
    print(f"| dataset | {' | '.join(oracles)} |\n|---|{'---|' * len(oracles)}")
    for found in (one for name in given.dataset or DATASETS for one in find_datasets(name)):
        assert found.config is not None  # as above
        search = Search(found.config, space, given.trials, given.epochs)
        cells = [cell([search.run(kind, seed) for seed in range(1, given.replicates + 1)]) for kind in oracles]
        goal = f"{search.objective.metric}, {search.objective.direction.value}"
        print(f"| {found.name} ({goal}) | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
