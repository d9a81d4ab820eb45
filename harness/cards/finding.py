"""Cards by name or path: the user's folders first, then what comes with the package.

A broken card stays in a list, with its error; a card is never hidden by another's fault.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from harness.cards.builtin import builtin_folder
from harness.cards.extending import SHARED, read_space
from harness.cards.reading import read_dataset, read_toml
from harness.cards.schema import DatasetCard, SpaceCard
from harness.cards.wording import shown_path
from harness.errors import CardError, nearest

CardT = TypeVar("CardT", DatasetCard, SpaceCard)

DATASETS, SPACES, SWEEPS = "datasets", "search_spaces", "sweeps"

_MARKS = {
    DATASETS: {"source", "task"},
    SPACES: {"layer", "hyperparameters", "extends"},
    SWEEPS: {"datasets"},
}
"""Keys by which a file shows which kind of card it is, so that one folder can hold several kinds."""


@dataclass(frozen=True, slots=True)
class Found(Generic[CardT]):
    """A card and where it came from.

    Attributes:
        card: The card; None when it is broken.
        path: Its file.
        error: Why it is broken, in one line; None when it is not.
        builtin: Whether it comes with the package.
        overrides: Whether it is a user's card that takes the place of a built-in one.
        sha256: Hash of its file, and of the files that it extends; empty when it is broken.
        name: Its name; the file's stem when it is broken.
    """

    card: CardT | None
    path: Path
    error: str | None
    builtin: bool
    overrides: bool
    sha256: str
    name: str


def find_dataset(name_or_path: str, folders: Sequence[Path] = ()) -> Found[DatasetCard]:
    """The dataset that is meant: a file; else by name in each folder; else built in.

    Args:
        name_or_path: A path where it holds a separator or ends with `.toml`, else a name.
        folders: Where to look before the built-in cards; `./datasets` when empty.

    Raises:
        CardError: It is unknown, or its card is broken.
    """
    return _find(name_or_path, DATASETS, "dataset", _read_dataset, _folders(folders, DATASETS))


def find_space(name_or_path: str, folders: Sequence[Path] = ()) -> Found[SpaceCard]:
    """The search space that is meant, found as datasets are; `./search_spaces` when `folders` is empty.

    Raises:
        CardError: It is unknown, or its card or one that it extends is broken.
    """
    looked_in = _folders(folders, SPACES)
    return _find(name_or_path, SPACES, "family", partial(_read_space, folders=looked_in), looked_in)


def list_datasets(folders: Sequence[Path] = ()) -> list[Found[DatasetCard]]:
    """All datasets by name, broken ones included with their `error`. Loads no data.

    Raises:
        CardError: One of `folders` is no folder.
    """
    return _list(DATASETS, _read_dataset, _folders(folders, DATASETS))


def list_spaces(folders: Sequence[Path] = ()) -> list[Found[SpaceCard]]:
    """All families' search spaces by name, broken ones included with their `error`.

    Raises:
        CardError: One of `folders` is no folder.
    """
    looked_in = _folders(folders, SPACES)
    return _list(SPACES, partial(_read_space, folders=looked_in), looked_in)


def is_path(name_or_path: str) -> bool:
    """Whether a card is named by its path: a separator in it, or `.toml` at its end."""
    return "/" in name_or_path or "\\" in name_or_path or name_or_path.endswith(".toml")


def existing_file(path: Path) -> Path:
    """The path again, when it is a file.

    Raises:
        CardError: It is not; the message offers near names of the same folder.
    """
    if path.is_file():
        return path
    if path.is_dir():
        raise CardError(f"{shown_path(path)}: expected a card, got a folder")
    near = nearest(path.name, (found.name for found in path.parent.glob("*.toml")))
    raise CardError(f"{shown_path(path)}: no such file{near and '. '}{near}")


_Read = Callable[[Path], tuple[CardT, bytes]]


def _read_dataset(path: Path) -> tuple[DatasetCard, bytes]:
    return read_dataset(path)


def _read_space(path: Path, folders: Sequence[Path]) -> tuple[SpaceCard, bytes]:
    return read_space(path, partial(_parents, folders=folders))


def _parents(extends: str, child: Path, folders: Sequence[Path]) -> list[Path]:
    if is_path(extends):
        path = child.parent / Path(extends).expanduser()
        if not path.is_file():
            raise CardError(f'{shown_path(child)}: extends = "{extends}": no such file, seen from this card')
        return [path]
    known = [
        path
        for folder in (child.parent, *folders, builtin_folder(SPACES))
        for path in sorted(folder.glob("*.toml"))
        if path.resolve() != child.resolve() or path.stem == extends
    ]
    if found := [path for path in known if path.stem == extends]:
        return found
    near = nearest(extends, (path.stem for path in known))
    raise CardError(f'{shown_path(child)}: extends = "{extends}": no such card. {near}')


def _folders(folders: Sequence[Path], kind: str) -> list[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise CardError(f"--cards {folder}: expected a folder with cards")
    return [folder for folder in folders or (Path(kind),) if folder.is_dir()]


def _find(wanted: str, kind: str, word: str, read: _Read[CardT], folders: Sequence[Path]) -> Found[CardT]:
    path = existing_file(Path(wanted).expanduser()) if is_path(wanted) else _by_name(wanted, kind, word, folders)
    found = _read(path, kind, read)
    if found.error is not None:
        raise CardError(found.error)
    return found


def _by_name(wanted: str, kind: str, word: str, folders: Sequence[Path]) -> Path:
    known = [path for folder in (*folders, builtin_folder(kind)) for path in _cards_in(folder, kind)]
    for path in known:
        if path.stem == wanted:
            return path
    for path in known:
        # A card in a file of another name: reading it says so better than "unknown" would.
        if _said(path).get("name") == wanted:
            return path
    raise CardError(f'{word} "{wanted}" is unknown. {nearest(wanted, (path.stem for path in known))}'.rstrip())


def _list(kind: str, read: _Read[CardT], folders: Sequence[Path]) -> list[Found[CardT]]:
    found: dict[str, Found[CardT]] = {}
    for folder in (*folders, builtin_folder(kind)):
        for path in _cards_in(folder, kind):
            if path.stem not in found:
                found[path.stem] = _read(path, kind, read)
    return [found[name] for name in sorted(found)]


def _read(path: Path, kind: str, read: _Read[CardT]) -> Found[CardT]:
    home = builtin_folder(kind)
    builtin = path.resolve().parent == home.resolve()
    overrides = not builtin and (home / f"{path.stem}.toml").is_file()
    try:
        card, content = read(path)
    except CardError as error:
        return Found(None, path, str(error), builtin, overrides, "", path.stem)
    return Found(card, path, None, builtin, overrides, hashlib.sha256(content).hexdigest(), card.name)


def _cards_in(folder: Path, kind: str) -> Iterator[Path]:
    for path in sorted(folder.glob("*.toml")):
        if not path.name.startswith((SHARED, ".")) and _may_be(kind, path):
            yield path


def _may_be(kind: str, path: Path) -> bool:
    keys = _said(path).keys()
    others = set().union(*(marks for other, marks in _MARKS.items() if other != kind))
    return bool(keys & _MARKS[kind]) or not keys & others


def _said(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)[0]
    except CardError:
        return {}
