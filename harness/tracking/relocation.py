"""MLflow's database of a store that stands at another place than it was made at.

MLflow keeps absolute locations of artifacts. Who writes has them rewritten first, in one transaction, so that nothing
is ever written at a place that the store has left; who only reads is given a private copy in which they hold.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import sqlite3
import sys
import tempfile
import weakref
from contextlib import closing
from pathlib import Path

from harness.databases import WAIT_SECONDS, copy_database, may_write, open_read_only, stamps
from harness.errors import StoreError
from harness.store import Place, place_of, remember

Columns = tuple[tuple[str, str, str], ...]

COLUMNS: Columns = (
    ("experiments", "artifact_location", ""),
    ("runs", "artifact_uri", ""),
    ("logged_models", "artifact_location", ""),
    ("model_versions", "source", ""),
    ("model_versions", "storage_location", ""),
    ("trace_tags", "value", "key = 'mlflow.artifactLocation'"),
)
"""Where MLflow keeps locations of artifacts: table, column, and which of its rows."""

SCHEMAS = dict.fromkeys(("b7e2c1a4d9f3", "dc11669786a5", "f4a9b2c7d1e6"), COLUMNS)
"""Revisions of MLflow's schema (`alembic_version`) whose columns were checked: those of MLflow 3.16, 3.17 and 3.18."""

_copies: dict[tuple[object, ...], Path] = {}


class Hold:
    """Says to other programs that this one writes to the store where it stands, for as long as it is kept.

    A lock on the folder itself, which a store that is mounted at two places shares; the kernel lets go of it when the
    process ends. Where a file system has no such locks nothing is said.
    """

    def __init__(self, root: Path) -> None:
        self._folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._folder)

    def alone(self) -> bool:
        """Whether nobody else writes to the store; if so nobody begins to until `share`."""
        return self._lock(fcntl.LOCK_EX)

    def share(self) -> None:
        """Let others write to the store as well."""
        self._lock(fcntl.LOCK_SH)

    def _lock(self, kind: int) -> bool:
        try:
            fcntl.flock(self._folder, kind | fcntl.LOCK_NB)
        except OSError as error:  # network file systems lock no folder
            return not isinstance(error, BlockingIOError)
        return True


def elsewhere(root: Path, file: Path) -> Path | None:
    """A place at which a store stood and that its database still leads to; None where it leads to where it stands.

    Args:
        root: The store's folder.
        file: MLflow's database.

    Raises:
        sqlite3.Error: The database cannot be read.
    """
    return _left(place_of(root, file), file)


def settle(root: Path, file: Path) -> Hold:
    """Have a database lead to where its store stands; said in one line where it did not.

    Called by one process at a time, before it writes.

    Args:
        root: The store's folder.
        file: MLflow's database; nothing is done where there is none yet.

    Returns:
        What keeps others from having it lead elsewhere, for as long as the caller writes.

    Raises:
        StoreError: The schema is not known, another program uses the store at another place, or it cannot be written.
        sqlite3.Error: The database cannot be read or written.
    """
    hold, place = Hold(root), place_of(root, file)
    former = _left(place, file)
    if former is not None:
        if not hold.alone():
            raise StoreError(
                f"{root}: the store stood at {former}, and another command still writes to it there: end that one "
                "first; commands that only read work meanwhile"
            )
        columns = _columns(file, former, root)
    try:
        remember(place)  # before the database changes: after a crash in between it is rewritten by the next command
    except OSError as error:
        raise StoreError(f"{root}: the store cannot be written: {error.strerror}") from error
    if former is not None:
        count = _rewrite(file, place, columns)
        print(f"{root}: the store stood at {former}; {count} locations in MLflow lead here now", file=sys.stderr)
    hold.share()
    return hold


def readable(root: Path, file: Path) -> Path:
    """A database that can be read and leads to where the store stands: the store's own, else a private copy.

    Args:
        root: The store's folder.
        file: MLflow's database.

    Raises:
        StoreError: It leads elsewhere, and its schema is not known.
        sqlite3.Error: It cannot be read.
        OSError: It cannot be read, or not be copied.
    """
    place = place_of(root, file)
    former = _left(place, file)
    if former is None and may_write(file):
        return file
    columns = () if former is None else _columns(file, former, root)
    key = (place, file, *stamps(file))
    if key not in _copies:
        # Nobody else may read it: the store's folder may be closed to others.
        folder = tempfile.mkdtemp(prefix="harness-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        copy = Path(folder, file.name)
        copy_database(file, copy)
        _rewrite(copy, place, columns)
        _copies[key] = copy
    return _copies[key]


def _left(place: Place, file: Path) -> Path | None:
    """The former place that experiments still lead to. All locations change at once: experiments speak for the rest."""
    if not place.former or not file.is_file():
        return None
    with closing(open_read_only(file)) as database:
        try:
            rows = database.execute("SELECT artifact_location FROM experiments").fetchall()
        except sqlite3.OperationalError:  # MLflow has not made its tables yet
            return None
    for (location,) in rows:
        if location and place.location(location) != location:
            return next(root for root in place.former if Place(place.root, (root,)).location(location) != location)
    return None


def _columns(file: Path, former: Path, root: Path) -> Columns:
    """The columns to be rewritten, of a schema that is known and as it should be."""
    with closing(open_read_only(file)) as database:
        versions = {str(version) for (version,) in database.execute("SELECT version_num FROM alembic_version")}
        known = SCHEMAS.get(next(iter(versions))) if len(versions) == 1 else None
        whole = known is not None and all(
            column in {row[1] for row in database.execute(f"PRAGMA table_info({table})")} for table, column, _ in known
        )
    if known is None or not whole:
        raise StoreError(
            f"{file}: the store was made at {former}, and MLflow's schema {', '.join(sorted(versions)) or 'none'} is "
            f"none whose locations can be rewritten ({', '.join(SCHEMAS)}): move it back to {former}, mount it there, "
            f"or use it in {root} with a newer version of this package"
        )
    return known


def _rewrite(file: Path, place: Place, columns: Columns) -> int:
    """Rewrite every location below a former place in one transaction; how many."""
    changed = 0
    with closing(sqlite3.connect(file, timeout=WAIT_SECONDS, isolation_level=None)) as database:
        database.create_function("here", 1, lambda text: place.location(text) if text else text, deterministic=True)
        database.execute("PRAGMA synchronous = FULL")
        database.execute("BEGIN IMMEDIATE")
        for table, column, which in columns:
            where = f"{column} IS NOT here({column}){f' AND {which}' if which else ''}"
            changed += database.execute(f"UPDATE {table} SET {column} = here({column}) WHERE {where}").rowcount
        database.execute("COMMIT")
    return changed
