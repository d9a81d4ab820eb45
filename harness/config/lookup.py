"""Configs by name, path or suite: the user's folders first, then what comes with the package.

A broken config stays in a list, with its error; a config is never hidden by another's fault.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from harness.config.dataset import DatasetConfig
from harness.config.errors import shown_path
from harness.config.loader import SHARED, read_dataset, read_space, read_toml
from harness.config.space import SearchSpace
from harness.errors import ConfigError, nearest

PACKAGE = Path(__file__).resolve().parents[1]


def builtin_folder(kind: str, package: Path = PACKAGE) -> Path:
    """The folder of built-in configs.

    Args:
        kind: `datasets`, `search_spaces` or `sweeps`.
        package: Folder of the package `harness`.

    Returns:
        In a checkout (a `pyproject.toml` beside the package) the folder beside it; in an installed package
        `harness/_builtin/<kind>`.
    """
    beside = package.parent
    return (beside if (beside / "pyproject.toml").is_file() else package / "_builtin") / kind


def _builtin_folders(kind: str) -> list[Path]:
    """The folder of built-in configs, and those in it, each of a suite with many."""
    home = builtin_folder(kind)
    return [home, *sorted(folder for folder in home.glob("*") if folder.is_dir())]


ConfigT = TypeVar("ConfigT", DatasetConfig, SearchSpace)

DATASETS, SPACES, SWEEPS = "datasets", "search_spaces", "sweeps"

_MARKS = {DATASETS: {"source", "task"}, SPACES: {"layer", "build", "hyperparameters", "extends"}, SWEEPS: {"datasets"}}
"""Keys by which a file shows which kind of config it is, so that one folder can hold several kinds."""


@dataclass(frozen=True, slots=True)
class Found(Generic[ConfigT]):
    """A config and where it came from.

    Attributes:
        config: The config; None when it is broken.
        path: Its file.
        error: Why it is broken, in one line; None when it is not.
        builtin: Whether it comes with the package.
        overrides: Whether it is a user's config that takes the place of a built-in one.
        sha256: Hash of its file, and of the files that it extends; empty when it is broken.
        name: Its name; the file's stem when it is broken.
    """

    config: ConfigT | None
    path: Path
    error: str | None
    builtin: bool
    overrides: bool
    sha256: str
    name: str


_DATA = (".csv", ".tsv", ".parquet", ".xlsx", ".xls", ".npz", ".ts")
"""Endings of files that hold data, where their config is meant."""


def find_dataset(name_or_path: str, folders: Sequence[Path] = ()) -> Found[DatasetConfig]:
    """The dataset that is meant: a file; else by name in each folder; else built in.

    Args:
        name_or_path: A path where it holds a separator or ends with `.toml`, else a name.
        folders: Where to look before the built-in configs; `./datasets` when empty.

    Raises:
        ConfigError: It is unknown, its config is broken, or it is the data itself.
    """
    if Path(name_or_path).suffix.lower() in _DATA:
        raise ConfigError(
            f"{name_or_path}: expected a dataset's config; write one with `harness datasets new {name_or_path}`"
        )
    return _find(name_or_path, DATASETS, "dataset", folders)


def find_space(name_or_path: str, folders: Sequence[Path] = ()) -> Found[SearchSpace]:
    """The search space that is meant, found as datasets are; `./search_spaces` when `folders` is empty.

    Raises:
        ConfigError: It is unknown, or its config or one that it extends is broken.
    """
    return _find(name_or_path, SPACES, "family", folders)


def list_datasets(folders: Sequence[Path] = ()) -> list[Found[DatasetConfig]]:
    """All datasets by name, broken ones included with their `error`. Loads no data.

    Raises:
        ConfigError: One of `folders` is no folder.
    """
    return _list(DATASETS, folders)


def list_spaces(folders: Sequence[Path] = ()) -> list[Found[SearchSpace]]:
    """All families' search spaces by name, broken ones included with their `error`.

    Raises:
        ConfigError: One of `folders` is no folder.
    """
    return _list(SPACES, folders)


def is_path(name_or_path: str) -> bool:
    """Whether a config is named by its path: a separator in it, or `.toml` at its end."""
    return "/" in name_or_path or "\\" in name_or_path or name_or_path.endswith(".toml")


def existing_file(path: Path) -> Path:
    """The path again, when it is a file.

    Raises:
        ConfigError: It is not; the message offers near names of the same folder.
    """
    if path.is_file():
        return path
    if path.is_dir():
        raise ConfigError(f"{shown_path(path)}: expected a config file, got a folder")
    near = nearest(path.name, (found.name for found in path.parent.glob("*.toml")))
    raise ConfigError(f"{shown_path(path)}: no such file{near and '. '}{near}")


def _parents(extends: str, child: Path, folders: Sequence[Path]) -> list[Path]:
    if is_path(extends):
        path = child.parent / Path(extends).expanduser()
        if not path.is_file():
            raise ConfigError(f'{shown_path(child)}: extends = "{extends}": no such file, seen from this config')
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
    raise ConfigError(f'{shown_path(child)}: extends = "{extends}": no such config. {near}')


def _folders(folders: Sequence[Path], kind: str) -> list[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"--config-dir {folder}: expected a folder with configs")
    return [folder for folder in folders or (Path(kind),) if folder.is_dir()]


def _find(wanted: str, kind: str, word: str, given: Sequence[Path]) -> Found[Any]:
    folders = _folders(given, kind)
    path = existing_file(Path(wanted).expanduser()) if is_path(wanted) else _by_name(wanted, kind, word, folders)
    found = _read(path, kind, folders)
    if found.error is not None:
        raise ConfigError(found.error)
    return found


def _by_name(wanted: str, kind: str, word: str, folders: Sequence[Path]) -> Path:
    places = (*folders, *_builtin_folders(kind))
    # The file of that name first: a plan may name a hundred data sets, each among a hundred files.
    if path := next((path for folder in places for path in _configs_in(folder, kind, glob.escape(wanted))), None):
        return path
    known = [path for folder in places for path in _configs_in(folder, kind)]
    for path in known:
        # A config in a file of another name: reading it says so better than "unknown" would.
        if _phrase(path).get("name") == wanted:
            return path
    raise ConfigError(f'{word} "{wanted}" is unknown. {nearest(wanted, (path.stem for path in known))}'.rstrip())


def _list(kind: str, given: Sequence[Path]) -> list[Found[Any]]:
    folders = _folders(given, kind)
    found: dict[str, Found[Any]] = {}
    for folder in (*folders, *_builtin_folders(kind)):
        for path in _configs_in(folder, kind):
            if path.stem not in found:
                found[path.stem] = _read(path, kind, folders)
    return [found[name] for name in sorted(found)]


def _read(path: Path, kind: str, folders: Sequence[Path]) -> Found[Any]:
    homes = _builtin_folders(kind)
    builtin = path.resolve().parent in [home.resolve() for home in homes]
    overrides = not builtin and any((home / f"{path.stem}.toml").is_file() for home in homes)
    config: DatasetConfig | SearchSpace
    try:
        if kind == DATASETS:
            config, content = read_dataset(path)
        else:
            config, content = read_space(path, partial(_parents, folders=folders))
    except ConfigError as error:
        return Found(None, path, str(error), builtin, overrides, "", path.stem)
    return Found(config, path, None, builtin, overrides, hashlib.sha256(content).hexdigest(), config.name)


def _configs_in(folder: Path, kind: str, stems: str = "*") -> Iterator[Path]:
    for path in sorted(folder.glob(f"{stems}.toml")):
        keys = _phrase(path).keys()
        others = set().union(*(marks for other, marks in _MARKS.items() if other != kind))
        if not path.name.startswith((SHARED, ".")) and (keys & _MARKS[kind] or not keys & others):
            yield path


def _phrase(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)[0]
    except ConfigError:
        return {}


def find_datasets(name_or_path: str, folders: Sequence[Path] = ()) -> list[Found[DatasetConfig]]:
    """The datasets that are meant: one by its name or path, or all of a suite. A dataset's name goes before a suite's.

    Args:
        name_or_path: Name of a dataset or suite, or path of a config.
        folders: Where to look before the built-in configs; `./datasets` when empty.

    Raises:
        ConfigError: It is unknown, or its config is broken.
    """
    if is_path(name_or_path):
        return [find_dataset(name_or_path, folders)]
    try:
        return [find_dataset(name_or_path, folders)]
    except ConfigError as error:
        known = list_datasets(folders)
        suites = suites_of(known)
        if name_or_path in suites and name_or_path not in {found.name for found in known}:
            return suites[name_or_path]
        if near := get_close_matches(name_or_path, suites, n=1):
            raise ConfigError(f"{error}. Or the suite {near[0]}?".replace("?.", "?")) from None
        raise


def suites_of(known: Sequence[Found[DatasetConfig]]) -> dict[str, list[Found[DatasetConfig]]]:
    """Name of each suite → its datasets.

    Args:
        known: All datasets; broken ones belong to none.
    """
    suites: dict[str, list[Found[DatasetConfig]]] = {}
    for found in known:
        for suite in found.config.suites if found.config else ():
            suites.setdefault(suite, []).append(found)
    return dict(sorted(suites.items()))
