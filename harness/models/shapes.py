"""What a network's ends look like, as far as the task decides it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.data import SequenceData
from harness.records import Answer, TaskKind


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """The shape of inputs and outputs.

    Attributes:
        task: What is predicted.
        steps: Length of every sequence after padding; None leaves it open.
        channels: Input channels; 1 for tokens.
        masked: Whether lengths differ, so that the network takes them as a second input.
        outputs: Targets, or classes where the answer is a class.
        horizon_steps: Steps of a forecast; 1 for other tasks.
        multi_label: Whether each output is a yes or no of its own.
        vocabulary: Number of different tokens; 0 where inputs are numbers.
        known_channels: How many channels, the last ones, are known in advance: their values over the horizon are a
            further input.
        looks_ahead: Whether a step's answer may be made from later steps too, so that a bidirectional layer is fair.
        indicators: Further channels of the network's inputs that say where a value is missing.
    """

    task: TaskKind
    steps: int | None
    channels: int
    masked: bool
    outputs: int
    horizon_steps: int
    multi_label: bool = False
    vocabulary: int = 0
    known_channels: int = 0
    looks_ahead: bool = True
    indicators: int = 0

    @property
    def width(self) -> int:
        """Channels of a network's scaled inputs, the indicators among them."""
        return self.channels + self.indicators

    @property
    def answer(self) -> Answer:
        """What an answer is made of."""
        return Answer.of(self.task, self.multi_label)

    @property
    def future_width(self) -> int:
        """Numbers that are known in advance, all channels and steps of the horizon together."""
        return self.horizon_steps * self.known_channels

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of a network's inputs, in order."""
        wanted = (("x", True), ("lengths", self.masked), ("future", self.known_channels > 0))
        return tuple(name for name, there in wanted if there)

    @classmethod
    def of(cls, data: SequenceData) -> NetworkShape:
        """The shape that a dataset asks for."""
        outputs = len(data.classes) if data.answer is Answer.CLASS else len(data.targets)
        return cls(
            task=data.task,
            steps=data.train.x.shape[1],
            channels=len(data.channels),
            masked=data.masked,
            outputs=outputs,
            horizon_steps=data.horizon_steps,
            multi_label=data.multi_label,
            vocabulary=len(data.vocabulary),
            known_channels=len(data.known),
            looks_ahead=data.looks_ahead,
            indicators=len(data.scaling.indicators),
        )
