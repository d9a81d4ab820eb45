"""Values of hyperparameters that a sweep sets in every family's search space: `--set units=16,64`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from harness.config.errors import issue_of
from harness.config.space import TRAINING, Hyperparameter, SearchSpace
from harness.errors import UsageError, nearest
from harness.records import Value

OPTION = "--set"


def parse(given: Sequence[str]) -> dict[str, tuple[Value, ...]]:
    """The values of options such as `units=16,64,256`.

    Args:
        given: An option each.

    Raises:
        UsageError: One is not NAME=VALUE,VALUE,… or names what another names.
    """
    found: dict[str, tuple[Value, ...]] = {}
    for text in given:
        name, sign, values = (part.strip() for part in text.partition("="))
        if not sign or not name or not all(one.strip() for one in values.split(",")):
            raise UsageError(f"{OPTION} {text}: expected NAME=VALUE,VALUE,… such as units=16,64,256")
        if name in found:
            raise UsageError(f"{OPTION} {name}: given twice: expected all its values in one option")
        found[name] = _of_one_type([_value(one.strip()) for one in values.split(",")])
    return found


def overridden(spaces: Mapping[str, SearchSpace], values: Mapping[str, Sequence[Value]]) -> dict[str, SearchSpace]:
    """The search spaces with these values in place of their own, one value fixed and several to choose from.

    A shipped family takes every hyperparameter that its network has; a builder of the user's those that its config
    names, and those of training.

    Args:
        spaces: By family.
        values: By hyperparameter.

    Raises:
        UsageError: No family has such a hyperparameter, or it cannot be so.
    """
    for name in values:
        known = {name for space in spaces.values() for name in _known(space)}
        if name not in known:
            raise UsageError(f"{OPTION} {name}: unknown hyperparameter. {nearest(name, sorted(known))}")
    return {family: _overridden(space, values) for family, space in spaces.items()}


def _known(space: SearchSpace) -> set[str]:
    return {*space.hyperparameters, *space.network.names, *TRAINING}


def _overridden(space: SearchSpace, values: Mapping[str, Sequence[Value]]) -> SearchSpace:
    for name in values:
        if name not in _known(space):
            continue
        given = {**space.hyperparameters, name: _hyperparameter(values[name], space.hyperparameters.get(name))}
        plain = {**space.model_dump(), "hyperparameters": {key: one.model_dump() for key, one in given.items()}}
        try:
            space = SearchSpace.model_validate(plain)
        except ValidationError as error:
            issue = issue_of(error, SearchSpace, plain)
            shown = ",".join(map(_text, values[name]))
            raise UsageError(f"{OPTION} {name}={shown}: in search space {space.name}: {issue.phrase}") from None
    return space


def _hyperparameter(values: Sequence[Value], before: Hyperparameter | None) -> Hyperparameter:
    """One value is fixed; several are a choice. What it hangs on, and why only one family has it, stay."""
    kept = {key: getattr(before, key) for key in ("parent_name", "parent_values", "reason")} if before else {}
    if len(values) == 1:
        return Hyperparameter(type="Fixed", value=values[0], **kept)
    if all(isinstance(value, bool) for value in values) and len({*values}) == 2:
        return Hyperparameter(type="Boolean", **kept)
    return Hyperparameter(type="Choice", values=tuple(values), **kept)


def _value(text: str) -> Value:
    if text in ("true", "false"):
        return text == "true"
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _of_one_type(values: Sequence[Value]) -> tuple[Value, ...]:
    """Whole numbers beside others are numbers with a fraction: Keras Tuner refuses to mix the two."""
    if {type(value) for value in values} == {int, float}:
        return tuple(map(float, values))
    return tuple(values)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
