"""`harness doctor`: finds and mends what a crash left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import say, say_json
from harness.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from harness.store import Store
    from harness.sweeps.doctor import Finding


def doctor(
    sweep: Annotated[
        str | None, typer.Argument(metavar="SWEEP", help="Id of the one sweep to look at. [all]", show_default=False)
    ] = None,
    sync: Annotated[
        bool,
        typer.Option(
            "--sync", help="Write to MLflow what it lacks, and register champions, those that it has lost as well."
        ),
    ] = False,
    register_as: Annotated[
        str | None,
        typer.Option(
            "--register-as",
            metavar="NAME",
            help="With --sync and SWEEP: what its champions are registered as, where theirs is somebody else's model.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is wrong.")] = False,
    store: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the store. [./mlruns]", show_default=False)
    ] = None,
    tracking_uri: Annotated[
        str | None, typer.Option(metavar="URI", help="MLflow's store, when it is a server.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find what a crash left, and mend it.

    Runs left running, trials and champions in one place and not in the other, leftover weights, aliases without their
    model, models without a version, workers without a parent, servers without the command that started them. Whatever
    a running command holds is left alone.

    Ends with 1 when something is left that is not mended.
    """
    from harness.store import find_store
    from harness.sweeps.doctor import examine

    if sync and dry_run:
        raise UsageError("--sync and --dry-run: expected one of them")
    if register_as is not None and not (sync and sweep):
        raise UsageError(f"--register-as {register_as}: expected beside --sync and the id of one SWEEP")
    place, name = find_store(store, tracking_uri), _checked(register_as)
    lines = [_treated(place, finding, name, sync=sync, dry_run=dry_run) for finding in examine(place, sweep)]
    if as_json:
        say_json(lines)
    else:
        for line in lines:
            say(f"{line['where']}: {line['what']}: {line['result']}")
        if not lines:
            say("nothing is wrong")
    if not all(line["mended"] for line in lines):
        raise typer.Exit(1)


def _checked(register_as: str | None) -> str | None:
    from harness.config import make_plan

    return None if register_as is None else make_plan({"datasets": ("any",), "register_as": register_as}).register_as


def _treated(place: Store, finding: Finding, name: str | None, *, sync: bool, dry_run: bool) -> dict[str, object]:
    """Mend one thing; what it was and what came of it."""
    line: dict[str, object] = {"where": finding.where, "what": finding.what, "mended": False}
    if finding.behind and not sync:
        return line | {"result": f"`harness doctor --sync {finding.where}` {finding.cure}"}
    if dry_run or not (finding.recycle or finding.behind):
        return line | {"result": f"`harness doctor` {finding.cure}" if finding.recycle else finding.cure}
    try:
        if finding.recycle:
            finding.recycle()
        else:
            _synchronise(place, finding.where, name)
    except (HarnessError, OSError) as error:
        return line | {"result": f"not mended: {error}"}
    return line | {"mended": True, "result": "mended"}


def _synchronise(place: Store, sweep_id: str, register_as: str | None) -> None:
    from harness.errors import StoreError
    from harness.executors import PoolExecutor
    from harness.sweeps.events import Message
    from harness.sweeps.runner import synchronise

    def tell(phrase: object) -> None:
        if isinstance(phrase, Message) and not phrase.detail:
            say(phrase.text, err=True)

    with PoolExecutor(1) as executor:
        if behind := synchronise(place, sweep_id, executor, tell, register_as).behind:
            raise StoreError(behind)
