"""Search spaces that extend others: from a chain of files to one card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.cards.hyperparameters import CAPACITIES
from harness.cards.reading import check_name, read_toml, validated
from harness.cards.schema import SpaceCard, SpaceFile
from harness.cards.wording import complaint_of, in_file, shown_path
from harness.errors import CardError

SHARED = "_"
"""What the name of a shared part begins with: a part to extend, no family."""

Parents = Callable[[str, Path], Sequence[Path]]
"""(what a card extends, the card) → files that may be meant, one at least, the likeliest first."""


@dataclass(frozen=True, slots=True)
class Link:
    """One file of a chain of search spaces.

    Attributes:
        path: The file.
        said: What it says.
        content: Its bytes.
    """

    path: Path
    said: SpaceFile
    content: bytes


def read_space(path: Path, parents: Parents) -> tuple[SpaceCard, bytes]:
    """The family's search space in a file, with all that it extends merged in.

    A card's hyperparameter replaces its parent's of the same name as a whole.

    Args:
        path: The card.
        parents: Where to look for what a card extends.

    Returns:
        The card, and the bytes of the whole chain, the card's own first.

    Raises:
        CardError: A file of the chain is missing or broken, the chain is a circle, or the whole makes no
            sense.
    """
    if path.stem.startswith(SHARED):
        raise CardError(f"{shown_path(path)}: a shared part of search spaces, expected a family")
    chain = _read_chain(path, parents)
    check_name(chain[0].said.name, path)
    values = _merged(chain)
    try:
        card = SpaceCard.model_validate(values)
    except ValidationError as error:
        complaint = complaint_of(error, SpaceCard, values)
        raise CardError(in_file(_owner(chain, complaint.keys), complaint)) from None
    _check_reasons(chain)
    return card, b"".join(link.content for link in chain)


def _read_chain(path: Path, parents: Parents) -> list[Link]:
    chain = [_read_link(path)]
    while (extends := chain[-1].said.extends) is not None:
        child = chain[-1].path
        seen = {link.path.resolve() for link in chain}
        candidates = parents(extends, child)
        # A user's `lstm` may extend the built-in `lstm`: what is in the chain already is not what is meant.
        parent = next((found for found in candidates if found.resolve() not in seen), None)
        if parent is None:
            circle = " → ".join([*(link.path.stem for link in chain), candidates[0].stem])
            raise CardError(f'{shown_path(child)}: extends = "{extends}": goes round in a circle, {circle}')
        chain.append(_read_link(parent))
    return chain


def _read_link(path: Path) -> Link:
    values, content = read_toml(path)
    return Link(path, validated(SpaceFile, values, path), content)


def _merged(chain: Sequence[Link]) -> dict[str, Any]:
    hyperparameters: dict[str, Any] = {}
    for link in reversed(chain):
        for name, hyperparameter in link.said.hyperparameters.items():
            hyperparameters[name] = hyperparameter.model_dump(exclude_none=True)
    merged: dict[str, Any] = {"name": chain[0].said.name, "title": chain[0].said.title}
    if layer := next((link.said.layer for link in chain if link.said.layer is not None), None):
        merged["layer"] = layer
    if capacity := next((link.said.capacity for link in chain if link.said.capacity is not None), None):
        merged["capacity"] = capacity
        own = chain[0].said.hyperparameters
        for other in (name for kind, name in CAPACITIES.items() if kind != capacity and name not in own):
            hyperparameters.pop(other, None)  # what a card extends may be declared in the other measure
    return {**merged, "hyperparameters": hyperparameters}


def _owner(chain: Sequence[Link], keys: Sequence[str | int]) -> Path:
    # The file to blame: the one whose hyperparameter it is.
    name = str(keys[1]) if len(keys) > 1 else ""
    return next((link.path for link in chain if name in link.said.hyperparameters), chain[0].path)


def _check_reasons(chain: Sequence[Link]) -> None:
    # A hyperparameter that the shared part does not have is one that the other families do not have.
    card, parents = chain[0], chain[1:]
    if not parents:
        return
    shared = {name for link in parents for name in link.said.hyperparameters}
    for name, hyperparameter in card.said.hyperparameters.items():
        if name not in shared and hyperparameter.reason is None:
            raise CardError(
                f"{shown_path(card.path)}: [hyperparameters.{name}] missing key 'reason': "
                f"why only this family has {name}, which {card.said.extends} does not have"
            )
