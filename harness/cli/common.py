"""What several commands share: options, output that a terminal need not obey, configs as lines and as JSON."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.text import printable_lines

if TYPE_CHECKING:
    from harness.config import DatasetConfig, Found, SearchSpace


def whole_number(given: str | int) -> int:
    """A whole number from the command line, for `typer.Option(parser=…)`.

    Raises:
        typer.BadParameter: It is none.
    """
    try:
        return int(given)
    except ValueError:
        raise typer.BadParameter(f'got "{given}", expected a whole number') from None


def number(given: str | float) -> float:
    """A number from the command line, for `typer.Option(parser=…)`.

    Raises:
        typer.BadParameter: It is none.
    """
    try:
        return float(given)
    except ValueError:
        raise typer.BadParameter(f'got "{given}", expected a number') from None


def output_width() -> int | None:
    """Columns of the terminal that standard output is; None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


# What JSON leaves as it is though a terminal obeys it: C1 control characters, marks of direction.
_OBEYED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def say(text: str, *, err: bool = False) -> None:
    """Print text, each character that a terminal would obey as `\ufffd`."""
    typer.echo(printable_lines(text), err=err)


def say_last(text: str) -> None:
    """Print a command's last words on standard error; nobody may be there any more to read them."""
    with contextlib.suppress(OSError):
        say(text, err=True)


def say_json(plain: Any) -> None:
    """Print JSON that reads back the same and that a terminal does not obey."""
    text = json.dumps(plain, indent=2, ensure_ascii=False)
    typer.echo(_OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


WIDEST_CELL = 60

ConfigsOption = Annotated[
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
    from harness.config.errors import shown_path

    if found.builtin:
        return "built in"
    return shown_path(found.path) + (", overrides the built-in one" if found.overrides else "")


def as_plain(found: Found[DatasetConfig] | Found[SearchSpace]) -> dict[str, Any]:
    """A card and where it came from as plain values."""
    return {
        "name": found.name,
        "path": str(found.path.absolute()),
        "builtin": found.builtin,
        "overrides": found.overrides,
        "sha256": found.sha256,
        "error": found.error,
        "card": found.config.model_dump(mode="json", exclude_none=True) if found.config else None,
    }
