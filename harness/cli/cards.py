"""What `harness datasets` and `harness spaces` share: their options, and cards as lines and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.saying import say, say_json

if TYPE_CHECKING:
    from harness.cards import DatasetCard, Found, SpaceCard

WIDEST_CELL = 60

CardsOption = Annotated[
    list[Path] | None,
    typer.Option("--cards", metavar="DIR", help="Folder with cards of your own; may be repeated.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def echo_json(plain: Any) -> None:
    """Print plain values as JSON."""
    say_json(plain)


def echo_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns as wide as they need; a cell that is too long is cut."""
    cut = [[cell if len(cell) <= WIDEST_CELL else cell[: WIDEST_CELL - 1] + "…" for cell in row] for row in rows]
    table = [list(header), *cut]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def home_of(found: Found[Any]) -> str:
    """Where a card is, in words."""
    from harness.cards.wording import shown_path

    if found.builtin:
        return "built in"
    return shown_path(found.path) + (", overrides the built-in one" if found.overrides else "")


def as_plain(found: Found[DatasetCard] | Found[SpaceCard]) -> dict[str, Any]:
    """A card and where it came from as plain values."""
    return {
        "name": found.name,
        "path": str(found.path.absolute()),
        "builtin": found.builtin,
        "overrides": found.overrides,
        "sha256": found.sha256,
        "error": found.error,
        "card": found.card.model_dump(mode="json", exclude_none=True) if found.card else None,
    }
