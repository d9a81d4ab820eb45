"""Addresses of downloaded files, their names, and where in the user's cache they belong. Opens none of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

LOCATIONS = ("path", "train", "validation", "test")
"""Keys of sources that name files of data."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")
IN_CACHE = "cache:"
"""What a path begins with whose file is downloaded to the user's cache."""

PLACES = (IN_CACHE, "package:", "data:")
"""What paths begin with that are not seen from the config's folder."""


def is_local(address: str) -> bool:
    """Whether an address is on this machine."""
    return urlsplit(address).hostname in LOOPBACK


def is_safe_address(address: str) -> bool:
    """Whether files may be fetched from an address: encrypted, or from this machine, and without a password in it."""
    try:
        parts = urlsplit(address)
        local = is_local(address)
    except ValueError:
        return False
    return (
        (parts.scheme == "https" or (parts.scheme == "http" and local))
        and bool(parts.hostname)
        and not (parts.username or parts.password or any(sign.isspace() for sign in address))
    )


def name_in(address: str) -> str:
    """The file's name at the end of an address; empty where there is none."""
    return unquote(urlsplit(address).path.rpartition("/")[2])


def is_safe_name(name: str) -> bool:
    """Whether a file of this name lies below the folder that it is put into."""
    pieces = name.split("/")
    return not ({"", "..", "."} & {*pieces} or pieces[0].startswith(".") or set(name) & {"\\", "\0", ":"})


def remote_files(source: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The files that a source's `url` and `files` name.

    Args:
        source: The table `[source]`, as it is on the config.

    Returns:
        Name below the cache's folder → address and SHA-256.
    """
    url, files = source.get("url"), source.get("files")
    base = url if isinstance(url, str) else ""
    if not isinstance(files, Mapping) or not files:
        return {name_in(base) or "data": (base, str(source.get("sha256")))} if base else {}
    found = {}
    for name, sha256 in files.items():
        own = "://" in name
        found[name_in(name) if own else name] = (name if own else f"{base.rstrip('/')}/{quote(name)}", str(sha256))
    return found


def folder_of(files: Mapping[str, tuple[str, str]]) -> str:
    """What the folder of some downloaded files is called: the same files, the same name."""
    content = "".join(f"{sha256} {name}\n" for name, (_, sha256) in sorted(files.items()))
    return hashlib.sha256(content.encode()).hexdigest()[:16]
