"""From a network's outputs to scores. The one place of training that opens the test part.

Any metric of any task: it is only ever asked for the score of some of the cases.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from harness.data import Part, SequenceData
from harness.data.scaling import Floats
from harness.records import Answer, CaseScores, TaskKind
from harness.training.cache import Prepared, Trainer, scaled

MOST_GROUPS = 200
"""Groups of neighbouring cases that a score is taken apart into: a kilobyte a trial, and enough to draw again from."""

FEWEST = 10
"""Cases below which drawing them again says nothing."""

_SAME, _LARGEST = 1e-6, 1e37

Rows = npt.NDArray[np.int64]


def case_scores(score: Callable[[Rows], float], cases: int, whole: float, overlap: int = 1) -> CaseScores | None:
    """The parts of a score: numbers whose mean is the score, one for each group of neighbouring cases.

    Where the score is a mean over cases they are the groups' own scores. Where it is not, as the root of a mean or a
    mean over classes, they are the jackknife's pseudo-values, G s - (G - 1) s₋ᵢ of the score without group i (Tukey
    1958), moved so that their mean is the score.

    Args:
        score: From places of cases (m,) to their score.
        cases: Number of test cases.
        whole: The score of all cases.
        overlap: Neighbouring cases that share what is predicted, as windows of a series do; 1 where none do.

    Returns:
        The parts; None where there are too few cases, or a part is not finite or too large to keep in four bytes.
    """
    if cases < FEWEST or not math.isfinite(whole):
        return None
    groups = np.array_split(np.arange(cases), min(cases, MOST_GROUPS))
    sizes = np.array([len(group) for group in groups])
    values = whole + (np.array([score(group) for group in groups]) - whole) * sizes * len(groups) / cases
    if not (
        np.isfinite(values).all() and math.isclose(values.mean(), whole, rel_tol=_SAME, abs_tol=_SAME * abs(whole))
    ):
        rest = (np.delete(np.arange(cases), group) for group in groups)
        values = len(groups) * whole - (len(groups) - 1) * np.array([score(others) for others in rest])
    if not (np.abs(values) < _LARGEST).all():
        return None
    values += whole - values.mean()
    return CaseScores(cases, block_length(len(groups), cases, overlap), tuple(values.tolist()))


def joined(folds: Sequence[CaseScores | None]) -> CaseScores | None:
    """The parts of a mean over folds: those of all folds, one after the other.

    None where a fold has none, or where folds have different numbers of them, which would weigh them differently.
    """
    known = [one for one in folds if one is not None]
    if len(known) < len(folds) or len({len(one.values) for one in known}) != 1:
        return None
    values = tuple(value for one in known for value in one.values)
    return CaseScores(sum(one.cases for one in known), max(one.block for one in known), values)


def block_length(groups: int, cases: int, overlap: int) -> int:
    """Neighbouring groups that are drawn together: 1 where cases do not overlap.

    Where they do, they follow one another in time: as long as the overlap, and no shorter than the cube root of their
    number, which is the order of the best length (Künsch 1989; Bühlmann and Künsch 1999).
    """
    if overlap <= 1:
        return 1
    return min(max(math.ceil(overlap * groups / cases), round(math.cbrt(groups))), groups)


def validation_score(prepared: Prepared, network: Trainer) -> float:
    """Score on the validation part with the network's present weights; may be non-finite."""
    part = prepared.data.validation
    return prepared.data.score(part, in_original_units(prepared.data, part, network.predict(prepared.validation)))


def test_score(prepared: Prepared, network: Trainer) -> tuple[float, CaseScores | None]:
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
