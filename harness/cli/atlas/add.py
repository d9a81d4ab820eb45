"""`harness atlas add`: a data set of the user's own by the Atlas's plan, for a contribution."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.atlas.tables import TABLES, OutOption
from harness.cli.common import JsonOption, StoreOption
from harness.cli.terminal.output import say, say_json
from harness.errors import UsageError
from harness.store import find_store

if TYPE_CHECKING:
    from harness.atlas.plan import AtlasPlan
    from harness.config import DatasetConfig


def add(
    config: Annotated[str, typer.Argument(metavar="NAME|PATH", help="Name or path of the data set's config.")],
    source: Annotated[str, typer.Option("--source", metavar="WHO", help="Who measured the data.", show_default=False)],
    collection: Annotated[
        str, typer.Option("--collection", metavar="NAME", help="Where it was collected with others.")
    ] = "single",
    out: OutOption = TABLES,
    check: Annotated[bool, typer.Option("--check", help="Check config, licence and data; run nothing.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a data set of yours by the Atlas's plan, and write its rows for a contribution.

    What was interrupted goes on with the same command. A contribution holds the config and the rows, never the data.
    """
    from harness.atlas.plan import NAME, PlannedDataset, read_plan, sweep_of_plan
    from harness.atlas.tables import write_rows
    from harness.checks.atlas import rows_of
    from harness.cli.sweep import sweep
    from harness.config import find_dataset
    from harness.sweeps.folders import find_sweep_folder, sweep_ids
    from harness.sweeps.prepare import look_at

    plan, found = read_plan(), find_dataset(config)
    assert found.config is not None  # a broken one was refused
    _check(found.config, source, plan)
    facts = look_at(found.config).facts
    if facts.leaks:
        raise UsageError(f"{found.name}: {facts.leaks[0]}: expected no answer among the inputs")
    train, validation, test = facts.sizes
    sizes = f"{train:,} training, {validation:,} validation and {test:,} test sequences"
    say(f"{found.name}: may be added: {facts.task.value}, {sizes}; licence: {facts.license}", err=as_json)
    if not check:
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            sweep(datasets=[config], config=NAME, store=store, quiet=True)
        place = find_store(store)
        contributed = PlannedDataset(name=found.name, source=source, collection=collection, config=found.sha256)
        (rows,) = rows_of(find_sweep_folder(place, sweep_ids(place)[-1]), plan, sweep_of_plan(), contributed)
        write_rows(out, rows.dataset, rows.trials)
        say(f"{out}: rows of {found.name}; a contribution holds them and {found.path}", err=as_json)
    if as_json:
        say_json({"dataset": found.name, "facts": facts.to_json(), "written": not check})


def _check(config: DatasetConfig, source: str, plan: AtlasPlan) -> None:
    """Refuse what cannot be in the Atlas.

    Raises:
        UsageError: It is in the plan already, was made by a program, or says no licence, citation or title.
    """
    name = config.name
    if name in plan.by_name:
        raise UsageError(
            f"{name}: is in version {plan.version} of the plan already; `harness sweep --config atlas` runs it"
        )
    if not source.strip():
        raise UsageError('--source "": expected who measured the data, such as a hospital or an agency')
    if config.source.kind == "generator":
        raise UsageError(f'{name}: [source] kind = "generator": expected data that somebody measured')
    for key, what in (
        ("license", "the licence of the data"),
        ("citation", "what to cite"),
        ("title", "one line for people"),
    ):
        if not getattr(config, key):
            raise UsageError(f"{name}: missing key '{key}': expected {what}, which a contribution names")
    if config.use == "not stated":
        raise UsageError(f'{name}: use = "not stated": expected open, research or no-derivatives')
