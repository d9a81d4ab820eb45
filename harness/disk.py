"""Writing a file whole, and whether an error means that the disk is full. Never advises to remove what is kept."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEARLY_FULL_BYTES = 1_000_000
"""Below this SQLite's files of shared memory and its log find no room, and it only says that it failed."""

_FULL_NUMBERS = (errno.ENOSPC, errno.EDQUOT)
_SAYS_FULL = re.compile(r"No space left on device|Disk quota exceeded|database or disk is full|errno = 28\b")
# What SQLite says of a full disk where it is not about to write a page: it has no file of shared memory, no log.
_MAY_SAY_FULL = re.compile(r"disk I/O error|unable to open database file")
_WORDS = "the disk is full"


def free_bytes(folder: Path) -> int:
    """Free space where a folder is, or will be, that this user may take."""
    return shutil.disk_usage(_existing(folder)).free


def full_disk(error: BaseException, folder: Path | None) -> str:
    """What to say of an error where a full disk, or a quota, is its cause.

    Args:
        error: Any error, of this package or another one; what it came from is looked at too.
        folder: Where was written or read, if that is known; a file that the error itself names goes before it.

    Returns:
        Which folder, how much is free there and what to do. Empty where the cause is another, and where the error says
        this already.
    """
    chain = list(_chain(error))
    if any(_WORDS in str(one) for one in chain):
        return ""
    if cause := next((one for one in chain if _is_full(one)), None):
        named = getattr(cause, "filename", None)
        return _words(_place(Path(os.fsdecode(named)).parent if isinstance(named, str | bytes) else folder))
    unclear = any(_MAY_SAY_FULL.search(str(one)) for one in chain)
    return _words(folder) if unclear and folder is not None and _is_full_there(folder) else ""


def cannot_write(error: OSError, folder: Path) -> str:
    """That a file could not be written and why, with what to do where the disk is full.

    Args:
        error: What the system said.
        folder: The file's folder.
    """
    return f"cannot be written: {full_disk(error, folder) or error.strerror or error}"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to be written that takes another one's place as a whole; where that fails what was there before stays.

    Args:
        path: The other one; where it is a link, what that leads to.
    """
    place = path.resolve()
    draft = place.with_name(f".tmp-{secrets.token_hex(8)}{place.suffix}")  # nobody else's, whatever else runs
    try:
        yield draft
        draft.replace(place)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def replace_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, as UTF-8 with the line ends that the text has.

    Raises:
        OSError: It cannot be written.
    """
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="")


def with_full_disk(message: str, error: BaseException, folder: Path | None) -> str:
    """A message, and behind it what `full_disk` has to say of its error."""
    return "; ".join(part for part in (message, full_disk(error, folder)) if part)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from; SQLAlchemy and MLflow keep the database's own error there."""
    seen = set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _FULL_NUMBERS
    return bool(_SAYS_FULL.search(str(error)))


def _place(known: Path | None) -> Path | None:
    """The folder whose disk is full: the known one, or that of temporary files, or this process's; None for another."""
    candidates = (*([known] if known else []), Path(tempfile.gettempdir()), Path.cwd())
    return next((one for one in candidates if _is_full_there(one)), known)


def _is_full_there(folder: Path) -> bool:
    return free_bytes(folder) < NEARLY_FULL_BYTES or not _takes_files(folder)


def _takes_files(folder: Path) -> bool:
    about = os.statvfs(_existing(folder))
    return about.f_files == 0 or about.f_favail > 0  # a file system without such a limit has 0 of 0 left


def _words(folder: Path | None) -> str:
    what = f"{_WORDS}, or a quota used up"
    if folder is not None:
        folder, free = folder.absolute(), free_bytes(folder)
        if free < NEARLY_FULL_BYTES:
            what = f"{_WORDS}, {free / 1e6:.1f} MB are free in {folder}"
        elif not _takes_files(folder):
            what = f"{_WORDS}: {folder} can hold no more files, though {free / 1e6:,.0f} MB are free"
        else:
            what += f", in {folder}"
    return f"{what}: make room, then run the same command again; nothing that was kept is lost"


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    while not os.path.exists(folder):  # which, other than `Path.exists`, does not fail where it may not look
        folder = folder.parent
    return folder
