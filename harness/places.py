"""Where a store stands, where it stood before, and where what was recorded at its former places lies now.

A store that was moved or copied, or is mounted elsewhere, holds absolute paths of the place that it was made at: in
MLflow's database, in journals, in the descriptions of champions. They are read here as they hold where it stands now.
Former places stand in the file `places.json`; of a store that has none yet (0.1.0 wrote none) they follow from the
experiments that this package made, whose artifacts lie in `<root>/artifacts/<name>`.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from harness.databases import open_read_only, stamps
from harness.errors import StoreError
from harness.user_code import is_function

RECORD = "places.json"

ARTIFACTS, SWEEPS, DOWNLOADS, DATABASE = "artifacts", "sweeps", "downloads", "mlflow.db"

_EXPERIMENTS = "SELECT experiment_id, name, artifact_location FROM experiments WHERE artifact_location IS NOT NULL"
_SWEEPS_OF = (
    "SELECT DISTINCT tags.value FROM tags JOIN runs ON runs.run_uuid = tags.run_uuid "
    "WHERE tags.key = 'sweep_id' AND runs.experiment_id = ?"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store stands now, and where it stood before.

    Attributes:
        root: Its folder.
        former: Folders that it was at before, and is no longer.
    """

    root: Path
    former: tuple[Path, ...] = ()

    def location(self, recorded: str) -> str:
        """An artifact location as it holds here: an address `file://…` or a path; all others stay as they are."""
        plain = path_of(recorded)
        if plain is None or not self.former:
            return recorded
        now = _moved(plain, [(root, self.root) for root in self.former], self.root)
        if now == plain:
            return recorded
        return now.as_uri() if recorded.startswith("file:") else str(now)

    def files(self, plain: Any) -> Any:
        """Plain values in which each path of a file that moved along with the store leads to where it is now.

        The project is the folder that holds the store: what lay below it is looked for below the new one, and a path
        whose file is not there stays as it is.

        Args:
            plain: Such as a dataset's card; paths in it are absolute, or `file.py:function`.
        """
        if not self.former:
            return plain
        if isinstance(plain, Mapping):
            return {key: self.files(value) for key, value in plain.items()}
        if isinstance(plain, list | tuple):
            return [self.files(value) for value in plain]
        return self._file(plain) if isinstance(plain, str) and plain.startswith("/") else plain

    def _file(self, recorded: str) -> str:
        path, colon, function = recorded.rpartition(":") if is_function(recorded) else (recorded, "", "")
        roots = [(root, self.root) for root in self.former]
        projects = [(root.parent, self.root.parent) for root in self.former]
        now = _moved(Path(path), [*roots, *projects], self.root.parent)
        return f"{now}{colon}{function}" if os.path.exists(now) else recorded


def place_of(root: Path, database: Path | None = None) -> Place:
    """Where a store stands and stood.

    A database of MLflow's that lies elsewhere may be that of several stores: then only former places that are gone
    count, so that no store takes another's artifacts for its own.

    Args:
        root: The store's folder.
        database: MLflow's database, where it is a file; `<root>/mlflow.db` when None.

    Raises:
        sqlite3.Error: The database cannot be read.
    """
    root = root.absolute()
    file = database or root / DATABASE
    own = file.absolute().parent == root
    known = [*_recorded(root), *(_inferred(root, file, own=own) if file.is_file() else ())]
    if not known and not (own and file.is_file()):  # 0.1.0 on a server
        known = [*_told_by_champions(root)]
    former = [place for place in dict.fromkeys(known) if not _same(place, root)]
    return Place(root, tuple(place for place in former if own or not os.path.exists(place)))


def place_around(path: Path) -> Place | None:
    """The place of the store that a file or folder lies in; None where it lies in none."""
    path = path.absolute()
    for part, root in zip(path.parents, list(path.parents)[1:], strict=False):
        inside = part.name in (ARTIFACTS, SWEEPS, DOWNLOADS)
        if inside and any((root / name).exists() for name in (RECORD, DATABASE, SWEEPS)):
            try:
                return place_of(root)
            except (sqlite3.Error, OSError):  # MLflow's database says what is wrong when it is asked for itself
                return Place(root, tuple(one for one in _recorded(root) if not _same(one, root)))
    return None


