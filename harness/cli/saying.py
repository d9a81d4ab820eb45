"""Printing what cards, data and error messages say: a terminal must not obey it."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import typer

from harness.report.clean import printable_lines

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
