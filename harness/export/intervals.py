"""Prediction intervals and sets of classes by split conformal calibration; pure functions of arrays.

Numbers: the absolute residual's quantile on the validation part, for each step of the horizon and each target by itself
(Lei et al. 2018, "Distribution-free predictive inference for regression", section 2.2). Residuals of a forecast are
divided by how much its target moved in the lookback (section 5.2, "locally weighted") where that gives the better
interval scores on the validation part: intervals are then wider in restless times.

Classes: all classes that are at least as probable as the true one mostly is (LAC; Sadinle, Lei and Wasserman 2019,
"Least ambiguous set-valued classifiers with bounded error levels"), and always the most probable one, since an empty
set helps nobody.

The quantile is the one of rank ⌈(n + 1) p⌉ among n. Windows of a series overlap and their errors go together: n counts
those that share no step of the horizon, and that rank's share, ⌈(n + 1) p⌉ / n, is then read off all windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from harness.data.dataset import Flags, Values
from harness.data.scaling import Floats
from harness.errors import UsageError
from harness.export.artifact import Description
from harness.records import Coverage, Intervals, Movement
from harness.text import listed

Wide = npt.NDArray[np.float64]

LEVELS = (50, 80, 90, 95, 99)
"""Levels that a champion holds, in percent."""

SCORED = (80, 95)
"""Levels by whose interval scores it is chosen whether intervals widen with the lookback."""

LEAST_MOVEMENT = 0.1
USUAL, SMALL = 0.5, 0.05
"""Quantiles of the movements: each has `LEAST_MOVEMENT` of one of them on top, so that no scale is nearly zero.

