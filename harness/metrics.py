"""The numbers by which predictions are judged, in plain NumPy because trials ask for them every epoch.

Knows arrays and records only: no configs, no datasets, no networks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.records import Direction, Objective
from harness.user_code import is_function, load_function

# One floor for all models: float32 probabilities of a network and float64 ones of a baseline would otherwise
# be punished differently for being sure and wrong (scikit-learn takes the floor of the array's own type).
_SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)

_UNITS = {"nll": "nats a step", "bits_per_character": "bits"}

Scorer = Callable[[npt.ArrayLike, npt.ArrayLike], float]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric.

    Attributes:
        name: Its name on configs.
        direction: Whether lower or higher scores are better.
        score: (truth, prediction) → score. Not finite when a prediction is not; never raises for it.
    """

    name: str
    direction: Direction
    score: Scorer

    def of(self, truth: npt.ArrayLike, prediction: npt.ArrayLike, lengths: npt.ArrayLike | None = None) -> float:
        """The score.

        Args:
            truth: What is true.
            prediction: What was said.
            lengths: Real steps of each sequence (n,) where every step has an answer: both arrays are then (n, steps,
                …), and only real steps count, each as much as any other. None where there are no steps.
        """
        if lengths is None:
            return float(self.score(truth, prediction))
        return float(self.score(at_real_steps(truth, lengths), at_real_steps(prediction, lengths)))


def at_real_steps(values: npt.ArrayLike, lengths: npt.ArrayLike) -> npt.NDArray[Any]:
    """The values that stand at no padding.

    Args:
        values: (n, steps, …).
        lengths: Real steps of each sequence (n,).

    Returns:
        (sum of lengths, …), sequence by sequence.
    """
    array = np.asarray(values)
    real: npt.NDArray[Any] = array[mask_of(lengths, array.shape[1])]
    return real


def mask_of(lengths: npt.ArrayLike, steps: int) -> npt.NDArray[np.bool_]:
    """Which steps are real, from the lengths alone, since real data holds zeros too.

    Args:
        lengths: Real steps of each sequence (n,).
        steps: Steps of all of them, padding and all.

    Returns:
        (n, steps). Of tensors `tf.sequence_mask` gives the same, and of a model's inputs `harness.models.length_mask`.
    """
    real: npt.NDArray[np.bool_] = np.arange(steps) < np.asarray(lengths)[:, None]
    return real


def without_padding(values: npt.NDArray[Any], lengths: npt.ArrayLike) -> npt.NDArray[Any]:
    """The values (n, steps, …), with 0 in the place of whatever was used as padding."""
    real = mask_of(lengths, values.shape[1])
    return np.where(real.reshape(*real.shape, *(1,) * (values.ndim - 2)), values, np.zeros((), values.dtype))


class Scored(Protocol):
    """What is asked of a task's config here."""

    @property
    def metric(self) -> str:
        """Name of the metric, or `file.py:function`."""
        ...

    @property
    def direction(self) -> Direction | None:
        """The direction of a metric of the user's own; None for others."""
        ...


def objective_of(task: Scored) -> Objective:
    """The objective that a task's config names.

    Args:
        task: A task's config; its `unit`, where it has one, becomes the score's (squared for `mse`).

    Raises:
        UsageError: A metric of the user's own cannot be loaded.
    """
    metric, unit = metric_of(task), getattr(task, "unit", "")
    unit = f"({unit})²" if unit and task.metric == "mse" else unit
    return Objective(metric.name, metric.direction, _UNITS.get(task.metric, unit))


def metric_of(task: Scored) -> Metric:
    """The metric that a task's config names: one of `METRICS`, or a function of the user's own.

    The function takes what is true and what was said, as scikit-learn's metrics do, and gives one number. Where every
    step has an answer it sees real steps only. Its file is loaded by path.

    Args:
        task: A task's config.

    Raises:
        UsageError: The function cannot be loaded.
    """
    if not is_function(task.metric):
        return METRICS[task.metric]
    assert task.direction is not None  # a config whose metric is the user's own says it
    function = load_function(task.metric)

    def score(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
        try:
            return float(function(np.asarray(truth), np.asarray(prediction)))
        except Exception as error:  # whatever the user's code does
            raise UsageError(f"{task.metric}: {type(error).__name__}: {error}: expected one number") from error

    return Metric(task.metric.rpartition(":")[2], task.direction, score)


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


def perplexity(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """How many tokens, all equally probable, would be as hard to guess: exp of `log_loss`.

    Source: F. Jelinek, R. L. Mercer, L. R. Bahl and J. K. Baker (1977), "Perplexity, a measure of the difficulty of
    speech recognition tasks", JASA 62.

    Args:
        truth: Numbers of tokens (n,).
        prediction: Probabilities (n, vocabulary).

    Raises:
        ValueError: The shapes do not fit.
    """
    return math.exp(log_loss(truth, prediction))


def bits_per_character(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Mean of -log2(probability of the true token), a token being a character where the config says so.

    Args:
        truth: Numbers of tokens (n,).
        prediction: Probabilities (n, vocabulary).

    Raises:
        ValueError: The shapes do not fit.
    """
    return log_loss(truth, prediction) / math.log(2)


def nll(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Negative log-likelihood of independent labels, summed over labels, mean over steps, in nats a step.

    Source: N. Boulanger-Lewandowski, Y. Bengio and P. Vincent (2012), arXiv 1206.6392, the measure of their table 1.

    Args:
        truth: Labels (n, labels), 0 or 1.
        prediction: Probabilities (n, labels), kept 1.2e-7 away from 0 and 1.

    Raises:
        ValueError: The shapes differ.
    """
    difference = _difference(truth, prediction)
    if difference is None:
        return math.nan
    given = 1.0 - np.abs(difference)  # the probability of what is true
    clipped = np.clip(given, _SMALLEST_PROBABILITY, 1.0)
    return float(-np.log(clipped).sum(axis=-1).mean())


def binary_accuracy(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Share of all labels, at all steps, that are said rightly at a threshold of one half.

    Args:
        truth: Labels (n, labels), 0 or 1.
        prediction: Probabilities (n, labels).

    Raises:
        ValueError: The shapes differ.
    """
    difference = _difference(truth, prediction)
    return math.nan if difference is None else float((np.abs(difference) < 0.5).mean())


def micro_f1(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Harmonic mean of precision and recall over all labels and steps, at a threshold of one half.

    As scikit-learn's `f1_score(average="micro")` of labels: 2·hits / (true ones + said ones); 0 where there are none.

    Args:
        truth: Labels (n, labels), 0 or 1.
        prediction: Probabilities (n, labels).

    Raises:
        ValueError: The shapes differ.
    """
    if _difference(truth, prediction) is None:
        return math.nan
    true, given = np.asarray(truth) > 0.5, np.asarray(prediction) > 0.5
    size = int(true.sum()) + int(given.sum())
    return 2.0 * int((true & given).sum()) / size if size else 0.0


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
        for direction, scores in (
            (Direction.MIN, (mae, rmse, mse, log_loss, perplexity, bits_per_character, nll)),
            (Direction.MAX, (accuracy, balanced_accuracy, macro_f1, binary_accuracy, micro_f1)),
        )
        for score in scores
    }
)
"""Every metric, by its name on configs."""
