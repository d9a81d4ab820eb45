"""From a network's outputs to scores. The one place of training that opens the test part."""

from __future__ import annotations

import numpy as np

from harness.data import Part, SequenceData
from harness.data.scaling import Floats
from harness.records import Answer, CaseScores
from harness.training.cache import Prepared, Trainer, scaled


def validation_score(prepared: Prepared, network: Trainer) -> float:
    """Score on the validation part with the network's present weights; may be non-finite."""
    part = prepared.data.validation
    return prepared.data.score(part, in_original_units(prepared.data, part, network.predict(prepared.validation)))


def test_score(prepared: Prepared, network: Trainer) -> tuple[float, CaseScores | None]:
    """Score on the test part with the network's present weights, which may be non-finite, and over its cases.

    They go into a `SealedScore` and nowhere else.
    """
    data, part = prepared.data, prepared.data.test.open()
    return data.score_over_cases(
        part, in_original_units(data, part, network.predict(scaled(part, data.scaling, prepared.shape)))
    )


def in_original_units(data: SequenceData, part: Part, outputs: Floats) -> Floats:
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
