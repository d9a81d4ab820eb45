"""The one builder of recurrent networks, for every family and task.

A network is a stack of recurrent layers, a dropout after each, and a dense head. The same `Stack` gives the Keras
model that is saved and the forward pass of the fast training loop, so there is no second description to drift away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from harness.cards.schema import SpaceCard
from harness.models.shapes import NetworkShape
from harness.records import TaskKind, Value

DEFAULTS: Mapping[str, Value] = {
    "units": 32,
    "layers": 1,
    "bidirectional": False,
    "dropout": 0.0,
    "learning_rate": 1e-3,
    "optimizer": "adam",
    "batch_size": 32,
    "clip_norm": 1.0,
}
"""What a hyperparameter is when the search space does not name it."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A network's layers in order.

    Attributes:
        shape: Inputs and outputs.
        recurrent: Recurrent layers; all but the last return sequences.
        dropouts: One dropout layer after each recurrent layer; one mask for all steps of a sequence.
        head: The dense layer.
    """

    shape: NetworkShape
    recurrent: Sequence[keras.layers.Layer]
    dropouts: Sequence[keras.layers.Layer]
    head: keras.layers.Layer

    def forward(self, x: Any, lengths: Any = None, keep_masks: Sequence[Any] | None = None) -> Any:
        """Predict from scaled inputs.

        Args:
            x: (batch, steps, channels), scaled.
            lengths: (batch,) real steps, when the shape is masked.
            keep_masks: One tensor a dropout layer, (batch, features): 0 for what is dropped, 1 / (1 - rate) for what
                is kept. None leaves dropout to the layers themselves.

        Returns:
            Forecast (batch, horizon, targets) and regression (batch, targets) in scaled units, classes as logits
            (batch, classes).
        """
        mask = length_mask(x, lengths) if self.shape.masked else None
        hidden = x
        for number, (layer, dropout) in enumerate(zip(self.recurrent, self.dropouts, strict=True)):
            hidden = layer(hidden, mask=mask)
            if keep_masks is None:
                hidden = dropout(hidden)
            else:
                keep = keep_masks[number]
                hidden = hidden * (keep if len(hidden.shape) == 2 else keras.ops.expand_dims(keep, 1))
        outputs = self.head(hidden)
        if self.shape.task is not TaskKind.FORECAST:
            return outputs
        return keras.ops.reshape(outputs, (-1, self.shape.horizon_steps, self.shape.outputs))

    @property
    def variables(self) -> list[Any]:
        """Trainable variables in the order of `model.get_weights()`."""
        return [variable for layer in (*self.recurrent, self.head) for variable in layer.trainable_variables]


def length_mask(x: Any, lengths: Any) -> Any:
    """Which steps are real: (batch, steps), from the lengths alone, since real data holds zeros too."""
    steps = keras.ops.cumsum(keras.ops.ones_like(x[:, :, 0], dtype="int32"), axis=1)
    return keras.ops.less_equal(steps, keras.ops.expand_dims(keras.ops.cast(lengths, "int32"), 1))


def setting(values: Mapping[str, Value], name: str) -> Any:
    """The value of a hyperparameter, or its default."""
    return values.get(name, DEFAULTS[name])


def build_stack(shape: NetworkShape, space: SpaceCard, values: Mapping[str, Value]) -> Stack:
    """The layers that these hyperparameters ask for, not yet built.

    Args:
        shape: Inputs and outputs.
        space: The family's search space, which names the kind of layer.
        values: Values of the hyperparameters; `DEFAULTS` stand in for missing ones.
    """
    count, rate = int(setting(values, "layers")), float(setting(values, "dropout"))
    recurrent = [_recurrent_layer(space.layer, number, count, values) for number in range(1, count + 1)]
    dropouts = [_dropout_layer(rate, number, last=number == count) for number in range(1, count + 1)]
    width = shape.outputs * shape.horizon_steps
    return Stack(shape, recurrent, dropouts, keras.layers.Dense(width, name="head"))


def build_network(shape: NetworkShape, space: SpaceCard, values: Mapping[str, Value]) -> keras.Model:
    """The Keras model of `build_stack`'s layers: scaled inputs in, scaled outputs or logits out."""
    return model_of(build_stack(shape, space, values))


def model_of(stack: Stack) -> keras.Model:
    """A functional model around a stack's layers, which it builds.

    Its inputs are `x` (batch, steps, channels) and, when the shape is masked, `lengths` (batch,).
    """
    x = keras.Input((stack.shape.steps, stack.shape.channels), name="x")
    if not stack.shape.masked:
        return keras.Model(x, stack.forward(x))
    lengths = keras.Input((), dtype="int32", name="lengths")
    return keras.Model([x, lengths], stack.forward(x, lengths))


def _recurrent_layer(kind: str, number: int, count: int, values: Mapping[str, Value]) -> keras.layers.Layer:
    last = number == count
    layer = getattr(keras.layers, kind)(
        int(setting(values, "units")), return_sequences=not last, name=f"{kind.lower()}_{number}"
    )
    if not setting(values, "bidirectional"):
        return layer
    return keras.layers.Bidirectional(layer, name=f"bidirectional_{number}")


def _dropout_layer(rate: float, number: int, *, last: bool) -> keras.layers.Layer:
    # One mask for all steps of a sequence (Gal and Ghahramani 2016), so that a whole epoch's masks are small enough
    # to be drawn at once.
    noise_shape = None if last else (None, 1, None)
    return keras.layers.Dropout(rate, noise_shape=noise_shape, name=f"dropout_{number}")
