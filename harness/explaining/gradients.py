"""How far back the gradient of the loss reaches: its norm with respect to the state, against the distance in steps.

The gradient of a loss after step T with respect to the state s_t that step t hands to step t + 1 is a product of T - t
Jacobians, ∂L/∂s_t = ∂L/∂s_T · ∂s_T/∂s_{T-1} ⋯ ∂s_{t+1}/∂s_t, which vanishes or explodes with the distance when the
Jacobians' norms stay below or above 1.

Sources: Y. Bengio, P. Simard and P. Frasconi (1994), "Learning long-term dependencies with gradient descent is
difficult", IEEE Transactions on Neural Networks 5(2), section IV; R. Pascanu, T. Mikolov and Y. Bengio (2013), "On the
difficulty of training recurrent neural networks", ICML, equations 3 to 7.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from harness.explaining.unrolling import Pass, Unrolled
from harness.models import Stack
from harness.records import Band, GradientReach
from harness.training.losses import Loss
from harness.training.parts import TensorPart

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
        total = tf.reduce_sum(_last_loss(stack, loss, part, outputs))
    passes = tuple(one for layer in unrolled.values() for one in layer.passes)
    gradients = tape.gradient(total, [one.states for one in passes], unconnected_gradients="zero")
    reach = [_by_distance(one, mine, np.asarray(part.lengths)) for one, mine in zip(passes, gradients, strict=True)]
    return Look(np.sqrt(np.sum(reach, axis=0)), passes)


def reach_of(norms: Numbers) -> GradientReach:
    """Sum up the norms of many sequences.

    Each sequence's norms are divided by its own at distance 1, so that what is seen is the way back and not how wrong
    the network is about the sequence. Sequences whose gradient is 0 there, whose loss is 0, say nothing and are left
    out.

    Args:
        norms: (sequences, distances); NaN beyond a sequence's first state.
    """
    said = norms[np.nan_to_num(norms[:, 0]) > 0] if norms.size else norms
    if not said.size:
        return GradientReach(Band((), (), ()), 0.0, None)
    relative = band_of((said / said[:, :1]).T)
    return GradientReach(relative, float(np.mean(said[:, 0])), half_life(relative.median))


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


def _last_loss(stack: Stack, loss: Loss, part: TensorPart, outputs: Any) -> Any:
    """Each sequence's loss, at its last step where every step has an answer: (batch,)."""
    y, lengths = part.y, part.lengths
    if stack.shape.task.per_step:
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
