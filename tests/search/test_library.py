"""Keras Tuner without Keras: the same oracles, and nothing of it where the real Keras is wanted afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from harness._tensorflow import OWN_PROCESS_VARIABLE

SCRIPT = """
import json, sys
from harness.config import find_space
from harness.records import Direction, Objective
from harness.search.oracle import Oracle, Point
from harness._tensorflow import load_tensorflow

space = find_space("lstm").config
small = space.model_copy(update={"hyperparameters": dict(list(space.hyperparameters.items())[:4])})
least = Objective("mse", Direction.MIN)

def points(kind):
    oracle, found = Oracle(kind, small if kind == "bayesian" else space, least, 7, 9), []
    for number in range(1, 16 if kind == "bayesian" else 41):
        if not isinstance(point := oracle.ask(), Point):
            break
        found.append([point.values, point.epochs, point.continues])
        oracle.tell(number, None if number == 5 else 1 / number)
    return found

kinds = ("random", "hyperband", "grid", "bayesian")
alone = {kind: points(kind) for kind in kinds}
loaded = [name for name in ("keras", "keras_tuner", "tensorflow") if name in sys.modules]
load_tensorflow()
import keras, keras_tuner
model = keras.Sequential([keras.Input((3, 2)), keras.layers.GRU(2)])
beside = {kind: points(kind) for kind in kinds}
print(json.dumps([alone, loaded, keras.config.backend(), model.output_shape, beside]))
"""


def test_oracles_without_keras_ask_the_same() -> None:
    environment = {**os.environ, OWN_PROCESS_VARIABLE: "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    alone, loaded, backend, shape, beside = json.loads(done.stdout.splitlines()[-1])
    assert loaded == []
    assert (backend, shape) == ("tensorflow", [None, 2])
    assert {kind: len(points) for kind, points in alone.items()} == {
        "random": 40,
        "hyperband": 21,
        "grid": 40,
        "bayesian": 15,
    }
    assert alone == beside
