"""What several commands share: options and arguments, and configs as JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.config import DatasetConfig, Found, SearchSpace

OLD_OPTIONS = {"confirmations": "seeds", "cards": "config-dir", "region": "margin"}
"""Options of earlier versions, each with its name of today; they still work, and no help shows them."""

StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="DIR",
        help="Folder of the sweeps' journals, the models and the MLflow database. [./mlruns]",
    ),
]
TrackingOption = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri", metavar="URI", help="MLflow tracking server or database. [the database in the store]"
    ),
]
ConfigDirOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--config-dir",
        metavar="DIR",
        help="Folder of dataset and search space configs; may be repeated. [./datasets, ./search_spaces]",
        show_default=False,
    ),
]
CodeOption = Annotated[
    Path | None,
    typer.Option(
        "--code",
        metavar="FILE",
        help="The Python file that a model with layers of your own needs; it is run.",
        show_default=False,
    ),
]
CodesOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--code",
        metavar="FILE",
        help="The Python file that a model with layers of your own needs; it is run. May be repeated.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SweepArgument = Annotated[
    str | None, typer.Argument(metavar="SWEEP", help="Id of the sweep. [the newest]", show_default=False)
]
ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="name, name@alias, name/version, models:/… or a champion's folder.")
]

SeparatorOption = Annotated[
    str | None,
    typer.Option("--separator", metavar="SIGN", help="What stands between columns: one sign, tab or whitespace."),
]
DecimalOption = Annotated[str | None, typer.Option("--decimal", metavar="SIGN", help="The decimal mark: . or ,")]
ThousandsOption = Annotated[str | None, typer.Option("--thousands", metavar="SIGN", help="The mark between thousands.")]
EncodingOption = Annotated[
    str | None, typer.Option("--encoding", metavar="NAME", help="The encoding, such as cp1252 or utf-16.")
]


def source_keys(**given: Any) -> dict[str, Any]:
    """The options that say how a table is written, as checked keys of `[source]`.

    Args:
        given: By key; None where an option is not given, and left out.

    Raises:
        UsageError: An option has no sensible value.
    """
    from pydantic import ValidationError

    from harness.config.errors import in_options, issue_of
    from harness.config.sources import FileSource

    keys = {key: value for key, value in given.items() if value is not None}
    if "separator" in keys:
        keys["separator"] = {"tab": "\t", "\\t": "\t"}.get(keys["separator"], keys["separator"])
    try:
        FileSource(kind="csv", path="-", **keys)
    except ValidationError as error:
        issue = issue_of(error, FileSource, keys)
        raise UsageError(in_options(issue, lambda key: f"--{key.replace('_', '-')}")) from None
    return keys


def count_option(metavar: str, help: str) -> Any:
    """An option with a whole number; its error names the value that was given."""
    return typer.Option(metavar=metavar, help=help, show_default=False, parser=_parser(int, "a whole number"))


def number_option(metavar: str, help: str) -> Any:
    """An option with a number; its error names the value that was given."""
    return typer.Option(metavar=metavar, help=help, show_default=False, parser=_parser(float, "a number"))


def _parser(kind: Callable[[str], float], expected: str) -> Callable[[str], float]:
    def parse(given: str) -> float:
        try:
            return kind(given)
        except ValueError:
            raise typer.BadParameter(f'got "{given}", expected {expected}') from None

    return parse


def home_of(found: Found[Any]) -> str:
    """Where a config is, in words."""
    from harness.config.errors import shown_path

    if found.builtin:
        return "built in"
    return shown_path(found.path) + (", overrides the built-in one" if found.overrides else "")


def as_plain(found: Found[DatasetConfig] | Found[SearchSpace]) -> dict[str, Any]:
    """A config and where it came from as plain values."""
    return {
        "name": found.name,
        "path": str(found.path.absolute()),
        "builtin": found.builtin,
        "overrides": found.overrides,
        "sha256": found.sha256,
        "error": found.error,
        "card": found.config.model_dump(mode="json", exclude_none=True) if found.config else None,
    }
