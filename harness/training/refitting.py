"""One more training of a champion's hyperparameters, on training and validation parts together.

Nothing is left to stop it early with: it takes the epochs that early stopping found. The scaling stays the training
part's, so that what an epoch sees differs from the search by the rows that were added and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.cards.schema import DatasetCard, SpaceCard
from harness.records import TrialRequest, derive_seed
from harness.training.loop import initial_weights
from harness.training.parts import together
from harness.training.preparing import network_for, prepare
from harness.training.scoring import validation_score
from harness.training.trial import knobs_of, save_weights


def run_refit(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Train on training and validation parts.

    Args:
        plain: `request` (a `TrialRequest` whose `epochs` are all trained), `dataset` and `space` (cards), `digest` (of
            the data the sweep began with), and `weights_to` (path of an `.npz` for the weights).

    Returns:
        `seen_score`, the score on the validation part, which tells nothing of how good the model is; `loss`, the last
        epoch's; and `rows`, how many sequences were trained on. A number that is not finite comes back as it is.

    Raises:
        DataError: The data is not what the sweep began with.
    """
    request = TrialRequest.from_json(plain["request"])
    prepared = prepare(DatasetCard.model_validate(plain["dataset"]), plain["digest"])
    network = network_for(prepared, SpaceCard.model_validate(plain["space"]), request.values, request.epochs)
    both = together(prepared.train, prepared.validation)
    knobs = knobs_of(request.values, request.epochs * -(-len(both) // network.batch_size))
    network.reset(initial_weights(network.stack, derive_seed(request.seed, "weights")))
    loss = math.nan
    for epoch in range(1, request.epochs + 1):
        order = np.random.default_rng(derive_seed(request.seed, "order", epoch)).permutation(len(both))
        loss = network.epoch(both, order, derive_seed(request.seed, "dropout", epoch), knobs)
    save_weights(Path(plain["weights_to"]), network.weights())
    return {"seen_score": validation_score(prepared, network), "loss": loss, "rows": len(both)}
