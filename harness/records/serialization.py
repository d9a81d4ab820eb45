"""The one codec: how records become JSON-like plain values and come back; and how seeds derive from names."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import NoneType
from typing import Any, Self, get_args, get_origin, get_type_hints

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


class Record:
    """What a frozen dataclass derives from to be written as plain values, by its fields' types, and read again.

    Enumerations and what has a `parse` become text, tuples lists, records and configs mappings, and a number that is
    not finite None.
    """

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads."""
        kind: Any = type(self)
        return {key: encode(getattr(self, name)) for key, name, _ in _fields(kind)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The record that `to_json` wrote; a field that was not known when it was written has its default.

        Raises:
            KeyError: A field that has no default is missing.
        """
        record: Self = decode(cls, plain)
        return record


def decode(record: Any, plain: Mapping[str, Any]) -> Any:
    """A record from the plain values of its fields; what a class's own `from_json` ends with."""
    readers = _readers(record)
    found = {name: readers[name](plain[key]) for key, name, spare in _fields(record) if key in plain or not spare}
    return record(**found)


@functools.cache
def _fields(record: Any) -> list[tuple[str, str, bool]]:
    """Key and name of each field, and whether it has a default.

    A stored key is a format: a field that gets a better name keeps it in its metadata.
    """
    nothing = dataclasses.MISSING
    return [
        (field.metadata.get(KEY, field.name), field.name, (field.default, field.default_factory) != (nothing, nothing))
        for field in dataclasses.fields(record)
    ]


def encode(value: Any) -> Any:
    """The plain value of a record, a config, or what holds them."""
    match value:
        case StrEnum():
            return value.value
        case float():
            return value if math.isfinite(value) else None
        case Record():
            return value.to_json()
        case Mapping():
            return {str(key): encode(item) for key, item in value.items()}
        case tuple() | list():
            return [encode(item) for item in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return str(value) if hasattr(value, "parse") else value


@functools.cache
def _readers(record: Any) -> dict[str, Callable[[Any], Any]]:
    return {name: _reader(kind) for name, kind in get_type_hints(record).items()}


def _reader(kind: Any) -> Callable[[Any], Any]:
    """What makes a value of this type again of the plain one."""
    origin, inner = get_origin(kind), [one for one in get_args(kind) if one is not NoneType]
    if kind is float:
        return lambda plain: math.nan if plain is None else float(plain)
    if NoneType in get_args(kind):
        read = _reader(inner[0])
        return lambda plain: None if plain is None else read(plain)
    if origin is tuple:
        read = _reader(inner[0])
        return lambda plain: tuple(map(read, plain))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        read = _reader(inner[1])
        return lambda plain: {key: read(item) for key, item in plain.items()}
    if isinstance(kind, type) and issubclass(kind, tuple):
        return lambda plain: kind(*plain)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind
    names = ("from_json", "model_validate", "parse")
    return next((getattr(kind, name) for name in names if hasattr(kind, name)), lambda plain: plain)
