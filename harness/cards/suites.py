"""Suites: datasets that are swept together under one name, which their cards carry."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from harness.cards.finding import Found, find_dataset, is_path, list_datasets
from harness.cards.schema import DatasetCard
from harness.errors import CardError


def find_datasets(name_or_path: str, folders: Sequence[Path] = ()) -> list[Found[DatasetCard]]:
    """The datasets that are meant: one by its name or path, or all of a suite. A dataset's name goes before a suite's.

    Args:
        name_or_path: Name of a dataset or suite, or path of a card.
        folders: Where to look before the built-in cards; `./datasets` when empty.

    Raises:
        CardError: It is unknown, or its card is broken.
    """
    if is_path(name_or_path):
        return [find_dataset(name_or_path, folders)]
    known = list_datasets(folders)
    suites = suites_of(known)
    if name_or_path in suites and name_or_path not in {found.name for found in known}:
        return suites[name_or_path]
    try:
        return [find_dataset(name_or_path, folders)]
    except CardError as error:
        if near := get_close_matches(name_or_path, suites, n=1):
            raise CardError(f"{error}. Or the suite {near[0]}?".replace("?.", "?")) from None
        raise


def suites_of(known: Sequence[Found[DatasetCard]]) -> dict[str, list[Found[DatasetCard]]]:
    """Name of each suite → its datasets.

    Args:
        known: All datasets; broken ones belong to none.
    """
    suites: dict[str, list[Found[DatasetCard]]] = {}
    for found in known:
        for suite in found.card.suites if found.card else ():
            suites.setdefault(suite, []).append(found)
    return dict(sorted(suites.items()))
