"""A test score taken apart over the test cases, for whoever asks how much another test part would change it.

Any metric of any task: it is only ever asked for the score of some of the cases.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from harness.records import CaseScores

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
