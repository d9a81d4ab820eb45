"""Networks of equal capacity: how many units a family gets for so many recurrent parameters.

At equal units a GRU has a quarter fewer parameters than an LSTM. A search space that is declared in parameters gives
each family the units that fit instead, as in Chung et al. (2014) and in Collins, Sohl-Dickstein and Sussillo (2017).

Arithmetic alone: builds no layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.cards.schema import SpaceCard
from harness.models.defaults import setting
from harness.models.shapes import NetworkShape
from harness.records import Value

_GATES_AND_BIASES = MappingProxyType({"LSTM": (4, 1), "GRU": (3, 2), "SimpleRNN": (1, 1)})
"""Blocks of weights of a cell and biases of each: Keras's GRU has a second one, for `reset_after`."""


def recurrent_parameters(kind: str, width: int, units: int, layers: int = 1, *, bidirectional: bool = False) -> int:
    """Weights in the recurrent layers of a network.

    Args:
        kind: Class name of the Keras layer.
        width: Features of each step of the first layer's inputs.
        units: Units of every layer (of either direction).
        layers: Layers.
        bidirectional: Whether every layer reads both ways.
    """
    gates, biases = _GATES_AND_BIASES[kind]
    directions = 2 if bidirectional else 1
    widths = [width, *[directions * units] * (layers - 1)]
    return sum(directions * gates * units * (inputs + units + biases) for inputs in widths)


def units_that_fit(kind: str, width: int, parameters: int, layers: int = 1, *, bidirectional: bool = False) -> int:
    """The most units whose recurrent parameters are at most so many; 1 where not even one fits."""
    units, step = 1, 1 << 20
    while step:
        if recurrent_parameters(kind, width, units + step, layers, bidirectional=bidirectional) <= parameters:
            units += step
        step //= 2
    return units


def fitted(shape: NetworkShape, space: SpaceCard, values: Mapping[str, Value]) -> Mapping[str, Value]:
    """The hyperparameters with their `units`, which a space declared in parameters leaves to the family.

    Args:
        shape: Inputs and outputs of the network.
        space: The family's search space.
        values: Values of the hyperparameters.
    """
    if space.capacity == "units":
        return values
    width = int(setting(values, "embedding_dim")) if shape.vocabulary else shape.width
    parameters, layers = int(values["recurrent_parameters"]), int(setting(values, "layers"))
    both = bool(setting(values, "bidirectional"))
    return {**values, "units": units_that_fit(space.layer, width, parameters, layers, bidirectional=both)}
