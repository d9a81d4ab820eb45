"""minGRU: a GRU whose gate and candidate do not look at the state, so that all steps are computed at once.

Feng, Tung, Ahmed, Bengio and Hajimirsadeghi 2024, "Were RNNs All We Needed?", arXiv 2410.01201, section 3.1:
z_t = σ(W_z x_t), h̃_t = W_h x_t, h_t = (1 - z_t) h_{t-1} + z_t h̃_t, h_0 = 0. Here with biases, as Keras's GRU has.

The recurrence is linear in h, so that it is a prefix sum of the pairs (decay, drive) under (a, b) ∘ (c, d) =
(ac, cb + d). Hillis and Steele 1986 ("Data parallel algorithms", Communications of the ACM 29) compute it in
log2(steps) doublings, each of whole sequences; every decay lies between 0 and 1, so that none overflows, and no
logarithms are needed, as in the paper's appendix B. Its operations are Keras's, so that the model needs no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from harness.models.shape import NetworkShape, numbered_steps
from harness.models.shipped.ends import answered, dropped, features_of
from harness.records import Value

OPEN_DOUBLINGS = 16
"""Doublings where the number of steps is open: a step's past reaches 65,536 steps back."""


def build(shape: NetworkShape, values: Mapping[str, Value]) -> keras.Model:
    """The Keras model.

    Args:
        shape: Inputs and outputs.
        values: `embedding_dim`, `lookback_steps`, `units`, `layers` and `dropout`.
    """
    inputs, units = shape.make_inputs(), int(values["units"])
    hidden = features_of(shape, inputs, values)
    for number in range(1, int(values["layers"]) + 1):
        update = keras.layers.Dense(units, "sigmoid", name=f"update_{number}")(hidden)
        candidate = keras.layers.Dense(units, name=f"candidate_{number}")(hidden)
        hidden = linear_recurrence(1.0 - update, update * candidate)
        hidden = dropped(hidden, values, f"dropout_{number}")
    return answered(shape, inputs, hidden)


def parameters(width: int, values: Mapping[str, Value]) -> int:
    """Weights between inputs and head.

    Args:
        width: Features of each step.
        values: `units` and `layers`.
    """
    units = int(values["units"])
    widths = [width, *[units] * (int(values["layers"]) - 1)]
    return sum(2 * units * (inputs + 1) for inputs in widths)


def linear_recurrence(decay: Any, drive: Any) -> Any:
    """All states of h_t = decay_t h_{t-1} + drive_t from h_0 = 0.

    Args:
        decay: (batch, steps, units), from 0 to 1.
        drive: (batch, steps, units).

    Returns:
        (batch, steps, units). A step's state depends on no later step.
    """
    steps = drive.shape[1]
    # Where the number of steps is open a state is fetched by its place: a sequence may have fewer steps than that.
    places = None if steps is not None else ops.max(numbered_steps(drive), axis=0)
    doublings = OPEN_DOUBLINGS if steps is None else (steps - 1).bit_length()
    for by in (2**number for number in range(doublings)):
        drive = drive + decay * _earlier(drive, by, places)
        if 2 * by < 2**doublings:
            decay = decay * _earlier(decay, by, places)
    return drive


def _earlier(x: Any, by: int, places: Any) -> Any:
    """(batch, steps, units) of so many steps before, zeros before the first; `places` are the steps, from 1."""
    if places is None:
        return keras.layers.ZeroPadding1D((by, 0))(x[:, :-by])
    return ops.take(keras.layers.ZeroPadding1D((1, 0))(x), ops.maximum(places - by, 0), axis=1)
