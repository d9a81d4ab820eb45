"""Prediction intervals and sets of classes by split conformal calibration; pure functions of arrays.

Numbers: the absolute residual's quantile on the validation part, for each step of the horizon and each target by itself
(Lei et al. 2018, "Distribution-free predictive inference for regression"). Classes: all classes that are at least as
probable as the true one mostly is (LAC; Sadinle, Lei and Wasserman 2019, "Least ambiguous set-valued classifiers with
bounded error levels"), and always the most probable one, since an empty set helps nobody.

The quantile is the one of rank ⌈(n + 1) p⌉ among n. Windows of a series overlap and their errors go together: n counts
those that share no step of the horizon, and that rank's share, ⌈(n + 1) p⌉ / n, is then read off all windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.data.dataset import Flags, Values
from harness.data.scaling import Floats
from harness.errors import UsageError
from harness.export.artifact import Description
from harness.records import Coverage, Intervals
from harness.text import listed

LEVELS = (50, 80, 90, 95, 99)
"""Levels that a champion holds, in percent."""


def rank_of(level: int, cases: int, values: int) -> int | None:
    """Which of the sorted values, from 1, is the bound of a level; None where the cases are too few for it.

    Args:
        level: In percent.
        cases: Cases that do not overlap, at least 1.
        values: Cases in all, at least as many.
    """
    rank = -(-(cases + 1) * level // 100)  # whole numbers: 0.8 · 5 is not 4 for every computer
    return None if rank > cases else -(-values * rank // cases)


def fewest_cases(level: int) -> int:
    """Cases that do not overlap which a level takes at least."""
    return -(-level // (100 - level))


def calibrate_numbers(truth: Values, prediction: Floats, cases: int) -> Intervals:
    """Half the widths of intervals around numbers.

    Args:
        truth: (n, steps, targets), or (n, targets) for a single step, in original units.
        prediction: The same.
        cases: How many of the n do not overlap.
    """
    ranks = _ranks(cases, len(truth))
    widths: dict[str, list[tuple[float, ...]]] = {str(level): [] for level in ranks}
    truth, prediction = _by_step(truth), _by_step(prediction)
    for true, predicted in zip(truth, prediction, strict=True):  # a step at a time: a copy is small beside the windows
        residuals = np.sort(np.abs(np.subtract(true, predicted, dtype=np.float64)), axis=0)
        for level, rank in ranks.items():
            widths[str(level)].append(tuple(residuals[rank - 1].tolist()))
    return Intervals(cases, half_widths={level: tuple(steps) for level, steps in widths.items()})


def calibrate_classes(truth: Values, probabilities: Floats, cases: int) -> Intervals:
    """The probability from which on a class is in a set.

    Args:
        truth: Class numbers (n,).
        probabilities: (n, classes).
        cases: How many of the n do not overlap.
    """
    falling = -np.sort(-probabilities[np.arange(len(truth)), truth].astype(np.float64))
    ranks = _ranks(cases, len(truth))
    return Intervals(cases, least_probability={str(level): float(falling[rank - 1]) for level, rank in ranks.items()})


def _ranks(cases: int, values: int) -> dict[int, int]:
    return {level: rank for level in LEVELS if (rank := rank_of(level, cases, values)) is not None}


def _by_step(values: Values) -> Values:
    """(steps, n, targets)."""
    return values.swapaxes(0, 1) if values.ndim == 3 else values[None]


def bounds_of(intervals: Intervals, prediction: Floats, level: int) -> tuple[Floats, Floats]:
    """Lower and upper bound of a level that is there, both of the prediction's shape and type."""
    half = np.array(intervals.half_widths[str(level)], prediction.dtype)
    half = half if prediction.ndim == 3 else half[0]
    return prediction - half, prediction + half


def sets_of(intervals: Intervals, probabilities: Floats, level: int) -> Flags:
    """Which classes (n, classes) are in the sets of a level that is there."""
    most = probabilities.max(axis=-1, keepdims=True)
    # The probability's own 32 bits, so that the case that gave the bound is in its set.
    least = np.asarray(intervals.least_probability[str(level)], probabilities.dtype)
    return np.asarray(probabilities >= np.minimum(least, most))


