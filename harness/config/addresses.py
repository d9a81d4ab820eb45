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

OPENML = "https://www.openml.org/api/v1/json/data/{}"
"""Where OpenML describes the data set of a number."""

HUGGING_FACE = "https://huggingface.co"

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
    """The files that a source names by `url` and `files`, by OpenML's number or by Hugging Face's name and revision.

    Args:
        source: The table `[source]`, as it is on the config.

    Returns:
        Name below the cache's folder → address, and SHA-256 or commit. OpenML's address leads to the data set's
        description, which says where the file is.
    """
    if source.get("kind") == "openml":
        number = source.get("id")
        return {f"{number}.arff": (OPENML.format(number), str(source.get("sha256")))} if number else {}
    if source.get("kind") == "huggingface":
        base = f"{HUGGING_FACE}/datasets/{source.get('name')}/resolve/{source.get('revision')}"
        names = (name for name, _ in data_files(source.get("data_files")))
        return {name: (f"{base}/{quote(name)}", str(source.get("revision"))) for name in names}
    url, files = source.get("url"), source.get("files")
    base = url if isinstance(url, str) else ""
    if not isinstance(files, Mapping) or not files:
        return {name_in(base) or "data": (base, str(source.get("sha256")))} if base else {}
    found = {}
    for name, sha256 in files.items():
        own = "://" in name
        found[name_in(name) if own else name] = (name if own else f"{base.rstrip('/')}/{quote(name)}", str(sha256))
    return found


def data_files(named: Any) -> tuple[tuple[str, str], ...]:
    """The files that `data_files` of a Hugging Face source names, each with its split; empty where there are none.

    Args:
        named: One file, a list of files, or a table split → one of the two.
    """
    if isinstance(named, Mapping):
        return tuple((name, str(split)) for split, files in named.items() for name, _ in data_files(files))
    files = (named,) if isinstance(named, str) else named if isinstance(named, list | tuple) else ()
    return tuple((str(name), "") for name in files)


def folder_of(files: Mapping[str, tuple[str, str]]) -> str:
    """What the folder of some downloaded files is called: the same files, the same name."""
    content = "".join(f"{sha256} {name}\n" for name, (_, sha256) in sorted(files.items()))
    return hashlib.sha256(content.encode()).hexdigest()[:16]
