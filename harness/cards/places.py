"""From where pydantic says an error is to where that is on the card, and what the card may say there.

Knows how models are annotated and nothing of what they mean.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

MISSING = object()
"""The value of a place that the card leaves out."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place on a card.

    Attributes:
        keys: The way to it: tables, keys and positions in lists.
        value: What the card says there; `MISSING` when nothing.
        description: What is expected, in words; may be empty.
        siblings: The keys that may stand beside it.
        literals: The only values it may have, for a table its kinds; empty where anything goes.
        is_table: Whether it is a table.
    """

    keys: tuple[str | int, ...]
    value: Any
    description: str
    siblings: tuple[str, ...]
    literals: tuple[str, ...]
    is_table: bool


def place_of(model: type[BaseModel], location: Sequence[str | int], values: Any) -> Place:
    """The place on the card that an error is at.

    Args:
        model: The model that was validated.
        location: Where the error is, as pydantic says it, with the tags by which it chose among models.
        values: The plain values that were validated.
    """
    keys: list[str | int] = []
    annotation: Any = model
    description, siblings = "", tuple[str, ...]()
    for part in location:
        models = _models(annotation)
        if len(models) > 1:
            tag = _get(values, "kind")
            models = [found for found in models if tag in _literals(found.model_fields["kind"].annotation)]
            annotation = models[0]
            if part == tag:  # pydantic's locations hold the tag by which it chose, a key that no card has
                continue
        if models:
            siblings = tuple(models[0].model_fields)
            field = models[0].model_fields.get(str(part))
            annotation = field.annotation if field else None
            description = _description(annotation, field)
        elif (item := _item(annotation)) is not None:
            annotation, description, siblings = item, _description(item), ()
        else:  # which member of a union of plain values pydantic had tried
            continue
        keys.append(part)
        values = _get(values, part)
    if len(models := _models(annotation)) > 1:
        literals = tuple(tag for found in models for tag in _literals(found.model_fields["kind"].annotation))
    else:
        literals = _literals(annotation)
    return Place(tuple(keys), values, description, siblings, literals, is_table=bool(models))


def _get(values: Any, part: str | int) -> Any:
    if isinstance(values, Mapping):
        return values.get(part, MISSING)
    if isinstance(values, list | tuple) and isinstance(part, int) and part < len(values):
        return values[part]
    return MISSING


def _parts(annotation: Any) -> list[Any]:
    # The members of a union, or the type itself; None is never what a card says.
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [part for member in get_args(annotation) for part in _parts(member) if part is not type(None)]
    return [annotation]


def _models(annotation: Any) -> list[type[BaseModel]]:
    return [part for part in _parts(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]


def _item(annotation: Any) -> Any:
    for part in _parts(annotation):
        if get_origin(part) is tuple:
            return get_args(part)[0]
        if get_origin(part) is dict:
            return get_args(part)[1]
    return None


def _literals(annotation: Any) -> tuple[str, ...]:
    return tuple(value for part in _parts(annotation) if get_origin(part) is Literal for value in get_args(part))


def _description(annotation: Any, field: FieldInfo | None = None) -> str:
    if field is not None and field.description:
        return field.description
    for member in (annotation, *get_args(annotation)):
        if get_origin(member) is Annotated:
            for extra in get_args(member)[1:]:
                if isinstance(extra, FieldInfo) and extra.description:
                    return extra.description
    return ""
