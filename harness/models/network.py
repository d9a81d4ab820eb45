"""The one builder of recurrent networks, for every family and task: shapes, units by capacity, layers.

At equal units a GRU has a quarter fewer parameters than an LSTM. A search space that is declared in parameters gives
each family the units that fit instead, as in Chung et al. (2014) and in Collins, Sohl-Dickstein and Sussillo (2017).

A network is an embedding where its inputs are tokens, a stack of recurrent layers, a dropout after each, and a dense
head, at every step where every step has an answer. The same `Stack` gives the Keras
model that is saved and the forward pass of the fast training loop, so there is no second description to drift away.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import keras

from harness.config.space import SearchSpace
from harness.data import SequenceData
from harness.errors import UsageError
from harness.records import Answer, TaskKind, Value

DEFAULTS: Mapping[str, Value] = {
    "embedding_dim": 32,
    "units": 32,
    "layers": 1,
    "bidirectional": False,
    "dropout": 0.0,
    "learning_rate": 1e-3,
    "schedule": "constant",
    "optimizer": "adam",
    "batch_size": 32,
    "clip_norm": 1.0,
}
"""What a hyperparameter is when the search space does not name it."""


def setting(values: Mapping[str, Value], name: str) -> Any:
    """The value of a hyperparameter, or its default."""
    return values.get(name, DEFAULTS[name])


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """The shape of inputs and outputs.

    Attributes:
        task: What is predicted.
        steps: Length of every sequence after padding; None leaves it open.
        channels: Input channels; 1 for tokens.
        masked: Whether lengths differ, so that the network takes them as a second input.
        outputs: Targets, or classes where the answer is a class.
        horizon_steps: Steps of a forecast; 1 for other tasks.
        multi_label: Whether each output is a yes or no of its own.
        vocabulary: Number of different tokens; 0 where inputs are numbers.
        known_channels: How many channels, the last ones, are known in advance: their values over the horizon are a
            further input.
        knows_future: Whether a step's answer may be made from later steps too, so that a bidirectional layer is fair.
        indicators: Further channels of the network's inputs that say where a value is missing.
    """

    task: TaskKind
    steps: int | None
    channels: int
    masked: bool
    outputs: int
    horizon_steps: int
    multi_label: bool = False
    vocabulary: int = 0
    known_channels: int = 0
    knows_future: bool = True
    indicators: int = 0

    @property
    def width(self) -> int:
        """Channels of a network's scaled inputs, the indicators among them."""
        return self.channels + self.indicators

    @property
    def answer(self) -> Answer:
        """What an answer is made of."""
        return Answer.of(self.task, self.multi_label)

    @property
    def future_width(self) -> int:
        """Numbers that are known in advance, all channels and steps of the horizon together."""
        return self.horizon_steps * self.known_channels

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of a network's inputs, in order."""
        wanted = (("x", True), ("lengths", self.masked), ("future", self.known_channels > 0))
        return tuple(name for name, there in wanted if there)

    @classmethod
    def of(cls, data: SequenceData) -> NetworkShape:
        """The shape that a dataset asks for."""
        outputs = len(data.classes) if data.answer is Answer.CLASS else len(data.targets)
        return cls(
            task=data.task,
            steps=data.train.x.shape[1],
            channels=len(data.channels),
            masked=data.masked,
            outputs=outputs,
            horizon_steps=data.horizon_steps,
            multi_label=data.multi_label,
            vocabulary=len(data.vocabulary),
            known_channels=len(data.known),
            knows_future=data.knows_future,
            indicators=len(data.scaling.indicators),
        )


_GATES_AND_BIASES = MappingProxyType({"LSTM": (4, 1), "GRU": (3, 2), "SimpleRNN": (1, 1)})
"""Blocks of weights of a cell and biases of each: Keras's GRU has a second one, for `reset_after`."""


def recurrent_parameters(kind: str, width: int, units: int, layers: int = 1, *, bidirectional: bool = False) -> int:
    """Weights in the recurrent layers of a network.

    Args:
        kind: Class name of the Keras layer.
        width: Features of each step of the first layer's inputs.
        units: Units of every layer (of either direction).
        layers: Layers.
        bidirectional: Whether every layer reads both ways.
    """
    gates, biases = _GATES_AND_BIASES[kind]
    directions = 2 if bidirectional else 1
    widths = [width, *[directions * units] * (layers - 1)]
    return sum(directions * gates * units * (inputs + units + biases) for inputs in widths)


