"""What makes a champion's prediction an interval or a set, and how much of the test part those cover."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.records.serialization import Record

MOST_OFF, MOST_ERRORS = 0.04, 2
"""What a coverage may be off by: the larger of four points and two standard errors."""


@dataclass(frozen=True, slots=True)
class Coverage(Record):
    """The share of the test part's answers that intervals or sets of one level hold.

    Attributes:
        level: The level, in percent.
        share: That share, from 0 to 1; of a forecast over all steps and targets.
        cases: Windows of the test part that do not overlap, or its sequences.
        calibration: The same of the validation part, on which the intervals were calibrated.
        sets: Whether they are sets of classes, which may hold more than the level.
    """

    level: int
    share: float
    cases: int
    calibration: int
    sets: bool = False

    @property
    def standard_error(self) -> float:
        """What chance makes of the share, both parts counted: √(p(1 − p)(1/n_cal + 1/n_test))."""
        p = self.level / 100
        return math.sqrt(p * (1 - p) * (1 / self.calibration + 1 / self.cases))

    @property
    def off(self) -> bool:
        """Whether validation and test part differ so much that coverage cannot be promised."""
        missing = self.level / 100 - self.share
        return (missing if self.sets else abs(missing)) > max(MOST_OFF, MOST_ERRORS * self.standard_error)


@dataclass(frozen=True, slots=True)
class Movement(Record):
    """By what the half widths of a forecast are multiplied: how much each target moved in the lookback.

    It is the mean absolute change from step to step, by which MASE divides errors too (Hyndman and Koehler 2006), and
    a little more, so that a lookback in which nothing moved has an interval as well.

    Attributes:
        channels: Place of each target among the channels of the lookback.
        least: What is added for each target, in original units.
    """

    channels: tuple[int, ...]
    least: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Intervals(Record):
    """Split-conformal calibration of a champion on its validation part; a level that too few cases give is left out.

    Attributes:
        cases: Windows of the validation part that do not overlap, or its sequences.
        half_widths: Level in percent → half the width of each step's and target's interval (steps, targets), in
            original units; of numbers a single step. With `movement`, multiples of that. Empty for classes.
        least_probability: Level in percent → probability from which on a class is in the set. Empty for numbers.
        coverage: What they cover of the test part, a level each.
        movement: What makes the intervals of a forecast wider where its target moved more; None where they are as
            wide everywhere.
    """

    cases: int
    half_widths: Mapping[str, tuple[tuple[float, ...], ...]] = field(default_factory=dict)
    least_probability: Mapping[str, float] = field(default_factory=dict)
    coverage: tuple[Coverage, ...] = ()
    movement: Movement | None = None

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels that are there, in percent, rising."""
        return tuple(sorted(map(int, self.half_widths or self.least_probability)))
