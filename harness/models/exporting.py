"""The model that is handed out: raw values in, original units or probabilities out, standard Keras layers only."""

from __future__ import annotations

import keras
import numpy as np

from harness.data import Scaling
from harness.models.shapes import NetworkShape
from harness.records import TaskKind


def wrap_for_export(network: keras.Model, shape: NetworkShape, scaling: Scaling) -> keras.Model:
    """Put the scaling around a trained network.

    Args:
        network: A network of `build_network`: scaled inputs in, scaled outputs or logits out.
        shape: Its shape.
        scaling: Statistics of the training part.

    Returns:
        A functional model with inputs `x` (batch, steps, channels) in raw units and, when the shape is masked,
        `lengths` (batch,), whose output is a forecast (batch, horizon, targets) or regression (batch, targets) in
        original units, or class probabilities (batch, classes). Built-in layers only, so that it loads with
        `safe_mode=True` where only Keras is known.
    """
    x = keras.Input((shape.steps, shape.channels), name="x")
    # Rescaling and not Normalization: plain numbers in its configuration, no adapted state. Two of them, since x - mean
    # is exact in float32 where x * scale - mean * scale loses what is small beside a large mean.
    centred = keras.layers.Rescaling(scale=1.0, offset=_numbers(-scaling.input_mean), name="centre_inputs")(x)
    scaled = keras.layers.Rescaling(scale=_numbers(1.0 / scaling.input_scale), name="scale_inputs")(centred)
    inputs, feed = x, scaled
    if shape.masked:
        lengths = keras.Input((), dtype="int32", name="lengths")
        inputs, feed = [x, lengths], [scaled, lengths]
    outputs = network(feed)
    if shape.task is TaskKind.CLASSIFY:
        outputs = keras.layers.Softmax(name="probabilities")(outputs)
    else:
        outputs = keras.layers.Rescaling(
            scale=_numbers(scaling.output_scale), offset=_numbers(scaling.output_mean), name="original_units"
        )(outputs)
    return keras.Model(inputs, outputs, name="champion")


def _numbers(values: np.ndarray) -> list[float]:
    return [float(value) for value in values]
