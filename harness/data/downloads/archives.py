"""Archives that would unpack to far more than they are."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import zipfile
import zlib
from pathlib import Path

from harness.errors import DataError

PIECE_BYTES = 1 << 18

TIMES_LARGER = 20
"""An archive may unpack to so many times its size."""

_MAGIC = ((b"PK\x03\x04", None), (b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open))
"""How archives begin, and what unpacks them; a ZIP says itself how large its files are."""


def refuse_bomb(place: Path, name: str) -> None:
    """Refuse an archive that unpacks to more than twenty times its size; it is not unpacked any further than that.

    Args:
        place: Any file.
        name: What messages call it.

    Raises:
        DataError: It is such an archive.
    """
    with place.open("rb") as stream:
        begin = stream.read(8)
    unpack = next((unpack for magic, unpack in _MAGIC if begin.startswith(magic)), ...)
    if unpack is ...:
        return
    most, size = TIMES_LARGER * place.stat().st_size, 0
    with contextlib.suppress(EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile, OSError):
        # One that is damaged is told by what reads it.
        if unpack is None:
            with zipfile.ZipFile(place) as archive:
                size = sum(member.file_size for member in archive.infolist())
        else:
            with unpack(place, "rb") as unpacked:
                while size <= most and (piece := unpacked.read(PIECE_BYTES)):
                    size += len(piece)
    if size > most:
        raise DataError(
            f"{name}: unpacks to {size / 1e6:,.1f} MB or more, from {place.stat().st_size / 1e6:,.2f} MB: expected an "
            f"archive that grows at most {TIMES_LARGER} times"
        )
