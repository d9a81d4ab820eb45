"""How records become JSON-like plain values and come back, and how seeds derive from names."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

KEY = "key"
"""In the metadata of a field: the key under which it is stored, where that is not its name."""


def derive_seed(*parts: object) -> int:
    """A seed from whatever names what it is for.

    Hashing the names, rather than adding numbers, keeps neighbouring seeds apart; 0 is left out because Keras Tuner
    reads it as "no seed".

    Args:
        parts: Such as the sweep's seed, the dataset, the family, the replicate and the trial.

    Returns:
        A whole number from 1 to 2³¹ - 1.
    """
    text = "\x1f".join(str(part) for part in parts)
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    return number % (2**31 - 1) + 1


def to_plain(record: Any) -> dict[str, Any]:
    """A record's attributes as plain values: enumerations as text, tuples as lists, non-finite numbers as None.

    Records within it become plain values too.
    """
    return {key: _value(getattr(record, name)) for key, name in _keys(record).items()}


def by_field(record: type, plain: Mapping[str, Any]) -> dict[str, Any]:
    """What `to_plain` wrote, by the names of the record's fields."""
    names = _keys(record)
    return {names.get(key, key): value for key, value in plain.items()}


def _keys(record: Any) -> dict[str, str]:
    # A stored key is a format: a field that gets a better name keeps it in its metadata.
    return {field.metadata.get(KEY, field.name): field.name for field in dataclasses.fields(record)}


def _value(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if dataclasses.is_dataclass(value):
        return to_plain(value)
    if isinstance(value, Mapping):
        return {str(key): _value(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_value(item) for item in value]
    return value


def to_float(value: Any) -> float:
    """A number that `to_plain` wrote; None was one that is not finite."""
    return math.nan if value is None else float(value)


def to_floats(values: Any) -> tuple[float, ...]:
    """Numbers that `to_plain` wrote."""
    return tuple(to_float(value) for value in values)
