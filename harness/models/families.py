"""The seam for families: what one is, for all that the rest of the product knows of it, ours and the user's alike.

A family is a builder, (shape, values of hyperparameters) → `Network`, with what trials must share to share a compiled
function and the formats that its champions are exported in; its search space is a config that names the builder. The
shipped families of Keras's recurrent layers are made of `CELLS`, the others in `shipped`; a user's is a function in a
file, see `builder`.
`harness spaces check NAME --run` holds any family to this contract (`harness.checks.conformance`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt

from harness.config.space import SearchSpace
from harness.models.builder import build_of_user, recent
from harness.models.network import build_stack, fitted, setting
from harness.models.shape import NetworkShape, Training
from harness.models.shipped import build_shipped, complete
from harness.records import Value


class Network(Protocol):
    """What a family builds; a trainer keeps it and gives it one trial's weights after another's."""

    @property
    def shape(self) -> NetworkShape:
        """Inputs and outputs."""

    @property
    def model(self) -> keras.Model:
        """A functional model: scaled inputs in, scaled outputs or logits out, with the weights of the last trial."""

    @property
    def training(self) -> Training:
        """How it trains: what is made of Keras's layers alone in the compiled epoch, the rest by its own `fit`."""

    @property
    def variables(self) -> list[Any]:
        """Trainable variables, in the order of `model.trainable_variables`."""

    @property
    def units(self) -> int:
        """Units of a recurrent layer, or of another layer; 0 where it has no such size."""

    @property
    def recurrent_parameters(self) -> int:
        """Weights in recurrent layers; of other shipped networks all between inputs and head."""

    def build(self) -> Network:
        """Give it weights; the network itself."""

    def initial_weights(self, seed: int) -> list[npt.NDArray[np.float32]]:
        """Fresh weights in the order of `model.get_weights()`: the same for the same seed, drawn from nothing else."""


@dataclass(frozen=True, slots=True)
class Family:
    """What a family is.

    Attributes:
        build: (shape, values of hyperparameters) → a network. The same values build the same layers whatever the
            shape's `steps`, None included, so that weights of a trial fit the champion, which reads sequences of any
            length; where they do not, as with a layer over all steps, it reads sequences of the trials' length.
        structure: The same → what networks must share to share a compiled function. What is left out of it is an input
            of that function: the learning rate, say.
        settings: The same → how the network trains, and with which values in place of the hyperparameters'.
        formats: Formats that its champions are exported in, as `--format` takes them; none are promised for a builder
            of the user's, whose layers a converter may not know.
    """

    build: Callable[[NetworkShape, Mapping[str, Value]], Network]
    structure: Callable[[NetworkShape, Mapping[str, Value]], Hashable]
    settings: Callable[[NetworkShape, Mapping[str, Value]], Training]
    formats: tuple[str, ...]


def family_of(space: SearchSpace) -> Family:
    """The family of a search space.

    Raises:
        UsageError: It is the user's, and its file is missing or not the one that the plan holds.
    """
    if space.layer is None:
        return _of_user(space)
    return _recurrent(space) if space.network.stack else _shipped(space)


_STACKED = ("embedding_dim", "units", "layers", "bidirectional", "lookback_steps", "stride_steps", "summary")
_FORMATS = ("keras", "saved-model", "onnx", "litert")


def _recurrent(space: SearchSpace) -> Family:
    def structure(shape: NetworkShape, values: Mapping[str, Value]) -> Hashable:
        # Dropout is not among them: its masks are inputs of the compiled function.
        values = fitted(shape, space, values)
        return space.layer, *(setting(values, name) for name in _STACKED)

    return Family(
        build=lambda shape, values: build_stack(shape, space, values),
        structure=structure,
        settings=lambda *_: Training(),
        formats=_FORMATS,
    )


def _shipped(space: SearchSpace) -> Family:
    def structure(shape: NetworkShape, values: Mapping[str, Value]) -> Hashable:
        values = complete(shape, space, values)
        return space.layer, *(values[name] for name in space.network.names if name != "recurrent_parameters")

    return Family(
        build=lambda shape, values: build_shipped(shape, space, values),
        structure=structure,
        settings=lambda *_: Training(),
        formats=_FORMATS,
    )


def _of_user(space: SearchSpace) -> Family:
    return Family(
        build=lambda shape, values: build_of_user(shape, space, values),
        structure=lambda shape, values: recent(shape, space, values).structure,
        settings=lambda shape, values: recent(shape, space, values).training,
        formats=(),
    )


def build_network(shape: NetworkShape, space: SearchSpace, values: Mapping[str, Value]) -> keras.Model:
    """The Keras model of a family's network: scaled inputs in, scaled outputs or logits out."""
    return family_of(space).build(shape, values).model
