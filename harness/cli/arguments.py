"""What the options of several commands share: numbers that are told apart from text, and the width of the output."""

from __future__ import annotations

import shutil
import sys

import typer


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
