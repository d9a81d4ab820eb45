"""What is asked of a trial, what became of it, and what a family spent on them."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from harness.records.serialization import Record

Value: TypeAlias = bool | int | float | str
"""The value of one hyperparameter."""


PRUNING_BEGINS = 4
"""The first epoch after which median stopping may end a trial."""


class TaskKind(StrEnum):
    """What is predicted."""

    FORECAST = "forecast"
    CLASSIFY = "classify"
    REGRESS = "regress"
    LABEL = "label"
    NEXT_TOKEN = "next_token"

    @property
    def per_step(self) -> bool:
        """Whether every step of a sequence has an answer of its own."""
        return self in (TaskKind.LABEL, TaskKind.NEXT_TOKEN)


class Answer(StrEnum):
    """What an answer is made of, whether a sequence has one or every step."""

    NUMBERS = "numbers"
    CLASS = "class"
    FLAGS = "flags"

    @classmethod
    def of(cls, task: TaskKind, multi_label: bool = False) -> Answer:
        """The answer of a task: numbers, one class of several, or yes and no for each of several labels."""
        if multi_label:
            return cls.FLAGS
        return cls.NUMBERS if task in (TaskKind.FORECAST, TaskKind.REGRESS) else cls.CLASS


class Direction(StrEnum):
    """Which scores are better."""

    MIN = "min"
    MAX = "max"

    @property
    def sign(self) -> int:
        """What a score is multiplied with to be a loss, so that code after it knows one direction only.

        Returns:
            1 where lower scores are better, -1 where higher ones are.
        """
        return 1 if self is Direction.MIN else -1


class Phase(StrEnum):
    """Why a model was trained: to find hyperparameters, or to show the spread of the ones found."""

    SEARCH = "search"
    SEED_REPEAT = "confirmation"


class TrialStatus(StrEnum):
    """How a trial ended."""

    COMPLETED = "completed"
    FAILED = "failed"


class FailureKind(StrEnum):
    """Why a trial has no score; but for `lost`, which is the machine's failure and never a trial's."""

    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    TIMEOUT = "timeout"
    KILLED = "killed"
    LOST = "lost"
    BUG = "bug"


@dataclass(frozen=True, slots=True)
class Objective(Record):
    """The metric by which trials are chosen and families compared.

    Attributes:
        metric: Name of the metric, a key of `harness.metrics.METRICS`.
        direction: Whether lower or higher scores are better.
        unit: Unit of the score for people, such as `MWh`; empty for a pure number.
    """

    metric: str
    direction: Direction
    unit: str = ""

    def better(self, a: float, b: float) -> bool:
        """Whether score `a` is strictly better than score `b`."""
        return a < b if self.direction is Direction.MIN else a > b

    def best(self, scores: Iterable[float]) -> float | None:
        """The best of some scores; None when there is none."""
        return (min if self.direction is Direction.MIN else max)(scores, default=None)


class Family(NamedTuple):
    """A side of a comparison: a family, or one of two searches of one search space (an A/A comparison).

    Attributes:
        name: What it is called in tables: `lstm`, or `lstm-1` and `lstm-2` in an A/A comparison.
        space: Name of the search space that it draws from.
    """

    name: str
    space: str


@dataclass(frozen=True, slots=True)
class TrialKey:
    """Which training this is, unique within a sweep.

    Attributes:
        dataset: Name of the dataset.
        family: Name of the family.
        replicate: Number of the replicate, from 1.
        phase: Search or seed repeat.
        number: Number of the trial within its search, or of the seed repeat within its family, from 1.
    """

    dataset: str
    family: str
    replicate: int
    phase: Phase
    number: int

    def __str__(self) -> str:
        return f"{self.dataset}/{self.family}/r{self.replicate}/{self.phase.value}/{self.number:04d}"

    @classmethod
    def parse(cls, text: str) -> TrialKey:
        """The key that `str` wrote."""
        dataset, family, replicate, phase, number = text.rsplit("/", 4)
        return cls(dataset, family, int(replicate[1:]), Phase(phase), int(number))


@dataclass(frozen=True, slots=True)
class TrialRequest(Record):
    """A trial to be trained: everything a worker needs to know apart from the configs.

    Attributes:
        key: Which trial.
        family: Family of the recurrent cell.
        values: The hyperparameters' values.
        seed: Seed of initial weights, batch order and dropout.
        epochs: The most epochs to train.
        patience_epochs: Epochs without a better validation score after which training ends.
        continues: Key of the trial whose training this one goes on with, as Hyperband's rungs do; empty for none. Its
            seed is that trial's, so that both together are one training.
        begins_after: Epochs of that training that count for the trials before; no score of theirs counts here.
        floor: Median stopping: by epoch, from `PRUNING_BEGINS` on, the best validation score so far that a trial must
            have reached to go on. Empty for no such rule.
        calibrate: Whether the logits of a classifier of sequences are divided by a temperature after training.
    """

    key: TrialKey
    family: str
    values: Mapping[str, Value]
    seed: int
    epochs: int
    patience_epochs: int
    continues: str = ""
    begins_after: int = 0
    floor: tuple[float, ...] = ()
    calibrate: bool = False


@dataclass(frozen=True, slots=True)
class TrialEpochs:
    """Epochs of a trial that is being trained, to be shown; nothing is decided by them.

    Attributes:
        request: The trial.
        started_at: Seconds since 1970 at which it began, by its worker's clock.
        after: Epochs before these.
        losses: Training loss of each.
        scores: Validation score of each.
    """

    request: TrialRequest
    started_at: float
    after: int
    losses: tuple[float, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TrialRecord(Record):
    """What became of a trial, with no word of the test part.

    Attributes:
        key: Which trial.
        status: Completed or failed.
        validation_score: Score of the best epoch on the validation part, in the objective's unit, with the temperature
            where there is one; None when failed.
        best_epoch: Epoch of the best score, from 1; 0 when failed.
        epochs: Epochs trained.
        train_losses: Loss of each epoch on the training part, as optimised (scaled units).
        validation_scores: Validation score of each epoch, without a temperature.
        parameters: Number of trainable weights.
        recurrent_parameters: Number of those in recurrent layers; of other shipped networks between inputs and head.
        units: Units of a recurrent layer.
        gradient_steps: Batches whose gradient was applied.
        fit_seconds: Training and validation, compiling apart.
        compile_seconds: Tracing and compiling; 0 when a compiled function was used again.
        started_at: Seconds since 1970 at which the worker began.
        kernel: How the epochs ran, `xla-epoch`, `tf-epoch`, `cudnn` or `keras-fit`.
        pruned: Whether median stopping ended it.
        failure: Why there is no score; None when completed.
        message: The failure in one line; empty when completed.
        traceback: The failure's traceback; empty when there is none.
        attempts: How often it was trained: once, and once more for each time that its worker was killed or its machine
            was lost.
        processor: Kind of processor that trained it; empty where it was not recorded.
        threads: Threads of the numeric libraries that trained it; 0 where they were not recorded.
        temperature: What its logits were divided by after training; 1 where they are as they were trained.
    """

    key: TrialKey
    status: TrialStatus
    validation_score: float | None = None
    best_epoch: int = 0
    epochs: int = 0
    train_losses: tuple[float, ...] = ()
    validation_scores: tuple[float, ...] = ()
    parameters: int = 0
    recurrent_parameters: int = 0
    units: int = 0
    gradient_steps: int = 0
    fit_seconds: float = 0.0
    compile_seconds: float = 0.0
    started_at: float = 0.0
    kernel: str = ""
    pruned: bool = False
    failure: FailureKind | None = None
    message: str = ""
    traceback: str = ""
    attempts: int = 1
    processor: str = ""
    threads: int = 0
    temperature: float = 1.0


@dataclass(frozen=True, slots=True)
class CaseScores(Record):
    """A test score taken apart over the test cases.

    Attributes:
        cases: Number of test cases.
        block: Neighbouring values that depend on one another and are drawn together: 1 where none do.
        values: Numbers whose mean is the score, one for each group of neighbouring cases, in the cases' order.
    """

    cases: int
    block: int
    values: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads; the values as text, which takes a fifth of the room."""
        packed = zlib.compress(struct.pack(f"<{len(self.values)}f", *self.values))
        return {"cases": self.cases, "block": self.block, "values": base64.b64encode(packed).decode("ascii")}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> CaseScores:
        """The scores that `to_json` wrote, with the seven digits that it keeps."""
        packed = zlib.decompress(base64.b64decode(plain["values"]))
        return cls(plain["cases"], plain["block"], struct.unpack(f"<{len(packed) // 4}f", packed))


