"""What commands print: lines and tables that a terminal need not obey and that fit it, and JSON."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from typing import Any

import typer

from harness.text import printable, printable_lines, shortened, wrapped


def output_width() -> int | None:
    """Columns of the terminal that standard output is; None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


# What JSON leaves as it is though a terminal obeys it: C1 control characters, marks of direction.
_OBEYED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def say(text: str, *, err: bool = False) -> None:
    """Print text, each character that a terminal would obey as `\ufffd`."""
    typer.echo(printable_lines(text), err=err)


def say_answers(text: str) -> None:
    """Print what was found; in a terminal that shows it the answers, which are not indented, stand out."""
    lines = printable_lines(text).split("\n")
    if in_colour():
        lines = [typer.style(line, bold=True) if line[:1].strip() else line for line in lines]
    typer.echo("\n".join(lines))


def in_colour() -> bool:
    """Whether standard output is a terminal whose user has nothing against colours (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say_last(text: str) -> None:
    """Print a command's last words on standard error; nobody may be there any more to read them."""
    with contextlib.suppress(OSError):
        say(text, err=True)


def say_wrapped(text: str) -> None:
    """Print a sentence in one line, or in a terminal in as many as it takes there."""
    say("\n".join(wrapped(text, width)) if (width := output_width()) else text)


def say_json(plain: Any) -> None:
    """Print JSON that reads back the same and that a terminal does not obey."""
    text = json.dumps(plain, indent=2, ensure_ascii=False)
    typer.echo(_OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def say_table(header: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str] = ()) -> None:
    """Print rows in columns, as wide as they need where no terminal is narrower.

    Args:
        header: Names of the columns.
        rows: Their cells.
        spare: Columns that a narrow terminal goes without, the first of them first.
    """
    table = [[printable(cell) for cell in row] for row in (header, *rows)]
    for line in columns_of(table, output_width(), [header.index(name) for name in spare]):
        say(line)


_GAP = "  "
_LEAST = 20
"""Columns of a terminal that a column of a table keeps at least, if it has as many."""


def columns_of(table: Sequence[Sequence[str]], width: int | None, spare: Sequence[int] = ()) -> list[str]:
    """The lines of a table.

    Args:
        table: Its rows, the header first.
        width: The most characters of a line; None for as many as it takes.
        spare: Places of the columns to go without where that is too few, the first of them first; then the widest ones
            but the first, which is a name to be typed, are shortened, and at last the lines are cut.
    """
    widths = {place: max(map(len, column)) for place, column in enumerate(zip(*table, strict=True))}
    if width is not None:
        for place in spare:
            if sum(min(one, _LEAST) + len(_GAP) for one in widths.values()) - len(_GAP) > width:
                del widths[place]
        others = [place for place in widths if place]
        over = sum(widths.values()) + len(_GAP) * (len(widths) - 1) - width
        while over > 0 and others and widths[widest := max(others, key=widths.__getitem__)] > _LEAST:
            widths[widest] -= 1
            over -= 1
    lines = (_GAP.join(shortened(row[at], wide).ljust(wide) for at, wide in widths.items()).rstrip() for row in table)
    return [line[:width] for line in lines]
