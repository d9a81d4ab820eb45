"""The shipped networks beside the stacks of recurrent layers: each a module, made of Keras's own layers.

A network is a function, (problem, hyperparameters) → Keras model, as a builder of the user's is, and the number of its
weights between inputs and head, from which its units follow where a search space is declared in parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from harness.config.space import SearchSpace, cannot
from harness.errors import UsageError
from harness.models.builder import seeded
from harness.models.network import DEFAULTS, layer_of, most_units, setting
from harness.models.shape import NetworkShape, Training
from harness.models.shipped import conv_attention, dlinear, mingru, tcn
from harness.records import Value

Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Shipped:
    """A shipped network.

    Attributes:
        build: (problem, all hyperparameters) → its Keras model.
        parameters: (features of a step, all hyperparameters) → weights between inputs and head.
    """

    build: Callable[[NetworkShape, Values], keras.Model]
    parameters: Callable[[int, Values], int]


SHIPPED: Mapping[str, Shipped] = MappingProxyType(
    {
        "MinGRU": Shipped(mingru.build, mingru.parameters),
        "TCN": Shipped(tcn.build, tcn.parameters),
        "ConvAttention": Shipped(conv_attention.build, conv_attention.parameters),
        "DLinear": Shipped(dlinear.build, dlinear.parameters),
    }
)
"""Each by what a search space calls its `layer`."""


@dataclass(frozen=True, slots=True)
class ShippedNetwork:
    """A network of these functions. A `Network`, as `families` asks for.

    Attributes:
        shape: Inputs and outputs.
        model: Scaled inputs in, scaled outputs or logits out.
        again: Builds it afresh, its initial weights from a seed.
        units: Units of a layer; 0 where it has no such size.
        recurrent_parameters: Weights between inputs and head.
    """

    shape: NetworkShape
    model: keras.Model
    again: Callable[[int], keras.Model]
    units: int
    recurrent_parameters: int

    @property
    def training(self) -> Training:
        """How it trains: in the compiled epoch."""
        return Training()

    @property
    def variables(self) -> list[Any]:
        """Trainable variables."""
        return list(self.model.trainable_variables)

    def build(self) -> ShippedNetwork:
        """It has weights already."""
        return self

    def initial_weights(self, seed: int) -> list[npt.NDArray[np.float32]]:
        """Fresh weights in the order of `model.get_weights()`."""
        return [np.array(weight) for weight in self.again(seed).get_weights()]


def build_shipped(shape: NetworkShape, space: SearchSpace, values: Values) -> ShippedNetwork:
    """The network that these hyperparameters ask for.

    Args:
        shape: Inputs and outputs.
        space: The family's search space, which names the network.
        values: Values of the hyperparameters; `DEFAULTS` stand in for missing ones.

    Raises:
        UsageError: It cannot do the task.
    """
    if why := cannot(space, shape.task):
        raise UsageError(why)
    network, values = SHIPPED[layer_of(space)], complete(shape, space, values)

    def again(seed: int) -> keras.Model:
        with seeded(seed):
            return network.build(shape, values)

    parameters = network.parameters(_width(shape, values), values)
    units = int(values["units"]) if "units" in space.network.names else 0
    return ShippedNetwork(shape, again(0), again, units, parameters)


def complete(shape: NetworkShape, space: SearchSpace, values: Values) -> Values:
    """All hyperparameters: defaults for those that are missing, and the units that fit where weights are given.

    Args:
        shape: Inputs and outputs.
        space: The family's search space.
        values: Values of the hyperparameters.
    """
    values = {**DEFAULTS, **values}
    if space.capacity == "units":
        return values
    network, width = SHIPPED[layer_of(space)], _width(shape, values)

    def needed(units: int) -> int:
        return network.parameters(width, {**values, "units": units})

    return {**values, "units": most_units(needed, int(values["recurrent_parameters"]))}


def _width(shape: NetworkShape, values: Values) -> int:
    return int(setting(values, "embedding_dim")) if shape.vocabulary else shape.width