def units_that_fit(kind: str, width: int, parameters: int, layers: int = 1, *, bidirectional: bool = False) -> int:
    """The most units whose recurrent parameters are at most so many; 1 where not even one fits."""

    def needed(units: int) -> int:
        return recurrent_parameters(kind, width, units, layers, bidirectional=bidirectional)

    return max(1, bisect_right(range(1, 1 << 21), parameters, key=needed))


def fitted(shape: NetworkShape, space: SearchSpace, values: Mapping[str, Value]) -> Mapping[str, Value]:
    """The hyperparameters with their `units`, which a space declared in parameters leaves to the family.

    Args:
        shape: Inputs and outputs of the network.
        space: The family's search space.
        values: Values of the hyperparameters.
    """
    if space.capacity == "units":
        return values
    width = int(setting(values, "embedding_dim")) if shape.vocabulary else shape.width
    parameters, layers = int(values["recurrent_parameters"]), int(setting(values, "layers"))
    both = bool(setting(values, "bidirectional"))
    return {**values, "units": units_that_fit(space.layer, width, parameters, layers, bidirectional=both)}


@dataclass(frozen=True, slots=True)
class Stack:
    """A network's layers in order.

    Attributes:
        shape: Inputs and outputs.
        recurrent: Recurrent layers; all but the last return sequences, and the last where every step has an answer.
        dropouts: One dropout layer after each recurrent layer; one mask for all steps of a sequence.
        head: The dense layer.
        embedding: Tokens to vectors; None where inputs are numbers.
    """

    shape: NetworkShape
    recurrent: Sequence[keras.layers.Layer]
    dropouts: Sequence[keras.layers.Layer]
    head: keras.layers.Layer
    embedding: keras.layers.Layer | None = None

    def forward(
        self,
        x: Any,
        lengths: Any = None,
        keep_masks: Sequence[Any] | None = None,
        future: Any = None,
        call: Callable[[keras.layers.Layer, Any, Any], Any] | None = None,
    ) -> Any:
        """Predict from scaled inputs.

        Args:
            x: (batch, steps, channels), scaled, or numbers of tokens (batch, steps).
            lengths: (batch,) real steps, when the shape is masked.
            keep_masks: One tensor a dropout layer, (batch, features): 0 for what is dropped, 1 / (1 - rate) for what
                is kept. None leaves dropout to the layers themselves.
            future: (batch, horizon, known channels), scaled, when the shape has any. The head takes them beside the
                last hidden state.
            call: (layer, inputs, mask or None) → outputs, in place of Keras's own call of a layer that has weights.

        Returns:
            Forecast (batch, horizon, targets) and regression (batch, targets) in scaled units; logits of classes
            (batch, classes); of each step's classes or labels (batch, steps, outputs).
        """
        mask = length_mask(x, lengths) if self.shape.masked else None
        call = call or _call
        hidden = x if self.embedding is None else call(self.embedding, x, None)
        for number, (layer, dropout) in enumerate(zip(self.recurrent, self.dropouts, strict=True)):
            hidden = call(layer, hidden, mask)
            if keep_masks is None:
                hidden = dropout(hidden)
            else:
                keep = keep_masks[number]
                hidden = hidden * (keep if len(hidden.shape) == 2 else keras.ops.expand_dims(keep, 1))
        if self.shape.known_channels:
            flat = keras.ops.reshape(future, (-1, self.shape.future_width))
            hidden = keras.ops.concatenate([hidden, flat], axis=-1)
        outputs = call(self.head, hidden, None)
        if self.shape.task is not TaskKind.FORECAST:
            return outputs
        return keras.ops.reshape(outputs, (-1, self.shape.horizon_steps, self.shape.outputs))

    @property
    def variables(self) -> list[Any]:
        """Trainable variables in the order of `model.get_weights()`."""
        return [variable for layer in self.weighted for variable in layer.trainable_variables]

    @property
    def units(self) -> int:
        """Units of a recurrent layer (of one direction)."""
        first = self.recurrent[0]
        return int(getattr(first, "forward_layer", first).units)

    @property
    def weighted(self) -> tuple[keras.layers.Layer, ...]:
        """The layers that have weights, in the order of `model.get_weights()`."""
        first = () if self.embedding is None else (self.embedding,)
        return (*first, *self.recurrent, self.head)