@dataclass(frozen=True, slots=True)
class SealedScore(Record):
    """A trial's score on the test part, kept apart from its `TrialRecord` until the dataset's last search has closed.

    Attributes:
        key: Which trial.
        test_score: Score of the best epoch's weights on the test part, in the objective's unit.
        cases: The same over the test cases; None where they are too few.
    """

    key: TrialKey
    test_score: float
    cases: CaseScores | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads; without `cases` where there are none."""
        return {key: value for key, value in Record.to_json(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class BaselineScore(Record):
    """Score of a model without a recurrent cell.

    Attributes:
        name: Such as `seasonal naive` or `ridge on the lags`.
        validation_score: On the validation part, in the objective's unit.
        test_score: On the test part, in the objective's unit.
        fit_seconds: Seconds of fitting and predicting.
        note: What to know of how it was fitted; empty for nothing.
        cases: The test score over the test cases; None where it was not recorded, or they are too few.
    """

    name: str
    validation_score: float
    test_score: float
    fit_seconds: float = 0.0
    note: str = ""
    cases: CaseScores | None = None

    @staticmethod
    def best(baselines: Sequence[BaselineScore], objective: Objective) -> BaselineScore | None:
        """The baseline that validation selects; by test scores where one has no validation score.

        Args:
            baselines: The baselines of a dataset.
            objective: The metric.

        Returns:
            The best; None where there is none with a finite test score.
        """
        known = [one for one in baselines if math.isfinite(one.test_score)]
        validated = all(math.isfinite(one.validation_score) for one in known)
        return min(
            known,
            key=lambda one: (
                objective.direction.sign * (one.validation_score if validated else one.test_score),
                objective.direction.sign * one.test_score,
                one.name,
            ),
            default=None,
        )


@dataclass(frozen=True, slots=True)
class SkippedBaseline(Record):
    """A baseline that has no score.

    Attributes:
        name: As in `BaselineScore`.
        why: What kept it from one, such as too little time.
    """

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class ResourceUsage(Record):
    """What one family spent on one dataset, in every currency.

    Attributes:
        asked: Trials asked for.
        distinct: Different sets of hyperparameters among them.
        completed: Trials with a score.
        failed: Failures by kind; each was replaced by another trial, as long as the family had some left to ask for.
        retried: Trainings begun again because their worker was killed.
        epochs: Epochs trained.
        gradient_steps: Batches whose gradient was applied.
        fit_seconds: Seconds of training, compiling apart.
        compile_seconds: Seconds of tracing and compiling.
        parameters: Smallest, median and largest number of trainable weights.
        recurrent_parameters: The same of those in recurrent layers.
        units: Smallest, median and largest number of units of a recurrent layer.
        kernels: Trials by the kernel that ran them.
        pruned: Trials that median stopping ended.
        epochs_at_most: The most epochs that a trial was given; 0 in records that do not say.
        patience_epochs: The longest patience of a trial; 0 in records that do not say.
        batch_sizes: Smallest, median and largest batch size that trials state; 0 where they state none.
        varied: Hyperparameters that its trials differ in; 0 in records that do not say.
        temperatures: Smallest, median and largest of what the logits of completed trials were divided by; 0 where none
            were calibrated.
    """

    asked: int = 0
    distinct: int = 0
    completed: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    retried: int = 0
    epochs: int = 0
    gradient_steps: int = 0
    fit_seconds: float = 0.0
    compile_seconds: float = 0.0
    parameters: tuple[int, int, int] = (0, 0, 0)
    recurrent_parameters: tuple[int, int, int] = (0, 0, 0)
    units: tuple[int, int, int] = (0, 0, 0)
    kernels: Mapping[str, int] = field(default_factory=dict)
    pruned: int = 0
    epochs_at_most: int = 0
    patience_epochs: int = 0
    batch_sizes: tuple[int, int, int] = (0, 0, 0)
    varied: int = 0
    temperatures: tuple[float, float, float] = (0.0, 0.0, 0.0)
