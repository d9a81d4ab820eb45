"""Fails whoever opens a SQLite file by other means than SQLite while the same process has a connection to it.

Closing any descriptor of such a file drops the locks that the process has on it (SQLite, "How To Corrupt", 2.2); the
next reader that closes takes itself for the last one and removes the write-ahead log, and what was committed is lost.

Python imports a module of this name at every start, so that with this folder on `PYTHONPATH` the children of the tests
(workers, commands, servers) are watched as the tests themselves are.

Under `make coverage` it also keeps what a worker ran: workers are always ended by SIGKILL.
"""

from __future__ import annotations

import os
import stat
import sys
from urllib.parse import unquote

_PARTS = ("", "-wal", "-shm", "-journal")
_known: set[str] = set()
found: list[str] = []
"""What was opened in this process although it must not be; the exception may have been caught."""


class RawOpenError(BaseException):
    """A SQLite file was opened raw. Not an `Exception`, which the opener might expect and pass over."""


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "sqlite3.connect":
        _remember(arguments[0])
    elif event == "open" and _known and isinstance(arguments[0], str | bytes | os.PathLike):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if path in _known and _connected(path):
            found.append(path)
            raise RawOpenError(f"{path}: opened raw while this process has a connection to it")


def _remember(database: object) -> None:
    name = os.fsdecode(database) if isinstance(database, str | bytes | os.PathLike) else ""
    if name.startswith("file:"):
        name = unquote(name.removeprefix("file:").removeprefix("//").partition("?")[0])
    if name and name != ":memory:":
        _known.update(os.path.realpath(f"{name}{part}") for part in _PARTS)


def _connected(path: str) -> bool:
    """Whether a descriptor of the file is open already; before a raw open that can only be SQLite's."""
    try:
        about = os.stat(path)
    except OSError:
        return False
    for name in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
        try:
            one = os.fstat(int(name))
        except OSError:
            continue
        if stat.S_ISREG(one.st_mode) and (one.st_dev, one.st_ino) == (about.st_dev, about.st_ino):
            return True
    return False


def _keep_coverage(event: str, arguments: tuple[object, ...]) -> None:
    """Write down what was run whenever this process asks for its own memory, as a worker does after each task."""
    if event == "open" and arguments[0] == f"/proc/{os.getpid()}/statm":
        coverage = sys.modules["coverage"].Coverage.current()
        if coverage is not None:
            coverage.save()


sys.addaudithook(_watch)
if "coverage" in sys.modules and "--multiprocessing-fork" in sys.orig_argv:
    sys.addaudithook(_keep_coverage)
