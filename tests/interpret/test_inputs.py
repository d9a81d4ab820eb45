"""The gradient with respect to the inputs, of networks that have no known states, against differences and reach."""

from __future__ import annotations

import numpy as np
import pytest

from harness.config.space import SearchSpace
from harness.interpret.inputs import input_norms
from harness.models import NetworkShape, family_of
from harness.models.shipped.tcn import receptive_steps
from harness.records import TaskKind
from harness.training.batches import TensorPart
from harness.training.forward import ModelForward
from harness.training.ops import loss_of

STEPS, CHANNELS, MOVED = 12, 2, 1e-3
VALUES = {"units": 3, "kernel_size": 2, "layers": 2, "dropout": 0.0, "learning_rate": 1e-2}


def network_of(layer: str, *, masked: bool):
    units = {"units": {"type": "Fixed", "value": 3}} if layer != "DLinear" else {}
    kernel = {"kernel_size": {"type": "Fixed", "value": 2}} if layer != "MinGRU" else {}
    space = SearchSpace.model_validate({"name": "any", "layer": layer, "hyperparameters": {**units, **kernel}})
    task = TaskKind.FORECAST if layer == "DLinear" else TaskKind.REGRESS
    shape = NetworkShape(task, STEPS, CHANNELS, masked, 1, 1, target_channels=(0,) if layer == "DLinear" else ())
    return family_of(space).build(shape, VALUES).build()


def batch(network, *, masked: bool) -> TensorPart:
    chance = np.random.default_rng(3)
    lengths = np.array([12, 5, 1] if masked else [12] * 3, np.int32)
    x = chance.normal(size=(3, STEPS, CHANNELS)).astype(np.float32)
    x[np.arange(STEPS)[None, :] >= lengths[:, None]] = 0
    forecast = network.shape.task is TaskKind.FORECAST
    return TensorPart.of(x, lengths, np.full((3, 1, 1) if forecast else (3, 1), 2, np.float32))


@pytest.mark.parametrize(
    ("layer", "masked"),
    [("MinGRU", True), ("TCN", True), ("ConvAttention", True), ("ConvAttention", False), ("DLinear", False)],
)
def test_it_is_what_moving_a_step_changes_of_the_loss(layer: str, masked: bool) -> None:
    network = network_of(layer, masked=masked)
    part, loss, weights = batch(network, masked=masked), loss_of(network.shape), network.initial_weights(5)
    norms = input_norms(network, weights, part, loss)
    lengths = part.lengths.numpy()
    assert norms.shape == (3, STEPS - 1)
    assert [int(np.isnan(row).sum()) for row in norms] == [STEPS - length for length in lengths]

    forward = ModelForward(network)
    vector, state = forward.pack(weights)

    def losses(x: np.ndarray) -> np.ndarray:
        outputs = forward.predict((x, part.lengths, part.future), vector, state)
        return loss(part.y, outputs, part.lengths)[0].numpy().astype(float)

    for distance in (1, 3):
        slopes = []
        for channel in range(CHANNELS):
            there, back = part.x.numpy(), part.x.numpy()
            for row in np.flatnonzero(lengths > distance):
                there[row, lengths[row] - 1 - distance, channel] += MOVED
                back[row, lengths[row] - 1 - distance, channel] -= MOVED
            slopes.append((losses(there) - losses(back)) / (2 * MOVED))
        moved = np.sqrt(np.square(slopes).sum(axis=0))
        rows = lengths > distance
        np.testing.assert_allclose(norms[rows, distance - 1], moved[rows], rtol=0.05, atol=2e-3)
        assert norms[rows, distance - 1].max() > 0


def test_a_step_beyond_what_a_convolution_reads_has_none() -> None:
    network = network_of("TCN", masked=False)
    part = batch(network, masked=False)
    norms = input_norms(network, network.initial_weights(5), part, loss_of(network.shape))
    reach = receptive_steps(VALUES["kernel_size"], VALUES["layers"])
    assert reach < STEPS
    assert np.all(norms[:, reach - 1 :] == 0)
    assert norms[:, : reach - 2].all(axis=1).any()  # of a sequence whose units are not all cut off
