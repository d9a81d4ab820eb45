"""Servers of this package, and their folders, that nobody will end any more.

Since version 0.2 a server ends with its starter (`supervisor`); one of an earlier version stayed when that was killed.
Linux alone tells. Nothing is ever taken for a stray that another program started, or whose starter lives.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.tracking.scoring import FOLDER_PREFIX, SERVED

YOUNGEST_SECONDS = 600
"""A folder that was made later may be that of a server which is just being started."""

_END_SECONDS = 5
_UI_OPTIONS = ("--backend-store-uri", "--default-artifact-root", "--no-serve-artifacts")


@dataclass(frozen=True, slots=True)
class StrayServer:
    """A server whose starter is gone.

    Attributes:
        processes: Its process ids, its workers' included.
        address: Where it listens.
        folder: The folder that was made for it; None where it has none.
    """

    processes: tuple[int, ...]
    address: str
    folder: Path | None

    def end(self) -> None:
        """End it, what it is answering first, and remove its folder."""
        import psutil

        family = []
        for number in self.processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                family.append(psutil.Process(number))
        for number in (signal.SIGTERM, signal.SIGKILL):
            for one in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.send_signal(number)
            _, family = psutil.wait_procs(family, timeout=_END_SECONDS)
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def stray_servers() -> list[StrayServer]:
    """This user's servers that were started as this package starts them, and whose starter is gone."""
    mine = _own_processes()
    found = []
    for process in mine:
        words = process.info["cmdline"]
        if _is_ours(words) and _leads(process.pid) and not _has_starter(process, mine):
            session = sorted(one.pid for one in mine if _session(one.pid) == _session(process.pid))
            found.append(
                StrayServer(tuple(session), f"{_after(words, '--host')}:{_after(words, '--port')}", _folder(words))
            )
    return found


def stray_folders() -> list[Path]:
    """Folders that were made for a server of this user's and that no process is told of any more."""
    told = {word for process in _own_processes() for word in process.info["cmdline"]}
    return [folder for folder in _server_folders() if not any(str(folder) in word for word in told)]


def _own_processes() -> list[Any]:
    import psutil

    if not Path("/proc/self/fd").is_dir():
        return []
    processes = psutil.process_iter(["cmdline", "ppid", "uids"])
    return [
        one for one in processes if one.info["uids"] and one.info["uids"].real == os.getuid() and one.info["cmdline"]
    ]


def _is_ours(words: list[str]) -> bool:
    """Whether a command line is one that `servers` makes."""
    match words[1:]:
        case ["-P", "-m", "mlflow", "server", *options]:
            return all(option in options for option in _UI_OPTIONS)
        case ["-P", "-m", "mlflow", "models", "serve", *_]:
            return _folder(words) is not None
    return False


def _folder(words: list[str]) -> Path | None:
    served = Path(_after(words, "--model-uri"))
    made = served.is_absolute() and served.name == SERVED and served.parent.name.startswith(FOLDER_PREFIX)
    return served.parent if made else None


def _after(words: list[str], option: str) -> str:
    return words[words.index(option) + 1] if option in words[:-1] else ""


def _leads(process: int) -> bool:
    """Whether its session is its own, or was that of a process which is gone: what else is in it belongs to it."""
    leader = _session(process)
    return leader == process or (leader is not None and not Path(f"/proc/{leader}").exists())


def _session(process: int) -> int | None:
    try:
        return os.getsid(process)
    except OSError:
        return None


def _has_starter(server: Any, mine: list[Any]) -> bool:
    """Whether a process outside its session holds the file open that the server writes its messages to.

    Only the starter does, and only as long as it lives. A parent's id does not tell: who takes in an orphan differs.
    """
    log = _identity(Path(f"/proc/{server.pid}/fd/1"))
    others = (one.pid for one in mine if _session(one.pid) != _session(server.pid))
    return log is None or any(log in _open_files(other) for other in others)


def _open_files(process: int) -> Iterator[tuple[int, int] | None]:
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{process}/fd").iterdir():
            yield _identity(link)


def _identity(link: Path) -> tuple[int, int] | None:
    try:
        about = link.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino


def _server_folders() -> Iterator[Path]:
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*")):
        with contextlib.suppress(OSError):
            about, described = folder.lstat(), folder / SERVED / "MLmodel"
            old = time.time() - about.st_mtime > YOUNGEST_SECONDS
            ours = about.st_uid == os.getuid() and folder.is_dir() and not folder.is_symlink()
            if old and ours and "loader_module: harness." in described.read_text(encoding="utf-8"):
                yield folder
