"""`harness models` and `harness export`: registered models, and models as folders for other runtimes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.common import CodeOption, CodesOption, JsonOption, ModelArgument, StoreOption, TrackingOption
from harness.cli.terminal.output import say, say_json, say_table
from harness.errors import UsageError, nearest
from harness.store import find_store

if TYPE_CHECKING:
    from harness.tracking.registry import Version


app = typer.Typer(
    help="Registered models: list, show, promote, compare, refit. The alias `champion` is on the best verified model "
    "of a dataset, `candidate` on the newest one that failed to beat the champion or the best baseline.",
    no_args_is_help=True,
)

VersionArgument = Annotated[str, typer.Argument(metavar="MODEL", help="name, name@alias, name/version or models:/…")]


@app.command("list")
def list_models(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only this model's versions.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    tracking_uri: TrackingOption = None,
) -> None:
    """List registered versions with aliases, scores and what their comparisons recommend."""
    from harness.tracking.registry import foreign_models, registered_versions

    place = find_store(store, tracking_uri)
    versions = registered_versions(place, name)
    if foreign := foreign_models(place, name):
        say(f"not listed, since no sweep made them: versions of {', '.join(foreign)}", err=True)
    if as_json:
        say_json([_plain(version) for version in versions])
        return
    if not versions:
        if not foreign:
            say("no model is registered yet", err=True)
        return
    header = ("MODEL", "ALIAS", "FAMILY", "TEST SCORE", "ANSWER", "REGISTERED")
    say_table(header, [_row(version) for version in versions])


@app.command()
def show(
    model: VersionArgument, as_json: JsonOption = False, store: StoreOption = None, tracking_uri: TrackingOption = None
) -> None:
    """Show a model's inputs, scores, verdict, budget and MLflow run."""
    from harness.export.artifact import read_description
    from harness.report.format import values_words
    from harness.stats.words.brief import coverage_words
    from harness.tracking.naming import scored_words
    from harness.tracking.registry import registered_versions, resolve

    place = find_store(store, tracking_uri)
    found = resolve(place, model)
    description = read_description(found.path)
    version = next(one for one in registered_versions(place, found.name) if str(one.version) == found.version)
    if as_json:
        say_json({**_plain(version), "description": description.to_json()})
        return
    evidence = description.evidence
    shapes = [
        f"{name}: shape ({', '.join('n' if size < 0 else str(size) for size in shape)}), n = number of sequences"
        for name, shape in description.inputs.items()
    ]
    rows = {
        "model": f"models:/{version.reference}" + (f" ({', '.join(version.aliases)})" if version.aliases else ""),
        "dataset": f"{description.name}: {description.title}" if description.title else description.name,
        "task": description.task.value,
        "hyperparameters": f"{description.family}: {values_words(description.values)}",
        "score": scored_words(description.to_json()),
        "intervals": coverage_words(description.intervals.coverage) if description.intervals else "",
        "answer": evidence.get("headline", version.tags.get("verdict", "")),
        "selected because": version.tags.get("why", ""),
        "budget": evidence.get("budget", ""),
        "warnings": "; ".join(evidence.get("cautions", ())),
        "inputs": "; ".join(shapes),
        "channels": ", ".join(description.channels),
        "predicts": ", ".join(description.classes or description.targets),
        "data licence": description.license or "not stated",
        "MLflow run": f"start `{place.ui_command}`, then add /{version.page} to the address that it prints"
        if version.page
        else "the comparison's MLflow run was deleted",
        "files": str(found.path),
    }
    for name, text in rows.items():
        if text:
            say(f"{name:20}{text}")


@app.command()
def promote(
    model: VersionArgument,
    alias: Annotated[str, typer.Option("--alias", metavar="ALIAS", help="champion or candidate.")] = "champion",
    untested: Annotated[
        bool, typer.Option("--untested", help="Promote a refitted model, which has no test score.")
    ] = False,
    code: CodeOption = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    tracking_uri: TrackingOption = None,
) -> None:
    """Move an alias to a version, once its score is verified.

    The version is loaded and scored in a new process, and must give its logged test score again.
    """
    from harness.export.promote import promote as move

    done, was = move(model, alias, find_store(store, tracking_uri), untested=untested, code=[code] if code else [])
    if as_json:
        say_json({"name": done.name, "version": int(done.version), "alias": alias, "was": was.strip(" ;")})
        return
    say(f"models:/{done.name}@{alias} is version {done.version}{was}")


