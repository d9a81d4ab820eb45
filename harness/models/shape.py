"""What a network is asked for: the shapes of its inputs and outputs; and the layers at both ends that all share.

A builder of the user's gets a `NetworkShape` as its `problem`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from harness.data import SequenceData
from harness.records import Answer, TaskKind, Value


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """The shape of inputs and outputs; `make_inputs`, `features`, `mask`, `last` and `network` are a builder's tools.

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
        knows_future: Whether a step's answer may be made from later steps too, so that a bidirectional layer is fair.
        indicators: Further channels of the network's inputs that say where a value is missing.
        target_channels: Of a forecast, the place of each target among the channels, -1 where a target is no input.
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
    knows_future: bool = True
    indicators: int = 0
    target_channels: tuple[int, ...] = ()

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
            knows_future=data.knows_future,
            indicators=len(data.scaling.indicators),
            target_channels=data.target_channels,
        )

    @property
    def output(self) -> tuple[int | None, ...]:
        """Shape of a network's outputs, the batch apart; None for a number of steps that is left open."""
        if self.task is TaskKind.FORECAST:
            return self.horizon_steps, self.outputs
        return (self.steps, self.outputs) if self.task.per_step else (self.outputs,)

    def make_inputs(self, bits: str = "float32") -> dict[str, Any]:
        """Symbolic inputs of a network, by their names, in order.

        Args:
            bits: Type of the numbers.

        Returns:
            `x` (batch, steps, channels), or (batch, steps) for tokens; when lengths differ `lengths` (batch,); and when
            channels are known in advance `future` (batch, horizon, known channels).
        """
        steps = self.steps
        x = (
            keras.Input((steps,), dtype="int32", name="x")
            if self.vocabulary
            else keras.Input((steps, self.width), dtype=bits, name="x")
        )
        inputs = {
            "x": x,
            "lengths": keras.Input((), dtype="int32", name="lengths"),
            "future": keras.Input((self.horizon_steps, self.known_channels), dtype=bits, name="future"),
        }
        return {name: inputs[name] for name in self.inputs}

    def features(self, inputs: dict[str, Any], embedding_dim: int = 32) -> Any:
        """The sequences as numbers, (batch, steps, features): tokens go through an embedding of so many features."""
        if not self.vocabulary:
            return inputs["x"]
        return keras.layers.Embedding(self.vocabulary, embedding_dim, name="embedding")(inputs["x"])

    def mask(self, inputs: dict[str, Any]) -> Any:
        """Which steps are real, (batch, steps); None where all are."""
        return length_mask(inputs["x"], inputs["lengths"]) if self.masked else None

    def last(self, hidden: Any, inputs: dict[str, Any]) -> Any:
        """Of (batch, steps, features) each sequence's last real step: (batch, features)."""
        if not self.masked:
            return hidden[:, -1]
        chosen = keras.ops.expand_dims(keras.ops.equal(numbered_steps(inputs["x"]), _column(inputs["lengths"])), -1)
        # Not a product with 0 and 1: whatever stands at a padded step, 0 · NaN would still be NaN.
        return keras.ops.sum(keras.ops.where(chosen, hidden, keras.ops.zeros_like(hidden)), axis=1)

    def network(self, inputs: dict[str, Any], hidden: Any) -> keras.Model:
        """The model of these inputs, with the head that every family has: a dense layer without activation.

        Args:
            inputs: What `make_inputs` gave.
            hidden: (batch, features); (batch, steps, features) where every step has an answer.
        """
        hidden = self.beside_future(hidden, inputs.get("future"))
        outputs = keras.layers.Dense(self.outputs * self.horizon_steps, name="head")(hidden)
        return keras.Model(as_model_takes(list(inputs.values())), self.as_answers(outputs))

    def beside_future(self, hidden: Any, future: Any) -> Any:
        """The last hidden state (batch, features), with what is known in advance beside it where anything is."""
        if not self.known_channels:
            return hidden
        return keras.ops.concatenate([hidden, keras.ops.reshape(future, (-1, self.future_width))], axis=-1)

    def as_answers(self, outputs: Any) -> Any:
        """A head's outputs, those of a forecast as (batch, horizon, targets)."""
        if self.task is not TaskKind.FORECAST:
            return outputs
        return keras.ops.reshape(outputs, (-1, self.horizon_steps, self.outputs))


@dataclass(frozen=True, slots=True)
class Training:
    """How a network trains.

    Attributes:
        why_fit: Why by its `fit`, in a few words; empty where it trains in the compiled epoch.
        settings: What it was compiled with, by the names of hyperparameters: `optimizer` and `learning_rate`.
        loss: `mse` or `mae` where it was compiled with that; empty leaves it to the metric.
    """

    why_fit: str = ""
    settings: Mapping[str, Value] = field(default_factory=dict)
    loss: str = ""

    @property
    def compiled(self) -> bool:
        """Whether in the compiled epoch."""
        return not self.why_fit


def length_mask(x: Any, lengths: Any) -> Any:
    """Which steps are real: (batch, steps), from the lengths alone, since real data holds zeros too."""
    return keras.ops.less_equal(numbered_steps(x), _column(lengths))


def numbered_steps(x: Any) -> Any:
    """The number of every step of every sequence, from 1."""
    one = x if len(x.shape) == 2 else x[:, :, 0]
    return keras.ops.cumsum(keras.ops.ones_like(one, dtype="int32"), axis=1)


def _column(lengths: Any) -> Any:
    return keras.ops.expand_dims(keras.ops.cast(lengths, "int32"), 1)


def as_model_takes(inputs: list[Any]) -> Any:
    """One input by itself, several as a list: a model that is called with a list of one warns."""
    return inputs if len(inputs) > 1 else inputs[0]
