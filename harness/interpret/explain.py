"""The states of a stack of recurrent layers: gradients by distance, gates by step.

Keras runs a layer's steps inside one loop and shows what comes out at its end. The same cell called once a step gives
the same numbers, and a gradient can be asked for with respect to each state.

The gradient of a loss after step T with respect to the state s_t that step t hands to step t + 1 is a product of T - t
Jacobians, ∂L/∂s_t = ∂L/∂s_T · ∂s_T/∂s_{T-1} ⋯ ∂s_{t+1}/∂s_t, which vanishes or explodes with the distance when the
Jacobians' norms stay below or above 1.

Sources: Y. Bengio, P. Simard and P. Frasconi (1994), "Learning long-term dependencies with gradient descent is
difficult", IEEE Transactions on Neural Networks 5(2), section IV; R. Pascanu, T. Mikolov and Y. Bengio (2013), "On the
difficulty of training recurrent neural networks", ICML, equations 3 to 7.

Sources of the formulas: S. Hochreiter and J. Schmidhuber (1997), "Long short-term memory", Neural Computation 9(8),
equations 4 to 8, with the forget gate of F. A. Gers, J. Schmidhuber and F. Cummins (2000), "Learning to forget", Neural
Computation 12(10), equation 3.1; K. Cho et al. (2014), "Learning phrase representations using RNN encoder-decoder",
EMNLP, equations 5 and 6. Shares of closed and open gates after A. Karpathy, J. Johnson and L. Fei-Fei (2015),
"Visualizing and understanding recurrent networks", arXiv 1506.02078, section 4.2, with its limits of 0.1 and 0.9.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from harness.metrics import mask_of
from harness.models import Network, Stack
from harness.models.cells import cell_of
from harness.records import Band, GateOpenness, GradientReach
from harness.training.batches import TensorPart
from harness.training.ops import Loss


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
    states = [tf.zeros((inputs.shape[0], width)) for width in tf.nest.flatten(layer.cell.state_size)]
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
        states = [_where(real, new, old) for new, old in zip(tf.nest.flatten(new_states), states, strict=True)]
        outputs.append(output)
    return Pass(layer, inputs, handed, backwards), tf.stack(outputs, axis=1)


def _where(real: Any, new: Any, old: Any) -> Any:
    return new if real is None else tf.where(real, new, old)


QUANTILES = (0.1, 0.5, 0.9)
"""Of sequences, that a band shows."""

Numbers: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """One batch seen through a network.

    Attributes:
        norms: (batch, steps - 1) norm of the gradient at distance 1, 2, …; NaN beyond a sequence's first state.
        passes: What every layer did, in order.
    """

    norms: Numbers
    passes: tuple[Pass, ...]


def look_into(stack: Stack, part: TensorPart, loss: Loss) -> Look:
    """Run a batch through a network and ask for the gradient of each sequence's loss with respect to each state.

    The state is all that the network hands from one step to the next: the states of every layer, an LSTM's cell state
    beside its hidden state; without the cell state an LSTM would seem to forget what it keeps there. A layer that reads
    from the end hands its states the other way: each direction's distance counts from the step where it ends.

    Args:
        stack: The network's layers, built, with the weights that are to be looked at.
        part: The batch, scaled.
        loss: What is minimised. Where every step has an answer, a sequence's loss at its last step is looked at, so
            that a distance has a beginning.

    Returns:
        Norms and passes.
    """
    unrolled = {layer.name: Unrolled(layer) for layer in stack.recurrent}

    def call(layer: keras.layers.Layer, inputs: Any, mask: Any) -> Any:
        return unrolled[layer.name](inputs, mask) if layer.name in unrolled else layer(inputs)

    keep = [tf.ones((1, 1)) for _ in stack.dropouts]
    with tf.GradientTape() as tape:
        outputs = stack.forward(part.x, part.lengths, keep, part.future, call)
        # Sequences know nothing of each other: the gradient of the sum holds the gradient of each.
        total = tf.reduce_sum(last_loss(stack, loss, part, outputs))
    passes = tuple(one for layer in unrolled.values() for one in layer.passes)
    gradients = tape.gradient(total, [one.states for one in passes], unconnected_gradients="zero")
    reach = [
        _by_distance(one, mine, stack.steps_read(np.asarray(part.lengths)))
        for one, mine in zip(passes, gradients, strict=True)
    ]
    return Look(np.sqrt(np.sum(reach, axis=0)), passes)


def reach_of(norms: Numbers) -> GradientReach:
    """Sum up the norms of many sequences.

    Each sequence's norms are divided by its own at distance 1, so that what is seen is the way back and not how wrong
    the network is about the sequence. Sequences whose gradient is 0 there, whose loss is 0, say nothing and are left
    out.

    Args:
        norms: (sequences, distances); NaN beyond a sequence's first state.
    """
    given = norms[np.nan_to_num(norms[:, 0]) > 0] if norms.size else norms
    if not given.size:
        return GradientReach(Band((), (), ()), 0.0, None)
    relative = band_of((given / given[:, :1]).T)
    return GradientReach(relative, float(np.mean(given[:, 0])), half_life(relative.median))


def half_life(relative: Sequence[float]) -> float | None:
    """Steps in which a quantity has halved for the first time, between two steps on a straight line of logarithms.

    Args:
        relative: The quantity at step 0, 1, 2, … beginning with 1.

    Returns:
        None where it never comes down to a half.
    """
    for step, value in enumerate(relative):
        if value > 0.5:
            continue
        before = math.log2(relative[step - 1])
        after = math.log2(value) if value > 0 else -math.inf
        return step - 1 + (before + 1) / (before - after)
    return None


def band_of(rows: Sequence[npt.NDArray[Any]] | npt.NDArray[Any]) -> Band:
    """Median and quantiles of each row, over what is not NaN."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice encountered", RuntimeWarning)
        low, median, high = zip(*(np.nanquantile(row, QUANTILES) for row in rows), strict=True)
    return Band(*(tuple(float(f"{value:.6g}") for value in side) for side in (median, low, high)))


