"""From a network's outputs to scores in the objective's unit. The one place of training that opens the test part."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from harness.data import SequenceData
from harness.metrics import METRICS
from harness.records import TaskKind
from harness.training.loop import CompiledNetwork
from harness.training.preparing import Prepared, scaled


def validation_score(prepared: Prepared, network: CompiledNetwork) -> float:
    """Score on the validation part with the network's present weights; may be non-finite."""
    return _score(prepared.data, prepared.data.validation.y, network.predict(prepared.validation))


def test_score(prepared: Prepared, network: CompiledNetwork) -> float:
    """Score on the test part with the network's present weights; may be non-finite.

    It goes into a `SealedScore` and nowhere else.
    """
    part = prepared.data.test.open()
    outputs = network.predict(scaled(part, prepared.data.scaling, prepared.shape))
    return _score(prepared.data, part.y, outputs)


def _score(data: SequenceData, y: npt.NDArray[Any], outputs: npt.NDArray[np.float32]) -> float:
    return float(METRICS[data.objective.metric].score(y, in_original_units(data, outputs)))


def in_original_units(data: SequenceData, outputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Forecasts and numbers in the data's units, class probabilities for logits."""
    if data.task is not TaskKind.CLASSIFY:
        return outputs * data.scaling.output_scale + data.scaling.output_mean
    shifted = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float32)
