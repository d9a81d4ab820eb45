"""Selected hyperparameters at the edge of what was searched: better ones may lie beyond."""

from __future__ import annotations

from collections.abc import Mapping

from harness.config.space import Hyperparameter, SearchSpace
from harness.records import Value
from harness.stats.wording import Edge


def edges_of(family: str, space: SearchSpace, values: Mapping[str, Value]) -> list[Edge]:
    """Which selected values of ordered numeric hyperparameters lie at an end of their range that could be wider.

    The smallest value that there can be is no edge: a share or a rate of 0, one layer or one unit.

    Args:
        family: Name of the family.
        space: Its search space.
        values: The selected values by name.
    """
    return [Edge(family, space.name, *one) for one in _at_an_end(space, values) if not _natural(one[1])]


def edge_notes(family: str, space: SearchSpace, values: Mapping[str, Value]) -> list[str]:
    """The same in the words of 0.1.0, natural limits among them; arguments as for `edges_of`."""
    return [
        f"{family}: the selected {name} = {value:g} lies at the edge of its search range ({low:g} to {high:g})"
        for name, value, low, high in _at_an_end(space, values)
    ]


def _at_an_end(space: SearchSpace, values: Mapping[str, Value]) -> list[tuple[str, float, float, float]]:
    """Name, value and range of each selected value at an end of its range."""
    ranges = {name: _numbers(hyperparameter) for name, hyperparameter in space.hyperparameters.items()}
    ends = {name: (min(numbers), max(numbers)) for name, numbers in ranges.items() if len(numbers) > 2}
    return [
        (name, value, *ends[name])
        for name, value in ((name, values.get(name)) for name in ends)
        if isinstance(value, int | float) and value in ends[name]
    ]


def _natural(value: float) -> bool:
    """Whether nothing lies below: a share of 0, a count of 1."""
    return value == 0 or (isinstance(value, int) and value == 1)


def _numbers(hyperparameter: Hyperparameter) -> list[float]:
    """The numbers that a hyperparameter can be, or its ends: only orders with something between the ends count."""
    if hyperparameter.type in ("Int", "Float"):
        low, high = hyperparameter.min_value or 0, hyperparameter.max_value or 0
        return [low, (low + high) / 2, high]
    values = hyperparameter.values or ()
    return [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
