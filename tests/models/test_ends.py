"""What stands before and after the recurrent layers: strides, lookbacks, summaries; the same with Keras and without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from harness.config import SearchSpace
from harness.models import NetworkShape
from harness.models.network import build_stack
from harness.records import TaskKind
from harness.training.forward import StackForward

HYPERPARAMETERS = {"units": {"type": "Fixed", "value": 5}}
LSTM = SearchSpace.model_validate({"name": "lstm", "layer": "LSTM", "hyperparameters": HYPERPARAMETERS})
CLASSES = NetworkShape(TaskKind.CLASSIFY, steps=11, channels=3, masked=True, outputs=4, horizon_steps=1)
WINDOWS = NetworkShape(TaskKind.FORECAST, steps=12, channels=3, masked=False, outputs=2, horizon_steps=2)
RANDOM = np.random.default_rng(3)
X, LENGTHS = RANDOM.normal(size=(6, 12, 3)).astype(np.float32), np.array([11, 1, 4, 5, 8, 3], np.int32)
FUTURE = np.zeros((6, 0, 0), np.float32)


def outputs(shape: NetworkShape, x: np.ndarray, lengths: np.ndarray, **values: object) -> tuple[np.ndarray, np.ndarray]:
    """What the compiled epoch's way gives, and what the Keras model does for sequences of any length."""
    stack = build_stack(shape, LSTM, {"units": 5, **values}).build()
    weights = stack.initial_weights(9)
    lean = StackForward(stack)
    vector, state = lean.pack(weights)
    parts = tuple(map(tf.constant, (x, lengths, FUTURE)))
    model = build_stack(replace(shape, steps=None) if shape.masked else shape, LSTM, {"units": 5, **values}).model
    model.set_weights(weights)
    given = [x, lengths] if shape.masked else x
    return lean.predict(parts, vector, state).numpy(), np.asarray(model(given))


@pytest.mark.parametrize("summary", ["last", "mean", "max"])
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("both", [False, True])
def test_the_lean_way_gives_what_the_model_gives(summary: str, stride: int, both: bool) -> None:
    values = {"summary": summary, "stride_steps": stride, "bidirectional": both, "layers": 2}
    lean, model = outputs(CLASSES, X[:, :11], LENGTHS, **values)
    assert np.abs(lean - model).max() < 1e-5
    assert np.abs(lean).max() > 1e-3


@pytest.mark.parametrize("summary", ["mean", "max"])
def test_what_stands_at_padded_steps_counts_for_nothing(summary: str) -> None:
    spoiled = np.where(np.arange(12)[None, :, None] < LENGTHS[:, None, None], X, np.float32(np.nan))
    values = {"summary": summary, "stride_steps": 3}
    clean = outputs(CLASSES, X[:, :11], LENGTHS, **values)[0]
    longer = outputs(replace(CLASSES, steps=12), spoiled, LENGTHS, **values)
    assert all(np.allclose(one, clean, atol=1e-6) for one in longer)


def test_a_lookback_reads_the_last_steps_alone() -> None:
    changed = X.copy()
    changed[:, :7] += 1
    lean, model = outputs(WINDOWS, X, LENGTHS, lookback_steps=5)
    assert np.array_equal(lean, outputs(WINDOWS, changed, LENGTHS, lookback_steps=5)[0])
    assert np.abs(lean - model).max() < 1e-5
    assert not np.array_equal(lean, outputs(WINDOWS, changed, LENGTHS, lookback_steps=6)[0])


def test_every_step_keeps_its_answer() -> None:
    shape = replace(CLASSES, task=TaskKind.LABEL)
    plain, strided = (
        outputs(shape, X[:, :11], LENGTHS, **values)[0] for values in ({}, {"stride_steps": 3, "summary": "max"})
    )
    assert plain.shape == (6, 11, 4)
    assert np.array_equal(plain, strided)


def test_recurrent_steps_of_sequences() -> None:
    stack = build_stack(WINDOWS, LSTM, {"units": 5, "lookback_steps": 8, "stride_steps": 3})
    assert stack.steps_read(np.array([12, 7, 1])).tolist() == [3, 3, 1]
