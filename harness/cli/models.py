"""`harness models` and `harness export`: what is registered, and as a folder for another runtime."""

from __future__ import annotations

import json as json_module
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.common import output_width
from harness.errors import UsageError, nearest
from harness.store import find_store

if TYPE_CHECKING:
    from harness.export.promote import SideBySide
    from harness.tracking.registry import Version


app = typer.Typer(help="Registered models: list, show, promote, compare, refit.", no_args_is_help=True)

Model = Annotated[str, typer.Argument(metavar="MODEL", help="name, name@alias, name/version or models:/…")]
StoreFolder = Annotated[Path | None, typer.Option("--store", metavar="DIR", help="Folder of the store. [./mlruns]")]
TrackingUri = Annotated[
    str | None, typer.Option("--tracking-uri", metavar="URI", help="MLflow's address, if it is a server.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_models(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only this model's versions.", show_default=False)
    ] = None,
    json: Json = False,
    store: StoreFolder = None,
    tracking_uri: TrackingUri = None,
) -> None:
    """Every registered version: its aliases, family, score and verdict."""
    from harness.tracking.registry import foreign_models, registered_versions

    place = find_store(store, tracking_uri)
    versions = registered_versions(place, name)
    foreign = foreign_models(place, name)
    if foreign:
        typer.echo(f"versions that no sweep made are not listed, of: {', '.join(foreign)}", err=True)
    if json:
        typer.echo(json_module.dumps([_plain(version) for version in versions], indent=2))
        return
    if not versions:
        if not foreign:
            typer.echo("no model is registered yet", err=True)
        return
    head = ("MODEL", "ALIAS", "CELL", "TEST SCORE", "VERDICT", "REGISTERED")
    _print_table([head, *(_row(version) for version in versions)])


@app.command()
def show(model: Model, json: Json = False, store: StoreFolder = None, tracking_uri: TrackingUri = None) -> None:
    """What a model is: task, channels, scores, verdict, budget, and where its evidence is."""
    from harness.export.artifact import read_description
    from harness.tracking.registry import registered_versions, resolve

    place = find_store(store, tracking_uri)
    found = resolve(place, model)
    description = read_description(found.path)
    version = next(one for one in registered_versions(place, found.name) if str(one.version) == found.version)
    if json:
        typer.echo(json_module.dumps({**_plain(version), "description": description.to_json()}, indent=2))
        return
    evidence = description.evidence
    unit = f" {description.unit}" if description.unit else ""
    score = "untested" if description.test_score is None else f"{description.test_score:.6g}{unit} on the test part"
    shapes = {
        name: " × ".join("n" if size < 0 else str(size) for size in shape) for name, shape in _shapes(description)
    }
    rows = {
        "model": f"models:/{version.reference}" + (f" ({', '.join(version.aliases)})" if version.aliases else ""),
        "dataset": f"{description.name}: {description.title}" if description.title else description.name,
        "task": description.task.value,
        "cell": f"{description.family}: {', '.join(f'{key} {value}' for key, value in description.values.items())}",
        "score": f"{description.metric} {score}",
        "verdict": evidence.get("headline", version.tags.get("verdict", "")),
        "exported because": version.tags.get("why", ""),
        "budget": evidence.get("budget", ""),
        "with care": "; ".join(evidence.get("cautions", ())),
        "inputs": "; ".join(f"{name} {shape}" for name, shape in shapes.items()),
        "channels": ", ".join(description.channels),
        "predicts": ", ".join(description.classes or description.targets),
        "licence of the data": description.license or "not stated",
        "evidence": f"{place.ui_command}, then {version.page}" if version.page else "its comparison's run is gone",
        "files": str(found.path),
    }
    for name, text in rows.items():
        if text:
            typer.echo(f"{name:20}{text}")


@app.command()
def promote(
    model: Model,
    alias: Annotated[str, typer.Option("--alias", metavar="ALIAS", help="champion or candidate.")] = "champion",
    untested: Annotated[
        bool, typer.Option("--untested", help="Promote a refitted model that nobody has tested.")
    ] = False,
    store: StoreFolder = None,
    tracking_uri: TrackingUri = None,
) -> None:
    """Let an alias mean this version, once it gave its logged score again in a clean process."""
    from harness.export.promote import promote as move

    done, was = move(model, alias, find_store(store, tracking_uri), untested=untested)
    typer.echo(f"models:/{done.name}@{alias} is version {done.version}{was}")


@app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="MODEL", help="One model, by name or folder.")],
    second: Annotated[str, typer.Argument(metavar="OTHER", help="The other.")],
    json: Json = False,
    store: StoreFolder = None,
    tracking_uri: TrackingUri = None,
) -> None:
    """Score two versions on the same test rows."""
    from harness.export import load
    from harness.export.promote import compare as side_by_side

    place = find_store(store, tracking_uri)
    found = side_by_side(load(first, place), load(second, place))
    if json:
        typer.echo(json_module.dumps(_compared(found), indent=2))
        return
    description = found.descriptions[0]
    unit = f" in {description.unit}" if description.unit else ""
    shares = (found.first_better, found.second_better)
    head = ("MODEL", "CELL", description.metric.upper(), "BETTER ON")
    rows = [
        (name, one.family, f"{score:.6g}", f"{share:.0%} of rows")
        for name, one, score, share in zip(found.names, found.descriptions, found.scores, shares, strict=True)
    ]
    _print_table([head, *rows])
    which = "equal" if not found.better else f"the {'second' if found.better > 0 else 'first'} is better"
    typer.echo(
        f"{found.rows:,} test rows of {description.name}; {which}"
        + (f" by {abs(found.better):.6g}{unit}" if found.better else "")
        + "; one test part says little of small differences"
    )


@app.command()
def refit(model: Model, store: StoreFolder = None, tracking_uri: TrackingUri = None) -> None:
    """Train a model again on training and validation parts, as another version, which nobody has tested."""
    from harness.export.promote import refit as train_again

    done = train_again(model, find_store(store, tracking_uri))
    typer.echo(f"models:/{done.name}/{done.version}")
    typer.echo("untested, and no alias was moved: `harness models promote --untested` does", err=True)


def _shapes(description: Any) -> list[tuple[str, tuple[int, ...]]]:
    return [*description.inputs.items()]


def _compared(found: SideBySide) -> dict[str, Any]:
    return {
        "models": list(found.names),
        "families": [one.family for one in found.descriptions],
        "metric": found.descriptions[0].metric,
        "direction": found.descriptions[0].direction.value,
        "scores": list(found.scores),
        "second_better_by": found.better,
        "rows": found.rows,
        "first_better_share": found.first_better,
        "second_better_share": found.second_better,
    }


def _plain(version: Version) -> dict[str, Any]:
    return {
        "name": version.name,
        "version": version.version,
        "aliases": list(version.aliases),
        "registered_at": version.created_at,
        "run_id": version.run_id,
        "page": version.page,
        "tags": dict(version.tags),
    }


def _row(version: Version) -> tuple[str, ...]:
    tags = version.tags
    score = f"{tags.get('metric', '')} {float(tags['test_score']):.6g}" if "test_score" in tags else "untested"
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(version.created_at))
    verdict = tags.get("verdict", "").replace("_", " ")
    return version.reference, ", ".join(version.aliases), tags.get("family", ""), score, verdict, when


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    limit = output_width()
    for row in rows:
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        typer.echo(line[:limit] if limit else line)


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
    from harness.export.formats.runtimes import require_packages

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
