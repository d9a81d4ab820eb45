"""How a validator says where in a card the fault is. Knows no card and no file."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic_core import PydanticCustomError

FAULT = "card_fault"
"""Type of the errors that `fault` makes, as pydantic reports them."""


def fault(keys: Sequence[str], expected: str) -> PydanticCustomError:
    """A fault to raise inside a validator of a model.

    Args:
        keys: The way from the validated model to the key at fault; empty for the model as a whole.
        expected: What was expected, such as `expected a number greater than 0`.
    """
    return PydanticCustomError(FAULT, "{expected}", {"keys": tuple(keys), "expected": expected})
