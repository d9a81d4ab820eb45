"""What the fast loop trained, saved and loaded in a process that knows only Keras, predicts the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from harness.models import NetworkShape, build_stack
from harness.records import TaskKind
from harness.training.batches import TensorPart
from harness.training.loop import CompiledNetwork, TrialHyperparameters
from harness.training.ops import loss_of

ONLY_KERAS = """
import sys
from pathlib import Path
import keras, numpy as np
for path in Path(sys.argv[1]).glob("*.keras"):
    given = np.load(path.with_suffix(".npz"))
    model = keras.models.load_model(path)
    inputs = [given["x"], given["lengths"]] if len(model.inputs) == 2 else given["x"]
    np.save(path.with_suffix(".npy"), model.predict(inputs, verbose=0))
assert "harness" not in sys.modules
"""


def test_a_trained_model_predicts_the_same_where_only_keras_is_known(make_space: Any, tmp_path: Path) -> None:
    chance = np.random.default_rng(8)
    x = chance.normal(size=(64, 9, 2)).astype(np.float32)
    y = x[:, :, 0].sum(axis=1, keepdims=True)
    expected = {}
    for family in ("LSTM", "GRU", "SimpleRNN"):
        for layers, masked in ((1, False), (2, True)):
            shape = NetworkShape(TaskKind.REGRESS, 9, 2, masked, 1, 1)
            lengths = chance.integers(2, 10, 64).astype(np.int32) if masked else np.full(64, 9, np.int32)
            stack = build_stack(shape, make_space(family), {"units": 8, "layers": layers})
            network = CompiledNetwork(stack, "adam", loss_of(shape, "mse"), 32, xla=True)
            network.reset(stack.initial_weights(2))
            part = TensorPart.of(x, lengths, y)
            before = network.predict(part)
            for epoch in range(3):
                network.epoch(part, chance.permutation(64), epoch, TrialHyperparameters(1e-2, 0.2, 1.0))
            network.restore(network.weights())
            name = f"{family}_{layers}"
            network.network.model.save(tmp_path / f"{name}.keras")
            np.savez(tmp_path / f"{name}.npz", x=x, lengths=lengths)
            expected[name] = network.predict(part)
            assert np.abs(expected[name] - before).max() > 0.01  # it has learnt something that has to be kept
    done = subprocess.run([sys.executable, "-c", ONLY_KERAS, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name, outputs in expected.items():
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), outputs, rtol=1e-5, atol=1e-5)
