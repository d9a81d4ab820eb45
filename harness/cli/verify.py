"""`harness verify`: every verdict of a sweep made again from what MLflow holds alone."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.sweeps import JsonOption, StoreOption

if TYPE_CHECKING:
    from harness.sweeping.verifying import Disagreement, Verified


def verify(
    sweep: Annotated[
        str | None, typer.Argument(metavar="SWEEP", help="Id of the sweep; the newest by default.", show_default=False)
    ] = None,
    store: StoreOption = None,
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            metavar="URI", help="MLflow's store, when it is a server. [the store's database]", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Recompute the verdicts of a sweep from what MLflow holds alone; exit code 1 when any number differs.

    Compared are the trials' runs, the recorded verdict, what the comparison's run shows, and the sweep's journal where
    its folder is there.
    """
    from harness.store import find_store
    from harness.sweeping.folders import find_sweep_folder
    from harness.sweeping.verifying import verify as compare

    place = find_store(store, tracking_uri)
    results = compare(place, sweep or find_sweep_folder(place, None).name)
    if as_json:
        typer.echo(json.dumps([_plain(one) for one in results], indent=2))
    else:
        for one in results:
            typer.echo("\n".join(_lines(one)))
    if not all(one.agrees for one in results):
        raise typer.Exit(1)


def _lines(one: Verified) -> list[str]:
    if not one.decided:
        return [f"{one.dataset}: not decided yet, nothing to verify"]
    told = "MLflow and the journal" if one.journal else "MLflow; there is no journal here"
    if one.agrees:
        return [f"{one.dataset}: agrees: {one.compared} numbers and words are those of {told}"]
    differ = f"{one.dataset}: differs in {len(one.disagreements)} of {one.compared} numbers and words of {told}"
    return [differ, *(f"  {_line(it)}" for it in one.disagreements)]


def _line(it: Disagreement) -> str:
    run = f" (run {it.run_id})" if it.run_id else ""
    return f"{it.what}: {_shown(it.found)} by MLflow's trials, {_shown(it.expected)} by {it.place}{run}"


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value) if isinstance(value, float) else str(value)


def _plain(one: Verified) -> dict[str, Any]:
    return {
        "dataset": one.dataset,
        "decided": one.decided,
        "agrees": one.agrees,
        "compared": one.compared,
        "journal": one.journal,
        "disagreements": [dataclasses.asdict(it) for it in one.disagreements],
        "verdict": one.verdict.to_json() if one.verdict else None,
    }
