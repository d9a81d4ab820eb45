"""A network as a function of its weights, which is what the compiled epoch trains: two kinds of one interface.

A stack of recurrent layers runs by the lean recurrence, its dropout by masks of a whole epoch. Any other model made of
Keras's layers runs by Keras's `stateless_call`: its state (the moving means of a batch normalisation) goes from batch
to batch beside the weights, and the seeds of its random layers are drawn for a whole epoch at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from harness.models import Network, Stack
from harness.models.cells import cell_of
from harness.models.shape import NetworkShape, as_model_takes
from harness.training.batches import Block, FloatArray
from harness.training.ops import on_gpu
from harness.training.recurrence import flatten, functional_calls, keras_calls, unflatten


class Forward(Protocol):
    """A network's outputs as a function of its weights, its state and its noise."""

    @property
    def shapes(self) -> Sequence[tuple[int, ...]]:
        """Of the weights, in the order of `model.get_weights()`."""

    def kernel(self, *, xla: bool) -> str:
        """What runs it, by the name that budget reports call it."""

    def assign(self, weights: Sequence[FloatArray]) -> None:
        """Give the layers these weights."""

    def pack(self, weights: Sequence[FloatArray]) -> tuple[FloatArray, tuple[Any, ...]]:
        """Weights in the order of `model.get_weights()` → the trainable ones as one vector, and the state."""

    def unpack(self, vector: FloatArray, state: Sequence[Any]) -> list[FloatArray]:
        """The inverse of `pack`."""

    def noise(self, block: Block, dropout: float, chance: np.random.Generator) -> list[npt.NDArray[Any]]:
        """All that is random in the batches of a block: arrays (batches, …), of which a batch takes one row each."""

    def train(
        self, inputs: tuple[Any, Any, Any], weights: Any, state: tuple[Any, ...], noise: list[Any]
    ) -> tuple[Any, tuple[Any, ...], Any]:
        """(x, lengths, future) of a batch → outputs, next state, and what is added to the loss; None for nothing."""

    def predict(self, inputs: tuple[Any, Any, Any], weights: Any, state: tuple[Any, ...]) -> Any:
        """(x, lengths, future) → outputs, with nothing random."""


def forward_of(network: Network) -> Forward:
    """The forward pass of a network that trains in the compiled epoch."""
    return StackForward(network) if isinstance(network, Stack) else ModelForward(network)


def kernel_of(layers: Sequence[keras.layers.Layer], *, xla: bool, gpu: bool) -> str:
    """What runs recurrent layers, by the name that budget reports call it.

    Args:
        layers: A network's recurrent layers, with Keras's default activations.
        xla: Whether the epoch is compiled with XLA.
        gpu: Whether TensorFlow sees a GPU; there Keras takes cuDNN's kernels for the cells that have one, and its own
            loop for the others.
    """
    if gpu and all(cell_of(one).cudnn for one in layers):
        return "cudnn"
    return "xla-epoch" if xla else "tf-epoch"


class StackForward:
    """A stack of recurrent layers; see `Forward`. It has no state."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._calls = keras_calls if on_gpu() else functional_calls

    @property
    def shapes(self) -> Sequence[tuple[int, ...]]:
        """See `Forward.shapes`."""
        return [tuple(one.shape) for one in self._stack.variables]

    def kernel(self, *, xla: bool) -> str:
        """See `Forward.kernel`."""
        return kernel_of(self._stack.recurrent, xla=xla, gpu=on_gpu())

    def assign(self, weights: Sequence[FloatArray]) -> None:
        """See `Forward.assign`."""
        for variable, weight in zip(self._stack.variables, weights, strict=True):
            variable.assign(weight)

    def pack(self, weights: Sequence[FloatArray]) -> tuple[FloatArray, tuple[Any, ...]]:
        """See `Forward.pack`."""
        return flatten(weights), ()

    def unpack(self, vector: FloatArray, state: Sequence[Any]) -> list[FloatArray]:  # noqa: ARG002
        """See `Forward.unpack`."""
        return unflatten(self._stack, vector)

    def noise(self, block: Block, dropout: float, chance: np.random.Generator) -> list[npt.NDArray[Any]]:
        """Dropout's masks, one (batches, batch, features) for each recurrent layer."""
        shapes = [(*block.weights.shape, layer.compute_output_shape((1, 1, 1))[-1]) for layer in self._stack.recurrent]
        if not dropout:
            return [np.ones(shape, np.float32) for shape in shapes]
        kept = np.float32(1.0 / (1.0 - dropout))
        return [(chance.random(shape, np.float32) >= dropout) * kept for shape in shapes]

    def train(
        self, inputs: tuple[Any, Any, Any], weights: Any, state: tuple[Any, ...], noise: list[Any]
    ) -> tuple[Any, tuple[Any, ...], Any]:
        """See `Forward.train`."""
        x, lengths, future = inputs
        return self._stack.forward(x, lengths, noise, future, self._calls(self._stack, weights)), state, None

    def predict(self, inputs: tuple[Any, Any, Any], weights: Any, state: tuple[Any, ...]) -> Any:
        """See `Forward.predict`."""
        keep = [tf.ones((1, 1)) for _ in self._stack.dropouts]
        return self.train(inputs, weights, state, keep)[0]


