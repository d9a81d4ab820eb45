"""`harness doctor`: finds and repairs what a crash left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import JsonOption, StoreOption, TrackingOption
from harness.cli.terminal.output import say, say_json
from harness.errors import HarnessError, StoreError, UsageError
from harness.store import Store, find_store
from harness.sweeps.events import Message

if TYPE_CHECKING:
    from harness.checks.doctor import Finding


def doctor(
    sweep: Annotated[
        str | None, typer.Argument(metavar="SWEEP", help="Id of a sweep. [all sweeps]", show_default=False)
    ] = None,
    sync: Annotated[
        bool, typer.Option("--sync", help="Write to MLflow what is missing there, and register missing champions.")
    ] = False,
    register_as: Annotated[
        str | None,
        typer.Option(
            "--register-as",
            metavar="NAME",
            help="With --sync and SWEEP: register the sweep's models under this name, if the original one is taken.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what is wrong; repair nothing.")] = False,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="ray",
            help="Examine a cluster instead: its nodes, their slots, versions and processors.",
            show_default=False,
        ),
    ] = None,
    address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="With --engine ray: the cluster's head. [RAY_ADDRESS]")
    ] = None,
    store: StoreOption = None,
    tracking_uri: TrackingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find and repair what a crash left.

    That is: MLflow runs that are still marked as running, trials and champions that the journal has and MLflow lacks,
    leftover weights, aliases without a model, models without a version, orphaned workers and servers. Whatever a
    running command uses is left alone.

    The exit code is 1 if anything is left unrepaired.
    """
    from harness.checks.doctor import examine
    from harness.config import make_plan

    if engine is not None or address is not None:
        _examine_cluster(engine, address)
        return
    if sync and dry_run:
        raise UsageError("--sync and --dry-run: expected one of them")
    if register_as is not None:
        if not (sync and sweep):
            raise UsageError(f"--register-as {register_as}: expected together with --sync and a SWEEP")
        register_as = make_plan({"datasets": ("any",), "register_as": register_as}).register_as
    place = find_store(store, tracking_uri)
    lines = [_treated(place, finding, register_as, sync=sync, dry_run=dry_run) for finding in examine(place, sweep)]
    if as_json:
        say_json(lines)
    else:
        for line in lines:
            say(f"{line['where']}: {line['what']}: {line['result']}")
        if not lines:
            say("nothing is wrong")
    if not all(line["mended"] for line in lines):
        raise typer.Exit(1)


def _examine_cluster(engine: str | None, address: str | None) -> None:
    """Join a cluster, print what is there, and leave it."""
    from harness.config import make_plan
    from harness.sweeps.engines import RAY, join_cluster

    plan = make_plan({"datasets": ("any",), "engine": engine, "address": address})
    if plan.engine != RAY:
        raise UsageError("--engine: expected ray, a cluster to examine")
    join_cluster(plan, say).close()


def _treated(place: Store, finding: Finding, name: str | None, *, sync: bool, dry_run: bool) -> dict[str, object]:
    """Repair one thing; what it was and what came of it."""
    line: dict[str, object] = {"where": finding.where, "what": finding.what, "mended": False}
    if finding.behind and not sync:
        return line | {"result": f"`harness doctor --sync {finding.where}` {finding.cure}"}
    if dry_run or not (finding.repair or finding.behind):
        return line | {"result": f"`harness doctor` {finding.cure}" if finding.repair else finding.cure}
    try:
        if finding.repair:
            finding.repair()
        else:
            _synchronise(place, finding.where, name)
    except (HarnessError, OSError) as error:
        return line | {"result": f"not repaired: {error}"}
    return line | {"mended": True, "result": "repaired"}


def _synchronise(place: Store, sweep_id: str, register_as: str | None) -> None:
    from harness.executors import PoolExecutor
    from harness.sweeps.folders import begun_as
    from harness.sweeps.runner import synchronise

    def tell(phrase: object) -> None:
        if isinstance(phrase, Message) and not phrase.detail:
            say(phrase.text, err=True)

    with PoolExecutor(1, begun_as(place, sweep_id).plan.threads) as executor:
        if behind := synchronise(place, sweep_id, executor, tell, register_as).behind:
            raise StoreError(behind)
