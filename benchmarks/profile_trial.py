"""Where the time of one trial goes, compile apart, against the floor that its arithmetic sets.

The floor is what the trial's products of matrices and its sigmoids and tangents would take on their own, at the rates
that NumPy's BLAS and vector library reach in this process for matrices of these very sizes: per batch and step the
state's product forward and backward, all inputs' products and the weights' gradients at once, and each gate's function
once. Everything else (element-wise sums, the optimiser, dropout's masks, gathering batches, validation, calls) is in
the rest. One thread.

    python benchmarks/profile_trial.py --units 16 32 64
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from threadpoolctl import threadpool_limits

from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.models import Stack
from harness.records import Phase, TrialKey, TrialRequest
from harness.training import evaluate, forward, loop, trial
from harness.training.cache import prepare, trainer_for

STEPS, BATCH, BATCHES, EPOCHS = 24, 32, 63, 10
GATES = {"LSTM": 4, "GRU": 3}
PARTS = {
    "training": (loop.CompiledNetwork, "_epoch"),
    "predicting the validation part": (loop.CompiledNetwork, "predict"),
    "validation and test scores": (trial, "validation_score"),
    "initial weights": (Stack, "initial_weights"),
    "dropout's masks": (forward.StackForward, "noise"),
}


def rate(work: Callable[[], object], repeats: int = 7) -> float:
    """Seconds of the quickest of some calls: other programs can only make one slower."""
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def product(rows: int, inner: int, columns: int) -> float:
    """Seconds of one product of matrices of these sizes, of many in a row."""
    many = max(1, 20_000_000 // (rows * inner * columns))
    chance = np.random.default_rng(0)
    left = chance.random((many, rows, inner), np.float32)
    right = chance.random((inner, columns), np.float32)
    out = np.empty((many, rows, columns), np.float32)
    return rate(lambda: np.matmul(left, right, out=out)) / many


def squashing() -> float:
    """Seconds of one tanh of a float32, of very many at once."""
    values = np.linspace(-4, 4, 1_000_000, dtype=np.float32)
    out = np.empty_like(values)
    return rate(lambda: np.tanh(values, out=out)) / len(values)


def floor_seconds(family: str, units: int, channels: int) -> float:
    """Seconds that the arithmetic of one trial's training would take on its own."""
    width, rows = GATES[family] * units, STEPS * BATCH
    products = STEPS * (product(BATCH, units, width) + product(BATCH, width, units))
    products += product(rows, channels, width) + product(channels, rows, width) + product(units, rows, width)
    functions = STEPS * BATCH * (width + (units if family == "LSTM" else 0)) * squashing()
    return EPOCHS * BATCHES * (products + functions)


def measure(family: str, units: int) -> dict[str, Any]:
    """One trial that finds its structure compiled: seconds by part, and how many times the floor it took."""
    source = {"kind": "generator", "generator": "adding", "steps": STEPS, "sequences": round(BATCHES * BATCH / 0.7)}
    config = DatasetConfig.model_validate(
        {"name": "work", "source": source, "task": {"kind": "regress", "metric": "mse"}}
    )
    ranges = {"units": {"type": "Choice", "values": [units, units + 1]}}
    space = SearchSpace.model_validate({"name": family.lower(), "layer": family, "hyperparameters": ranges})
    prepared = prepare(config)
    values = {"units": units, "learning_rate": 3e-3, "dropout": 0.2}
    request = TrialRequest(TrialKey("work", family, 1, Phase.SEARCH, 1), family, values, 1, EPOCHS, EPOCHS)
    network, _ = trainer_for(prepared, space, values, EPOCHS)
    network.prepare(prepared.train, prepared.validation)
    whole = rate(lambda: _whole(prepared, network, request), 5)
    spent = dict.fromkeys(PARTS, 0.0)
    undo = [_timed(owner if owner is trial else network, name, spent, part) for part, (owner, name) in PARTS.items()]
    _whole(prepared, network, request)
    for restore in undo:
        restore()
    spent["validation and test scores"] -= spent["predicting the validation part"]
    floor = floor_seconds(family, units, prepared.data.train.x.shape[2])
    shown = {part: round(seconds, 4) for part, seconds in spent.items()}
    return {
        "family": family,
        "units": units,
        "seconds": round(whole, 4),
        "floor_seconds": round(floor, 4),
        "times_the_floor": round(whole / floor, 2),
        **shown,
        "the rest": round(whole - sum(spent.values()), 4),
    }


def _whole(prepared: Any, network: Any, request: TrialRequest) -> None:
    trial.train(prepared, network, request)
    evaluate.test_score(prepared, network)


def _timed(owner: Any, name: str, spent: dict[str, float], part: str) -> Callable[[], None]:
    """Have a function add the seconds of its calls to a part; returns how to undo that."""
    plain = getattr(owner, name)

    def timed(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        value = plain(*arguments, **named)
        if name == "_epoch":
            value[-1].numpy()  # a call may come back before its arithmetic is done
        spent[part] += time.perf_counter() - began
        return value

    setattr(owner, name, timed)
    return lambda: setattr(owner, name, plain)


def main() -> None:
    """Measure each family at each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, nargs="+", default=[16, 32, 48, 64])
    units = parser.parse_args().units
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    with threadpool_limits(1):
        print(json.dumps([measure(family, size) for size in units for family in GATES], indent=2))


if __name__ == "__main__":
    main()