class ModelForward:
    """Any model made of Keras's layers; see `Forward`."""

    def __init__(self, network: Network) -> None:
        self._model, self._shape = network.model, network.shape
        trainable, kept = self._model.trainable_variables, self._model.non_trainable_weights
        self._places = np.cumsum([0, *(int(np.prod(one.shape)) for one in trainable)])
        self._trainable = {id(one): number for number, one in enumerate(trainable)}
        self._kept = {id(one): number for number, one in enumerate(kept)}
        self._seeds = [one for one in self._model.non_trainable_variables if id(one) not in self._kept]

    @property
    def shapes(self) -> Sequence[tuple[int, ...]]:
        """See `Forward.shapes`."""
        return [tuple(one.shape) for one in self._model.weights]

    def kernel(self, *, xla: bool) -> str:
        """See `Forward.kernel`."""
        return "xla-epoch" if xla else "tf-epoch"

    def assign(self, weights: Sequence[FloatArray]) -> None:
        """See `Forward.assign`."""
        self._model.set_weights(weights)

    def pack(self, weights: Sequence[FloatArray]) -> tuple[FloatArray, tuple[Any, ...]]:
        """See `Forward.pack`."""
        given = {id(one): weight for one, weight in zip(self._model.weights, weights, strict=True)}
        vector = flatten([given[key] for key in self._trainable]) if self._trainable else np.zeros(0, np.float32)
        return vector, tuple(given[key] for key in self._kept)

    def unpack(self, vector: FloatArray, state: Sequence[Any]) -> list[FloatArray]:
        """See `Forward.unpack`."""
        pieces = [vector[start:end] for start, end in pairwise(self._places)]
        found = []
        for one in self._model.weights:
            number = self._trainable.get(id(one))
            array = np.array(state[self._kept[id(one)]]) if number is None else pieces[number].reshape(one.shape)
            found.append(array)
        return found

    def noise(self, block: Block, dropout: float, chance: np.random.Generator) -> list[npt.NDArray[Any]]:  # noqa: ARG002
        """A seed for each random layer and batch; the layers know their own rates."""
        return [
            chance.integers(0, 2**32, (len(block.weights), *one.shape), np.uint32).astype(one.dtype)
            for one in self._seeds
        ]

    def train(
        self, inputs: tuple[Any, Any, Any], weights: Any, state: tuple[Any, ...], noise: list[Any]
    ) -> tuple[Any, tuple[Any, ...], Any]:
        """See `Forward.train`."""
        outputs, after, losses = self._model.stateless_call(
            *self._variables(weights, state, noise), self._taken(inputs), training=True, return_losses=True
        )
        kept = {id(one): value for one, value in zip(self._model.non_trainable_variables, after, strict=True)}
        penalty = tf.add_n([tf.cast(tf.reduce_sum(one), tf.float32) for one in losses]) if losses else None
        return outputs, tuple(tf.convert_to_tensor(kept[key]) for key in self._kept), penalty

    def predict(self, inputs: tuple[Any, Any, Any], weights: Any, state: tuple[Any, ...]) -> Any:
        """See `Forward.predict`."""
        seeds = [tf.zeros(one.shape, one.dtype) for one in self._seeds]
        variables = self._variables(weights, state, seeds)
        return self._model.stateless_call(*variables, self._taken(inputs), training=False)[0]

    def _variables(self, weights: Any, state: Sequence[Any], seeds: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        pieces = tf.split(weights, np.diff(self._places)) if self._trainable else []
        shapes = [one.shape for one in self._model.trainable_variables]
        trainable = [tf.reshape(piece, shape) for piece, shape in zip(pieces, shapes, strict=True)]
        own = {
            **dict(zip(self._kept, state, strict=True)),
            **{id(o): s for o, s in zip(self._seeds, seeds, strict=True)},
        }
        return trainable, [own[id(one)] for one in self._model.non_trainable_variables]

    def _taken(self, inputs: tuple[Any, Any, Any]) -> Any:
        return taken(self._shape, inputs)


def taken(shape: NetworkShape, inputs: tuple[Any, Any, Any]) -> Any:
    """Of (x, lengths, future) those that a model takes, as it takes them."""
    named = dict(zip(("x", "lengths", "future"), inputs, strict=True))
    return as_model_takes([named[name] for name in shape.inputs])