def coverage_of(intervals: Intervals, truth: Values, prediction: Floats, cases: int) -> tuple[Coverage, ...]:
    """What intervals or sets cover of a part.

    Args:
        intervals: The calibration.
        truth: The part's answers.
        prediction: Numbers of their shape, or probabilities of classes (n, classes).
        cases: How many of the part's cases do not overlap.
    """
    sets = bool(intervals.least_probability)
    found = []
    for level in intervals.levels:
        if sets:
            held = sets_of(intervals, prediction, level)[np.arange(len(truth)), truth]
        else:
            lower, upper = bounds_of(intervals, prediction, level)
            held = (lower <= truth) & (truth <= upper)
        found.append(Coverage(level, float(held.mean()), cases, intervals.cases, sets))
    return tuple(found)


@dataclass(frozen=True, slots=True, eq=False)
class IntervalPrediction:
    """A prediction with its intervals or sets.

    Attributes:
        prediction: Numbers in original units, or probabilities of classes (n, classes).
        lower: Level in percent → lower bounds of the prediction's shape; empty for classes.
        upper: Level in percent → upper bounds.
        sets: Level in percent → which classes are in the set (n, classes); empty for numbers.
    """

    prediction: Floats
    lower: Mapping[int, Floats] = field(default_factory=dict)
    upper: Mapping[int, Floats] = field(default_factory=dict)
    sets: Mapping[int, Flags] = field(default_factory=dict)

    def of_first(self) -> IntervalPrediction:
        """The first sequence's, without the axis of sequences."""
        lower, upper = ({level: bound[0] for level, bound in side.items()} for side in (self.lower, self.upper))
        return IntervalPrediction(
            self.prediction[0], lower, upper, {level: held[0] for level, held in self.sets.items()}
        )


def with_intervals(intervals: Intervals, prediction: Floats, levels: Sequence[int]) -> IntervalPrediction:
    """A prediction and its intervals or sets, of levels that are there."""
    if intervals.least_probability:
        return IntervalPrediction(prediction, sets={level: sets_of(intervals, prediction, level) for level in levels})
    both = {level: bounds_of(intervals, prediction, level) for level in levels}
    lower, upper = ({level: pair[side] for level, pair in both.items()} for side in (0, 1))
    return IntervalPrediction(prediction, lower, upper)


def intervals_for(description: Description, levels: Sequence[int]) -> Intervals:
    """A champion's calibration, which has these levels.

    Args:
        description: Of the champion.
        levels: In percent.

    Raises:
        UsageError: The champion has none, a level is not one that it holds, or is there twice.
    """
    if isinstance(levels, str) or not isinstance(levels, Iterable):
        raise UsageError(f"interval {levels!r}: expected a list of levels in percent, such as (80, 95)")
    named = tuple(map(str, levels))
    asked = f"interval {','.join(named)}"
    if description.task.per_step:
        raise UsageError(f"{asked}: a {description.task.value} task answers at every step, for which there are none")
    if description.refit:
        raise UsageError(
            f"{asked}: a refitted model was trained on the validation part too, which leaves nothing to calibrate on: "
            "expected the version that it was made from"
        )
    if description.intervals is None:
        raise UsageError(
            f"{asked}: this champion of {description.name} was made before there were intervals: a new sweep gives them"
        )
    if len(set(named)) < len(named) or not {*named} <= {*map(str, LEVELS)}:
        raise UsageError(f"{asked}: expected levels in percent, each once: {listed(LEVELS, 'or')}")
    if missing := [level for level in levels if level not in description.intervals.levels]:
        raise UsageError(
            f"{asked}: {missing[0]} % takes at least {fewest_cases(missing[0])} cases of the validation part that do "
            f"not overlap, got {description.intervals.cases}: expected {listed(description.intervals.levels, 'or')}"
        )
    return description.intervals


def levels_of(text: str) -> tuple[int, ...]:
    """Levels as the command line has them, such as `80,95`.

    Raises:
        UsageError: One is no whole number.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--interval {text}: expected levels in percent, such as 80,95") from None
