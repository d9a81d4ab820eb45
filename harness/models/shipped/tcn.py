"""TCN: residual blocks of dilated causal convolutions, each reaching twice as far back as the one before.

Bai, Kolter and Koltun 2018, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence
Modeling", arXiv 1803.01271, section 3: block i is ReLU(x + F(x)) with F two convolutions of dilation 2^(i-1), each
followed by ReLU and dropout of whole channels. Without their weight normalisation, which Keras has no layer for; and
the 1×1 convolution beside F, theirs where widths differ, is in the first block always, so that weights grow with units.
A step sees 1 + 2 (kernel_size - 1) (2^layers - 1) steps: itself and those before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from harness.models.shape import NetworkShape
from harness.models.shipped.ends import answered, dropped, features_of
from harness.records import Value


def build(shape: NetworkShape, values: Mapping[str, Value]) -> keras.Model:
    """The Keras model.

    Args:
        shape: Inputs and outputs.
        values: `embedding_dim`, `lookback_steps`, `units` (channels of every convolution), `layers` (blocks),
            `kernel_size` and `dropout`.
    """
    inputs = shape.make_inputs()
    hidden = features_of(shape, inputs, values)
    for number in range(1, int(values["layers"]) + 1):
        hidden = _block(hidden, values, number)
    return answered(shape, inputs, hidden)


def parameters(width: int, values: Mapping[str, Value]) -> int:
    """Weights between inputs and head.

    Args:
        width: Features of each step.
        values: `units`, `layers` and `kernel_size`.
    """
    units, kernel, layers = int(values["units"]), int(values["kernel_size"]), int(values["layers"])
    widths = [width, *[units] * (2 * layers - 1)]
    return sum(units * (kernel * inputs + 1) for inputs in widths) + units * (width + 1)


def receptive_steps(kernel_size: int, layers: int) -> int:
    """Steps that a step's output depends on, itself included."""
    return 1 + 2 * (kernel_size - 1) * ((1 << layers) - 1)


def _block(x: Any, values: Mapping[str, Value], number: int) -> Any:
    units, hidden = int(values["units"]), x
    for part in "ab":
        hidden = keras.layers.Conv1D(
            *(units, int(values["kernel_size"])),
            padding="causal",
            dilation_rate=2 ** (number - 1),
            activation="relu",
            kernel_initializer="he_normal",
            name=f"convolution_{number}{part}",
        )(hidden)
        hidden = dropped(hidden, values, f"dropout_{number}{part}")
    beside = keras.layers.Conv1D(units, 1, name="beside_1")(x) if number == 1 else x
    return keras.layers.Activation("relu", name=f"block_{number}")(beside + hidden)
