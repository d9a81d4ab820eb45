"""From a network's outputs to scores in the objective's unit. The one place of training that opens the test part."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.data import Part, SequenceData
from harness.records import Answer, CaseScores, TaskKind
from harness.training.cases import case_scores
from harness.training.loop import CompiledNetwork
from harness.training.preparing import Prepared, scaled


def validation_score(prepared: Prepared, network: CompiledNetwork) -> float:
    """Score on the validation part with the network's present weights; may be non-finite."""
    part = prepared.data.validation
    return prepared.data.score(part, in_original_units(prepared.data, part, network.predict(prepared.validation)))


def test_score(prepared: Prepared, network: CompiledNetwork) -> tuple[float, CaseScores | None]:
    """Score on the test part with the network's present weights, which may be non-finite, and over its cases.

    They go into a `SealedScore` and nowhere else.
    """
    data, part = prepared.data, prepared.data.test.open()
    predicted = in_original_units(data, part, network.predict(scaled(part, data.scaling, prepared.shape)))
    whole = data.score(part, predicted)
    parts = case_scores(lambda rows: data.score(part.at(rows), predicted[rows]), len(part), whole, overlap(data, part))
    return whole, parts


def overlap(data: SequenceData, part: Part) -> int:
    """How many neighbouring windows of a forecast predict one time step; 1 for sequences that stand alone."""
    steps = np.diff(part.rows)
    between = int(np.median(steps[steps > 0])) if (steps > 0).any() else 0
    return -(-data.horizon_steps // between) if data.task is TaskKind.FORECAST and between else 1


def in_original_units(data: SequenceData, part: Part, outputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Forecasts and numbers in the data's units, probabilities of classes or labels for logits."""
    match data.answer:
        case Answer.NUMBERS:
            return data.scaling.restore_outputs(outputs, part.x)
        case Answer.CLASS:
            shifted = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
            return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float32)
        case Answer.FLAGS:
            with np.errstate(over="ignore"):  # exp of a very sure no is infinite, and its probability 0
                return np.asarray(1.0 / (1.0 + np.exp(-outputs)), np.float32)
