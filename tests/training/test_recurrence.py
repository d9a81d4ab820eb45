"""The lean layers give what Keras's layers give, and their own gradients are those of autodiff and of differences."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.models import NetworkShape, build_stack
from harness.records import TaskKind
from harness.training.recurrence import flatten, functional_calls, keras_calls, run_recurrent, unflatten

STEPS, CHANNELS, UNITS, ROWS = 5, 3, 4, 6
KINDS = ("LSTM", "GRU", "SimpleRNN")


def layer_of(kind: str, *, bidirectional: bool, sequences: bool) -> keras.layers.Layer:
    layer = getattr(keras.layers, kind)(UNITS, return_sequences=sequences)
    layer = keras.layers.Bidirectional(layer) if bidirectional else layer
    layer.build((None, STEPS, CHANNELS))
    chance = np.random.default_rng(1)
    for variable in layer.trainable_variables:  # biases too, which begin at zero
        variable.assign(chance.normal(0, 0.6, variable.shape))
    return layer


def data(masked: bool) -> tuple[Any, Any]:
    chance = np.random.default_rng(2)
    x = tf.constant(chance.normal(size=(ROWS, STEPS, CHANNELS)).astype(np.float32))
    lengths = np.array([5, 1, 3, 4, 2, 5])
    return x, tf.constant(np.arange(STEPS) < lengths[:, None]) if masked else None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("sequences", [False, True], ids=["last", "sequences"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "bidirectional"])
def test_outputs_and_gradients_are_those_of_keras(
    kind: str, masked: bool, sequences: bool, bidirectional: bool
) -> None:
    layer, (x, mask) = layer_of(kind, bidirectional=bidirectional, sequences=sequences), data(masked)
    weights = [tf.constant(variable.numpy()) for variable in layer.trainable_variables]

    def both(run: Any) -> tuple[Any, list[Any]]:
        with tf.GradientTape() as tape:
            tape.watch([x, *weights])
            outputs = run()
            # Every output counts, and each in another way.
            worth = tf.reshape(tf.range(tf.size(outputs), dtype=tf.float32), outputs.shape)
            total = tf.reduce_sum(tf.sin(worth) * outputs * outputs)
        return outputs, tape.gradient(total, [x, *weights])

    def theirs() -> Any:
        return layer.stateless_call(weights, layer.non_trainable_variables, x, mask=mask)[0]

    ours, gradients = both(lambda: run_recurrent(layer, weights, x, mask))
    expected, expected_gradients = both(theirs)
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    for one, other in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_the_differences_of_outputs(kind: str) -> None:
    """Against no other code: each weight a little up and down."""
    layer, (x, mask) = layer_of(kind, bidirectional=False, sequences=True), data(masked=True)
    weights = [variable.numpy() for variable in layer.trainable_variables]

    def total(weights: Any) -> Any:
        return tf.reduce_sum(tf.square(run_recurrent(layer, weights, x, mask)))

    constants = [tf.constant(weight) for weight in weights]
    with tf.GradientTape() as tape:
        tape.watch(constants)
        value = total(constants)
    for gradient, weight in zip(tape.gradient(value, constants), weights, strict=True):
        place, step = np.unravel_index(np.abs(gradient).argmax(), weight.shape), 1e-2
        up, down = weight.copy(), weight.copy()
        up[place] += step
        down[place] -= step
        pairs = [[one if other is weight else other for other in weights] for one in (up, down)]
        difference = (float(total(pairs[0])) - float(total(pairs[1]))) / (2 * step)
        assert float(gradient[place]) == pytest.approx(difference, rel=1e-2)


@pytest.mark.parametrize("task", [TaskKind.CLASSIFY, TaskKind.NEXT_TOKEN])
def test_a_whole_stack_is_the_same_both_ways(task: TaskKind, make_space: Any) -> None:
    tokens = task is TaskKind.NEXT_TOKEN
    shape = NetworkShape(task, STEPS, 1 if tokens else CHANNELS, True, 7, 1, vocabulary=7 if tokens else 0)
    stack = build_stack(shape, make_space("GRU"), {"units": UNITS, "layers": 2})
    stack.build()
    weights = stack.initial_weights(3)
    vector = tf.constant(flatten(weights))
    for one, other in zip(unflatten(stack, vector.numpy()), weights, strict=True):
        np.testing.assert_array_equal(one, other)
    x = data(masked=True)[0]
    x = tf.cast(tf.abs(x[:, :, 0]) * 2, tf.int32) if tokens else x
    lengths, keep = tf.constant([5, 1, 3, 4, 2, 5]), [tf.ones((1, 1))] * 2
    lean, plain = (stack.forward(x, lengths, keep, call=way(stack, vector)) for way in (functional_calls, keras_calls))
    np.testing.assert_allclose(lean, plain, atol=1e-6)
