"""Hyperparameters whose values follow the dataset: a search space names them, and the data says what they may be.

Their values are the same for every family that names them. One that has no use on a dataset is left out of its
searches, so that no trial differs from another by what changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.config.dataset import DatasetConfig
from harness.config.space import Hyperparameter, SearchSpace
from harness.config.tasks import ClassifyTask, ForecastTask, LabelTask, RegressTask
from harness.records import TaskKind

LONG = 100
"""Steps that recurrent layers are to take at most, or half as many: longer sequences are read in strides."""


def sized(spaces: Mapping[str, SearchSpace], dataset: DatasetConfig, steps: int) -> dict[str, SearchSpace]:
    """The search spaces as they are searched on one dataset.

    Args:
        spaces: By family.
        dataset: The dataset.
        steps: Of its longest sequence.
    """
    return {family: _sized(space, dataset, steps) for family, space in spaces.items()}


def _sized(space: SearchSpace, dataset: DatasetConfig, steps: int) -> SearchSpace:
    if space.layer is None:  # a builder's own networks have no such choices
        return space
    wanted = [name for name in space.by_data if name not in space.hyperparameters]
    found = {name: made for name in wanted if (made := _by_data(name, dataset, steps))}
    return space.model_copy(update={"hyperparameters": {**space.hyperparameters, **found}}) if found else space


def strides_for(steps: int) -> tuple[int, int]:
    """Strides, powers of two, with which sequences of so many steps are at most `LONG`, and about half of that.

    Args:
        steps: Of the longest sequence, more than `LONG`.
    """
    least = 2 ** math.ceil(math.log2(steps / LONG))
    return least, 2 * least


def _by_data(name: str, dataset: DatasetConfig, steps: int) -> Hyperparameter | None:
    task = dataset.task
    whole = isinstance(task, ClassifyTask | RegressTask)
    if name == "lookback_steps" and isinstance(task, ForecastTask) and len(task.lookbacks) > 1:
        return Hyperparameter(type="Choice", values=task.lookbacks)
    if name == "stride_steps" and not TaskKind(task.kind).per_step and steps > LONG:
        return Hyperparameter(type="Choice", values=strides_for(steps))
    if name == "summary" and whole:
        return Hyperparameter(type="Choice", values=("last", "mean"))
    if name == "bidirectional" and (whole or (isinstance(task, LabelTask) and not task.ahead_steps)):
        return Hyperparameter(type="Boolean")
    return None
