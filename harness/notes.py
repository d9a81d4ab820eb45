"""Notes: what a task tells of itself while it runs, to whoever shows it. Nothing is decided by one.

A worker sends each note as one datagram to a socket of its parent's, without waiting: where nobody reads, where the
system's queue is full, or where there are no such sockets, a note is lost and the task goes on. No lock is shared, so
that a worker may be killed at any time.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ADDRESS_VARIABLE = "HARNESS_NOTES"
"""Where a worker's notes go: path of its parent's socket."""

_FOLDERS = "harness-notes-"
"""What the names of mailboxes' folders begin with."""

_YOUNG_SECONDS = 60.0

_LONGEST = 60_000
"""Bytes of a note: longer datagrams are not taken everywhere."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a task told.

    Attributes:
        task_id: The task's id.
        values: Plain values.
    """

    task_id: str
    values: Mapping[str, Any]


class _Here:
    """What this process runs, and who is told of it."""

    task_id = ""
    send: Callable[[Note], bool] | None = None


def tell(values: Mapping[str, Any]) -> bool:
    """Tell of the task that runs here; whether that was taken.

    Args:
        values: What JSON takes.
    """
    return _Here.send is not None and _Here.send(Note(_Here.task_id, values))


@contextmanager
def telling(task_id: str, send: Callable[[Note], bool] | None) -> Iterator[None]:
    """Have what is told in the block be of this task, and go there."""
    before = _Here.task_id, _Here.send
    _Here.task_id, _Here.send = task_id, send
    try:
        yield
    finally:
        _Here.task_id, _Here.send = before


class Post:
    """Sends notes to a parent's `Mailbox`; called with a note, it says whether that was taken.

    Args:
        address: The mailbox's; where it is empty no note is taken.
    """

    def __init__(self, address: str) -> None:
        self._address, self._socket = address, _datagrams() if address else None

    def __call__(self, note: Note) -> bool:
        """Send a note, without waiting."""
        letter = json.dumps([note.task_id, note.values]).encode()
        if self._socket is None or len(letter) > _LONGEST:
            return False
        try:
            self._socket.sendto(letter, self._address)
        except OSError:  # nobody reads any more, or so slowly that the system keeps no more for it
            return False
        return True

    def close(self) -> None:
        """Send no more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @classmethod
    def to_parent(cls) -> Post:
        """To the parent that started this worker, if it gave an address."""
        return cls(os.environ.get(ADDRESS_VARIABLE, ""))


class Mailbox:
    """A parent's socket, in a folder that only this user can enter. It goes with the object, or when it is closed.

    Where the parent was killed its folder is left; the kernel lets go of its lock, and the next mailbox removes it.

    Attributes:
        address: Its path; empty where there can be none.
    """

    def __init__(self) -> None:
        self.address, self._socket = "", _datagrams()
        if self._socket is None:
            return
        _remove_left()
        folder = tempfile.mkdtemp(prefix=_FOLDERS)
        held = _held(folder)
        self._gone = weakref.finalize(self, _remove, self._socket, folder, held)
        address = str(Path(folder) / "socket")
        try:
            self._socket.bind(address)
        except OSError:  # a path of more than some hundred letters is refused
            self.close()
        else:
            self.address = address

    def read(self) -> list[Note]:
        """The notes that have come since the last call, in order."""
        found = list[Note]()
        while self._socket is not None:
            try:
                task_id, values = json.loads(self._socket.recv(_LONGEST))
            except (OSError, ValueError):
                break
            found.append(Note(task_id, values))
        return found

    def close(self) -> None:
        """Take no more. May be called twice."""
        if self._socket is not None:
            self._gone()
            self._socket, self.address = None, ""


def _datagrams() -> socket.socket | None:
    """A socket that waits for nothing; None where the system has none of the kind."""
    try:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    except (OSError, AttributeError):
        return None
    opened.setblocking(False)
    return opened


def _held(folder: str | Path) -> int | None:
    """A folder's file descriptor, locked for as long as this process lives; None where another one's is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _remove_left() -> None:
    """Remove this user's folders that no process holds any more; one of this minute may not be held yet."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*"):
        with suppress(OSError):  # another user's, or it has just gone
            if time.time() - folder.stat().st_mtime > _YOUNG_SECONDS and (handle := _held(folder)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(handle)


def _remove(opened: socket.socket, folder: str, held: int | None) -> None:
    opened.close()
    shutil.rmtree(folder, ignore_errors=True)
    if held is not None:
        os.close(held)
