"""What is minimised: as Keras and scikit-learn compute it, with padded steps costing and counting nothing."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.models import NetworkShape
from harness.records import TaskKind
from harness.training.ops import loss_of

LENGTHS = np.array([5, 2, 3], np.int32)
REAL = np.arange(5) < LENGTHS[:, None]


def shape(task: TaskKind, outputs: int, multi_label: bool = False) -> NetworkShape:
    return NetworkShape(task, 5, 2, True, outputs, 1, multi_label)


def labels(multi_label: bool) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    logits = random.normal(size=(3, 5, 4)).astype(np.float32)
    if multi_label:
        return (random.random((3, 5, 4)) < 0.4).astype(np.float32), logits
    return random.integers(0, 4, (3, 5)).astype(np.int32), logits


@pytest.mark.parametrize("multi_label", [False, True])
def test_each_sequence_costs_the_sum_over_its_real_steps(multi_label: bool) -> None:
    y, logits = labels(multi_label)
    costs, counts = loss_of(shape(TaskKind.LABEL, 4, multi_label))(y, logits, LENGTHS)
    if multi_label:
        each = keras.ops.binary_crossentropy(y, logits, from_logits=True).numpy().sum(axis=2)
    else:
        each = keras.ops.sparse_categorical_crossentropy(y, logits, from_logits=True).numpy()
    np.testing.assert_allclose(costs, np.where(REAL, each, 0).sum(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(counts, LENGTHS)


@pytest.mark.parametrize("multi_label", [False, True])
def test_whatever_stands_in_the_padding_changes_neither_loss_nor_gradient(multi_label: bool) -> None:
    y, logits = labels(multi_label)
    loss = loss_of(shape(TaskKind.LABEL, 4, multi_label))
    garbage = y.copy()
    garbage[~REAL] = 1

    def both(y: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        watched = tf.constant(logits)
        with tf.GradientTape() as tape:
            tape.watch(watched)
            costs, counts = loss(tf.constant(y), watched, tf.constant(LENGTHS))
            total = tf.reduce_sum(costs) / tf.reduce_sum(counts)
        return total.numpy(), tape.gradient(total, watched).numpy()

    wild = np.where(REAL[:, :, None], logits, np.float32(1e6))
    expected, gradient = both(y, logits)
    got, wild_gradient = both(garbage, wild)
    assert got == expected
    np.testing.assert_array_equal(wild_gradient, gradient)
    assert not gradient[~REAL].any()


def test_class_weights_multiply_the_cost_and_not_the_count() -> None:
    y, logits = np.array([0, 1, 1], np.int32), np.random.default_rng(1).normal(size=(3, 2)).astype(np.float32)
    weights = np.array([3.0, 0.5], np.float32)
    lengths = np.array([5, 5, 5], np.int32)
    plain, _ = loss_of(shape(TaskKind.CLASSIFY, 2))(y, logits, lengths)
    weighed, counts = loss_of(shape(TaskKind.CLASSIFY, 2), class_weights=weights)(y, logits, lengths)
    np.testing.assert_allclose(weighed, plain * weights[y], rtol=1e-6)
    np.testing.assert_array_equal(counts, [1, 1, 1])


def test_numbers_cost_the_mean_over_horizon_and_targets() -> None:
    random = np.random.default_rng(2)
    y, outputs = (random.normal(size=(3, 4, 2)).astype(np.float32) for _ in range(2))
    for name, power in (("mae", 1), ("mse", 2)):
        costs, counts = loss_of(shape(TaskKind.FORECAST, 2), name)(y, outputs, LENGTHS)
        np.testing.assert_allclose(costs, (np.abs(y - outputs) ** power).mean(axis=(1, 2)), rtol=1e-5)
        np.testing.assert_array_equal(counts, [1, 1, 1])