@app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="MODEL", help="One model, by name or folder.")],
    second: Annotated[str, typer.Argument(metavar="OTHER", help="The other.")],
    code: CodesOption = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    tracking_uri: TrackingOption = None,
) -> None:
    """Compare two models on the same test rows."""
    from harness.export import load
    from harness.export.promote import compare as side_by_side

    place = find_store(store, tracking_uri)
    found = side_by_side(load(first, place, code), load(second, place, code))
    if as_json:
        say_json(
            {
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
        )
        return
    description = found.descriptions[0]
    unit = f" in {description.unit}" if description.unit else ""
    shares = (found.first_better, found.second_better)
    header = ("MODEL", "FAMILY", description.metric.upper(), "BETTER ON")
    rows = [
        (name, one.family, f"{score:.6g}", f"{share:.0%} of rows")
        for name, one, score, share in zip(found.names, found.descriptions, found.scores, shares, strict=True)
    ]
    say_table(header, rows)
    which = "equal" if not found.better else f"the {'second' if found.better > 0 else 'first'} is better"
    say(
        f"{found.rows:,} test rows of {description.name}; {which}"
        + (f" by {abs(found.better):.6g}{unit}" if found.better else "")
        + "; a single test set says little about small differences"
    )


@app.command()
def refit(
    model: VersionArgument,
    code: CodeOption = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    tracking_uri: TrackingOption = None,
) -> None:
    """Retrain on training and validation data, as a new version.

    The new version has no test score, and no alias moves to it. A model that code of yours has built needs --code.
    """
    from harness.export.promote import refit as train_again

    done = train_again(model, find_store(store, tracking_uri), [code] if code else [])
    if as_json:
        say_json({"name": done.name, "version": int(done.version), "path": str(done.path)})
    else:
        say(f"models:/{done.name}/{done.version}")
    say("it is untested, and no alias was moved to it: `harness models promote --untested` does that", err=True)


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
    from harness.tracking.naming import HELD_OUT, RECOMMENDATION, in_todays_keys

    tags = in_todays_keys(version.tags)
    scored = tags.get(HELD_OUT) or tags.get("test_score")
    score = f"{tags.get('metric', '')} {float(scored):.6g}" if scored else "untested"
    score += " (held out)" if HELD_OUT in tags else ""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(version.created_at))
    answer = tags.get(RECOMMENDATION) or tags.get("verdict", "").replace("_", " ")
    return version.reference, ", ".join(version.aliases), tags.get("family", ""), score, answer, when


FORMATS = ("keras", "saved-model", "onnx", "litert")


def _format(given: str) -> str:
    if given not in FORMATS:
        raise UsageError(f"--format {given}: expected one of {', '.join(FORMATS)}. {nearest(given, FORMATS)}")
    return given


def export(
    model: ModelArgument,
    kind: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help=f"{', '.join(FORMATS)}.", parser=_format)
    ] = "keras",
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="DIR",
            help="New or empty folder. [./NAME-FORMAT, ./NAME-baseline-FORMAT]",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Export the best baseline of its sweep in the champion's place.")
    ] = False,
    baseline_named: Annotated[
        str | None,
        typer.Option("--baseline-named", metavar="NAME", help="Export this baseline of its sweep.", show_default=False),
    ] = None,
    code: CodeOption = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    tracking_uri: TrackingOption = None,
) -> None:
    """Export a model to Keras, TensorFlow, ONNX or LiteRT.

    It is a champion, or with --baseline the best baseline of its sweep. The folder holds the model, a model card, an
    example, and ten lines of Python that use it. The exported model takes raw values and returns original units or
    class probabilities. Right after writing it is run in its own runtime; its
    outputs on the test rows must be the champion's to 1e-4, or nothing is written. A baseline is fitted again with the
    sweep's seed and must give its recorded test score; those that look things up in a series or in their training data
    are refused, with the best one that is not: --baseline-named takes its name.
    """
    from harness.export import load
    from harness.export.formats import Format
    from harness.export.formats import export as write
    from harness.export.formats.runtimes import require_packages

    wanted = Format(kind)
    require_packages(wanted)
    champion = load(model, find_store(store, tracking_uri), code)
    name = champion.description.name
    if baseline or baseline_named:
        from harness.export.baselines import best_baseline

        champion, name = best_baseline(champion, baseline_named), f"{name}-baseline"
    folder = to or Path(f"{name}-{wanted.value}")
    done = write(champion, wanted, folder)
    if as_json:
        agreement = {"rows": done.agreement.rows, "largest_difference": done.agreement.largest}
        say_json({"folder": str(folder), "format": wanted.value, "files": list(done.files), "agreement": agreement})
        return
    say(str(folder))
    if baseline or baseline_named:
        found = champion.description
        say(f"{found.family}: test {found.metric} {found.test_score:.6g} {found.unit}".rstrip(), err=True)
    say(
        f"{', '.join(done.files)}; in its own runtime {done.agreement.rows:,} rows differ by at most "
        f"{done.agreement.largest:.1g} of their spread",
        err=True,
    )
