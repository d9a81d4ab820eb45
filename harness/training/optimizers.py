"""Keras's optimisers on one flat vector of weights: a handful of operations, however many layers there are.

Equal to Keras's own with their default settings (a test compares them); theirs cannot be run on values that are
inputs of a function (`stateless_apply` is refused with TensorFlow), and take a set of operations for each variable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

_BETA_1, _BETA_2, _EPSILON, _RHO, _DECAY = 0.9, 0.999, 1e-7, 0.9, 0.004


@dataclass(frozen=True, slots=True)
class Optimizer:
    """One step of an optimiser.

    Attributes:
        slots: How many vectors it remembers beside the weights; they begin at zero.
        step: (weights, gradient, slots, learning rate, number of the step from 1) → (weights, slots).
    """

    slots: int
    step: Callable[[Any, Any, Any, Any, Any], tuple[Any, Any]]


def _adam(weights: Any, gradient: Any, slots: Any, rate: Any, number: Any) -> tuple[Any, Any]:
    """Kingma and Ba 2015, the efficient order of section 2."""
    mean, square = slots[0], slots[1]
    time = tf.cast(number, tf.float32)
    mean += (1.0 - _BETA_1) * (gradient - mean)
    square += (1.0 - _BETA_2) * (gradient * gradient - square)
    step = rate * tf.sqrt(1.0 - tf.pow(_BETA_2, time)) / (1.0 - tf.pow(_BETA_1, time))
    return weights - step * mean / (tf.sqrt(square) + _EPSILON), tf.stack([mean, square])


def _adamw(weights: Any, gradient: Any, slots: Any, rate: Any, number: Any) -> tuple[Any, Any]:
    """Loshchilov and Hutter 2019: the decay apart from the gradient."""
    return _adam(weights - weights * _DECAY * rate, gradient, slots, rate, number)


def _rmsprop(weights: Any, gradient: Any, slots: Any, rate: Any, number: Any) -> tuple[Any, Any]:  # noqa: ARG001
    square = _RHO * slots[0] + (1.0 - _RHO) * gradient * gradient
    return weights - rate * gradient * tf.math.rsqrt(square + _EPSILON), square[None]


def _sgd(weights: Any, gradient: Any, slots: Any, rate: Any, number: Any) -> tuple[Any, Any]:  # noqa: ARG001
    return weights - rate * gradient, slots


OPTIMIZERS: Mapping[str, Optimizer] = {
    "adam": Optimizer(2, _adam),
    "adamw": Optimizer(2, _adamw),
    "rmsprop": Optimizer(1, _rmsprop),
    "sgd": Optimizer(0, _sgd),
}
