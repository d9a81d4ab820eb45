"""What the shipped networks share: sequences as numbers and how much of them, dropout, what the head reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from harness.models.ends import cropped
from harness.models.shape import NetworkShape
from harness.records import TaskKind, Value


def features_of(shape: NetworkShape, inputs: dict[str, Any], values: Mapping[str, Value]) -> Any:
    """The sequences as numbers, (batch, steps, features); for a forecast the last `lookback_steps` of them alone."""
    lookback = int(values["lookback_steps"]) if shape.task is TaskKind.FORECAST else 0
    return cropped(shape.features(inputs, int(values["embedding_dim"])), lookback)


def dropped(hidden: Any, values: Mapping[str, Value], name: str) -> Any:
    """(batch, steps, features) after dropout, with one mask for all steps of a sequence (Gal and Ghahramani 2016)."""
    return keras.layers.Dropout(float(values["dropout"]), noise_shape=(None, 1, None), name=name)(hidden)


def answered(shape: NetworkShape, inputs: dict[str, Any], hidden: Any) -> keras.Model:
    """The model whose head reads each sequence's last real step, or every step where every step has an answer."""
    return shape.network(inputs, hidden if shape.task.per_step else shape.last(hidden, inputs))
