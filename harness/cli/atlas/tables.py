"""`harness atlas status`, `rows`, `compare` and `export`: the Atlas's tables, from finished sweeps and to programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.common import JsonOption, StoreOption
from harness.cli.terminal.output import say, say_json, say_table, say_wrapped
from harness.errors import UsageError
from harness.store import find_store
from harness.text import counted, duration_text

TABLES = Path("atlas/tables")

TablesOption = Annotated[
    Path,
    typer.Option(
        "--tables", metavar="DIR", help="Folder of the tables.", show_default="atlas/tables, else the package's own"
    ),
]
OutOption = Annotated[
    Path,
    typer.Option("--out", metavar="DIR", help="Folder that the tables are written to.", show_default="atlas/tables"),
]


def where(tables: Path) -> Path:
    """The folder of tables to read: the package's own where none is named and none lies here."""
    from harness.atlas.plan import plan_path

    return plan_path().parent / "tables" if tables == TABLES and not tables.is_dir() else tables


def status(tables: TablesOption = TABLES, as_json: JsonOption = False) -> None:
    """Say which data sets of the plan have rows, which failed, and which are missing."""
    from harness.atlas.plan import read_plan
    from harness.atlas.tables import read_tables

    plan, found = read_plan(), read_tables(where(tables))
    failed = {name: row.failure for name, row in found.datasets.items() if row.failure}
    missing = [name for name in plan.by_name if name not in found.datasets]
    contributed = [name for name in found.complete if name not in plan.by_name]
    here = [name for name in found.complete if name in plan.by_name]
    if as_json:
        groups = {"complete": here, "failed": failed, "missing": missing, "contributed": contributed}
        say_json({"plan": plan.version, **groups})
        return
    sources = len({plan.by_name[name].source for name in here})
    say(f"version {plan.version} of the plan: {len(here)} of {counted(len(plan.datasets), 'data set')} have rows, from "
        f"{counted(sources, 'source')}; {len(failed)} failed, {len(missing)} missing")  # fmt: skip
    shown = [found.datasets[name] for name in (*here, *contributed)]
    if shown:
        header = ("DATA SET", "TASK", "METRIC", "FAMILIES", "MODELS", "WALL", "PROCESSOR")
        say_table(
            header,
            [
                (row.dataset, row.task, row.metric, row.families_verdict, row.models_verdict or "–",
                 duration_text(round(row.wall_seconds)), duration_text(round(row.cpu_seconds)))
                for row in shown
            ],
        )  # fmt: skip
        wall, cpu = (sum(getattr(row, key) for row in shown) for key in ("wall_seconds", "cpu_seconds"))
        say(f"in all {duration_text(round(wall))}, and {duration_text(round(cpu))} of processors in training")
    for name, why in failed.items():
        say(f"{name} failed: {why}")
    for title, names in (("missing", missing), ("contributed", contributed)):
        if names:
            say_wrapped(f"{title}: {', '.join(names)}")


def rows(
    sweeps: Annotated[
        list[str] | None,
        typer.Argument(metavar="SWEEP", help="Ids of sweeps. [all that ran by the plan]", show_default=False),
    ] = None,
    out: OutOption = TABLES,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the rows of finished data sets from the journals of sweeps. Written again, they are the same."""
    from harness.atlas.plan import read_plan, sweep_of_plan
    from harness.atlas.tables import write_rows
    from harness.checks.atlas import rows_of
    from harness.sweeps.folders import find_sweep_folder, sweep_ids

    place, plan, planned = find_store(store), read_plan(), sweep_of_plan()
    seen, written = set[str](), list[str]()
    for sweep_id in sweeps or sweep_ids(place):
        try:
            found = list(rows_of(find_sweep_folder(place, sweep_id), plan, planned))
        except UsageError as error:
            if sweeps:
                raise
            say(f"left out: {error}", err=True)
            continue
        for one in found:
            seen.add(one.dataset.dataset)
            if write_rows(out, one.dataset, one.trials):
                written.append(one.dataset.dataset)
    if not seen:
        raise UsageError(f"{place.sweeps}: no data set of the plan is finished; run `harness sweep --config atlas`")
    if as_json:
        say_json({"datasets": sorted(seen), "written": sorted(set(written))})
        return
    say(f"{out}: rows of {counted(len(seen), 'data set')}, {len(set(written))} of them new or changed")


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files are written to.")],
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="autorank or aeon.", show_default=False)],
    tables: TablesOption = TABLES,
    as_json: JsonOption = False,
) -> None:
    """Write the tables as other programs read them.

    autorank: a row a data set, a column a family, mean test loss. aeon: a file a family and metric, a column a seed.
    """
    from harness.atlas.export import EXPORTS
    from harness.atlas.plan import read_plan
    from harness.atlas.tables import read_tables

    if to not in EXPORTS:
        raise UsageError(f"--to {to}: expected {' or '.join(EXPORTS)}")
    found = read_tables(where(tables))
    if not found.complete:
        raise UsageError(f"{tables}: no rows yet; `harness atlas rows` writes them")
    files = [str(path) for path in EXPORTS[to](found, read_plan().families, folder)]
    if as_json:
        say_json({"files": files})
        return
    for file in files:
        say(file)


def compare(
    other: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the tables of another run.")],
    tables: TablesOption = TABLES,
    as_json: JsonOption = False,
) -> None:
    """Compare the tables of two runs: the same, but for times, or what differs.

    On the same kind of processor and versions they are the same. Exit code 1 where they are not.
    """
    from harness.atlas.again import compared
    from harness.atlas.tables import read_tables

    found = compared(read_tables(where(tables)), read_tables(other))
    if not found:
        raise UsageError(f"{other}: no data set that {tables} has, too")
    if as_json:
        say_json([one.to_json() for one in found])
    else:
        for one in found:
            say(one.in_words)
    if not all(one.same for one in found):
        raise typer.Exit(1)
