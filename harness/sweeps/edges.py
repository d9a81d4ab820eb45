"""Selected hyperparameters at the edge of what was searched: better ones may lie beyond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from harness.config.space import Hyperparameter, SearchSpace
from harness.records import Value
from harness.stats.words.wording import Edge, at_the_edge


def edge_warnings(chosen: Sequence[tuple[str, SearchSpace, Mapping[str, Value]]], rule: int) -> list[str]:
    """The warning about selected values of ordered numeric hyperparameters at an end of their range.

    The smallest value that there can be is no edge: a share of 0, a count of 1.

    Args:
        chosen: Name, search space and selected values of each family.
        rule: Version of the rule; the first warned of each value by itself, and of the smallest ones too.
    """
    found = [
        Edge(family, space.name, *end, builder=PurePath(space.build or "").name)
        for family, space, values in chosen
        for end in _at_an_end(space, values)
    ]
    if rule == 1:
        return [
            f"{edge.family}: the selected {edge.hyperparameter} = {edge.value:g} lies at the edge of its search range "
            f"({edge.low:g} to {edge.high:g})"
            for edge in found
        ]
    return at_the_edge([edge for edge in found if not _natural(edge.value)])


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
