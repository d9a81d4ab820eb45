"""What a network's ends look like, as far as the task decides it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.data import SequenceData
from harness.records import TaskKind


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """The shape of inputs and outputs.

    Attributes:
        task: What is predicted.
        steps: Length of every sequence after padding; None leaves it open.
        channels: Input channels.
        masked: Whether lengths differ, so that the network takes them as a second input.
        outputs: Targets of a forecast or regression, classes of a classification.
        horizon_steps: Steps of a forecast; 1 for other tasks.
    """

    task: TaskKind
    steps: int | None
    channels: int
    masked: bool
    outputs: int
    horizon_steps: int

    @classmethod
    def of(cls, data: SequenceData) -> NetworkShape:
        """The shape that a dataset asks for."""
        outputs = len(data.classes) if data.task is TaskKind.CLASSIFY else len(data.targets)
        _, steps, channels = data.train.x.shape
        return cls(data.task, steps, channels, data.masked, outputs, data.horizon_steps)
