"""One trained network, looked into as far as it can be: the function that a worker runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.interpret.explain import Numbers, look_into, open_gates, openness_of, reach_of
from harness.interpret.inputs import input_norms
from harness.machine import here
from harness.models import Network, Stack, family_of
from harness.records import GateOpenness, TrialRequest, derive_seed
from harness.training.batches import DataPart, TensorPart
from harness.training.cache import prepare
from harness.training.ops import LOSS_OF_METRIC, Loss, loss_of
from harness.training.trial import load_weights

MOST_SEQUENCES = 256
"""Sequences looked at, evenly over the validation part."""

SEQUENCES_AT_ONCE = 64
"""Every step's tensors of so many are held at once: about 100 MB for 400 steps of 128 units."""


def explain_trial(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Look into a trial's network, with the weights it began with and the ones it ended with.

    Only the training and validation parts are read. A stack of recurrent layers is seen by its states and gates, any
    other network by its inputs, where these are numbers.

    Args:
        plain: `dataset` and `space` (configs), `request` (the trial's `TrialRequest`), `digest` (of the data the sweep
            began with), and `weights` (path of the `.npz` that the trial wrote).

    Returns:
        `before` and `after`, a `GradientReach` each; `respect_to`, what the gradient is with respect to; `gates`, of
        the trained network; `sequences`, how many were looked at. Of a network that cannot be looked into `why` alone.

    Raises:
        DataError: The data is not what the sweep began with.
        UsageError: The network is the user's, and its file is not the one of the plan.
    """
    config, space = DatasetConfig.model_validate(plain["dataset"]), SearchSpace.model_validate(plain["space"])
    request = TrialRequest.from_json(plain["request"])
    prepared = prepare(config, plain["digest"])
    network = family_of(space).build(prepared.shape, request.values).build()
    stack = isinstance(network, Stack)
    if not stack and prepared.shape.vocabulary:
        return {"why": "its states are not known, and its inputs are tokens, which have no gradient"}
    sample, data = _sample(prepared.validation), prepared.data
    loss = loss_of(prepared.shape, LOSS_OF_METRIC.get(data.objective.metric, "mse"), data.class_weights)
    before, _ = _look(network, network.initial_weights(derive_seed(request.seed, "weights")), sample, loss)
    after, gates = _look(network, load_weights(here(plain["weights"])), sample, loss)
    return {
        "before": reach_of(before),
        "after": reach_of(after),
        "respect_to": "states" if stack else "inputs",
        "gates": gates,
        "sequences": int(sample.x.shape[0]),
    }


def _look(
    network: Network, weights: Sequence[npt.NDArray[np.float32]], sample: TensorPart, loss: Loss
) -> tuple[Numbers, tuple[GateOpenness, ...]]:
    """Norms of the gradient, (sequences, distances), and the gates of a network that has them."""
    if not isinstance(network, Stack):
        return np.concatenate([input_norms(network, weights, batch, loss) for batch in _batches(sample)]), ()
    for variable, weight in zip(network.variables, weights, strict=True):
        variable.assign(weight)
    norms, opened = [], []
    for batch in _batches(sample):
        look = look_into(network, batch, loss)
        norms.append(look.norms)
        opened.append(open_gates(look.passes, network.steps_read(batch.lengths.numpy())))
    return np.concatenate(norms), openness_of(opened)


def _batches(sample: TensorPart) -> Iterator[TensorPart]:
    for start in range(0, int(sample.x.shape[0]), SEQUENCES_AT_ONCE):
        rows = slice(start, start + SEQUENCES_AT_ONCE)
        yield TensorPart(*(tensor[rows] for tensor in (sample.x, sample.lengths, sample.y, sample.future)))


def _sample(part: DataPart) -> TensorPart:
    rows = len(part)
    chosen = np.unique(np.linspace(0, rows - 1, min(rows, MOST_SEQUENCES)).round().astype(int))
    (block,) = part.blocks(chosen, len(chosen))  # one batch of them all
    return TensorPart(*(one[0] for one in block.inputs))
