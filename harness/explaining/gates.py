"""How open the gates of a cell stand at each step, computed from its inputs, its states and its weights.

Sources of the formulas: S. Hochreiter and J. Schmidhuber (1997), "Long short-term memory", Neural Computation 9(8),
equations 4 to 8, with the forget gate of F. A. Gers, J. Schmidhuber and F. Cummins (2000), "Learning to forget", Neural
Computation 12(10), equation 3.1; K. Cho et al. (2014), "Learning phrase representations using RNN encoder-decoder",
EMNLP, equations 5 and 6. Shares of closed and open gates after A. Karpathy, J. Johnson and L. Fei-Fei (2015),
"Visualizing and understanding recurrent networks", arXiv 1506.02078, section 4.2, with its limits of 0.1 and 0.9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt

from harness.explaining.gradients import band_of
from harness.explaining.unrolling import Pass
from harness.records import GateOpenness

CLOSED, OPEN = 0.1, 0.9

GATES: Mapping[str, Mapping[str, int]] = {
    "LSTM": {"input": 0, "forget": 1, "output": 3},
    "GRU": {"update": 0, "reset": 1},
}
"""The gates of each kind of layer, and which block of its kernels' columns each is computed from."""

Numbers: TypeAlias = npt.NDArray[np.float32]
Opened: TypeAlias = tuple[Numbers, npt.NDArray[np.bool_]]
"""How open a gate was, (batch, steps, units), and which steps are real, (batch, steps)."""


def openness(one: Pass) -> dict[str, Numbers]:
    """How open each gate was in each step of a pass.

    Each gate is σ(W x_t + U h_{t-1} + b). Of Keras's GRU the update gate z keeps, h_t = z h_{t-1} + (1 - z) h̃_t, as in
    Cho et al.; others write it the other way round.

    Args:
        one: A pass of a layer.

    Returns:
        For each gate (batch, steps, units) in the order of the sequences' own steps; nothing for a cell without gates.
    """
    gates = GATES.get(type(one.layer).__name__, {})
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
            real = np.arange(values.shape[1])[None, :] < lengths[:, None]
            found.setdefault(gate, []).append((values, real))
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


def _array(values: Any) -> Numbers:
    return np.asarray(keras.ops.convert_to_numpy(values))
