"""A recurrent layer run step by step, so that every state it hands from one step to the next can be looked at.

Keras runs a layer's steps inside one loop and shows what comes out at its end. The same cell called once a step gives
the same numbers, and a gradient can be asked for with respect to each state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf


@dataclass(frozen=True, slots=True)
class Pass:
    """One direction of one layer over one batch.

    Attributes:
        layer: The layer of Keras.
        inputs: (batch, steps, features) in the order in which they were read.
        states: What each step began with: for each step the cell's states, (batch, units) each. An LSTM hands on its
            hidden and its cell state, the others the hidden state alone. Those of the first step are 0.
        backwards: Whether the sequences were read from their end.
    """

    layer: keras.layers.Layer
    inputs: Any
    states: list[list[Any]]
    backwards: bool


@dataclass(slots=True)
class Unrolled:
    """Stands in for a recurrent layer in a `Stack`: gives the same outputs, and keeps its passes.

    Attributes:
        layer: A recurrent layer of Keras, or `Bidirectional` around one, built.
        passes: Those of the last call.
    """

    layer: keras.layers.Layer
    passes: list[Pass] = field(default_factory=list)

    def __call__(self, inputs: Any, mask: Any = None) -> Any:
        """What the layer gives for (batch, steps, features), and where `mask` (batch, steps) is false carries on."""
        if not isinstance(self.layer, keras.layers.Bidirectional):
            one, outputs = _run(self.layer, inputs, mask, backwards=False)
            self.passes = [one]
            return outputs if self.layer.return_sequences else outputs[:, -1]
        there, forward = _run(self.layer.forward_layer, inputs, mask, backwards=False)
        back, backward = _run(self.layer.backward_layer, inputs, mask, backwards=True)
        self.passes = [there, back]
        if self.layer.return_sequences:
            return tf.concat([forward, tf.reverse(backward, [1])], axis=-1)
        return tf.concat([forward[:, -1], backward[:, -1]], axis=-1)


def _run(layer: keras.layers.Layer, inputs: Any, mask: Any, *, backwards: bool) -> tuple[Pass, Any]:
    """Every step of one direction; the outputs are (batch, steps, units) in the order of reading."""
    if backwards:
        inputs, mask = tf.reverse(inputs, [1]), None if mask is None else tf.reverse(mask, [1])
    states = [tf.zeros((inputs.shape[0], width)) for width in _widths(layer)]
    output, outputs, handed = tf.zeros_like(states[0]), list[Any](), list[list[Any]]()
    for step in range(inputs.shape[1]):
        # A state's own tensor, apart from the output, which may be the same one: the gradient with respect to it is
        # what comes back through the steps that follow, not through what reads this step's output.
        states = [tf.identity(state) for state in states]
        handed.append(states)
        new_output, new_states = layer.cell(inputs[:, step], states)
        real = None if mask is None else mask[:, step, None]
        # Beyond a sequence's end its last output is carried on, or is 0 where Keras's `Bidirectional` has asked for it.
        output = _where(real, new_output, tf.zeros_like(output) if layer.zero_output_for_mask else output)
        states = [_where(real, new, old) for new, old in zip(_listed(new_states), states, strict=True)]
        outputs.append(output)
    return Pass(layer, inputs, handed, backwards), tf.stack(outputs, axis=1)


def _widths(layer: keras.layers.Layer) -> Sequence[int]:
    size = layer.cell.state_size
    return [int(width) for width in size] if isinstance(size, list | tuple) else [int(size)]


def _listed(states: Any) -> list[Any]:
    return list(states) if isinstance(states, list | tuple) else [states]


def _where(real: Any, new: Any, old: Any) -> Any:
    return new if real is None else tf.where(real, new, old)
