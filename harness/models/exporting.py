"""The model that is handed out: raw values in, original units or probabilities out, standard Keras layers only."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from harness.data import Scaling
from harness.models.building import as_model_takes, inputs_of
from harness.models.shapes import NetworkShape
from harness.records import Answer


def wrap_for_export(network: keras.Model, shape: NetworkShape, scaling: Scaling) -> keras.Model:
    """Put the scaling around a trained network.

    Args:
        network: A network of `build_network`: scaled inputs in, scaled outputs or logits out.
        shape: Its shape.
        scaling: Statistics of the training part.

    Returns:
        A functional model with inputs `x` (batch, steps, channels) in raw units, or numbers of tokens (batch, steps),
        when the shape is masked `lengths` (batch,), and when channels are known in advance `future` (batch, horizon,
        known channels) in raw units. Its output is a forecast (batch, horizon, targets) or regression (batch, targets)
        in original units, or probabilities: of classes (batch, classes), or of each step's classes or labels (batch,
        steps, outputs). Built-in layers only, so that it loads with `safe_mode=True` where only Keras is known.
    """
    inputs = inputs_of(shape)
    feed = dict(inputs)
    if not shape.vocabulary:
        feed["x"] = _scaled(inputs["x"], scaling.input_mean, scaling.input_scale, "inputs")
    if shape.known_channels:
        known = slice(-shape.known_channels, None)  # they are the last channels
        feed["future"] = _scaled(inputs["future"], scaling.input_mean[known], scaling.input_scale[known], "future")
    outputs = _restored(network(as_model_takes(list(feed.values()))), shape, scaling)
    return keras.Model(as_model_takes(list(inputs.values())), outputs, name="champion")


def _scaled(x: Any, mean: np.ndarray, scale: np.ndarray, name: str) -> Any:
    # Rescaling and not Normalization: plain numbers in its configuration, no adapted state. Two of them, since x - mean
    # is exact in float32 where x * scale - mean * scale loses what is small beside a large mean.
    centred = keras.layers.Rescaling(scale=1.0, offset=_numbers(-mean), name=f"centre_{name}")(x)
    return keras.layers.Rescaling(scale=_numbers(1.0 / scale), name=f"scale_{name}")(centred)


def _restored(outputs: Any, shape: NetworkShape, scaling: Scaling) -> Any:
    match shape.answer:
        case Answer.CLASS:
            # Not the Softmax layer, which would take the mask of steps for one of classes.
            return keras.layers.Activation("softmax", name="probabilities")(outputs)
        case Answer.FLAGS:
            return keras.layers.Activation("sigmoid", name="probabilities")(outputs)
        case Answer.NUMBERS:
            scale, offset = _numbers(scaling.output_scale), _numbers(scaling.output_mean)
            return keras.layers.Rescaling(scale=scale, offset=offset, name="original_units")(outputs)


def _numbers(values: np.ndarray) -> list[float]:
    return [float(value) for value in values]
