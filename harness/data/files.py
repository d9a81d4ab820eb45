"""The files that reading a dataset opens, for machines that do not have them."""

from __future__ import annotations

from harness.config.addresses import LOCATIONS
from harness.config.dataset import DatasetConfig
from harness.config.sources import LoaderSource
from harness.data.downloads import files_of as downloaded
from harness.data.downloads import folder_for
from harness.data.readers.paths import place_of
from harness.user_code import file_of, is_function


def data_files(config: DatasetConfig) -> tuple[str, ...]:
    """Files and folders that hold a dataset; files inside installed packages are not among them.

    What a loader of the user's opens by itself is not known here.

    Args:
        config: The dataset's config; its data is there.

    Returns:
        Absolute paths.
    """
    named = (getattr(config.source, key, None) for key in LOCATIONS)
    found = [place_of(path) for path in named if path and not path.startswith("package:")]
    if files := downloaded(config):
        found.append(folder_for(files))
    return tuple(dict.fromkeys(str(path.absolute()) for path in found if path.exists()))


def code_files(config: DatasetConfig) -> tuple[str, ...]:
    """The user's own files of code that a dataset's config names: its loader and its metric."""
    named = [config.source.loader] if isinstance(config.source, LoaderSource) else []
    named += [config.task.metric] if is_function(config.task.metric) else []
    return tuple(str(file_of(location)[0]) for location in named)
