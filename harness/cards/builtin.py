"""Where the cards are that come with the package."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def builtin_folder(kind: str, package: Path = PACKAGE) -> Path:
    """The folder of built-in cards.

    Args:
        kind: `datasets`, `search_spaces` or `sweeps`.
        package: Folder of the package `harness`.

    Returns:
        In a checkout (a `pyproject.toml` beside the package) the folder beside it; in an installed package
        `harness/_builtin/<kind>`.
    """
    beside = package.parent
    return (beside if (beside / "pyproject.toml").is_file() else package / "_builtin") / kind
