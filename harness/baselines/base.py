"""What all baselines are made of, and the linear model that several of them share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.data import Part, SequenceData

Numbers: TypeAlias = npt.NDArray[np.floating[Any]]
Predict: TypeAlias = Callable[[Part], Numbers]
"""A part → what a metric takes: values in raw units, or probabilities."""

_PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Ridge's alphas, for inputs of spread 1 and a penalty beside a sum over all training rows."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A fitted baseline.

    Attributes:
        name: What tables call it.
        predict: Its predictions.
    """

    name: str
    predict: Predict


def ridge(data: SequenceData, name: str, features: Callable[[Part], Numbers]) -> Baseline:
    """Ridge regression in scaled units whose penalty the validation part chooses by the objective.

    Args:
        data: The dataset.
        name: What tables call the baseline.
        features: A part → what goes in (n, columns), of spread about 1.
    """
    from sklearn.linear_model import Ridge

    x, y = features(data.train), data.scaling.scale_outputs(data.train.y.astype(np.float32), data.train.x)
    models = [Ridge(alpha=penalty).fit(x, y.reshape(len(y), -1)) for penalty in _PENALTIES]

    def predict(model: Ridge, x: Numbers, part: Part) -> Numbers:
        scaled = np.asarray(model.predict(x), np.float32).reshape(len(x), *data.train.y.shape[1:])
        return data.scaling.restore_outputs(scaled, part.x)

    x, best, best_score = features(data.validation), models[0], math.nan
    for model in models:
        score = data.score(data.validation, predict(model, x, data.validation))
        if math.isnan(best_score) or data.objective.better(score, best_score):
            best, best_score = model, score
    return Baseline(name, lambda part: predict(best, features(part), part))
