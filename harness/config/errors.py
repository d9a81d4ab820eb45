"""A config's errors in plain words, one line each: where in the file, what it says, what was expected.

Knows how models are annotated, so that it can name near keys and what a key expects; reads no files.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import tomllib
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from harness.errors import nearest

FAULT = "card_fault"
"""Type of the errors that `fault` makes, as pydantic reports them."""


def fault(keys: Sequence[str], expected: str) -> PydanticCustomError:
    """A fault to raise inside a validator of a model.

    Args:
        keys: The way from the validated model to the key at fault; empty for the model as a whole.
        expected: What was expected, such as `expected a number greater than 0`.
    """
    return PydanticCustomError(FAULT, "{expected}", {"keys": tuple(keys), "expected": expected})


MISSING = object()
"""The value of a place that the config leaves out."""


@dataclass(frozen=True, slots=True)
class ErrorLocation:
    """A place on a config.

    Attributes:
        keys: The way to it: tables, keys and positions in lists.
        value: What the config says there; `MISSING` when nothing.
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


def error_location(model: type[BaseModel], location: Sequence[str | int], values: Any) -> ErrorLocation:
    """The place on the config that an error is at.

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
            if part == tag:  # pydantic's locations hold the tag by which it chose, a key that no config has
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
    return ErrorLocation(tuple(keys), values, description, siblings, literals, is_table=bool(models))


def _get(values: Any, part: str | int) -> Any:
    if isinstance(values, Mapping):
        return values.get(part, MISSING)
    if isinstance(values, list | tuple) and isinstance(part, int) and part < len(values):
        return values[part]
    return MISSING


def _parts(annotation: Any) -> list[Any]:
    # The members of a union, or the type itself; None is never what a config says.
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
    annotated = (member for member in (annotation, *get_args(annotation)) if get_origin(member) is Annotated)
    extras = (extra for member in annotated for extra in get_args(member)[1:] if isinstance(extra, FieldInfo))
    return next((extra.description for extra in extras if extra.description), "")


LONGEST_VALUE = 60

_EXPECTED = {
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "tuple_type": "a list in square brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "too_short": "at least one",
    "string_too_short": "some text",
}
"""What is expected where neither the field nor the error says it better, by pydantic's type of error."""

_TOML_HINTS = {
    "Invalid value": " (text needs quotes)",
    "Cannot overwrite": " (is a key there twice?)",
    "Cannot declare": " (is a table there twice?)",
}

_WRONG_TYPE = frozenset(kind for kind in _EXPECTED if kind.endswith(("_type", "_from_float", "_parsing")))


@dataclass(frozen=True, slots=True)
class ValidationIssue:
    """One fault of a config.

    Attributes:
        keys: The way to what is at fault; tables, keys and positions in lists.
        phrase: What was expected, or all that there is to say where `shown` is empty.
        shown: The value as TOML; empty where there is none to show.
    """

    keys: tuple[str | int, ...]
    phrase: str
    shown: str = ""


def issue_of(error: ValidationError, model: type[BaseModel], values: Mapping[str, Any]) -> ValidationIssue:
    """The fault to tell of: the first one, an unknown key before others, since it often causes them.

    Args:
        error: What pydantic found.
        model: The model that was validated.
        values: The plain values that it was validated from.
    """
    errors = error.errors(include_url=False)
    first = next((found for found in errors if found["type"] == "extra_forbidden"), errors[0])
    keys = (*first["loc"], *first.get("ctx", {}).get("keys", ()))
    place = error_location(model, keys, values)
    if first["type"] == "extra_forbidden":
        name = str(place.keys[-1])
        return ValidationIssue(place.keys[:-1], f"unknown key '{name}'. {nearest(name, place.siblings)}")
    if first["type"] == "missing":
        return ValidationIssue(place.keys[:-1], _missing(place))
    if first["type"] == "union_tag_not_found":
        return ValidationIssue(place.keys, f"missing key 'kind': expected one of {', '.join(place.literals)}")
    if first["type"] == "union_tag_invalid":
        tag = first["input"]["kind"]
        return ValidationIssue((*place.keys, "kind"), _one_of(tag, place.literals), toml_text(tag))
    whole_table = first["type"] in ("value_error", FAULT) and isinstance(place.value, Mapping)
    shown = "" if place.value is MISSING or whole_table else toml_text(place.value)
    return ValidationIssue(place.keys, _phrase(dict(first), place), shown)


def in_file(path: Path, issue: ValidationIssue) -> str:
    """The line for a fault in a file, such as `datasets/a.toml: [split] test = 1.5: expected a share …`."""
    keys = list(issue.keys)
    if not issue.shown:
        return " ".join(part for part in (f"{shown_path(path)}:", _section(keys), issue.phrase) if part)
    last = keys.pop()
    if isinstance(last, int):
        last = f"{keys.pop()}[{last}]"
    key = " ".join(part for part in (_section(keys), str(last)) if part)
    return f"{shown_path(path)}: {key} = {issue.shown}: {issue.phrase}"


def in_options(issue: ValidationIssue, option: Callable[[str], str]) -> str:
    """The line for a fault in an option: `--trials = 0: expected a whole number of at least 1`.

    Args:
        issue: The fault.
        option: Name of a key → what the option is called.
    """
    if not issue.keys:
        return issue.phrase
    name = option(str(issue.keys[0]))
    return f"{name} = {issue.shown}: {issue.phrase}" if issue.shown else f"{name}: {issue.phrase}"


def in_toml(path: Path, error: tomllib.TOMLDecodeError) -> str:
    """The line for a file that is not TOML."""
    text = str(error)
    found = re.search(r"^(.*) \(at (.*)\)$", text)
    phrase, where = found.groups() if found else (text, "")
    hint = next((words for start, words in _TOML_HINTS.items() if phrase.startswith(start)), "")
    return f"{shown_path(path)}: {where + ': ' if where else ''}not TOML: {phrase[:1].lower()}{phrase[1:]}{hint}"


def shown_path(path: Path) -> str:
    """A path as people write it: from the current folder on, where it is below it."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def toml_text(value: Any, longest: int | None = LONGEST_VALUE) -> str:
    """A value as TOML writes it, cut when longer than `longest`."""
    text = _toml(value)
    return text if longest is None or len(text) <= longest else text[: longest - 1] + "…"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {_toml(item)}' for key, item in value.items())}}}"
    return str(value)


def _section(keys: Sequence[str | int]) -> str:
    return f"[{'.'.join(map(str, keys))}]" if keys else ""


def _missing(place: ErrorLocation) -> str:
    if place.is_table:
        return f"missing table {_section(place.keys)}"
    expected = f"one of {', '.join(place.literals)}" if place.literals else place.description
    return f"missing key '{place.keys[-1]}'" + (f": expected {expected}" if expected else "")


def _phrase(error: dict[str, Any], place: ErrorLocation) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == FAULT:
        return str(context["expected"])
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return _one_of(place.value, place.literals)
    got = f", got {_kind(place.value)}" if kind in _WRONG_TYPE else ""
    return f"expected {place.description or _EXPECTED.get(kind) or error['msg']}{got}"


def _one_of(value: Any, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(str(value), known, n=1)
    return f"expected one of {', '.join(known)}" + (f". Did you mean {near[0]}?" if near else "")


def _kind(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "none that is finite"
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "a truth value"),
        (str, "text"),
        (int, "a whole number"),
        (float, "a number with a fraction"),
        ((list, tuple), "a list"),
        (Mapping, "a table"),
    )
    return next((words for type_, words in kinds if isinstance(value, type_)), f"a {type(value).__name__}")
