"""Recurrent layers as one loop over time forward and one backward, on weights that are a function's inputs.

The layers are Keras's `LSTM`, `GRU` (`reset_after`) and `SimpleRNN` with their default activations, and the weights are
theirs; only the way to the same numbers differs. Autodiff through a loop over time keeps a stack for every
intermediate tensor and multiplies matrices for the weights' gradients at every step. Here a step keeps its gates alone,
and the gradients of all weights are one product each after the loop: a fraction of the graph to trace and compile, and
of the time to run it, with XLA and without.

Knows tensors and Keras's layers; nothing of networks, losses or trials.

Two ways to the same numbers: the lean loop over time, for processors; and Keras's own layers, which
take cuDNN's kernels where there is a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from harness.models import Stack
from harness.models.cells import Cell, cell_of


def run_recurrent(layer: keras.layers.Layer, weights: Sequence[Any], x: Any, mask: Any = None) -> Any:
    """What the layer would give with these weights in place of its own.

    Args:
        layer: An `LSTM`, `GRU` or `SimpleRNN` with Keras's defaults, or a `Bidirectional` of one.
        weights: In the order of `layer.trainable_variables`.
        x: (batch, steps, channels), with a known number of steps.
        mask: (batch, steps) bool, True for real steps; None when all are.

    Returns:
        (batch, steps, units) when it returns sequences, else (batch, units); twice the units when bidirectional.
    """
    if not isinstance(layer, keras.layers.Bidirectional):
        return _one_direction(layer, weights, x, mask, reverse=False)
    half = len(weights) // 2
    forward = _one_direction(layer.forward_layer, weights[:half], x, mask, reverse=False)
    backward = _one_direction(layer.backward_layer, weights[half:], x, mask, reverse=True)
    return tf.concat([forward, backward], axis=-1)


def _one_direction(layer: Any, weights: Sequence[Any], x: Any, mask: Any, *, reverse: bool) -> Any:
    kernel, recurrent_kernel, bias = weights
    batch, steps, channels = tf.shape(x)[0], x.shape[1], x.shape[2]
    gates = kernel.shape[1]
    input_bias, *recurrent_bias = (bias[0], bias[1]) if len(bias.shape) == 2 else (bias,)
    flat = tf.reshape(tf.transpose(x, (1, 0, 2)), (-1, channels))
    projected = tf.reshape(tf.matmul(flat, kernel) + input_bias, (steps, batch, gates))
    projected.set_shape((steps, x.shape[0], gates))
    real = None if mask is None else tf.transpose(mask)[:, :, None]
    loop = _Loop(cell_of(layer), steps, reverse, layer.return_sequences)
    outputs = loop.run(projected, recurrent_kernel, recurrent_bias, real)
    if not layer.return_sequences:
        return outputs
    if real is not None and layer.zero_output_for_mask:  # which Bidirectional asks for
        outputs = tf.where(real, outputs, 0.0)
    return tf.transpose(outputs, (1, 0, 2))


@dataclass(frozen=True, slots=True)
class _Loop:
    """A cell's loop over time.

    Attributes:
        cell: The cell.
        steps: Length of the sequences.
        reverse: Whether it begins at the end.
        sequences: Whether all outputs are wanted, or the last alone.
    """

    cell: Cell
    steps: int
    reverse: bool
    sequences: bool

    def run(self, projected: Any, kernel: Any, bias: Sequence[Any], real: Any) -> Any:
        """Outputs (steps, batch, units), or the last (batch, units).

        Args:
            projected: (steps, batch, gates × units), the inputs times their kernel.
            kernel: (units, gates × units).
            bias: Of the state's projection, (gates × units,), where the cell has one; else empty.
            real: (steps, batch, 1) bool; None when all steps are.
        """

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def looped(projected: Any, kernel: Any, *bias: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
            states, kept = self._forward(projected, kernel, bias, real)
            outputs = states[0] if self.sequences else states[0][0 if self.reverse else -1]

            def gradient(upstream: Any) -> tuple[Any, ...]:
                return self._backward(upstream, states, kept, kernel, real)[: 2 + len(bias)]

            return outputs, gradient

        return looped(projected, kernel, *bias)

    def _forward(self, projected: Any, kernel: Any, bias: Sequence[Any], real: Any) -> tuple[list[Any], Any]:
        """The states after every step, each (steps, batch, units), and what the steps kept."""
        units, batch = kernel.shape[0], projected.shape[1]
        sources = _unstacked([projected] if real is None else [projected, real])
        widths = [units] * self.cell.states + ([self.cell.kept * units] if self.cell.kept else [])
        targets = [tf.TensorArray(tf.float32, self.steps, element_shape=(batch, width)) for width in widths]
        start = [_zeros(projected[0, :, :units])] * self.cell.states

        def step(done: Any, state: list[Any], targets: list[Any]) -> tuple[Any, list[Any], list[Any]]:
            at = self.steps - 1 - done if self.reverse else done
            read = [source.read(at) for source in sources]
            recurrent = sum(bias, tf.matmul(state[0], kernel))
            after, kept = self.cell.step(read[0], recurrent, state)
            if real is not None:
                after = [tf.where(read[1], new, old) for new, old in zip(after, state, strict=True)]
            values = after if kept is None else [*after, kept]
            return done + 1, after, [target.write(at, value) for target, value in zip(targets, values, strict=True)]

        _, _, targets = tf.while_loop(lambda done, *_: done < self.steps, step, (0, start, targets))
        stacked = [target.stack() for target in targets]
        return stacked[: self.cell.states], stacked[self.cell.states] if self.cell.kept else None

    def _backward(
        self, upstream: Any, states: Sequence[Any], kept: Any, kernel: Any, real: Any
    ) -> tuple[Any, Any, Any]:
        """Gradients of the projected inputs, the recurrent kernel and its bias."""
        units, gates, batch = kernel.shape[0], kernel.shape[1], states[0].shape[1]
        before = [self._shifted(state) for state in states]
        optional = [tensor for tensor in (kept, real, upstream if self.sequences else None) if tensor is not None]
        sources = _unstacked([*before, *states, *optional])
        turned = tf.transpose(kernel)
        none = _zeros(states[0][0])
        start = [none if self.sequences else upstream, *[none] * (self.cell.states - 1)]
        widths = [gates] * (2 if self.cell.two_inputs else 1)
        targets = [tf.TensorArray(tf.float32, self.steps, element_shape=(batch, width)) for width in widths]

        def step(done: Any, gradient: list[Any], targets: list[Any]) -> tuple[Any, list[Any], list[Any]]:
            at = done if self.reverse else self.steps - 1 - done
            read = iter([source.read(at) for source in sources])
            earlier, later = [next(read) for _ in states], [next(read) for _ in states]
            kept_here = None if kept is None else next(read)
            real_here = None if real is None else next(read)
            if self.sequences:
                gradient = [gradient[0] + next(read), *gradient[1:]]
            active = gradient if real is None else [tf.where(real_here, one, none) for one in gradient]
            through, passed = self.cell.back(kept_here, earlier, later, active)
            passed[0] = passed[0] + tf.matmul(through[-1], turned)
            if real is not None:
                passed = [tf.where(real_here, one, old) for one, old in zip(passed, gradient, strict=True)]
            return done + 1, passed, [target.write(at, one) for target, one in zip(targets, through, strict=True)]

        _, _, targets = tf.while_loop(lambda done, *_: done < self.steps, step, (0, start, targets))
        through = [target.stack() for target in targets]
        flat = tf.reshape(through[-1], (-1, gates))
        kernel_gradient = tf.matmul(tf.reshape(before[0], (-1, units)), flat, transpose_a=True)
        return through[0], kernel_gradient, tf.reduce_sum(flat, axis=0)

    def _shifted(self, state: Any) -> Any:
        """The state before every step."""
        none = _zeros(state[:1])
        return tf.concat([state[1:], none] if self.reverse else [none, state[:-1]], axis=0)


def _zeros(like: Any) -> Any:
    # Where the shape is known a constant, and not `tf.zeros`, which makes an operation of large ones: TensorFlow
    # numbers what it folds in an order that changes from process to process, and each other number is another entry
    # in the cache of XLA's compiles.
    if like.shape.is_fully_defined():
        return tf.constant(np.zeros(like.shape, np.float32))
    return tf.zeros_like(like)


def _unstacked(tensors: Sequence[Any]) -> list[Any]:
    return [tf.TensorArray(one.dtype, one.shape[0], element_shape=one.shape[1:]).unstack(one) for one in tensors]


Call: TypeAlias = Callable[[keras.layers.Layer, Any, Any], Any]
"""(layer, inputs, mask or None) → outputs."""


def functional_calls(stack: Stack, weights: Any) -> Call:
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
            case keras.layers.Conv1D():
                return _in_strides(inputs, layer.kernel_size[0], *own[id(layer)])
            case keras.layers.Dense():
                return _dense(inputs, *own[id(layer)])
        return run_recurrent(layer, own[id(layer)], inputs, mask)

    return call


def keras_calls(stack: Stack, weights: Any) -> Call:
    """Calls of a stack's layers as Keras runs them; see `functional_calls`."""
    own = _weights_of_layers(stack, weights)

    def call(layer: keras.layers.Layer, inputs: Any, mask: Any) -> Any:
        further = {} if mask is None else {"mask": mask}
        outputs, _ = layer.stateless_call(own[id(layer)], layer.non_trainable_variables, inputs, **further)
        return outputs

    return call


def flatten(weights: Sequence[Any]) -> Any:
    """Weights as one vector."""
    return np.concatenate([np.ravel(one) for one in weights]).astype(np.float32)


def unflatten(stack: Stack, vector: Any) -> list[Any]:
    """A flat vector as arrays in the order of `stack.variables`; the inverse of `flatten`."""
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


def _in_strides(inputs: Any, stride: int, kernel: Any, bias: Any) -> Any:
    """A convolution that steps as far as it sees, then ReLU: one product, of steps side by side."""
    batch, steps, channels = tf.shape(inputs)[0], inputs.shape[1], inputs.shape[2]
    side_by_side = tf.reshape(inputs, (batch, steps // stride, stride * channels))
    return tf.nn.relu(_dense(side_by_side, tf.reshape(kernel, (stride * channels, -1)), bias))


def _dense(inputs: Any, kernel: Any, bias: Any) -> Any:
    if len(inputs.shape) == 2:
        return tf.matmul(inputs, kernel) + bias
    # One product of all steps: broadcasting the kernel over the batch is slower.
    flat = tf.matmul(tf.reshape(inputs, (-1, inputs.shape[-1])), kernel) + bias
    return tf.reshape(flat, (-1, *inputs.shape[1:-1], kernel.shape[-1]))
