"""The optimisers on one flat vector take the steps of Keras's own."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from harness.config.space import OPTIMIZERS as NAMES
from harness.training.ops import OPTIMIZERS


def test_every_optimizer_that_cards_may_name_is_there() -> None:
    assert set(OPTIMIZERS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_steps_as_keras_does(name: str) -> None:
    chance = np.random.default_rng(0)
    begin = chance.normal(size=7).astype(np.float32)
    variable, ours = keras.Variable(begin), tf.constant(begin)
    theirs = keras.optimizers.get({"class_name": name, "config": {"learning_rate": 0.05}})
    slots = tf.zeros((OPTIMIZERS[name].slots, 7))
    for number in range(1, 9):
        gradient = tf.constant(chance.normal(0, 10.0 ** (number - 5), 7).astype(np.float32))
        theirs.apply([gradient], [variable])
        ours, slots = OPTIMIZERS[name].step(ours, gradient, slots, tf.constant(0.05), tf.constant(number))
        np.testing.assert_allclose(ours, variable.numpy(), rtol=2e-5, atol=1e-6)
