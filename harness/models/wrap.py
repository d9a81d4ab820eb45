"""The model that is handed out: raw values in, original units or probabilities out, standard Keras layers only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from harness.data import Scaling
from harness.models.shape import NetworkShape, as_model_takes
from harness.records import Answer


def shape_for_export(shape: NetworkShape) -> NetworkShape:
    """The shape of a model that is handed out: for sequences of any length, where those of the data differ or are cut.

    Args:
        shape: That of the networks of its dataset.
    """
    if shape.task.per_step:  # in one call sequences of different lengths may come
        shape = replace(shape, masked=True)
    return replace(shape, steps=None) if shape.masked else shape


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
    # Values of 64 bits are centred in 64; the network itself computes in 32.
    bits = str(scaling.input_mean.dtype)
    inputs = replace(shape, indicators=0).make_inputs(bits)  # indicators are made inside
    feed = dict(inputs)
    if not shape.vocabulary:
        feed["x"] = _scaled_inputs(inputs["x"], scaling)
    if shape.known_channels:
        known = slice(-shape.known_channels, None)  # they are the last channels
        feed["future"] = _scaled(inputs["future"], scaling.input_mean[known], scaling.input_scale[known], "future")
    outputs = _restored(network(as_model_takes(list(feed.values()))), inputs["x"], shape, scaling)
    return keras.Model(as_model_takes(list(inputs.values())), outputs, name="champion")


def _scaled_inputs(x: Any, scaling: Scaling) -> Any:
    """What `Scaling.scale_inputs` does, as a graph."""
    scaled = _scaled(_changed(x, scaling), scaling.input_mean, scaling.input_scale, "inputs")
    if not scaling.fills_gaps:
        return scaled
    missing = keras.ops.isnan(x)
    filled = keras.ops.where(keras.ops.isnan(scaled), 0.0, scaled)
    flags = [keras.ops.cast(missing[:, :, place : place + 1], "float32") for place in scaling.indicators]
    return keras.ops.concatenate([filled, *flags], axis=-1) if flags else filled


def _changed(x: Any, scaling: Scaling) -> Any:
    """Logarithms, or changes from step to step, of the channels that have them; the others as they are."""
    if scaling.kind not in ("log", "difference") or not scaling.changed:
        return x
    if scaling.kind == "log":
        changed = keras.ops.sign(x) * keras.ops.log1p(keras.ops.abs(x))
    else:
        changed = keras.layers.ZeroPadding1D((1, 0), name="first_step", dtype=x.dtype)(x[:, 1:] - x[:, :-1])
    share = np.zeros(len(scaling.input_mean), np.float32)
    share[list(scaling.changed)] = 1
    if share.all():
        return changed
    apply = keras.layers.Rescaling(scale=share.tolist(), name="changed_channels", dtype=x.dtype)(changed)
    return apply + keras.layers.Rescaling(scale=(1 - share).tolist(), name="other_channels", dtype=x.dtype)(x)


def _scaled(x: Any, mean: np.ndarray, scale: np.ndarray, name: str) -> Any:
    # Rescaling and not Normalization: plain numbers in its configuration, no adapted state. Two of them, since x - mean
    # is exact in float32 where x * scale - mean * scale loses what is small beside a large mean.
    for part, offset in _in_32_bits(-mean).items():
        x = keras.layers.Rescaling(scale=1.0, offset=offset, name=f"centre_{name}{part}", dtype=x.dtype)(x)
    scaled = keras.layers.Rescaling(scale=(1.0 / scale).tolist(), name=f"scale_{name}", dtype=x.dtype)(x)
    return scaled if x.dtype == "float32" else keras.ops.cast(scaled, "float32")


def _in_32_bits(offset: np.ndarray) -> dict[str, list[float]]:
    """An offset as the sum of float32s, which is what Keras makes of a layer's numbers whatever its type."""
    first = offset.astype(np.float32)
    if offset.dtype == np.float32:
        return {"": first.tolist()}
    return {"": first.tolist(), "_rest": (offset - first).astype(np.float32).tolist()}


def _restored(outputs: Any, x: Any, shape: NetworkShape, scaling: Scaling) -> Any:
    match shape.answer:
        case Answer.CLASS:
            # Not the Softmax layer, which would take the mask of steps for one of classes.
            return keras.layers.Activation("softmax", name="probabilities")(outputs)
        case Answer.FLAGS:
            return keras.layers.Activation("sigmoid", name="probabilities")(outputs)
        case Answer.NUMBERS:
            restored, scale, bits = outputs, scaling.output_scale.tolist(), str(scaling.output_mean.dtype)
            for part, offset in _in_32_bits(scaling.output_mean).items():
                back = keras.layers.Rescaling(scale, offset, name=f"original_units{part}", dtype=bits)
                restored, scale = back(restored), 1.0
            if scaling.kind == "log":
                return keras.ops.sign(restored) * keras.ops.expm1(keras.ops.abs(restored))
            if scaling.kind != "difference":
                return restored
            last = [x[:, -1:, place : place + 1] for place in scaling.target_channels]  # in the lookback
            return restored + (keras.ops.concatenate(last, axis=-1) if len(last) > 1 else last[0])
