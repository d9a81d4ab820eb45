"""Slow: with dropout on, whose masks differ, the fast loop's losses are distributed as those of `model.fit` are."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from scipy.stats import ks_2samp

from harness.models import NetworkShape, build_network, build_stack
from harness.records import TaskKind, derive_seed
from harness.training.batches import TensorPart
from harness.training.loop import CompiledNetwork, TrialHyperparameters
from harness.training.ops import loss_of

SEEDS, EPOCHS, BATCH, RATE, DROPOUT = 30, 10, 32, 2e-3, 0.25
KNOBS = TrialHyperparameters(RATE, DROPOUT, 1.0)
ROWS, STEPS = 1280, 8


@pytest.mark.slow
@pytest.mark.parametrize("family", ["LSTM", "GRU", "SimpleRNN"])
@pytest.mark.parametrize("layers", [1, 2])
def test_losses_with_dropout_are_distributed_as_those_of_model_fit(make_space: Any, family: str, layers: int) -> None:
    chance = np.random.default_rng(5)
    x = chance.normal(size=(2 * ROWS, STEPS, 2)).astype(np.float32)
    y = (x[:, :, 0].sum(axis=1, keepdims=True) + chance.normal(size=(2 * ROWS, 1))).astype(np.float32)
    shape = NetworkShape(TaskKind.REGRESS, STEPS, 2, False, 1, 1)
    values = {"units": 16, "layers": layers, "dropout": DROPOUT}
    fast = CompiledNetwork(
        build_stack(shape, make_space(family), values), "adam", loss_of(shape, "mse"), BATCH, xla=True
    )
    plain = build_network(shape, make_space(family), values)
    plain.compile(optimizer=keras.optimizers.Adam(RATE, global_clipnorm=1.0), loss="mse")
    part = TensorPart.of(x[:ROWS], np.full(ROWS, STEPS, np.int32), y[:ROWS])
    held_out = TensorPart.of(x[ROWS:], np.full(ROWS, STEPS, np.int32), y[ROWS:])
    losses: dict[str, list[tuple[float, float]]] = {"fast": [], "plain": []}
    for seed in range(SEEDS):
        weights = fast.network.initial_weights(seed)
        orders = [np.random.default_rng((seed, epoch)).permutation(ROWS) for epoch in range(EPOCHS)]
        fast.reset(weights)
        trained = [
            fast.epoch(part, order, derive_seed(seed, "dropout", epoch), KNOBS) for epoch, order in enumerate(orders)
        ]
        losses["fast"].append((float(np.mean(trained)), float(np.mean((fast.predict(held_out) - y[ROWS:]) ** 2))))
        _begin(plain, weights, seed)
        rows = np.concatenate(orders)  # ten epochs as one: a call of `fit` costs more than an epoch here
        history = plain.fit(x[rows], y[rows], batch_size=BATCH, shuffle=False, verbose=0)
        predicted = plain.predict(x[ROWS:], batch_size=ROWS, verbose=0)
        losses["plain"].append((history.history["loss"][0], float(np.mean((predicted - y[ROWS:]) ** 2))))
    for which in (0, 1):
        ours, theirs = ([pair[which] for pair in losses[side]] for side in ("fast", "plain"))
        assert np.median(ours) == pytest.approx(np.median(theirs), rel=0.02)
        assert ks_2samp(ours, theirs).pvalue > 0.001


def _begin(model: keras.Model, weights: list[Any], seed: int) -> None:
    """Put a compiled model back to the beginning: these weights, a fresh optimiser, dropout of this seed."""
    model.set_weights(weights)
    for variable in model.optimizer.variables:
        variable.assign(
            np.zeros(variable.shape, variable.dtype) if variable.path.split("/")[-1] != "learning_rate" else RATE
        )
    for number, layer in enumerate(model.layers):
        if isinstance(layer, keras.layers.Dropout):  # each its own seed: two layers of one seed drop the same units
            layer.seed_generator.state.assign([100 * seed + number, 0])