def _call(layer: keras.layers.Layer, inputs: Any, mask: Any) -> Any:
    return layer(inputs) if mask is None else layer(inputs, mask=mask)


def length_mask(x: Any, lengths: Any) -> Any:
    """Which steps are real: (batch, steps), from the lengths alone, since real data holds zeros too."""
    one = x if len(x.shape) == 2 else x[:, :, 0]
    steps = keras.ops.cumsum(keras.ops.ones_like(one, dtype="int32"), axis=1)
    return keras.ops.less_equal(steps, keras.ops.expand_dims(keras.ops.cast(lengths, "int32"), 1))


def build_stack(shape: NetworkShape, space: SearchSpace, values: Mapping[str, Value]) -> Stack:
    """The layers that these hyperparameters ask for, not yet built.

    Args:
        shape: Inputs and outputs.
        space: The family's search space, which names the kind of layer.
        values: Values of the hyperparameters; `DEFAULTS` stand in for missing ones.

    Raises:
        UsageError: A bidirectional layer is asked for where it would read the answers.
    """
    values = fitted(shape, space, values)
    if setting(values, "bidirectional") and not shape.knows_future:
        raise UsageError(
            f"{space.name}: bidirectional = true: expected false where the answer of a step is what comes after it: "
            "a layer that reads backwards would see it"
        )
    count, rate = int(setting(values, "layers")), float(setting(values, "dropout"))
    sequences = [number < count or shape.task.per_step for number in range(1, count + 1)]
    recurrent = [_recurrent_layer(space.layer, n, values, sequences=more) for n, more in enumerate(sequences, 1)]
    # One mask for all steps of a sequence (Gal and Ghahramani 2016), so that a whole epoch's masks are small enough
    # to be drawn at once.
    dropouts = [
        keras.layers.Dropout(rate, noise_shape=(None, 1, None) if more else None, name=f"dropout_{n}")
        for n, more in enumerate(sequences, 1)
    ]
    head = keras.layers.Dense(shape.outputs * shape.horizon_steps, name="head")
    embedding = None
    if shape.vocabulary:
        embedding = keras.layers.Embedding(shape.vocabulary, int(setting(values, "embedding_dim")), name="embedding")
    return Stack(shape, recurrent, dropouts, head, embedding)


def build_network(shape: NetworkShape, space: SearchSpace, values: Mapping[str, Value]) -> keras.Model:
    """The Keras model of `build_stack`'s layers: scaled inputs in, scaled outputs or logits out."""
    return model_of(build_stack(shape, space, values))


def model_of(stack: Stack) -> keras.Model:
    """A functional model around a stack's layers, which it builds.

    Its inputs are `x` (batch, steps, channels), or (batch, steps) for tokens, when the shape is masked `lengths`
    (batch,), and when channels are known in advance `future` (batch, horizon, known channels).
    """
    feed = inputs_of(stack.shape)
    outputs = stack.forward(feed["x"], feed.get("lengths"), future=feed.get("future"))
    return keras.Model(as_model_takes(list(feed.values())), outputs)


def inputs_of(shape: NetworkShape, bits: str = "float32") -> dict[str, Any]:
    """Symbolic inputs of a network, by their names, in order; numbers of so many bits."""
    steps = shape.steps
    x = (
        keras.Input((steps,), dtype="int32", name="x")
        if shape.vocabulary
        else keras.Input((steps, shape.width), dtype=bits, name="x")
    )
    inputs = {
        "x": x,
        "lengths": keras.Input((), dtype="int32", name="lengths"),
        "future": keras.Input((shape.horizon_steps, shape.known_channels), dtype=bits, name="future"),
    }
    return {name: inputs[name] for name in shape.inputs}


def as_model_takes(inputs: list[Any]) -> Any:
    """One input by itself, several as a list: a model that is called with a list of one warns."""
    return inputs if len(inputs) > 1 else inputs[0]


def _recurrent_layer(kind: str, number: int, values: Mapping[str, Value], *, sequences: bool) -> keras.layers.Layer:
    layer = getattr(keras.layers, kind)(
        int(setting(values, "units")), return_sequences=sequences, name=f"{kind.lower()}_{number}"
    )
    if not setting(values, "bidirectional"):
        return layer
    return keras.layers.Bidirectional(layer, name=f"bidirectional_{number}")
