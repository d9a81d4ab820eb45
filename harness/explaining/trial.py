"""One trained network, looked into: the function that a worker runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from harness.records import GateOpenness, TaskKind, TrialRequest, derive_seed
from harness.records.plain import to_plain
from harness.training.loop import TensorPart, initial_weights
from harness.training.preparing import LOSS_OF_METRIC, prepare
from harness.training.trial import load_weights

MOST_SEQUENCES = 256
"""Sequences looked at, evenly over the validation part."""

SEQUENCES_AT_ONCE = 64
"""Every step's tensors of so many are held at once: about 100 MB for 400 steps of 128 units."""

PER_STEP = ("label", "next_token")
"""Tasks with a target a step; of them the loss at a sequence's last step is looked at, so that a distance has a
beginning."""


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
    loss = sequence_loss(prepared.shape.task, LOSS_OF_METRIC.get(prepared.data.objective.metric, "mse"))
    before, _ = _look(stack, initial_weights(stack, derive_seed(request.seed, "weights")), sample, loss)
    after, gates = _look(stack, load_weights(Path(plain["weights"])), sample, loss, gates=True)
    return {
        "before": to_plain(reach_of(before)),
        "after": to_plain(reach_of(after)),
        "gates": [to_plain(gate) for gate in gates],
        "sequences": int(sample.x.shape[0]),
    }


def sequence_loss(task: TaskKind, loss: str) -> Callable[[Any, Any, Any], Any]:
    """The loss of each sequence, as it is trained on.

    Args:
        task: What is predicted; where that is something at every step, the loss of a sequence's last step is taken.
        loss: `mae` or `mse`; classes have their cross-entropy.

    Returns:
        (targets, outputs, lengths) → (batch,).
    """
    shape = tf.abs if loss == "mae" else tf.square

    def of(y: Any, outputs: Any, lengths: Any) -> Any:
        if task.value in PER_STEP:
            last = tf.cast(lengths, tf.int32) - 1
            y, outputs = tf.gather(y, last, batch_dims=1), tf.gather(outputs, last, batch_dims=1)
        if y.dtype.is_integer:
            return tf.nn.sparse_softmax_cross_entropy_with_logits(y, outputs)
        return tf.reduce_mean(tf.reshape(shape(y - outputs), (tf.shape(y)[0], -1)), axis=1)

    return of


def _look(
    stack: Stack,
    weights: Sequence[npt.NDArray[np.float32]],
    sample: TensorPart,
    loss: Callable[[Any, Any, Any], Any],
    *,
    gates: bool = False,
) -> tuple[npt.NDArray[np.float64], tuple[GateOpenness, ...]]:
    """Norms of the gradient, (sequences, distances), and the gates where they are wanted."""
    for variable, weight in zip(stack.variables, weights, strict=True):
        variable.assign(weight)
    norms, opened = [], []
    for start in range(0, int(sample.x.shape[0]), SEQUENCES_AT_ONCE):
        rows = slice(start, start + SEQUENCES_AT_ONCE)
        look = look_into(stack, sample.x[rows], sample.lengths[rows], sample.y[rows], loss)
        norms.append(look.norms)
        if gates:
            opened.append(open_gates(look.passes, sample.lengths[rows].numpy()))
    return np.concatenate(norms), openness_of(opened)


def _sample(part: TensorPart) -> TensorPart:
    rows = int(part.x.shape[0])
    chosen = np.unique(np.linspace(0, rows - 1, min(rows, MOST_SEQUENCES)).round().astype(int))
    return TensorPart(*(tf.gather(tensor, chosen) for tensor in (part.x, part.lengths, part.y)))
