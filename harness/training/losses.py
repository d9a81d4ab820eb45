"""What is minimised, for each kind of answer.

A loss says for each sequence what its errors cost and how much there was to get right, so that a batch's loss is one
sum divided by the other: a padded step costs nothing and counts for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
        real = tf.range(tf.shape(costs)[1])[None, :] < lengths[:, None]
        return tf.reduce_sum(tf.where(real, costs, 0.0), axis=1), tf.cast(lengths, tf.float32)

    def over_sequences(y: Any, outputs: Any, lengths: Any) -> tuple[Any, Any]:
        return each(y, outputs), tf.ones_like(lengths, tf.float32)

    return over_steps if shape.task.per_step else over_sequences


def _of_each_answer(
    shape: NetworkShape, numbers: str, class_weights: npt.NDArray[np.float32] | None
) -> Callable[[Any, Any], Any]:
    match shape.answer:
        case Answer.CLASS:
            return _cross_entropy(class_weights)
        case Answer.FLAGS:
            return lambda y, logits: tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(y, logits), axis=-1)
        case Answer.NUMBERS:
            size = tf.abs if numbers == "mae" else tf.square
            return lambda y, outputs: tf.reduce_mean(tf.reshape(size(y - outputs), (tf.shape(y)[0], -1)), axis=1)


def _cross_entropy(class_weights: npt.NDArray[np.float32] | None) -> Callable[[Any, Any], Any]:
    def plain(y: Any, logits: Any) -> Any:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)

    if class_weights is None:
        return plain
    return lambda y, logits: plain(y, logits) * tf.gather(tf.constant(class_weights), y)
