"""SQLite files wherever they lie: on network file systems, and in folders that one may only read.

Knows files and SQLite's modes; no table of anybody's.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tempfile
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

WAIT_SECONDS = 60.0

_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|9p|virtiofs|afs|lustre|gpfs|beegfs|ceph|glusterfs|ocfs2|gfs2?|davfs\d?|ncpfs|vboxsf"
    r"|prl_fs|fuse(\..+)?"
)
"""Types of file systems that others may write to as well, or that share no memory between programs."""

_LOCAL_FUSE = ("fuse.fuse-overlayfs", "fuse.overlayfs", "fuse.mergerfs", "fuse.gocryptfs", "fuse.encfs", "fuse.bindfs")

_ATTEMPTS = 5

_NO_PLACE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)


def write_ahead_log_works(folder: Path, mounts: Path = MOUNTS) -> bool:
    """Whether SQLite's write-ahead log can be used in a folder.

    Its readers and writers share memory, which programs on two machines, or on two sides of a network file system, do
    not ("Write-Ahead Logging", 1).

    Args:
        folder: The database's folder; it need not exist yet.
        mounts: The kernel's list of mounts; where there is none, every file system counts as local.
    """
    kind = _file_system(Path(os.path.realpath(folder)), mounts)
    return kind in _LOCAL_FUSE or not _NETWORK.fullmatch(kind)


def choose_journal_mode(file: Path) -> None:
    """Have a database use the write-ahead log where that works, else SQLite's rollback journal; the mode stays with it.

    Raises:
        sqlite3.Error: It cannot be opened, or not be written.
    """
    log = write_ahead_log_works(file.parent)
    with closing(sqlite3.connect(file, timeout=WAIT_SECONDS)) as database:
        if not log:
            # A database that comes with a log is read and put right without shared memory by its only user.
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
        set_journal_mode(database, "WAL" if log else "DELETE", WAIT_SECONDS)


def set_journal_mode(connection: sqlite3.Connection, mode: str, seconds: float) -> None:
    """Have a database use this journal mode; SQLite itself does not wait for readers here, as it does everywhere else.

    Args:
        connection: The one that asks; it is in no transaction.
        mode: `WAL` or `DELETE`.
        seconds: How long readers are waited for.

    Raises:
        sqlite3.Error: Somebody still reads, or it cannot be written.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection.execute(f"PRAGMA journal_mode = {mode}")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def may_write(file: Path) -> bool:
    """Whether a database may be changed: its file, and what SQLite puts beside it."""
    effective = os.access in os.supports_effective_ids
    return all(os.access(path, os.W_OK, effective_ids=effective) for path in (file, file.parent))


def open_read_only(file: Path, *, copy: bool = True) -> sqlite3.Connection:
    """A connection that changes nothing, on a database in a folder that one may only read, or on a full disk, as well.

    A database with a write-ahead log cannot be opened there, unless the program that writes it is running: then a copy
    in memory is read.

    Args:
        file: A database that exists.
        copy: Whether a copy may be read, which needs that nobody writes and that this process has no connection to it.

    Raises:
        sqlite3.Error: It cannot be read, or is none.
        OSError: It cannot be read.
    """
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT_SECONDS)
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.Error as error:
        connection.close()
        if not copy or not has_no_place_for_log(error):
            raise
        return _copy_in_memory(file)
    return connection


def has_no_place_for_log(error: sqlite3.Error) -> bool:
    """Whether this is what SQLite says of a database with a log, where it cannot make the log's index beside it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _NO_PLACE


def stamps(file: Path) -> tuple[tuple[str, int, int], ...]:
    """Size and time of writing of a database and of its log, which change whenever the database does."""
    found = []
    for path in (Path(f"{file}{end}") for end in ("", "-wal")):
        with suppress(OSError):
            state = path.stat()
            found.append((path.name, state.st_size, state.st_mtime_ns))
    return tuple(found)


def copy_database(file: Path, target: Path) -> None:
    """Copy a database as it stands at one instant, without changing anything beside it.

    Args:
        file: A database that exists; others may be writing to it.
        target: The copy, which does not exist yet.

    Raises:
        sqlite3.Error: It cannot be read, or is none.
        OSError: It cannot be read, or the copy not be written.
    """
    with closing(open_read_only(file)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def _copy_in_memory(file: Path) -> sqlite3.Connection:
    with tempfile.TemporaryDirectory(prefix="harness-") as folder, ExitStack() as undo:
        copy = Path(folder, "copy.db")
        _copy_files(file, copy)
        memory = undo.enter_context(closing(sqlite3.connect(":memory:")))
        with closing(sqlite3.connect(copy)) as source:
            source.execute("PRAGMA journal_mode = DELETE")  # takes the log in; memory has none
            source.backup(memory)
        undo.pop_all()  # it is the caller's now
    return memory


def _copy_files(file: Path, copy: Path) -> None:
    """Copy a database that nobody writes, and its log; once more where somebody began to meanwhile."""
    for _ in range(_ATTEMPTS):
        before = stamps(file)
        for end in ("", "-wal"):
            Path(f"{copy}{end}").unlink(missing_ok=True)
            if Path(f"{file}{end}").exists():
                shutil.copyfile(f"{file}{end}", f"{copy}{end}")
        if stamps(file) == before:
            return
    raise sqlite3.OperationalError("it is being written; try again when the command that writes it has ended")


def _file_system(folder: Path, mounts: Path) -> str:
    """Type of the file system that a folder lies on, such as `ext4`; empty where the system does not say."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    deepest, kind = -1, ""
    for line in lines:
        before, _, after = line.partition(" - ")
        words = before.split(" ")
        if len(words) < 5 or not after:
            continue
        point = Path(re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), words[4]))
        # Of two mounts at one place the later one is seen.
        if folder.is_relative_to(point) and len(point.parts) >= deepest:
            deepest, kind = len(point.parts), after.split(" ")[0]
    return kind
