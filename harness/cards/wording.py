"""A card's faults in plain words, one line each: pydantic's errors and TOML's, for files and for options.

Knows the models' shape, so that it can name near keys and what a key expects; reads no files.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from harness.cards.faults import FAULT
from harness.cards.places import MISSING, Place, place_of
from harness.errors import nearest

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
class Complaint:
    """One fault of a card.

    Attributes:
        keys: The way to what is at fault; tables, keys and positions in lists.
        said: What was expected, or all that there is to say where `shown` is empty.
        shown: The value as TOML; empty where there is none to show.
    """

    keys: tuple[str | int, ...]
    said: str
    shown: str = ""


def complaint_of(error: ValidationError, model: type[BaseModel], values: Mapping[str, Any]) -> Complaint:
    """The fault to tell of: the first one, an unknown key before others, since it often causes them.

    Args:
        error: What pydantic found.
        model: The model that was validated.
        values: The plain values that it was validated from.
    """
    errors = error.errors(include_url=False)
    first = next((found for found in errors if found["type"] == "extra_forbidden"), errors[0])
    keys = (*first["loc"], *first.get("ctx", {}).get("keys", ()))
    place = place_of(model, keys, values)
    if first["type"] == "extra_forbidden":
        name = str(place.keys[-1])
        return Complaint(place.keys[:-1], f"unknown key '{name}'. {nearest(name, place.siblings)}")
    if first["type"] == "missing":
        return Complaint(place.keys[:-1], _missing(place))
    if first["type"] == "union_tag_not_found":
        return Complaint(place.keys, f"missing key 'kind': expected one of {', '.join(place.literals)}")
    if first["type"] == "union_tag_invalid":
        tag = first["input"]["kind"]
        return Complaint((*place.keys, "kind"), _one_of(tag, place.literals), toml_text(tag))
    said = _said(dict(first), place)
    return Complaint(place.keys, said, "" if _speaks_for_itself(first["type"], place) else toml_text(place.value))


def in_file(path: Path, complaint: Complaint) -> str:
    """The line for a fault in a file, such as `datasets/a.toml: [split] test = 1.5: expected a share …`."""
    keys = list(complaint.keys)
    if not complaint.shown:
        return " ".join(part for part in (f"{shown_path(path)}:", _section(keys), complaint.said) if part)
    last = keys.pop()
    if isinstance(last, int):
        last = f"{keys.pop()}[{last}]"
    key = " ".join(part for part in (_section(keys), str(last)) if part)
    return f"{shown_path(path)}: {key} = {complaint.shown}: {complaint.said}"


def in_options(complaint: Complaint, option: Callable[[str], str]) -> str:
    """The line for a fault in an option: `--trials = 0: expected a whole number of at least 1`.

    Args:
        complaint: The fault.
        option: Name of a key → what the option is called.
    """
    if not complaint.keys:
        return complaint.said
    name = option(str(complaint.keys[0]))
    return f"{name} = {complaint.shown}: {complaint.said}" if complaint.shown else f"{name}: {complaint.said}"


def in_toml(path: Path, error: tomllib.TOMLDecodeError) -> str:
    """The line for a file that is not TOML."""
    text = str(error)
    found = re.search(r"^(.*) \(at (.*)\)$", text)
    said, where = found.groups() if found else (text, "")
    hint = next((words for start, words in _TOML_HINTS.items() if said.startswith(start)), "")
    return f"{shown_path(path)}: {where + ': ' if where else ''}not TOML: {said[:1].lower()}{said[1:]}{hint}"


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


def _missing(place: Place) -> str:
    if place.is_table:
        return f"missing table {_section(place.keys)}"
    expected = f"one of {', '.join(place.literals)}" if place.literals else place.description
    return f"missing key '{place.keys[-1]}'" + (f": expected {expected}" if expected else "")


def _speaks_for_itself(kind: str, place: Place) -> bool:
    return place.value is MISSING or (kind in ("value_error", FAULT) and isinstance(place.value, Mapping))


def _said(error: dict[str, Any], place: Place) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == FAULT:
        return str(context["expected"])
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return _one_of(place.value, place.literals)
    expected = place.description or _EXPECTED.get(kind) or str(error["msg"])
    if kind in _WRONG_TYPE:
        return f"expected {expected}, got {_kind(place.value)}"
    return f"expected {expected}"


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