def remember(place: Place) -> None:
    """Write down where a store stands and stood, whole or not at all; nothing where that is written already.

    Raises:
        OSError: The store's folder cannot be written.
    """
    known = _recorded(place.root)
    every = list(dict.fromkeys([*known, *place.former, place.root]))
    if every == known:
        return
    file = place.root / RECORD
    unfinished = file.with_name(f".{RECORD}.{os.getpid()}")
    unfinished.write_text(json.dumps({"roots": [str(root) for root in every]}, indent=2), encoding="utf-8")
    unfinished.replace(file)


def path_of(location: str) -> Path | None:
    """The absolute path that an artifact location means on this machine; None for any other address."""
    if location.startswith("file:"):
        parts = urlsplit(location)
        return Path(unquote(parts.path)) if parts.netloc in ("", "localhost") and parts.path.startswith("/") else None
    return Path(location) if location.startswith("/") else None


def _moved(path: Path, pairs: Iterable[tuple[Path, Path]], here: Path) -> Path:
    """A path below a former folder, below the new one; of several the innermost counts, of which `here` may be one."""
    found = [(old, new) for old, new in (*pairs, (here, here)) if path.is_relative_to(old)]
    if not found:
        return path
    old, new = max(found, key=lambda pair: len(pair[0].parts))
    return new / path.relative_to(old)


def _recorded(root: Path) -> list[Path]:
    file = root / RECORD
    try:
        return [Path(str(one)) for one in json.loads(file.read_text(encoding="utf-8"))["roots"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{file}: cannot be read ({type(error).__name__}): expected the folders that this store was at; "
            "restore it from a copy, or remove it and they are found from MLflow's experiments"
        ) from error


def _inferred(root: Path, file: Path, *, own: bool) -> Iterator[Path]:
    """Folders of which MLflow's experiments say that a store stood there which is this one."""
    for former, name, sweeps in _made_elsewhere(root, file, *stamps(file)):
        if _was(former, root, name, sweeps, own=own):
            yield former


@lru_cache(maxsize=8)
def _made_elsewhere(root: Path, file: Path, *_: object) -> tuple[tuple[Path, str, tuple[str, ...]], ...]:
    """Experiments of this package's that another folder's artifacts belong to: that folder, their name, their sweeps.

    Kept for as long as the database does not change: of one in a folder that one may only read a copy is looked at.
    """
    found = []
    with closing(open_read_only(file)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        rows = database.execute(_EXPERIMENTS).fetchall() if {"experiments", "runs", "tags"} <= tables else ()
        for experiment, name, location in rows:
            path = path_of(location)
            if path is None or (path.parent.name, path.name) != (ARTIFACTS, name) or path.parents[1] == root:
                continue
            sweeps = tuple(sweep for (sweep,) in database.execute(_SWEEPS_OF, [experiment]))
            found.append((path.parents[1], name, sweeps))
    return tuple(found)


def _told_by_champions(root: Path) -> Iterator[Path]:
    """Folders that champions in the journals here were registered from, where neither record nor database tells."""
    for journal in sorted((root / SWEEPS).glob("*/journal.db")):
        with suppress(sqlite3.Error, OSError), closing(open_read_only(journal)) as database:
            for (payload,) in database.execute("SELECT payload FROM events WHERE kind = 'champion'").fetchall():
                path = Path(str(json.loads(payload).get("path", "")))
                if path.is_absolute() and path.parts[-4:-1] == (SWEEPS, journal.parent.name, "champions"):
                    yield path.parents[3]


def _was(former: Path, root: Path, name: str, sweeps: Iterable[str], *, own: bool) -> bool:
    """Whether the store of an experiment is this one, and no other that shares its database."""
    gone, artifacts = not os.path.exists(former), (root / ARTIFACTS / name).is_dir()
    if not own:
        return gone and artifacts
    # A folder that is there and has a database of its own is what this one is a copy of.
    copied = os.path.exists(former / DATABASE) and any((root / SWEEPS / sweep).is_dir() for sweep in sweeps)
    return gone or artifacts or copied


def _same(one: Path, other: Path) -> bool:
    """Whether two paths are one folder, which a link or a mount may give two names."""
    try:
        return one == other or os.path.samefile(one, other)
    except OSError:
        return False
