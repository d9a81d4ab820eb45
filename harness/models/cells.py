"""The recurrent cells of the shipped families: all that the product knows of LSTM, GRU and the plain tanh cell.

A family of one of Keras's recurrent layers is an entry of `CELLS` and a search space that names it. How its units
follow from a number of weights, how the compiled epoch runs it, which gates `harness explain` shows and whether cuDNN
has a kernel for it are read from its entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import keras
import tensorflow as tf


@dataclass(frozen=True, slots=True)
class Cell:
    """A recurrent cell: what its layer is made of, one step of its equations and of their derivatives.

    The tensors of a step are (batch, units) or, side by side, (batch, gates × units). A state is a list of tensors,
    the output first.

    Attributes:
        layer: Keras's layer.
        gates: Its gates, and which block of its kernels' columns each is computed from.
        blocks: Blocks of columns of its kernels, each as wide as there are units.
        biases: Bias vectors: Keras's GRU has a second one, for `reset_after`.
        cudnn: Whether Keras runs it by cuDNN's kernels where there is a GPU.
        states: Tensors of its state.
        kept: Columns, in units, of what a step keeps for the way back; 0 for nothing.
        two_inputs: Whether the gradients of the step's two inputs differ.
        step: (input's projection, state's projection, state) → (next state, what is kept).
        back: (what was kept, state before, state after, gradient of the state after) →
            (gradients of the projections, gradient of the state before, but for
            what comes through its projection; 0 where there is nothing else).
    """

    layer: type[keras.layers.Layer]
    gates: Mapping[str, int]
    blocks: int
    biases: int
    cudnn: bool
    states: int
    kept: int
    two_inputs: bool
    step: Callable[[Any, Any, Sequence[Any]], tuple[list[Any], Any]]
    back: Callable[[Any, Sequence[Any], Sequence[Any], Sequence[Any]], tuple[list[Any], list[Any]]]


def _lstm_step(projected: Any, recurrent: Any, state: Sequence[Any]) -> tuple[list[Any], Any]:
    """Hochreiter and Schmidhuber 1997 with a forget gate (Gers et al. 2000); Keras's order: i, f, g, o."""
    i, f, g, o = tf.split(projected + recurrent, 4, axis=1)
    i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
    memory = f * state[1] + i * g
    return [o * tf.tanh(memory), memory], tf.concat([i, f, g, o], axis=1)


def _lstm_back(
    kept: Any, before: Sequence[Any], after: Sequence[Any], gradient: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    i, f, g, o = tf.split(kept, 4, axis=1)
    squashed = tf.tanh(after[1])
    memory = gradient[1] + gradient[0] * o * (1.0 - squashed * squashed)
    through = tf.concat(
        [
            memory * g * i * (1.0 - i),
            memory * before[1] * f * (1.0 - f),
            memory * i * (1.0 - g * g),
            gradient[0] * squashed * o * (1.0 - o),
        ],
        axis=1,
    )
    return [through], [0.0, memory * f]


def _gru_step(projected: Any, recurrent: Any, state: Sequence[Any]) -> tuple[list[Any], Any]:
    """Cho et al. 2014, the reset gate applied after the product; Keras's order: z, r, candidate."""
    inputs, states = tf.split(projected, 3, axis=1), tf.split(recurrent, 3, axis=1)
    z, r = tf.sigmoid(inputs[0] + states[0]), tf.sigmoid(inputs[1] + states[1])
    candidate = tf.tanh(inputs[2] + r * states[2])
    return [z * (state[0] - candidate) + candidate], tf.concat([z, r, candidate, states[2]], axis=1)


def _gru_back(
    kept: Any,
    before: Sequence[Any],
    after: Sequence[Any],  # noqa: ARG001  (another cell's need)
    gradient: Sequence[Any],
) -> tuple[list[Any], list[Any]]:
    z, r, candidate, inner = tf.split(kept, 4, axis=1)
    update = gradient[0] * (before[0] - candidate) * z * (1.0 - z)
    new = gradient[0] * (1.0 - z) * (1.0 - candidate * candidate)
    reset = new * inner * r * (1.0 - r)
    input_terms = [tf.concat([update, reset, new], axis=1), tf.concat([update, reset, new * r], axis=1)]
    return input_terms, [gradient[0] * z]


def _rnn_step(projected: Any, recurrent: Any, state: Sequence[Any]) -> tuple[list[Any], Any]:  # noqa: ARG001
    """Elman 1990 with tanh."""
    return [tf.tanh(projected + recurrent)], None


def _rnn_back(
    kept: Any,  # noqa: ARG001
    before: Sequence[Any],  # noqa: ARG001
    after: Sequence[Any],
    gradient: Sequence[Any],
) -> tuple[list[Any], list[Any]]:
    return [gradient[0] * (1.0 - after[0] * after[0])], [0.0]


_LSTM = Cell(
    layer=keras.layers.LSTM,
    gates={"input": 0, "forget": 1, "output": 3},
    blocks=4,
    biases=1,
    cudnn=True,
    states=2,
    kept=4,
    two_inputs=False,
    step=_lstm_step,
    back=_lstm_back,
)
_GRU = Cell(
    layer=keras.layers.GRU,
    gates={"update": 0, "reset": 1},
    blocks=3,
    biases=2,
    cudnn=True,
    states=1,
    kept=4,
    two_inputs=True,
    step=_gru_step,
    back=_gru_back,
)
_RNN = Cell(
    layer=keras.layers.SimpleRNN,
    gates={},
    blocks=1,
    biases=1,
    cudnn=False,
    states=1,
    kept=0,
    two_inputs=False,
    step=_rnn_step,
    back=_rnn_back,
)

CELLS: Mapping[str, Cell] = MappingProxyType({cell.layer.__name__: cell for cell in (_LSTM, _GRU, _RNN)})
"""Each cell by what a search space calls its `layer`, the name of Keras's class."""


def cell_of(layer: keras.layers.Layer) -> Cell:
    """The cell that a recurrent layer runs, one that reads both ways included."""
    return CELLS[type(getattr(layer, "forward_layer", layer)).__name__]
