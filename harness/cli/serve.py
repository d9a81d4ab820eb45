"""`harness serve`: a champion behind MLflow's own scoring server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.saying import say_last
from harness.store import find_store


def serve(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="name, name@alias, name/version, models:/… or a champion's folder.")
    ],
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", min=1, max=65535, help="Port. [the first free one from 5000 on]"),
    ] = None,
    store: Annotated[
        Path | None, typer.Option("--store", metavar="DIR", help="Folder of the store. [./mlruns]")
    ] = None,
    tracking_uri: Annotated[
        str | None, typer.Option("--tracking-uri", metavar="URI", help="MLflow's address, if it is a server.")
    ] = None,
) -> None:
    """Answer predictions over HTTP with MLflow's own server; this machine only, until Ctrl-C.

    POST to ADDRESS/invocations what MLflow's servers take: dataframe_split or dataframe_records with the columns
    that `predict` takes, instances or inputs with arrays (sequences, steps, channels); CSV and Parquet too. Raw values
    go in, original units or classes with probabilities come out; a wrong request gets 400 and the reason.
    """
    from harness.export.loading import locate
    from harness.tracking.scoring import scoring
    from harness.tracking.servers import free_port

    folder, name = locate(model, find_store(store, tracking_uri))
    typer.echo(f"starting MLflow's scoring server on {name}, until Ctrl-C", err=True)
    try:
        with scoring(folder, "harness.export.scoring", free_port(port)) as server:
            typer.echo(f"{server.address}/invocations")
            server.wait()
    except KeyboardInterrupt:
        say_last("closed")
