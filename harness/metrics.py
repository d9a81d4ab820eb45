"""The numbers by which predictions are judged, in plain NumPy because trials ask for them every epoch.

Knows arrays and records only: no cards, no datasets, no networks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from harness.records import Direction, Objective

# One floor for all models: float32 probabilities of a network and float64 ones of a baseline would otherwise
# be punished differently for being sure and wrong (scikit-learn takes the floor of the array's own type).
_SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)

Scorer = Callable[[npt.ArrayLike, npt.ArrayLike], float]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric.

    Attributes:
        name: Its name on cards.
        direction: Whether lower or higher scores are better.
        score: (truth, prediction) → score. Not finite when a prediction is not; never raises for it.
    """

    name: str
    direction: Direction
    score: Scorer


class Scored(Protocol):
    """What is asked of a task's card here."""

    @property
    def metric(self) -> str:
        """Name of the metric."""
        ...


def objective_of(task: Scored) -> Objective:
    """The objective that a task's card names.

    Args:
        task: A task's card; its `unit`, where it has one, becomes the score's (squared for `mse`).
    """
    unit = getattr(task, "unit", "")
    squared = f"({unit})²" if unit and task.metric == "mse" else unit
    return Objective(task.metric, METRICS[task.metric].direction, squared)


def mae(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Mean absolute error over all entries, in the truth's unit.

    Args:
        truth: Array of any shape.
        prediction: Array of the same shape.

    Raises:
        ValueError: The shapes differ.
    """
    difference = _difference(truth, prediction)
    return math.nan if difference is None else float(np.abs(difference).mean())


def mse(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Mean squared error over all entries, in the truth's unit squared.

    Args:
        truth: Array of any shape.
        prediction: Array of the same shape.

    Raises:
        ValueError: The shapes differ.
    """
    difference = _difference(truth, prediction)
    return math.nan if difference is None else float(np.square(difference).mean())


def rmse(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Square root of the mean squared error over all entries, in the truth's unit.

    Args:
        truth: Array of any shape.
        prediction: Array of the same shape.

    Raises:
        ValueError: The shapes differ.
    """
    return math.sqrt(mse(truth, prediction))


def accuracy(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Share of sequences whose most probable class is the true one.

    Args:
        truth: Class numbers (n,).
        prediction: Probabilities (n, classes).

    Raises:
        ValueError: The shapes do not fit.
    """
    table = _confusion(truth, prediction)
    return math.nan if table is None else float(np.trace(table) / table.sum())


def balanced_accuracy(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Mean over the true classes of the share of their sequences that are recognised (mean recall).

    As scikit-learn's `balanced_accuracy_score`: a class that does not occur in the truth does not count.

    Args:
        truth: Class numbers (n,).
        prediction: Probabilities (n, classes).

    Raises:
        ValueError: The shapes do not fit.
    """
    table = _confusion(truth, prediction)
    if table is None:
        return math.nan
    occurring = table.sum(axis=1)
    return float((np.diag(table)[occurring > 0] / occurring[occurring > 0]).mean())


def macro_f1(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Mean over classes of the harmonic mean of precision and recall, 2·hits / (occurring + named).

    As scikit-learn's `f1_score(average="macro")`: over the classes that occur in the truth or are named.

    Args:
        truth: Class numbers (n,).
        prediction: Probabilities (n, classes).

    Raises:
        ValueError: The shapes do not fit.
    """
    table = _confusion(truth, prediction)
    if table is None:
        return math.nan
    size = table.sum(axis=0) + table.sum(axis=1)
    return float((2 * np.diag(table)[size > 0] / size[size > 0]).mean())


def log_loss(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Mean of -ln(probability of the true class), in nats a sequence; probabilities are floored at 1.2e-7.

    Args:
        truth: Class numbers (n,).
        prediction: Probabilities (n, classes).

    Raises:
        ValueError: The shapes do not fit.
    """
    numbers, probabilities = _classes(truth, prediction)
    if not np.isfinite(probabilities).all():
        return math.nan
    named = probabilities[np.arange(numbers.size), numbers].astype(np.float64)
    return float(-np.log(np.clip(named, _SMALLEST_PROBABILITY, 1.0)).mean())


def _difference(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> npt.NDArray[np.float64] | None:
    # float64, so that neither sums of many entries lose digits nor squares of large ones overflow.
    expected, got = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    if expected.shape != got.shape:  # broadcasting (n, 1) against (n,) would give a plausible and wrong score
        raise ValueError(f"prediction has shape {got.shape}: expected {expected.shape}, the truth's")
    return got - expected if np.isfinite(got).all() else None


def _classes(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    numbers, probabilities = np.asarray(truth, np.int64), np.asarray(prediction)
    if numbers.ndim != 1 or probabilities.ndim != 2 or len(numbers) != len(probabilities):
        raise ValueError(
            f"prediction has shape {probabilities.shape}, truth {numbers.shape}: expected (n, classes) and (n,)"
        )
    return numbers, probabilities


def _confusion(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> npt.NDArray[np.int64] | None:
    """Counts (true class, named class), or None where a probability is not finite."""
    numbers, probabilities = _classes(truth, prediction)
    if not np.isfinite(probabilities).all():
        return None
    classes = probabilities.shape[1]
    pairs = numbers * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        score.__name__: Metric(score.__name__, direction, score)
        for direction, score in (
            (Direction.MIN, mae),
            (Direction.MIN, rmse),
            (Direction.MIN, mse),
            (Direction.MAX, accuracy),
            (Direction.MAX, balanced_accuracy),
            (Direction.MAX, macro_f1),
            (Direction.MIN, log_loss),
        )
    }
)
"""Every metric, by its name on cards."""