The usual movement of a panel of large and small series is no little for the small ones: for them there is the other.
"""

WINDOWS_AT_ONCE = 4096


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


def calibrate_numbers(
    truth: Values, prediction: Floats, cases: int, x: Floats | None = None, channels: Sequence[int] = ()
) -> Intervals:
    """Half the widths of intervals around numbers.

    Args:
        truth: (n, steps, targets), or (n, targets) for a single step, in original units.
        prediction: The same.
        cases: How many of the n do not overlap.
        x: Of a forecast the lookbacks (n, lookback, channels), the earliest windows first, in original units.
        channels: Place of each target among them, -1 where it is none of them.
    """
    seen = x is not None and channels and -1 not in channels
    movement = _movement(truth, prediction, cases, x, channels) if seen and x is not None else None
    ranks, scale = _ranks(cases, len(truth)), 1.0 if movement is None or x is None else moved(movement, x)
    widths: dict[str, list[tuple[float, ...]]] = {str(level): [] for level in ranks}
    for residuals in _residuals(truth, prediction, scale):
        ordered = np.sort(residuals, axis=0)
        for level, rank in ranks.items():
            widths[str(level)].append(tuple(ordered[rank - 1].tolist()))
    held = {level: tuple(steps) for level, steps in widths.items()}
    return Intervals(cases, half_widths=held, movement=movement)


def moved(movement: Movement, x: Floats) -> Wide:
    """By what the half widths of each window and target are multiplied (n, targets).

    Args:
        movement: Of which channels, and what is added.
        x: The lookbacks (n, lookback, channels), in original units; what is missing counts for nothing.
    """
    found: Wide = np.tile(np.array(movement.least), (len(x), 1))
    for at in range(0, len(x), WINDOWS_AT_ONCE):  # windows are views of a series: a copy of all may be far larger
        piece = slice(at, at + WINDOWS_AT_ONCE)
        changes = np.abs(np.diff(x[piece][..., list(movement.channels)].astype(np.float64), axis=1))
        known = np.maximum((~np.isnan(changes)).sum(axis=1), 1)
        found[piece] += np.nan_to_num(changes).sum(axis=1) / known
    return found


def _movement(truth: Values, prediction: Floats, cases: int, x: Floats, channels: Sequence[int]) -> Movement | None:
    """The movement by which intervals are to widen, where that is better on the validation part."""
    if cases < 2 * max(map(fewest_cases, SCORED)) or x.shape[1] < 2:  # either half has to give the levels
        return None
    bare = moved(Movement(tuple(channels), (0.0,) * len(channels)), x)
    plain = _score(truth, prediction, np.ones_like(bare))
    if not np.all(plain > 0):
        return None
    found: dict[Movement | None, float] = {None: 0.0}
    for quantile in (USUAL, SMALL):
        movement = Movement(tuple(channels), tuple((LEAST_MOVEMENT * np.quantile(bare, quantile, axis=0)).tolist()))
        if all(movement.least):
            found[movement] = float(np.log(_score(truth, prediction, moved(movement, x)) / plain).mean())
    return min(found, key=found.__getitem__)


def _score(truth: Values, prediction: Floats, scale: Wide) -> Wide:
    """Interval scores of each target: each half of the windows by the quantiles of the other half.

    Gneiting and Raftery 2007, "Strictly proper scoring rules", equation 43, weighted by α so that levels count alike.
    """
    half, total = len(scale) // 2, np.zeros(scale.shape[1])
    halves = (slice(None, half), slice(half, None))
    for residuals in _residuals(truth, prediction, scale):
        for here, there in (halves, halves[::-1]):
            off, by = residuals[here] * scale[here], scale[here]
            for level in SCORED:
                missing = 1 - level / 100
                wide = np.quantile(residuals[there], level / 100, axis=0, method="higher") * by
                total += (2 * missing * wide + 2 * np.maximum(off - wide, 0.0)).sum(axis=0)
    return total


def _residuals(truth: Values, prediction: Floats, scale: Wide | float) -> Iterator[Wide]:
    """(n, targets) of each step, absolute, over the scale; a step at a time: a copy is small beside the windows."""
    for true, predicted in zip(_by_step(truth), _by_step(prediction), strict=True):
        yield np.abs(np.subtract(true, predicted, dtype=np.float64)) / scale


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


def bounds_of(intervals: Intervals, prediction: Floats, level: int, x: Floats | None = None) -> tuple[Floats, Floats]:
    """Lower and upper bound of a level that is there, both of the prediction's shape and type.

    Args:
        intervals: The calibration.
        prediction: Numbers, in original units.
        level: In percent.
        x: What they were predicted from; needed where `intervals` has a `movement`.
    """
    half = np.array(intervals.half_widths[str(level)])
    half = half if prediction.ndim == 3 else half[0]
    if intervals.movement is not None:
        assert x is not None
        half = half * moved(intervals.movement, x)[:, None]
    half = half.astype(prediction.dtype)
    return prediction - half, prediction + half


def sets_of(intervals: Intervals, probabilities: Floats, level: int) -> Flags:
    """Which classes (n, classes) are in the sets of a level that is there."""
    most = probabilities.max(axis=-1, keepdims=True)
    # The probability's own 32 bits, so that the case that gave the bound is in its set.
    least = np.asarray(intervals.least_probability[str(level)], probabilities.dtype)
    return np.asarray(probabilities >= np.minimum(least, most))


def coverage_of(
    intervals: Intervals, truth: Values, prediction: Floats, cases: int, x: Floats | None = None
) -> tuple[Coverage, ...]:
    """What intervals or sets cover of a part.

    Args:
        intervals: The calibration.
        truth: The part's answers.
        prediction: Numbers of their shape, or probabilities of classes (n, classes).
        cases: How many of the part's cases do not overlap.
        x: What was predicted from, as `bounds_of` takes it.
    """
    sets = bool(intervals.least_probability)
    found = []
    for level in intervals.levels:
        if sets:
            held = sets_of(intervals, prediction, level)[np.arange(len(truth)), truth]
        else:
            lower, upper = bounds_of(intervals, prediction, level, x)
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


def with_intervals(intervals: Intervals, x: Floats, prediction: Floats, levels: Sequence[int]) -> IntervalPrediction:
    """A prediction from `x` and its intervals or sets, of levels that are there."""
    if intervals.least_probability:
        return IntervalPrediction(prediction, sets={level: sets_of(intervals, prediction, level) for level in levels})
    both = {level: bounds_of(intervals, prediction, level, x) for level in levels}
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
