"""`harness datasets fetch`: the files that configs name with an address and a checksum, into the user's cache."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import ConfigDirOption, JsonOption
from harness.cli.terminal.output import say, say_json
from harness.errors import AbsentDataError, HarnessError, UsageError
from harness.text import counted, printable

if TYPE_CHECKING:
    from harness.config import DatasetConfig
    from harness.data.downloads.fetcher import Copies, Progress, RemoteFile

ABSENT = 3
"""The exit code where some of several datasets are not on this machine."""

_TERMS = {
    "research": "for research only",
    "no-derivatives": "to be passed on unchanged only",
    "not stated": "without stated terms",
}


def fetch(
    name: Annotated[
        str, typer.Argument(metavar="NAME|SUITE|PATH", help="Dataset or suite by name, or a dataset's config by path.")
    ],
    source: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="Take copies from this folder; no address is called.")
    ] = None,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept-terms", "--yes", help="Accept the terms of data for research only, or without stated terms."
        ),
    ] = False,
    config_dir: ConfigDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Download the files of a dataset, or of a suite, and verify them.

    Kept in ~/.cache/lstm-gru-harness/datasets, or the folder that HARNESS_CACHE names. What was interrupted is resumed.
    """
    from harness.config import find_datasets
    from harness.data.downloads import files_of, folder_for, missing_files
    from harness.data.downloads.fetcher import Copies

    if source is not None and not source.is_dir():
        raise UsageError(f"--from {source}: expected a folder with the files")
    configs = [found.config for found in find_datasets(name, config_dir or ()) if found.config]
    wanted = {config.name: config for config in configs if missing_files(config)}
    tell = partial(say, err=as_json)
    here = [config for config in configs if config.name not in wanted and files_of(config)]
    for config in here:
        tell(f"{config.name}: is here")
    if not any(map(files_of, configs)):
        tell(f"{name}: nothing to download: no config of it names an address")
    _say_terms(list(wanted.values()), tell)
    _accept_terms([config for config in wanted.values() if _asks(config)], accept)
    copies = Copies(source) if source is not None else None
    failed = {config.name: why for config in wanted.values() if (why := _fetched(config, copies, len(configs), tell))}
    for line in failed.values():
        say(line, err=True)
    if as_json:
        fetched = [config for config in wanted.values() if config.name not in failed]
        folders = {config.name: str(folder_for(files_of(config))) for config in (*here, *fetched)}
        say_json({"fetched": [config.name for config in fetched], "folders": folders, "failed": failed})
    if failed:
        raise typer.Exit(ABSENT)


def _say_terms(configs: Sequence[DatasetConfig], tell: Callable[[str], None]) -> None:
    """What each dataset is and may be used for, before its first byte."""
    from harness.data.downloads import files_of, terms_of

    for config in configs:
        size = f", {config.size.megabytes:g} MB" if config.size and config.size.megabytes else ""
        tell(f"{config.name}: {config.title or 'no title'} ({counted(len(files_of(config)), 'file')}{size})")
        use = _TERMS.get(terms_of(config), "")
        tell(f"  licence: {config.license or 'none stated'}{f' ({use})' if use else ''}")


def _asks(config: DatasetConfig) -> bool:
    from harness.data.downloads import OPEN, terms_of

    return terms_of(config) != OPEN and not _agreement(config).exists()


def _agreement(config: DatasetConfig) -> Path:
    """The empty file that says that a dataset's terms were accepted."""
    from harness.data.downloads import files_of, folder_for, terms_of

    folder = folder_for(files_of(config))
    digest = hashlib.sha256(f"{folder.name} {terms_of(config)} {config.license}".encode()).hexdigest()
    return folder.parent / "accepted" / digest[:16]


def _accept_terms(configs: Sequence[DatasetConfig], accept: bool) -> None:
    """Ask once for the terms of datasets that are not open; what is accepted is never asked for again.

    Raises:
        UsageError: They are not accepted, or nobody is there to ask.
    """
    from harness.data.downloads import terms_of

    if not configs:
        return
    names = "; ".join(f"{config.name} is {_TERMS[terms_of(config)]}" for config in configs)
    if not accept:
        if not sys.stdin.isatty():
            raise UsageError(f"{names}: --accept-terms says that you may use it so")
        if not typer.confirm(printable(f"{names}. Do you accept these terms?"), err=True):
            raise UsageError("not accepted; nothing was downloaded")
    for config in configs:
        mark = _agreement(config)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def _fetched(config: DatasetConfig, copies: Copies | None, among: int, tell: Callable[[str], None]) -> str:
    """Bring a dataset's files; why some did not come, where others are still to be brought."""
    from harness.data.downloads import files_of, folder_for, missing_files
    from harness.data.downloads.fetcher import Fetcher
    from harness.data.downloads.hubs import located

    files = files_of(config)
    try:
        with _progress(config.name, files) as progress:
            most = getattr(config.source, "max_mb", 500) * 1_000_000
            there = located(config.source, missing_files(config), _say_beside, copies)
            Fetcher(folder_for(files), most, progress, _say_beside, copies).fetch({**files, **there})
    except HarnessError as error:
        if among == 1:
            raise
        return f"{config.name}: {'not fetched: ' if isinstance(error, AbsentDataError) else ''}{error}"
    tell(f"{config.name}: fetched and verified, in {folder_for(files)}")
    return ""


def _say_beside(text: str) -> None:
    say(text, err=True)


@contextlib.contextmanager
def _progress(name: str, files: Mapping[str, RemoteFile]) -> Iterator[Progress]:
    """A bar of bytes on a terminal, which leaves nothing behind; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    numbers = {file: number for number, file in enumerate(files, start=1)}
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task(name, total=None)

        def show(file: str, done: int, total: int | None) -> None:
            which = f" {numbers[file]}/{len(numbers)}" if len(numbers) > 1 else ""
            bars.update(bar, description=printable(f"{name}{which}"), completed=done, total=total)

        yield show
