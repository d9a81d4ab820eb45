"""Whether the difference depends on the task, the length, the size or the dimension: one meta-regression for all four.

A mean for each task, at the average of the other three, and a slope a doubling for each of those. The four p-values
are adjusted by Holm together; the intervals are each for itself. A data set far out counts for less: its variance is
widened by what those far out have besides (`grid`), times the probability that its distance from a least-absolute fit
gives it to be one of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.atlas.grid import FARTHER, OUTLIERS
from harness.atlas.model import LEAST_ERROR, Estimate, Pooled
from harness.atlas.regression import Floats, Interval, Regression, reml
from harness.records.serialization import Record
from harness.stats.differences import holm

SLOPES = ("length", "size", "dimension")
"""What has a slope: steps of a sequence, training sequences, input channels."""

TASK = "task"

_ROUNDS = 40


@dataclass(frozen=True, slots=True)
class TaskMean(Record):
    """The mean log ratio over the data sets of one task, at the average of the other moderators.

    Attributes:
        task: The task.
        datasets: Its data sets.
        sources: Their sources.
        ratio: The log ratio, positive where gru is better.
    """

    task: str
    datasets: int
    sources: int
    ratio: Interval


@dataclass(frozen=True, slots=True)
class Moderators(Record):
    """The meta-regression.

    Attributes:
        tasks: The mean of each task.
        slopes: Change of the log ratio with a doubling, by what is doubled.
        p: The p of each moderator, adjusted by Holm over all of them.
        between: Standard deviation of the sources' effects that is left.
        within: That of the data sets' effects.
    """

    tasks: tuple[TaskMean, ...]
    slopes: Mapping[str, Interval]
    p: Mapping[str, float]
    between: float
    within: float


@dataclass(frozen=True, slots=True)
class Design:
    """What explains a log ratio: a column for each task, and the logarithms' distances from their means.

    Attributes:
        tasks: The tasks.
        slopes: Those of `SLOPES` that vary.
        centres: Mean binary logarithm of each.
    """

    tasks: tuple[str, ...]
    slopes: tuple[str, ...]
    centres: tuple[float, ...]

    @classmethod
    def of(cls, estimates: Sequence[Estimate]) -> Design:
        """The design that some data sets allow."""
        logs = {name: [_doublings(one, name) for one in estimates] for name in SLOPES}
        slopes = tuple(name for name, its in logs.items() if np.ptp(its) > 0)
        tasks = tuple(sorted({one.task for one in estimates}))
        return cls(tasks, slopes, tuple(float(np.mean(logs[name])) for name in slopes))

    def rows(self, estimates: Sequence[Estimate]) -> Floats:
        """The columns of some data sets (n, p); one of another task has no 1."""
        return np.array(
            [
                [
                    *(float(one.task == task) for task in self.tasks),
                    *(_doublings(one, name) - centre for name, centre in zip(self.slopes, self.centres, strict=True)),
                ]
                for one in estimates
            ],
            dtype=np.float64,
        )


def fit(estimates: Sequence[Estimate], design: Design, pooled: Pooled) -> Regression | None:
    """The meta-regression of some data sets; None where they are too few for it.

    Args:
        estimates: The data sets.
        design: What explains them.
        pooled: How far data sets scatter that do not lie far out.
    """
    values = np.array([one.log_ratio for one in estimates])
    columns = design.rows(estimates)
    squares = np.maximum([one.error for one in estimates], LEAST_ERROR) ** 2
    near = squares + pooled.between**2 + pooled.within**2
    far = near + (FARTHER**2 - 1) * pooled.within**2
    away = (values - columns @ _least_absolute(columns, values)) ** 2
    odds = OUTLIERS / (1 - OUTLIERS) * np.sqrt(near / far) * np.exp(0.5 * away * (1 / near - 1 / far))
    widened = squares + odds / (1 + odds) * (far - near)
    return reml(values, np.sqrt(widened), [one.source for one in estimates], columns)


def _least_absolute(columns: Floats, values: Floats) -> Floats:
    """Coefficients with the least sum of absolute distances, by reweighted least squares (Schlossmacher 1973)."""
    weights = np.ones(len(values))
    for _ in range(_ROUNDS):
        scaled = np.sqrt(weights)
        found = np.linalg.lstsq(columns * scaled[:, None], values * scaled)[0]
        weights = 1 / np.maximum(np.abs(values - columns @ found), LEAST_ERROR)
    return np.asarray(found, dtype=np.float64)


def moderators(estimates: Sequence[Estimate], pooled: Pooled) -> Moderators | None:
    """What the difference depends on; None where there are too few data sets to say.

    Args:
        estimates: The data sets.
        pooled: What the model says over all of them.
    """
    design = Design.of(estimates)
    found = fit(estimates, design, pooled)
    if found is None:
        return None
    count = len(design.tasks)
    unit = np.eye(count + len(design.slopes))
    p = {TASK: found.all_zero(unit[1:count] - unit[0])} if count > 1 else {}
    slopes = {name: found.of(unit[count + place]) for place, name in enumerate(design.slopes)}
    p |= {name: its.p for name, its in slopes.items()}
    means = []
    for place, task in enumerate(design.tasks):
        its = [one for one in estimates if one.task == task]
        means.append(TaskMean(task, len(its), len({one.source for one in its}), found.of(unit[place])))
    adjusted = dict(zip(p, holm(list(p.values())), strict=True))
    return Moderators(tuple(means), slopes, adjusted, found.between, found.within)


def _doublings(one: Estimate, name: str) -> float:
    return math.log2(max(float(getattr(one, name)), 1.0))
