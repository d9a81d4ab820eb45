"""What a sweep tells whoever watches it: frozen records, handed to one function. It prints nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from harness.records import ComparisonResult, Objective
from harness.records.serialization import Record


@dataclass(frozen=True, slots=True)
class FamilyProgress(Record):
    """How far one family is.

    Attributes:
        name: The family's name.
        completed: Trials with a score.
        wanted: Trials that the budget gives it; None when time is the currency.
        running: Trials being trained.
        failed: Trials without a score.
        best: Best validation score so far; None when there is none.
    """

    name: str
    completed: int
    wanted: int | None
    running: int
    failed: int
    best: float | None


@dataclass(frozen=True, slots=True)
class SweepStarted:
    """The sweep has its folder: from here on what ends is kept.

    Attributes:
        sweep_id: The sweep's id.
        resumed: Whether it was begun by another command.
        finished: Whether it was finished before, too, so that only its report and MLflow's runs are made again.
    """

    sweep_id: str
    resumed: bool = False
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Progress(Record):
    """A dataset's searches at one instant. No test score is in it.

    Attributes:
        dataset: Name of the dataset.
        objective: The metric.
        families: Each family's part.
        seconds_left: Estimate for the rest of this dataset's searches; None before the first trial ended.
        over: Whether the searches have ended.
    """

    dataset: str
    objective: Objective
    families: tuple[FamilyProgress, ...]
    seconds_left: float | None
    over: bool = False


@dataclass(frozen=True, slots=True)
class Step(Record):
    """How far something else is that is done for a dataset: retrainings, baselines, the champion.

    Attributes:
        dataset: Name of the dataset.
        what: What it is, such as `fresh seeds`.
        done: How much of it is done.
        of: How much there is.
    """

    dataset: str
    what: str
    done: int
    of: int

    @property
    def over(self) -> bool:
        """Whether all of it is done."""
        return self.done >= self.of


@dataclass(frozen=True, slots=True)
class Message:
    """Something worth a line.

    Attributes:
        text: One line.
        detail: Whether it is only for those who asked for more.
    """

    text: str
    detail: bool = False


@dataclass(frozen=True, slots=True)
class ComparisonFinished:
    """A comparison is over.

    Attributes:
        result: Everything known of it.
    """

    result: ComparisonResult


SweepEvent: TypeAlias = SweepStarted | Progress | Step | Message | ComparisonFinished

Callback: TypeAlias = Callable[[SweepEvent], None]
"""Who watches a sweep."""
