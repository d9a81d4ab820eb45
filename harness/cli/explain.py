"""`harness explain`: what the selected networks of a sweep do with its data."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from harness.cli.arguments import output_width
from harness.cli.sweeps import JsonOption, StoreOption


def explain(
    sweep: Annotated[
        str | None, typer.Argument(metavar="SWEEP", help="Id of the sweep; the newest by default.", show_default=False)
    ] = None,
    datasets: Annotated[
        list[str] | None, typer.Argument(metavar="DATASET", help="Its datasets; all by default.", show_default=False)
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Look again at what has been looked at.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how far back gradients reach in the selected networks, before and after training, and how open gates stand.

    A plain recurrent network, trained with the selected hyperparameters, stands beside them where the sweep has none.
    Figures go into the sweep's report and into MLflow.
    """
    from harness.cli.watching import Watcher
    from harness.engines import ProcessEngine
    from harness.report.explained import text
    from harness.store import find_store
    from harness.sweeping.explaining import explain as look_into

    place = find_store(store)
    with Watcher() as watcher, ProcessEngine(1) as engine:
        found = look_into(place, sweep, datasets or [], engine, watcher, again=again)
    if as_json:
        typer.echo(json.dumps([one.to_json() for one in found], indent=2))
        return
    typer.echo("\n\n".join(text(one, output_width()) for one in found))
