"""What a dataset is once loaded: frozen arrays of three parts, the test part sealed.

Knows no files and no cards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from harness.data.scaling import Floats as Floats
from harness.data.scaling import Scaling
from harness.data.scaling import Wide as Wide
from harness.metrics import Metric
from harness.records import Answer, DataFacts, Objective, TaskKind

Whole: TypeAlias = npt.NDArray[np.int32]
Indices: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Values: TypeAlias = npt.NDArray[Any]
"""Numbers as float32, or numbers of classes or tokens as int32."""

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The training, validation or test part.

    Its arrays are read-only, because a process shares them among its trials.

    Attributes:
        x: Inputs float32 (n, steps, channels) in raw units, or numbers of tokens int32 (n, steps); steps beyond a
            sequence's length are 0.
        lengths: Real steps of each sequence (n,), from 1.
        y: Forecast: float32 (n, horizon, targets) in raw units. Classify: class numbers, int32 (n,). Regress:
            float32 (n, 1) in raw units. Label: each step's class, int32 (n, steps), or its labels as 0 and 1, float32
            (n, steps, targets). Next token: each step's next token, int32 (n, steps). Steps beyond a sequence's length
            are 0.
        rows: First source row of each window, or place of each sequence in the source (n,), from 0.
        future: What is known in advance, in raw units: float32 (n, horizon, known channels); None where nothing is.
    """

    x: Values
    lengths: Whole
    y: Values
    rows: Indices
    future: Floats | None = None

    def __len__(self) -> int:
        return len(self.x)

    def at(self, places: Indices) -> Part:
        """Some of its sequences, by their places in it (m,)."""
        future = None if self.future is None else self.future[places]
        return Part(self.x[places], self.lengths[places], self.y[places], self.rows[places], future)


class Sealed(Generic[Content]):
    """Keeps the test part out of sight until somebody means to see it.

    `open` is the one way in. Only scoring in `training`, `baselines` and `export` may call it; a test looks
    for other callers. Printing it shows nothing of what is inside.
    """

    __slots__ = ("_content",)

    def __init__(self, content: Content) -> None:
        self._content = content

    def open(self) -> Content:
        """What is inside."""
        return self._content

    def __repr__(self) -> str:
        return "Sealed(…)"


@dataclass(frozen=True, slots=True, eq=False)
class SequenceData:
    """A dataset, ready to train on.

    Attributes:
        name: The card's name.
        task: What is predicted.
        objective: The metric that trials are chosen by.
        train: The training part.
        validation: The validation part.
        test: The test part, sealed.
        scaling: Statistics of the training part.
        channels: Names of the input channels.
        targets: Names of what is predicted.
        classes: Class names, by class number; empty unless an answer is one class.
        masked: Whether the sequences' lengths differ.
        horizon_steps: Steps of a forecast; 1 for other tasks.
        season_steps: Steps of a season, where the card names them.
        target_channels: Place of each target among the channels, -1 where a target is no input; forecasts
            only.
        facts: What the dataset is, for people and for the record.
        metric: The objective's metric: how predictions are scored.
        multi_label: Whether each target is a yes or no of its own.
        vocabulary: The tokens, by their numbers; empty where inputs are numbers.
        known: Names of the channels that are known in advance, the last ones of `channels`.
        class_weights: What an error on each class weighs in training (classes,); None for 1 all through.
        looks_ahead: Whether a step's answer may be made from later steps too; False where the answer is the input of
            a later step.
    """

    name: str
    task: TaskKind
    objective: Objective
    train: Part
    validation: Part
    test: Sealed[Part]
    scaling: Scaling
    channels: tuple[str, ...]
    targets: tuple[str, ...]
    classes: tuple[str, ...]
    masked: bool
    horizon_steps: int
    season_steps: int | None
    target_channels: tuple[int, ...]
    facts: DataFacts
    metric: Metric
    multi_label: bool = False
    vocabulary: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    class_weights: Floats | None = None
    looks_ahead: bool = True

    @property
    def answer(self) -> Answer:
        """What an answer is made of."""
        return Answer.of(self.task, self.multi_label)

    def score(self, part: Part, prediction: npt.ArrayLike) -> float:
        """The objective's score of predictions for a part, padded steps apart.

        Args:
            part: The part.
            prediction: Of `part.y`'s shape in raw units, or probabilities: of classes (…, classes) where the answer is
                one, else of each label.
        """
        return self.metric.of(part.y, prediction, part.lengths if self.task.per_step else None)
