"""One trained network, looked into: the function that a worker runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from harness.cards.schema import DatasetCard, SpaceCard
from harness.explaining.gates import open_gates, openness_of
from harness.explaining.gradients import look_into, reach_of
from harness.models import Stack, build_stack
from harness.models.building import model_of
from harness.records import GateOpenness, TrialRequest, derive_seed
from harness.records.plain import to_plain
from harness.training.loop import initial_weights
from harness.training.losses import LOSS_OF_METRIC, Loss, loss_of
from harness.training.parts import DataPart, TensorPart
from harness.training.preparing import prepare
from harness.training.trial import load_weights

MOST_SEQUENCES = 256
"""Sequences looked at, evenly over the validation part."""

SEQUENCES_AT_ONCE = 64
"""Every step's tensors of so many are held at once: about 100 MB for 400 steps of 128 units."""


def explain_trial(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Look into a trial's network, with the weights it began with and the ones it ended with.

    Only the training and validation parts are read.

    Args:
        plain: `dataset` and `space` (cards), `request` (the trial's `TrialRequest`), `digest` (of the data the sweep
            began with), and `weights` (path of the `.npz` that the trial wrote).

    Returns:
        `before` and `after`, a `GradientReach` each; `gates`, of the trained network; `sequences`, how many were
        looked at. All as plain values.

    Raises:
        DataError: The data is not what the sweep began with.
    """
    card, space = DatasetCard.model_validate(plain["dataset"]), SpaceCard.model_validate(plain["space"])
    request = TrialRequest.from_json(plain["request"])
    prepared = prepare(card, plain["digest"])
    stack = build_stack(prepared.shape, space, request.values)
    model_of(stack)  # builds the layers
    sample = _sample(prepared.validation)
    data = prepared.data
    loss = loss_of(prepared.shape, LOSS_OF_METRIC.get(data.objective.metric, "mse"), data.class_weights)
    before, _ = _look(stack, initial_weights(stack, derive_seed(request.seed, "weights")), sample, loss)
    after, gates = _look(stack, load_weights(Path(plain["weights"])), sample, loss, gates=True)
    return {
        "before": to_plain(reach_of(before)),
        "after": to_plain(reach_of(after)),
        "gates": [to_plain(gate) for gate in gates],
        "sequences": int(sample.x.shape[0]),
    }


def _look(
    stack: Stack,
    weights: Sequence[npt.NDArray[np.float32]],
    sample: TensorPart,
    loss: Loss,
    *,
    gates: bool = False,
) -> tuple[npt.NDArray[np.float64], tuple[GateOpenness, ...]]:
    """Norms of the gradient, (sequences, distances), and the gates where they are wanted."""
    for variable, weight in zip(stack.variables, weights, strict=True):
        variable.assign(weight)
    count = int(sample.x.shape[0])
    norms, opened = [], []
    for start in range(0, count, SEQUENCES_AT_ONCE):
        batch = _rows(sample, np.arange(start, min(start + SEQUENCES_AT_ONCE, count)))
        look = look_into(stack, batch, loss)
        norms.append(look.norms)
        if gates:
            opened.append(open_gates(look.passes, batch.lengths.numpy()))
    return np.concatenate(norms), openness_of(opened)


def _sample(part: DataPart) -> TensorPart:
    rows = len(part)
    chosen = np.unique(np.linspace(0, rows - 1, min(rows, MOST_SEQUENCES)).round().astype(int))
    (block,) = part.blocks(chosen, len(chosen))  # one batch of them all
    return TensorPart(*(one[0] for one in block.inputs))


def _rows(part: TensorPart, rows: npt.NDArray[Any]) -> TensorPart:
    return TensorPart(*(tf.gather(tensor, rows) for tensor in (part.x, part.lengths, part.y, part.future)))
