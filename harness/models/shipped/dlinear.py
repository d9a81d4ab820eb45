"""DLinear: a forecast as a linear map of the past's trend, and one of what is left of it.

Zeng, Chen, Zhang and Xu 2023, "Are Transformers Effective for Time Series Forecasting?", AAAI, arXiv 2205.13504: the
trend is a moving average whose ends are repeated; each part goes through one linear layer from lookback to horizon,
shared by all channels. As there a target is predicted from its own past alone; other channels take no part. What is
known in advance is added through a linear layer of its own, which the paper has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from harness.errors import UsageError
from harness.models.shape import NetworkShape, as_model_takes
from harness.models.shipped.ends import features_of
from harness.records import Value


def build(shape: NetworkShape, values: Mapping[str, Value]) -> keras.Model:
    """The Keras model.

    Args:
        shape: Inputs and outputs: a forecast's.
        values: `kernel_size`, the steps that the moving average is over, 25 in the paper; and `lookback_steps`.

    Raises:
        UsageError: Sequences differ in length, or a target is no input.
    """
    if shape.masked or shape.steps is None:
        raise UsageError("DLinear: sequences differ in length: expected one lookback, which its linear layers map")
    if len(shape.target_channels) != shape.outputs or -1 in shape.target_channels:
        raise UsageError("DLinear: a target is not among the features: expected each, whose past it continues")
    inputs = shape.make_inputs()
    x = features_of(shape, inputs, values)
    past = ops.stack([x[:, :, place] for place in shape.target_channels], axis=1)  # (batch, targets, steps)
    trend = _moving_average(past, int(values["kernel_size"]))
    outputs = keras.layers.Dense(shape.horizon_steps, name="trend")(trend)
    outputs = outputs + keras.layers.Dense(shape.horizon_steps, name="remainder")(past - trend)
    outputs = keras.layers.Permute((2, 1), name="answers")(outputs)
    if shape.known_channels:
        known = ops.reshape(inputs["future"], (-1, shape.future_width))
        beside = keras.layers.Dense(shape.horizon_steps * shape.outputs, use_bias=False, name="known")(known)
        outputs = outputs + shape.as_answers(beside)
    return keras.Model(as_model_takes(list(inputs.values())), outputs)


def parameters(width: int, values: Mapping[str, Value]) -> int:  # noqa: ARG001  (another network's need)
    """It has no weights before its linear layers, which are its head: 0."""
    return 0


def _moving_average(x: Any, width: int) -> Any:
    """(batch, targets, steps) → the same shape: means over `width` steps, the first and the last step repeated."""
    before, after = (width - 1) // 2, width // 2
    first, last = (ops.repeat(end, count, axis=2) for end, count in ((x[:, :, :1], before), (x[:, :, -1:], after)))
    wide = ops.concatenate([*([first] if before else []), x, *([last] if after else [])], axis=2)
    return keras.layers.AveragePooling1D(width, 1, "valid", data_format="channels_first", name="average")(wide)
