"""Blocks of batches: nothing is lost on the way, and what streams is what lies in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness import models
from harness.config.dataset import DatasetConfig
from harness.data import load_dataset
from harness.models import NetworkShape
from harness.training import batches as parts
from harness.training import cache as preparing
from harness.training.batches import StreamedPart, TensorPart, together
from harness.training.loop import CompiledNetwork, TrialHyperparameters
from harness.training.ops import loss_of

CARD = DatasetConfig.model_validate(
    {
        "name": "adding",
        "source": {"kind": "generator", "generator": "adding", "steps": 6, "sequences": 100},
        "task": {"kind": "regress"},
    }
)


def both(monkeypatch: pytest.MonkeyPatch) -> tuple[NetworkShape, TensorPart, StreamedPart]:
    data = load_dataset(CARD)
    shape = NetworkShape.of(data)
    held = preparing.scaled(data.train, data.scaling, shape)
    monkeypatch.setattr(preparing, "LARGEST_TENSORS_BYTES", 1000)
    streamed = preparing.scaled(data.train, data.scaling, shape)
    assert isinstance(held, TensorPart)
    assert isinstance(streamed, StreamedPart)
    return shape, held, streamed


@pytest.mark.parametrize("block_bytes", [1, 3000, 10**9])
def test_streamed_blocks_are_the_held_ones(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "BLOCK_BYTES", block_bytes)
    _, held, streamed = both(monkeypatch)
    order = np.random.default_rng(0).permutation(len(held))
    blocks = [list(part.blocks(order, 16)) for part in (held, streamed)]
    assert len(blocks[0]) == len(blocks[1]) == {1: 5, 3000: 2, 10**9: 1}[block_bytes]
    assert len({block.weights.shape for block in blocks[0]}) == 1
    seen = []
    for one, other in zip(*blocks, strict=True):
        assert one.batches == other.batches
        np.testing.assert_array_equal(one.weights, other.weights)
        for ours, theirs in zip(one.inputs, other.inputs, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert np.asarray(one.weights)[one.batches :].sum() == 0
        seen.extend(np.asarray(one.inputs[2])[np.asarray(one.weights) > 0])
    np.testing.assert_array_equal(np.array(seen), held.y.numpy()[order])
    for ours, theirs in zip(held.chunks(), streamed.chunks(), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("xla", [False, True])
def test_training_is_the_same_both_ways_and_in_blocks(
    xla: bool, monkeypatch: pytest.MonkeyPatch, make_space: Any
) -> None:
    shape, held, streamed = both(monkeypatch)
    found = []
    for part, block_bytes in ((held, 10**9), (streamed, 10**9), (streamed, 3000)):
        monkeypatch.setattr(parts, "BLOCK_BYTES", block_bytes)
        stack = models.build_stack(shape, make_space("GRU"), {"units": 4})
        network = CompiledNetwork(stack, "adam", loss_of(shape), 16, xla=xla)
        network.prepare(part, part)
        network.reset(stack.initial_weights(5))
        order = np.random.default_rng(1).permutation(len(part))
        losses = [network.epoch(part, order, number, TrialHyperparameters(1e-2, 0.0, 1.0)) for number in range(3)]
        found.append((losses, network.predict(part)))
    for losses, outputs in found[1:]:
        np.testing.assert_allclose(losses, found[0][0], rtol=1e-5)
        np.testing.assert_allclose(outputs, found[0][1], atol=1e-5)


def test_two_parts_together_are_the_same_whichever_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a refit trains on: training and validation, of which the larger may stream."""
    data = load_dataset(CARD)
    shape, held, streamed = both(monkeypatch)
    monkeypatch.undo()
    validation = preparing.scaled(data.validation, data.scaling, shape)
    expected = together(held, validation)
    assert isinstance(expected, TensorPart)
    order = np.random.default_rng(2).permutation(len(expected))
    assert len(order) == len(data.train) + len(data.validation)
    mixed = together(streamed, validation)
    assert isinstance(mixed, StreamedPart)
    for one, other in zip(expected.blocks(order, 16), mixed.blocks(order, 16), strict=True):
        for ours, theirs in zip(one.inputs, other.inputs, strict=True):
            np.testing.assert_array_equal(ours, theirs)
