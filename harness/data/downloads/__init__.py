"""What a config's data needs on this machine, and whether it is there; `fetcher` brings what can be downloaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.config.addresses import LOCATIONS, folder_of, remote_files
from harness.config.dataset import DatasetConfig
from harness.config.sources import Downloadable, GeneratorSource, HuggingFaceSource, KerasSource
from harness.data.downloads.fetcher import RemoteFile
from harness.data.readers.packaged import keras_file, keras_place
from harness.data.readers.paths import cache_folder, existing, locate
from harness.errors import AbsentDataError, DataError
from harness.machine import here

_PACKAGES = {"mnist1d": "mnist1d", "first_names": "names"}
"""Generator → the package that it reads."""

OPEN = "open"


def files_of(config: DatasetConfig) -> dict[str, RemoteFile]:
    """The files of a config that can be downloaded, by name; empty where there are none."""
    source = config.source
    if isinstance(source, KerasSource):
        found = {} if source.path else {f"{source.dataset}.npz": keras_file(source.dataset)}
    elif isinstance(source, Downloadable):
        found = remote_files(source.model_dump())
    else:
        found = {}
    if isinstance(source, HuggingFaceSource):
        return {name: RemoteFile(name, address, "", commit) for name, (address, commit) in found.items()}
    return {name: RemoteFile(name, *rest) for name, rest in found.items()}


def folder_for(files: dict[str, RemoteFile]) -> Path:
    """The folder of the cache that some files belong into."""
    files_in_it = {name: (file.address, file.commit or file.digest) for name, file in files.items()}
    return here(cache_folder() / folder_of(files_in_it))


def terms_of(config: DatasetConfig) -> str:
    """What a dataset may be used for: `open`, or what has to be agreed to before it is downloaded."""
    return config.use or (OPEN if config.license else "not stated")


def missing_files(config: DatasetConfig) -> dict[str, RemoteFile]:
    """Those of a config's downloadable files that are not on this machine, or are other ones by now."""
    files, source = files_of(config), config.source
    if isinstance(source, KerasSource):
        return {} if _is_there(lambda: keras_place(source.dataset)) else files
    path, folder = getattr(source, "path", None), folder_for(files)
    if (
        len(files) == 1 and path and not isinstance(source, HuggingFaceSource)
    ):  # which may lie in the user's own folder of data, too
        (only,) = files.values()
        return {} if _is_there(lambda: locate(path, only.digest)) else files
    return {name: file for name, file in files.items() if not file.is_at(folder / name)}


def require_downloads(config: DatasetConfig) -> None:
    """Refuse a dataset whose files were not downloaded yet, or have changed since; downloads nothing.

    Raises:
        AbsentDataError: So it is; the message names the command that brings them.
    """
    if missing := missing_files(config):
        what = next(iter(missing)) if len(missing) == 1 else f"{len(missing)} of {len(files_of(config))} files"
        raise AbsentDataError(f"{config.name}: {what} not downloaded yet: `harness datasets fetch {config.name}`")


def require_data(config: DatasetConfig) -> None:
    """Refuse a dataset whose files or packages are not on this machine; loads none of them.

    Args:
        config: The dataset's config.

    Raises:
        AbsentDataError: Something is not there; the message says what brings it.
    """
    require_downloads(config)
    for key in LOCATIONS:
        if path := getattr(config.source, key, None):
            existing(path)
    if isinstance(config.source, GeneratorSource) and (package := _PACKAGES.get(config.source.generator)):
        existing(f"package:{package}/__init__.py")


def _is_there(find: Callable[[], Path]) -> bool:
    try:
        return find().is_file()
    except DataError:
        return False
