"""What differs between search spaces, and whether families can be compared fairly by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.cards.schema import DatasetCard, Hyperparameter, SpaceCard
from harness.cards.wording import toml_text
from harness.errors import CardError


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two search spaces say differently.

    Attributes:
        key: Such as `layer` or `hyperparameters.units`.
        first: What the first says, as TOML; None when it says nothing.
        second: What the second says.
    """

    key: str
    first: str | None
    second: str | None


def differences(first: SpaceCard, second: SpaceCard) -> list[Difference]:
    """All that two search spaces say differently, names and titles apart."""
    keys = ("layer", "capacity")
    said = [Difference(key, getattr(first, key), getattr(second, key)) for key in keys]
    found = [one for one in said if one.first != one.second]
    for name in dict.fromkeys((*first.hyperparameters, *second.hyperparameters)):
        one, other = first.hyperparameters.get(name), second.hyperparameters.get(name)
        if one != other:
            found.append(Difference(f"hyperparameters.{name}", _as_text(one), _as_text(other)))
    return found


def check_shared(spaces: Sequence[SpaceCard]) -> None:
    """Hold families that are to be compared to one set of hyperparameters.

    Raises:
        CardError: A family lacks a hyperparameter that another has without a `reason` on its card.
    """
    for space in spaces:
        for name, hyperparameter in space.hyperparameters.items():
            without = [other.name for other in spaces if name not in other.hyperparameters]
            if without and hyperparameter.reason is None:
                raise CardError(
                    f"search space {space.name}: [hyperparameters.{name}] missing key 'reason': "
                    f"why {space.name} has {name} and {', '.join(without)} has not"
                )


def check_reads_forward(dataset: DatasetCard, spaces: Sequence[SpaceCard]) -> None:
    """Refuse bidirectional layers where a step's answer is what comes after it: read backwards, they would see it.

    Raises:
        CardError: A search space may ask for one.
    """
    task = dataset.task
    if not (task.kind == "next_token" or (task.kind == "label" and task.ahead_steps)):
        return
    for space in spaces:
        asked = space.hyperparameters.get("bidirectional")
        if asked is not None and (asked.type == "Boolean" or asked.value is True):
            raise CardError(
                f"search space {space.name}: [hyperparameters.bidirectional] {in_words(asked)}: expected false for "
                f"{dataset.name}, whose answers are what comes next: a layer that reads backwards would see them"
            )


def in_words(hyperparameter: Hyperparameter) -> str:
    """A hyperparameter in one line, such as `Choice [16, 32, 64]` or `Float 0.0003 to 0.03, log`."""
    given = hyperparameter
    if given.type == "Choice":
        text = f"Choice {toml_text(given.values, longest=None)}"
    elif given.type == "Fixed":
        text = f"Fixed {toml_text(given.value)}"
    elif given.type == "Boolean":
        text = "Boolean"
    else:
        step = f" in steps of {given.step}" if given.step is not None else ""
        sampling = f", {given.sampling}" if given.sampling not in (None, "linear") else ""
        text = f"{given.type} {given.min_value} to {given.max_value}{step}{sampling}"
    if given.parent_name is not None:
        text += f", where {given.parent_name} is one of {toml_text(given.parent_values)}"
    return text


def _as_text(hyperparameter: Hyperparameter | None) -> str | None:
    if hyperparameter is None:
        return None
    said: dict[str, Any] = hyperparameter.model_dump(exclude_none=True)
    return toml_text(said, longest=None)
