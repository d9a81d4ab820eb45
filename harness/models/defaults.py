"""What hyperparameters are where a search space does not name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.records import Value

DEFAULTS: Mapping[str, Value] = {
    "embedding_dim": 32,
    "units": 32,
    "layers": 1,
    "bidirectional": False,
    "dropout": 0.0,
    "learning_rate": 1e-3,
    "schedule": "constant",
    "optimizer": "adam",
    "batch_size": 32,
    "clip_norm": 1.0,
}
"""What a hyperparameter is when the search space does not name it."""


def setting(values: Mapping[str, Value], name: str) -> Any:
    """The value of a hyperparameter, or its default."""
    return values.get(name, DEFAULTS[name])
