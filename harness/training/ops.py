"""What a compiled epoch is made of: losses, optimisers on one flat vector, learning rates, and when XLA pays.

A loss says for each sequence what its errors cost and how much there was to get right, so that a batch's loss is one
sum divided by the other: a padded step costs nothing and counts for nothing.

Equal to Keras's own with their default settings (a test compares them); theirs cannot be run on values that are
inputs of a function (`stateless_apply` is refused with TensorFlow), and take a set of operations for each variable.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from harness.models import NetworkShape
from harness.records import Answer

Loss: TypeAlias = Callable[[Any, Any, Any], tuple[Any, Any]]
"""(answers, outputs, lengths) → cost (batch,) and count (batch,); outputs are a network's: scaled units or logits."""

LOSS_OF_METRIC: Mapping[str, str] = {"mae": "mae", "rmse": "mse", "mse": "mse"}
"""What is optimised for each metric of numbers, `mse` for others; classes and labels are trained on cross-entropy."""


def loss_of(shape: NetworkShape, numbers: str = "mse", class_weights: npt.NDArray[np.float32] | None = None) -> Loss:
    """The loss of a network.

    Args:
        shape: Its ends.
        numbers: `mae` or `mse`, where the answers are numbers.
        class_weights: What an error on each class weighs (classes,); None for 1 all through. As Keras' `class_weight`
            they multiply the cost and not the count.
    """
    each = _of_each_answer(shape, numbers, class_weights)

    def over_steps(y: Any, outputs: Any, lengths: Any) -> tuple[Any, Any]:
        costs = each(y, outputs)
        # Not a product: whatever stands at a padded step, 0 · NaN would still be NaN.
        real = tf.sequence_mask(lengths, tf.shape(costs)[1])
        return tf.reduce_sum(tf.where(real, costs, 0.0), axis=1), tf.cast(lengths, tf.float32)

    def over_sequences(y: Any, outputs: Any, lengths: Any) -> tuple[Any, Any]:
        return each(y, outputs), tf.ones_like(lengths, tf.float32)

    return over_steps if shape.task.per_step else over_sequences


def _of_each_answer(
    shape: NetworkShape, numbers: str, class_weights: npt.NDArray[np.float32] | None
) -> Callable[[Any, Any], Any]:
    match shape.answer:
        case Answer.CLASS:
            entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
            if class_weights is None:
                return lambda y, logits: entropy(y, logits)
            return lambda y, logits: entropy(y, logits) * tf.gather(tf.constant(class_weights), y)
        case Answer.FLAGS:
            return lambda y, logits: tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(y, logits), axis=-1)
        case Answer.NUMBERS:
            size = tf.abs if numbers == "mae" else tf.square
            return lambda y, outputs: tf.reduce_mean(tf.reshape(size(y - outputs), (tf.shape(y)[0], -1)), axis=1)


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


FloatArray = npt.NDArray[np.float32]

END_OF_EXPONENTIAL = 0.01
"""The share of the learning rate that `exponential` comes to at the end of a training."""


SCHEDULES: Mapping[str, Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]] = {
    "constant": lambda progress: np.ones_like(progress),
    # Loshchilov and Hutter 2017, equation 5, without restarts; Keras's `CosineDecay`.
    "cosine": lambda progress: 0.5 * (1.0 + np.cos(np.pi * progress)),
    # Keras's `ExponentialDecay`.
    "exponential": lambda progress: np.asarray(END_OF_EXPONENTIAL**progress),
}
"""Share of a training that is done → share of the learning rate."""


def rates(schedule: str, learning_rate: float, done: int, batches: int, total: int) -> FloatArray:
    """The learning rate of each of the next batches.

    Args:
        schedule: A key of `SCHEDULES`.
        learning_rate: At the beginning of the training.
        done: Batches trained so far.
        batches: How many rates.
        total: Batches of the whole training, if no stopping ends it; 0 where the schedule is constant.
    """
    progress = np.clip((done + np.arange(batches)) / max(1, total), 0.0, 1.0)
    return (learning_rate * SCHEDULES[schedule](progress)).astype(np.float32)


XLA_SMALLEST_WORK = 8_000
"""Gradient steps × sequence steps × layers of one trial from which XLA's compile is paid back: it takes 0.6 s more than
tracing and saves 0.04 ms a sequence step and layer, and most structures are trained more than once."""

_SETTINGS = "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=1"
_OTHERS = ("--xla_cpu", "--xla_backend")
_KNOWN_TO = "2.21."


def xla_pays(steps: int, layers: int, gradient_steps: int) -> bool:
    """Whether XLA is worth its compile for a trial of this size; never with a GPU, where cuDNN's kernels are faster.

    It depends neither on the family, so that none is compiled where another is not, nor on the number of units: from
    16 to 256 a compile takes as long.

    Args:
        steps: Length of the sequences.
        layers: Number of layers.
        gradient_steps: Batches of all epochs of one trial.
    """
    return gradient_steps * steps * layers >= XLA_SMALLEST_WORK and not on_gpu()


def on_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def compile_cheaply() -> None:
    """Have XLA compile in half the time, for code that runs as fast, unless this process has compiled already.

    Most of such a function's time goes into products of matrices, which are library calls whatever the compiler does.
    Does nothing where the user has settings of their own, or with a TensorFlow of another version: XLA ends the
    process when it meets a setting that it does not know.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if tf.__version__.startswith(_KNOWN_TO) and not any(name in flags for name in _OTHERS):
        os.environ["XLA_FLAGS"] = f"{flags} {_SETTINGS}".strip()
