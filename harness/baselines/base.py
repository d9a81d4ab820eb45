"""A baseline before it is fitted, and the time that all of a dataset's baselines may take together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from harness.data import Part, SequenceData
from harness.metrics import at_real_steps
from harness.text import duration_text

Numbers: TypeAlias = npt.NDArray[np.floating[Any]]
Predict: TypeAlias = Callable[[Part], Numbers]
"""A part → what a metric takes: values in raw units, or probabilities."""

T = TypeVar("T")


_OPERATIONS_A_SECOND = 5e9
"""Multiplications and additions that any core of today does in a second, in large products of matrices."""


class OutOfTime(Exception):
    """A baseline does not fit into the time that is left; it is skipped, with this message as the reason."""


class Clock:
    """The processor time that a dataset's baselines may take together, so that a busy machine skips none of them.

    Args:
        seconds: How long; None for as long as they need.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds, self._started = seconds, time.process_time()

    @property
    def elapsed(self) -> float:
        """Seconds since the first baseline began."""
        return time.process_time() - self._started

    def check(self, more: float = 0.0) -> None:
        """Return where there is time left.

        Args:
            more: Seconds that are needed at least.

        Raises:
            OutOfTime: There is not.
        """
        if self._seconds is None or self.elapsed + more <= self._seconds:
            return
        need = f"it needs {duration_text(more)} more of" if more > 1 else "over"
        raise OutOfTime(f"{need} the {duration_text(self._seconds)} that all baselines have together")

    def check_work(self, operations: float) -> None:
        """As `check`, for so many multiplications and additions."""
        self.check(operations / _OPERATIONS_A_SECOND)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted baseline.

    Attributes:
        predict: Its predictions.
        note: What to know of how it was fitted, such as on how much of the training part; empty for nothing.
    """

    predict: Predict
    note: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A baseline that is not fitted yet.

    Attributes:
        name: What tables call it.
        fit: Fit it on the training part, with the settings that the validation part prefers; what takes long looks at
            the clock.
        lacks: Why it cannot be fitted here, such as a library that is not installed; empty where it can.
    """

    name: str
    fit: Callable[[Clock], Fitted]
    lacks: str = ""


def at_once(name: str, fit: Callable[[SequenceData], Predict], data: SequenceData) -> Candidate:
    """A baseline whose fit takes no time to speak of."""
    return Candidate(name, lambda _: Fitted(fit(data)))


def best_of(data: SequenceData, candidates: Sequence[T], predict: Callable[[T], Numbers]) -> T:
    """The candidate whose predictions for the validation part have the best score; the first where none has one."""
    scores = [data.score(data.validation, predict(candidate)) for candidate in candidates]
    best = data.objective.best(filter(math.isfinite, scores))
    return candidates[0] if best is None else candidates[scores.index(best)]


def thinning(part: Part, work: float, most: float) -> tuple[int, str]:
    """How much of a training part a model is fitted on, so that its work is at most `most`.

    Args:
        part: The training part.
        work: What one sequence costs.
        most: What all may cost, in the same unit.

    Returns:
        How many sequences further the next one lies, and the note that says so.
    """
    every = max(1, math.ceil(len(part) * work / most))
    return every, "" if every == 1 else f"fitted on one training sequence in {every}"


def answers(part: Part) -> npt.NDArray[Any]:
    """What is true at the real steps of a part whose answers are one for each step."""
    return at_real_steps(part.y, part.lengths)


def everywhere(part: Part, shares: Numbers) -> Numbers:
    """The same probabilities at every step."""
    return np.broadcast_to(shares, (*part.x.shape[:2], len(shares)))
