"""What a stack does before its recurrent layers and after them: how much it reads, in what strides, and the summary.

Plain functions of tensors, Keras's symbolic ones and TensorFlow's alike.
"""

from __future__ import annotations

from typing import Any

import keras

_LEAST = -1e30
"""Below whatever a network gives."""


def cropped(x: Any, lookback: int) -> Any:
    """The last steps of (batch, steps, …); all of them where `lookback` is 0."""
    return x[:, -lookback:] if lookback else x


def in_whole_strides(x: Any, mask: Any, stride: int) -> Any:
    """Inputs (batch, steps, features) with zeros at their end, so that a convolution of this stride leaves none out.

    Padded steps become zeros too, whatever stands there: a stride that a sequence ends in reads them.
    """
    if mask is not None:
        x = keras.ops.where(keras.ops.expand_dims(mask, -1), x, keras.ops.zeros_like(x))
    steps = x.shape[1]
    missing = stride - 1 if steps is None else -steps % stride
    return keras.ops.pad(x, [[0, 0], [0, missing], [0, 0]]) if missing else x


def strides_of(lengths: Any, stride: int) -> Any:
    """How many strides sequences of these lengths take, the last one begun or whole."""
    return (lengths + (stride - 1)) // stride


def summed_up(hidden: Any, mask: Any, how: str) -> Any:
    """One vector a sequence from the outputs at its real steps.

    Args:
        hidden: (batch, steps, features).
        mask: (batch, steps), true for real steps; None when all are.
        how: `mean` or `max`.

    Returns:
        (batch, features).
    """
    if mask is None:
        return keras.ops.mean(hidden, axis=1) if how == "mean" else keras.ops.max(hidden, axis=1)
    real = keras.ops.expand_dims(mask, -1)
    if how == "max":
        return keras.ops.max(keras.ops.where(real, hidden, keras.ops.full_like(hidden, _LEAST)), axis=1)
    # Not a product with 0 and 1: whatever stands at a padded step, 0 · NaN would still be NaN.
    total = keras.ops.sum(keras.ops.where(real, hidden, keras.ops.zeros_like(hidden)), axis=1)
    return total / keras.ops.sum(keras.ops.cast(real, "float32"), axis=1)
