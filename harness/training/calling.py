"""How a stack's layers are run with weights that are inputs of a function and not their own.

Two ways to the same numbers: the lean loop over time of `recurrence`, for processors; and Keras's own layers, which
take cuDNN's kernels where there is a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from harness.models import Stack
from harness.training.recurrence import run_recurrent

Call: TypeAlias = Callable[[keras.layers.Layer, Any, Any], Any]
"""(layer, inputs, mask or None) → outputs."""


def lean_calls(stack: Stack, weights: Any) -> Call:
    """Calls of a stack's layers without Keras.

    Args:
        stack: Built layers.
        weights: All weights as one flat vector, in the order of `stack.variables`.
    """
    own = _weights_of_layers(stack, weights)

    def call(layer: keras.layers.Layer, inputs: Any, mask: Any) -> Any:
        match layer:
            case keras.layers.Embedding():
                return tf.gather(own[id(layer)][0], inputs)
            case keras.layers.Dense():
                return _dense(inputs, *own[id(layer)])
        return run_recurrent(layer, own[id(layer)], inputs, mask)

    return call


def keras_calls(stack: Stack, weights: Any) -> Call:
    """Calls of a stack's layers as Keras runs them; see `lean_calls`."""
    own = _weights_of_layers(stack, weights)

    def call(layer: keras.layers.Layer, inputs: Any, mask: Any) -> Any:
        further = {} if mask is None else {"mask": mask}
        outputs, _ = layer.stateless_call(own[id(layer)], layer.non_trainable_variables, inputs, **further)
        return outputs

    return call


def flattened(weights: Sequence[Any]) -> Any:
    """Weights as one vector."""
    return np.concatenate([np.ravel(one) for one in weights]).astype(np.float32)


def apart(stack: Stack, vector: Any) -> list[Any]:
    """A flat vector as arrays in the order of `stack.variables`; the inverse of `flattened`."""
    places = np.cumsum([0, *(_size(variable) for variable in stack.variables)])
    pieces = [vector[start:end] for start, end in pairwise(places)]
    return [np.reshape(piece, one.shape) for piece, one in zip(pieces, stack.variables, strict=True)]


def _weights_of_layers(stack: Stack, vector: Any) -> Mapping[int, list[Any]]:
    pieces = iter(tf.split(vector, [_size(variable) for variable in stack.variables]))
    return {
        id(layer): [tf.reshape(next(pieces), variable.shape) for variable in layer.trainable_variables]
        for layer in stack.weighted
    }


def _size(variable: Any) -> int:
    return int(np.prod(variable.shape))


def _dense(inputs: Any, kernel: Any, bias: Any) -> Any:
    if len(inputs.shape) == 2:
        return tf.matmul(inputs, kernel) + bias
    # One product of all steps: broadcasting the kernel over the batch is slower.
    flat = tf.matmul(tf.reshape(inputs, (-1, inputs.shape[-1])), kernel) + bias
    return tf.reshape(flat, (-1, *inputs.shape[1:-1], kernel.shape[-1]))
