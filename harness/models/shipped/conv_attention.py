"""A convolution in front of recurrent layers, and attention that pools their states into one vector.

Ordóñez and Roggen 2016, "Deep Convolutional and LSTM Recurrent Neural Networks for Multimodal Wearable Activity
Recognition", Sensors 16(1), put convolutions before LSTM layers; here one, followed by ReLU. Raffel and Ellis 2015,
"Feed-Forward Networks with Attention Can Solve Some Long-Term Memory Problems", arXiv 1512.08756, pool by attention;
its weights are those of Yang et al. 2016, "Hierarchical Attention Networks for Document Classification", equations 5
to 7: u_t = tanh(W h_t + b), α_t = softmax_t(u_t · v), s = Σ_t α_t h_t.

The attention sees all steps, so that it can answer for a whole sequence and for no single step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from harness.models.cells import CELLS
from harness.models.network import recurrent_parameters
from harness.models.shape import NetworkShape
from harness.models.shipped.ends import dropped, features_of
from harness.records import Value


def build(shape: NetworkShape, values: Mapping[str, Value]) -> keras.Model:
    """The Keras model.

    Args:
        shape: Inputs and outputs.
        values: `embedding_dim`, `lookback_steps`, `kernel_size`, `units` (of the convolution, every recurrent layer
            and the attention), `cell` (the recurrent layer), `layers` (recurrent ones) and `dropout`.
    """
    inputs, units, kind = shape.make_inputs(), int(values["units"]), str(values["cell"])
    hidden, mask = features_of(shape, inputs, values), shape.mask(inputs)
    real = None if mask is None else ops.expand_dims(mask, -1)
    if real is not None:  # beyond a sequence's end the convolution reads zeros, as beyond the end of the longest
        hidden = ops.where(real, hidden, ops.zeros_like(hidden))
    convolution = keras.layers.Conv1D(units, int(values["kernel_size"]), padding="same", activation="relu")
    hidden = convolution(hidden)
    for number in range(1, int(values["layers"]) + 1):
        layer = CELLS[kind].layer(units, return_sequences=True, name=f"{kind.lower()}_{number}")
        hidden = layer(hidden) if mask is None else layer(hidden, mask=mask)
        hidden = dropped(hidden, values, f"dropout_{number}")
    return shape.network(inputs, _pooled(hidden, real, units))


def parameters(width: int, values: Mapping[str, Value]) -> int:
    """Weights between inputs and head.

    Args:
        width: Features of each step.
        values: `units`, `layers`, `kernel_size` and `cell`.
    """
    units = int(values["units"])
    convolution = units * (int(values["kernel_size"]) * width + 1)
    attention = units * (units + 1) + units
    return convolution + recurrent_parameters(str(values["cell"]), units, units, int(values["layers"])) + attention


def _pooled(hidden: Any, real: Any, units: int) -> Any:
    """(batch, steps, features) → (batch, features), the mean weighed by attention over real steps."""
    looked = keras.layers.Dense(units, "tanh", name="attention")(hidden)
    worth = keras.layers.Dense(1, use_bias=False, name="attention_worth")(looked)
    if real is not None:
        worth = ops.where(real, worth, ops.full_like(worth, -1e9))
    return ops.sum(ops.softmax(worth, axis=1) * hidden, axis=1)
