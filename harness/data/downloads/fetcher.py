"""Files from the internet, only those that a config names with their checksums, into the user's cache.

A file is under its name only once it is whole and the one that is meant; what a broken connection leaves is gone on
with.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from harness.config.addresses import is_local, is_safe_address
from harness.data.downloads.archives import refuse_bomb
from harness.disk import cannot_write, replacing
from harness.errors import AbsentDataError, DataError, DiskError

PIECE_BYTES = 1 << 18
SHA1_DIGITS = 40
SECONDS = 30.0
"""How long a server may say nothing."""

HEADERS = {"User-Agent": "lstm-gru-harness", "Accept-Encoding": "identity"}

Progress = Callable[[str, int, int | None], None]
"""(a file's name, its bytes that are here, all of them where the server says so)."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that a config means.

    Attributes:
        name: Its name below the dataset's folder.
        address: Where it comes from.
        digest: Its checksum: a SHA-256 of 64 digits; of a file that git keeps, SHA-1 of 40. Empty where the commit
            alone is known.
        commit: The commit that it is of, where the config names that in place of a checksum.
    """

    name: str
    address: str
    digest: str
    commit: str = ""

    def is_at(self, place: Path) -> bool:
        """Whether a file is this one; of a commit, the one that was downloaded."""
        digest = self.digest or _kept_digest(place)
        return bool(digest) and place.is_file() and digest_of(place, digest) == digest


def digest_of(place: Path, like: str) -> str:
    """A file's checksum.

    Args:
        place: The file.
        like: A checksum of the kind that is wanted: SHA-256, or git's SHA-1 of a file, which begins with its length.
    """
    with place.open("rb") as stream:
        if len(like) == SHA1_DIGITS:
            start = hashlib.sha1(f"blob {place.stat().st_size}\0".encode(), usedforsecurity=False)
            return hashlib.file_digest(stream, lambda: start).hexdigest()
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _beside(place: Path) -> Path:
    """Where the checksum of a file is kept that its config names by a commit."""
    return place.with_name(f".{place.name}.digest")


def _kept_digest(place: Path) -> str:
    return _beside(place).read_text() if _beside(place).is_file() else ""


@dataclass(slots=True)
class Copies:
    """A folder with copies of files, found by their checksums; those of the same name are looked at first."""

    folder: Path
    _places: dict[str, Path] = field(default_factory=dict)
    _unread: dict[int, dict[Path, None]] = field(default_factory=dict)

    def find(self, wanted: RemoteFile) -> Path | None:
        """The copy of a file; None where there is none."""
        digits = len(wanted.digest)
        if digits not in self._unread:
            self._unread[digits] = {path: None for path in sorted(self.folder.rglob("*")) if path.is_file()}
        name = Path(wanted.name).name
        for path in sorted(self._unread[digits], key=lambda path: path.name != name):
            if wanted.digest in self._places:
                break
            del self._unread[digits][path]
            self._places.setdefault(digest_of(path, wanted.digest), path)
        return self._places.get(wanted.digest)


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Brings files into a folder.

    Attributes:
        folder: Where to.
        largest_bytes: The most that may come, of all files together.
        progress: Told of every piece.
        say: Told of what the user should know, such as a redirection.
        copies: Where the files are taken from instead, in which case no address is called.
    """

    folder: Path
    largest_bytes: int
    progress: Progress
    say: Callable[[str], None]
    copies: Copies | None = None

    def fetch(self, files: Mapping[str, RemoteFile]) -> None:
        """Bring all files that are not there yet.

        Args:
            files: The files, by name.

        Raises:
            AbsentDataError: An address cannot be reached, or there is no copy of a file.
            DataError: What came is not the file that is meant, is too large, or leads to an address that is not safe.
            DiskError: The folder cannot be written.
        """
        for file in files.values():
            place = self.folder / file.name
            if file.is_at(place):
                continue
            others = [path for other in files if other != file.name and (path := self.folder / other).is_file()]
            room = self.largest_bytes - sum(path.stat().st_size for path in others)
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                self._bring(file, place, room)
                if file.commit:
                    _beside(place).write_text(file.digest)
            except OSError as error:
                raise DiskError(f"{place}: {cannot_write(error, place.parent)}") from error

    def _bring(self, file: RemoteFile, place: Path, room: int) -> None:
        part = place.with_name(f"{place.name}.part")
        if self.copies is not None:
            if (copy := self.copies.find(file)) is None:
                raise AbsentDataError(
                    f"{file.name}: no file in {self.copies.folder} has its {_kind(file.digest)}, {file.digest}"
                )
            self._refuse_large(file, copy.stat().st_size, room)
            refuse_bomb(copy, file.name)
            with replacing(place) as draft:
                shutil.copyfile(copy, draft)
            part.unlink(missing_ok=True)
            return
        with _alone(part, file) as stream:
            try:
                self._download(file, part, stream, room)
                refuse_bomb(part, file.name)
            except DataError as error:
                # What a broken connection leaves is gone on with.
                if not isinstance(error, AbsentDataError) or not part.stat().st_size:
                    part.unlink()
                raise
            part.replace(place)

    def _download(self, file: RemoteFile, part: Path, stream: IO[bytes], room: int) -> None:
        """Fill the part, from where it ends; once more from its beginning where the whole is another file."""
        if stream.tell() and digest_of(part, file.digest) == file.digest:
            return
        resumed = self._receive(file, stream, room)
        if resumed and digest_of(part, file.digest) != file.digest:
            _empty(stream)
            self._receive(file, stream, room)
        if (got := digest_of(part, file.digest)) != file.digest:
            raise DataError(
                f"{file.name}: what came from {file.address} is not the file that is meant: {_kind(file.digest)} = "
                f"{got}: expected {file.digest}; it was removed"
            )

    def _receive(self, file: RemoteFile, stream: IO[bytes], room: int) -> bool:
        """Append what is missing, again and again as long as something comes; whether the server went on with it."""
        while True:
            before = stream.tell()
            try:
                return self._receive_once(file, stream, before, room)
            except urllib.error.HTTPError as error:
                error.close()
                if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and before:
                    _empty(stream)
                    continue
                raise DataError(f"{file.name}: {file.address} answered {error.code} {error.reason}") from None
            except (OSError, http.client.HTTPException, _Cut) as error:  # of the connection: the disk's are DiskError
                if stream.tell() > before:
                    continue
                why = " ".join(str(getattr(error, "reason", error)).split())
                raise AbsentDataError(
                    f"{file.name}: {file.address} cannot be reached ({why}): the same command goes on with what came; "
                    "--from DIR takes copies from a folder"
                ) from None

    def _receive_once(self, file: RemoteFile, stream: IO[bytes], start: int, room: int) -> bool:
        headers = dict(HEADERS)
        if start:
            headers["Range"] = f"bytes={start}-"
        request = urllib.request.Request(file.address, headers=headers)
        with opener(file, self.say).open(request, timeout=SECONDS) as answer:
            resumed = start > 0 and str(answer.headers.get("Content-Range", "")).startswith(f"bytes {start}-")
            if not resumed:
                _empty(stream)
                start = 0
            length = answer.headers.get("Content-Length", "")
            total = start + int(length) if length.isdigit() else None
            self._refuse_large(file, total or 0, room)
            done = start
            while piece := answer.read(PIECE_BYTES):
                done += len(piece)
                self._refuse_large(file, done, room)
                _write(stream, piece)
                self.progress(file.name, done, total)
            if total is not None and done < total:
                raise _Cut("the connection ended early")
            return resumed

    def _refuse_large(self, file: RemoteFile, size: int, room: int) -> None:
        if size > room:
            raise DataError(
                f"{file.name}: {size / 1e6:,.1f} MB or more, where {room / 1e6:,.1f} are left of the "
                f"{self.largest_bytes / 1e6:,.0f} that [source] max_mb allows"
            )


def _kind(digest: str) -> str:
    return "git's sha1" if len(digest) == SHA1_DIGITS else "sha256"


def _write(stream: IO[bytes], piece: bytes) -> None:
    try:
        stream.write(piece)
        stream.flush()
    except OSError as error:
        raise DiskError(f"{stream.name}: {cannot_write(error, Path(stream.name).parent)}") from error


class _Cut(Exception):
    """A connection ended before the whole file was here."""


def _empty(stream: IO[bytes]) -> None:
    stream.seek(0)
    stream.truncate()


@contextlib.contextmanager
def _alone(part: Path, file: RemoteFile) -> Iterator[IO[bytes]]:
    """What came so far, to be appended to by one command at a time; the kernel lets go when that ends."""
    with part.open("ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{file.name}: another command is downloading it: wait for its end") from None
        stream.seek(0, 2)
        yield stream


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Goes on to encrypted addresses alone, and says so."""

    def __init__(self, file: RemoteFile, say: Callable[[str], None]) -> None:
        self.file, self.say = file, say

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """The request that follows, as urllib makes it."""
        if not newurl.startswith("https://") or not is_safe_address(newurl):
            fp.close()
            raise DataError(f"{self.file.name}: {req.full_url} leads to {newurl}: expected an address with https://")
        self.say(f"{self.file.name}: {req.full_url} leads to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def opener(file: RemoteFile, say: Callable[[str], None]) -> urllib.request.OpenerDirector:
    """What opens addresses: `build_opener` would open files of this machine and FTP, too."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler({} if is_local(file.address) else None),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirects(file, say),
    ):
        opener.add_handler(handler)
    return opener
