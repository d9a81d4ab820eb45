"""Files that travel by what is in them: read once by the parent, kept once by a node, mirrored for each slot."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from harness.machine import mirror_of

LARGEST_CACHE_BYTES = 20_000_000_000
"""What a node keeps of files at most; those that were used last stay."""


def files_in(paths: Iterable[str]) -> Iterator[Path]:
    """The files among some paths and below those that are folders; what is not there is left out."""
    for path in map(Path, paths):
        if path.is_dir():
            yield from (inner for inner in sorted(path.rglob("*")) if inner.is_file())
        elif path.is_file():
            yield path


class Digests:
    """SHA-256 of files, each read once for as long as its size and time stay."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int], str] = {}

    def of(self, path: Path) -> str:
        """A file's digest, in hexadecimal."""
        about = path.stat()
        key = (str(path), about.st_size, about.st_mtime_ns)
        if key not in self._known:
            with path.open("rb") as stream:
                self._known[key] = hashlib.file_digest(stream, "sha256").hexdigest()
        return self._known[key]


def node_folder() -> Path:
    """Where a node keeps files for its user: in the platform's cache, and nobody else's to read."""
    caches = Path(os.environ.get("XDG_CACHE_HOME", ""))
    caches = caches if caches.is_absolute() else Path.home() / ".cache"
    folder = caches / "lstm-gru-harness" / "node"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".tmp-{secrets.token_hex(8)}{path.suffix}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


class NodeFiles:
    """What one slot has on its node: files by their digests, shared with the node's other slots, and its own mirror."""

    def __init__(self, folder: Path) -> None:
        """Use a node's folder; mirrors of slots that are gone are removed.

        Args:
            folder: The node's, as `node_folder` gives it.
        """
        self._folder = folder
        self._placed: dict[str, str] = {}
        for left in folder.glob("mirror-*"):
            if not Path("/proc", left.name.partition("-")[2]).exists():
                shutil.rmtree(left, ignore_errors=True)
        self.mirror = folder / f"mirror-{os.getpid()}"
        self.mirror.mkdir(mode=0o700, exist_ok=True)

    def place(self, path: str, digest: str, content: Callable[[], bytes]) -> None:
        """Have a file lie in the mirror.

        Args:
            path: Where it is on the machine that it comes from.
            digest: SHA-256 of what is in it.
            content: Brings what is in it, where the node does not keep it.

        Raises:
            OSError: It cannot be written, or what came is something else.
        """
        if self._placed.get(path) == digest:
            return
        kept = self._folder / digest
        if not (kept.is_file() and hashlib.sha256(kept.read_bytes()).hexdigest() == digest):
            self._keep(kept, digest, content())
        os.utime(kept)
        place = mirror_of(self.mirror, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        os.link(kept, place)  # stays when the node forgets the file
        self._placed[path] = digest

    def _keep(self, kept: Path, digest: str, content: bytes) -> None:
        if hashlib.sha256(content).hexdigest() != digest:
            raise OSError(f"a file came with another content than {digest[:12]}")
        draft = self._folder / f".tmp-{secrets.token_hex(8)}"
        try:
            draft.write_bytes(content)
            draft.chmod(0o400)
            draft.replace(kept)
        finally:
            draft.unlink(missing_ok=True)
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        files = [path for path in self._folder.iterdir() if path.is_file()]
        known = sorted(((path.stat(), path) for path in files), key=lambda one: -one[0].st_mtime)
        total = 0
        for about, path in known:
            total += about.st_size
            if total > LARGEST_CACHE_BYTES:
                path.unlink(missing_ok=True)

    def prepare(self, outputs: Iterable[str]) -> None:
        """Make the folders that a task's files will be written into."""
        for path in outputs:
            mirror_of(self.mirror, path).parent.mkdir(parents=True, exist_ok=True)

    def taken(self, outputs: Iterable[str]) -> dict[str, bytes]:
        """What a task has written of its files, by their paths where it comes from; the mirror is rid of them."""
        found = {}
        for path in outputs:
            place = mirror_of(self.mirror, path)
            if place.is_file():
                found[path] = place.read_bytes()
                place.unlink()
        return found
