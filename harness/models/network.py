"""The builder of the shipped recurrent networks, for every cell and task: units by capacity, layers.

At equal units a GRU has a quarter fewer parameters than an LSTM. A search space that is declared in parameters gives
each family the units that fit instead, as in Chung et al. (2014) and in Collins, Sohl-Dickstein and Sussillo (2017).

A network is an embedding where its inputs are tokens, a convolution in strides where long sequences are to be read
faster, a stack of recurrent layers, a dropout after each, and a dense head, at every step where every step has an
answer. The same `Stack` gives the Keras
model that is saved and the forward pass of the fast training loop, so there is no second description to drift away.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from harness.config.space import SearchSpace
from harness.errors import UsageError
from harness.models.cells import CELLS
from harness.models.ends import cropped, in_whole_strides, strides_of, summed_up
from harness.models.shape import NetworkShape, Training, as_model_takes, length_mask
from harness.records import TaskKind, Value, derive_seed

DEFAULTS: Mapping[str, Value] = {
    "embedding_dim": 32,
    "units": 32,
    "layers": 1,
    "bidirectional": False,
    "lookback_steps": 0,
    "stride_steps": 1,
    "summary": "last",
    "kernel_size": 3,
    "cell": "LSTM",
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


def recurrent_parameters(
    kind: str, width: int | None, units: int, layers: int = 1, *, bidirectional: bool = False
) -> int:
    """Weights in the recurrent layers of a network.

    Args:
        kind: A key of `CELLS`.
        width: Features of each step of the first layer's inputs; None for as many as units.
        units: Units of every layer (of either direction).
        layers: Layers.
        bidirectional: Whether every layer reads both ways.
    """
    cell, directions = CELLS[kind], 2 if bidirectional else 1
    widths = [units if width is None else width, *[directions * units] * (layers - 1)]
    return sum(directions * cell.blocks * units * (inputs + units + cell.biases) for inputs in widths)


def units_that_fit(
    kind: str, width: int | None, parameters: int, layers: int = 1, *, bidirectional: bool = False
) -> int:
    """The most units whose recurrent parameters are at most so many; 1 where not even one fits."""

    def needed(units: int) -> int:
        return recurrent_parameters(kind, width, units, layers, bidirectional=bidirectional)

    return most_units(needed, parameters)


def most_units(needed: Callable[[int], int], parameters: int) -> int:
    """The most units that need at most so many weights; 1 where not even one fits.

    Args:
        needed: Units → weights, which grow with the units.
        parameters: Weights.
    """
    return max(1, bisect_right(range(1, 1 << 21), parameters, key=needed))


def layer_of(space: SearchSpace) -> str:
    """What the space of a recurrent family calls its layer."""
    assert space.layer is not None  # else it is a builder's
    return space.layer


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
    strided = not shape.task.per_step and int(setting(values, "stride_steps")) > 1
    parameters, layers = int(values["recurrent_parameters"]), int(setting(values, "layers"))
    both = bool(setting(values, "bidirectional"))
    return {
        **values,
        "units": units_that_fit(layer_of(space), None if strided else width, parameters, layers, bidirectional=both),
    }


@dataclass(frozen=True)
class Stack:
    """A recurrent network: its layers in order. A `Network`, as `families` asks for.

    Attributes:
        shape: Inputs and outputs.
        recurrent: Recurrent layers; all but the last return sequences, and the last where every step has an answer.
        dropouts: One dropout layer after each recurrent layer; one mask for all steps of a sequence.
        head: The dense layer.
        embedding: Tokens to vectors; None where inputs are numbers.
        front: A convolution in strides, before the recurrent layers; None where every step is read by itself.
        lookback: The last steps that are read; 0 for all.
        summary: What the last recurrent layer's outputs are summed up by: `last`, `mean` or `max`.
    """

    shape: NetworkShape
    recurrent: Sequence[keras.layers.Layer]
    dropouts: Sequence[keras.layers.Layer]
    head: keras.layers.Layer
    embedding: keras.layers.Layer | None = None
    front: keras.layers.Layer | None = None
    lookback: int = 0
    summary: str = "last"

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
        x = cropped(x, self.lookback)
        mask = length_mask(x, lengths) if self.shape.masked else None
        call = call or _call
        hidden = x if self.embedding is None else call(self.embedding, x, None)
        if self.front is not None:
            hidden = call(self.front, in_whole_strides(hidden, mask, self.stride), None)
            mask = None if mask is None else length_mask(hidden, strides_of(lengths, self.stride))
        for number, (layer, dropout) in enumerate(zip(self.recurrent, self.dropouts, strict=True)):
            hidden = call(layer, hidden, mask)
            if layer is self.recurrent[-1] and self.summary != "last":
                hidden = summed_up(hidden, mask, self.summary)
            if keep_masks is None:
                hidden = dropout(hidden)
            else:
                keep = keep_masks[number]
                hidden = hidden * (keep if len(hidden.shape) == 2 else keras.ops.expand_dims(keep, 1))
        outputs = call(self.head, self.shape.beside_future(hidden, future), None)
        return self.shape.as_answers(outputs)

    @cached_property
    def model(self) -> keras.Model:
        """The Keras model of these layers, with the weights that they have; it builds them."""
        return model_of(self)

    @property
    def training(self) -> Training:
        """How it trains: in the compiled epoch, by what the trial's hyperparameters say."""
        return Training()

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
    def recurrent_parameters(self) -> int:
        """Weights in the recurrent layers, once they are built."""
        return sum(int(layer.count_params()) for layer in self.recurrent)

    @property
    def weighted(self) -> tuple[keras.layers.Layer, ...]:
        """The layers that have weights, in the order of `model.get_weights()`."""
        first = [layer for layer in (self.embedding, self.front) if layer is not None]
        return (*first, *self.recurrent, self.head)

    @property
    def stride(self) -> int:
        """Steps that the recurrent layers read at once."""
        return 1 if self.front is None else int(self.front.kernel_size[0])

    def steps_read(self, lengths: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Steps that the recurrent layers take over sequences of these lengths (n,)."""
        return np.asarray(strides_of(np.minimum(lengths, self.lookback or lengths), self.stride))

    def build(self) -> Stack:
        """Build all layers, so that they have weights, unless they have them; the stack itself."""
        if not self.head.built:
            build_layers(self.weighted, self)
        return self

    def initial_weights(self, seed: int) -> list[npt.NDArray[np.float32]]:
        """Fresh initial weights, the same for the same seed, whatever else the process has drawn.

        Each initialiser is made again from its own configuration with a seed derived from its place, so that no global
        random state is read or changed.
        """
        fresh = [type(layer).from_config(_seeded(layer.get_config(), seed, layer.name)) for layer in self.weighted]
        build_layers(fresh, self)
        return [np.array(variable.numpy()) for layer in fresh for variable in layer.trainable_variables]


def build_layers(layers: Sequence[keras.layers.Layer], stack: Stack) -> None:
    """Build layers like a stack's, each on the shape that the ones before it give.

    Args:
        layers: As many and of the kinds of `stack.weighted`.
        stack: The stack that they belong to, or are like.
    """
    steps = (None, None if stack.front else stack.shape.steps)
    shape: tuple[int | None, ...] = steps if stack.embedding else (*steps, stack.shape.width)
    for layer, like in zip(layers, stack.weighted, strict=True):
        if like is stack.head:  # which takes what is known in advance beside the hidden state
            shape = (*shape[:-1], (shape[-1] or 0) + stack.shape.future_width)
        layer.build(shape)
        shape = layer.compute_output_shape(shape)


def _seeded(config: Any, seed: int, path: str) -> Any:
    """A layer's configuration with a seed of its own for everything that takes one."""
    if not isinstance(config, dict):
        return config
    seeds = {"seed": derive_seed(seed, path)} if "seed" in config else {}
    return {key: _seeded(item, seed, f"{path}.{key}") for key, item in config.items()} | seeds


def _call(layer: keras.layers.Layer, inputs: Any, mask: Any) -> Any:
    return layer(inputs) if mask is None else layer(inputs, mask=mask)


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
    # A summary is of one answer a sequence, and a stride would leave steps without theirs.
    summary, stride = (setting(values, name) for name in ("summary", "stride_steps"))
    summary, stride = ("last", 1) if shape.task.per_step else (str(summary), int(stride))
    sequences = [number < count or shape.task.per_step or summary != "last" for number in range(1, count + 1)]
    recurrent = [_recurrent_layer(layer_of(space), n, values, sequences=more) for n, more in enumerate(sequences, 1)]
    # One mask for all steps of a sequence (Gal and Ghahramani 2016), so that a whole epoch's masks are small enough
    # to be drawn at once.
    dropouts = [
        keras.layers.Dropout(rate, noise_shape=(None, 1, None) if more else None, name=f"dropout_{n}")
        for n, more in enumerate([*sequences[:-1], shape.task.per_step], 1)
    ]
    head = keras.layers.Dense(shape.outputs * shape.horizon_steps, name="head")
    embedding = None
    if shape.vocabulary:
        embedding = keras.layers.Embedding(shape.vocabulary, int(setting(values, "embedding_dim")), name="embedding")
    front = None
    if stride > 1:
        units = int(setting(values, "units"))
        front = keras.layers.Conv1D(units, stride, strides=stride, activation="relu", name="front")
    lookback = int(setting(values, "lookback_steps")) if shape.task is TaskKind.FORECAST else 0
    return Stack(shape, recurrent, dropouts, head, embedding, front, lookback, summary)


def model_of(stack: Stack) -> keras.Model:
    """A functional model around a stack's layers, which it builds.

    Its inputs are `x` (batch, steps, channels), or (batch, steps) for tokens, when the shape is masked `lengths`
    (batch,), and when channels are known in advance `future` (batch, horizon, known channels).
    """
    feed = stack.shape.make_inputs()
    outputs = stack.forward(feed["x"], feed.get("lengths"), future=feed.get("future"))
    return keras.Model(as_model_takes(list(feed.values())), outputs)


def _recurrent_layer(kind: str, number: int, values: Mapping[str, Value], *, sequences: bool) -> keras.layers.Layer:
    name = f"{kind.lower()}_{number}"
    layer = CELLS[kind].layer(int(setting(values, "units")), return_sequences=sequences, name=name)
    if not setting(values, "bidirectional"):
        return layer
    return keras.layers.Bidirectional(layer, name=f"bidirectional_{number}")