def last_loss(network: Network, loss: Loss, part: TensorPart, outputs: Any) -> Any:
    """Each sequence's loss, at its last step where every step has an answer: (batch,)."""
    y, lengths = part.y, part.lengths
    if network.shape.task.per_step:
        y, outputs = (tf.gather(array, lengths[:, None] - 1, batch_dims=1) for array in (y, outputs))
        lengths = tf.ones_like(lengths)
    costs, _ = loss(y, outputs, lengths)
    return costs


def _by_distance(one: Pass, gradients: Any, lengths: npt.NDArray[Any]) -> Numbers:
    """Squared norms of one pass, (batch, steps - 1), by distance."""
    # (steps, batch): the state that a step began with was handed on by the step before; the first began with nothing.
    squares = np.array([sum(np.square(state.numpy()).sum(axis=1) for state in states) for states in gradients], float)
    steps = len(squares)
    distances = np.arange(1, steps)
    # Read from the end, a sequence's real steps are the last ones; else they are the first ones.
    ends = np.full(len(lengths), steps) if one.backwards else lengths
    places = ends[:, None] - distances[None, :]
    found = np.take_along_axis(squares.T, np.maximum(places, 0), axis=1)
    return np.where(distances[None, :] < lengths[:, None], found, np.nan)


CLOSED, OPEN = 0.1, 0.9

Floats32: TypeAlias = npt.NDArray[np.float32]
Opened: TypeAlias = tuple[Floats32, npt.NDArray[np.bool_]]
"""How open a gate was, (batch, steps, units), and which steps are real, (batch, steps)."""


def openness(one: Pass) -> dict[str, Floats32]:
    """How open each gate was in each step of a pass.

    Each gate is σ(W x_t + U h_{t-1} + b). Of Keras's GRU the update gate z keeps, h_t = z h_{t-1} + (1 - z) h̃_t, as in
    Cho et al.; others write it the other way round.

    Args:
        one: A pass of a layer.

    Returns:
        For each gate (batch, steps, units) in the order of the sequences' own steps; nothing for a cell without gates.
    """
    gates = cell_of(one.layer).gates
    if not gates:
        return {}
    hidden = np.stack([states[0].numpy() for states in one.states], axis=1)
    drive = np.asarray(one.inputs) @ _array(one.layer.cell.kernel) + hidden @ _array(one.layer.cell.recurrent_kernel)
    bias = getattr(one.layer.cell, "bias", None)
    if bias is not None:
        # A GRU that resets after the product has a bias for inputs and one for states; their sum is what counts here.
        drive = drive + np.atleast_2d(_array(bias)).sum(axis=0)
    if one.backwards:
        drive = drive[:, ::-1]
    units = hidden.shape[-1]
    activation = one.layer.recurrent_activation
    return {name: _array(activation(drive[..., block * units : (block + 1) * units])) for name, block in gates.items()}


def open_gates(passes: Sequence[Pass], lengths: npt.NDArray[Any]) -> dict[str, list[Opened]]:
    """The gates of every layer and direction over one batch, each beside which of its steps are real."""
    found: dict[str, list[Opened]] = {}
    for one in passes:
        for gate, values in openness(one).items():
            found.setdefault(gate, []).append((values, mask_of(lengths, values.shape[1])))
    return found


def openness_of(batches: Sequence[Mapping[str, Sequence[Opened]]]) -> tuple[GateOpenness, ...]:
    """Sum up what `open_gates` found in several batches."""
    gates = dict.fromkeys(gate for batch in batches for gate in batch)
    return tuple(_summed_up(gate, [piece for batch in batches for piece in batch[gate]]) for gate in gates)


def _summed_up(gate: str, pieces: Sequence[Opened]) -> GateOpenness:
    steps = range(max(values.shape[1] for values, _ in pieces))
    rows = [np.concatenate([values[real[:, step], step].ravel() for values, real in pieces]) for step in steps]
    rows = [row for row in rows if row.size]
    everything = np.concatenate(rows)
    return GateOpenness(
        gate=gate,
        by_step=band_of(rows),
        mean=float(everything.mean()),
        closed=float(np.mean(everything <= CLOSED)),
        open=float(np.mean(everything >= OPEN)),
    )


def _array(values: Any) -> Floats32:
    return np.asarray(keras.ops.convert_to_numpy(values))
