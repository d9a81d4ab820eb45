"""`harness export`: a champion as one folder for another runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.errors import UsageError, nearest
from harness.store import find_store

FORMATS = ("keras", "saved-model", "onnx", "litert")


def _format(given: str) -> str:
    if given not in FORMATS:
        raise UsageError(f"--format {given}: expected one of {', '.join(FORMATS)}. {nearest(given, FORMATS)}")
    return given


def export(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="name, name@alias, name/version, models:/… or a champion's folder.")
    ],
    kind: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help=f"{', '.join(FORMATS)}.", parser=_format)
    ] = "keras",
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="A new or empty folder. [./NAME-FORMAT]", show_default=False),
    ] = None,
    store: Annotated[
        Path | None, typer.Option("--store", metavar="DIR", help="Folder of the store. [./mlruns]")
    ] = None,
    tracking_uri: Annotated[
        str | None, typer.Option("--tracking-uri", metavar="URI", help="MLflow's address, if it is a server.")
    ] = None,
) -> None:
    """Write a champion for another runtime: model, model card, example, and ten lines that use it.

    It is run in its own runtime right after writing and must give the champion's outputs on the test rows to 1e-4;
    else nothing is left behind. Raw values go in, original units or class probabilities come out.
    """
    from harness.export import load
    from harness.export.formats import Format
    from harness.export.formats import export as write
    from harness.export.formats.kinds import require_packages

    wanted = Format(kind)
    require_packages(wanted)
    champion = load(model, find_store(store, tracking_uri))
    folder = to or Path(f"{champion.description.name}-{wanted.value}")
    done = write(champion, wanted, folder)
    typer.echo(folder)
    typer.echo(
        f"{', '.join(done.files)}; in its own runtime {done.agreement.rows:,} rows differ by at most "
        f"{done.agreement.largest:.1g} of their spread",
        err=True,
    )
