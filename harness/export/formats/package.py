"""A champion → a folder that stands for itself, with its model card, whole and verified, or nothing at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.disk import cannot_write
from harness.errors import ExportError, UsageError
from harness.export.artifact import FILE, TRIED, Description, versions_of
from harness.export.formats.agreement import TOLERANCE, Agreement, require_same_outputs, rows_to_check
from harness.export.formats.runtimes import EXAMPLE_FILE, RUNTIMES, Format, convert, require_packages, script
from harness.export.formats.runtimes import FILE as SCRIPT_FILE
from harness.records import TaskKind

if TYPE_CHECKING:
    from harness.export.predictor import Champion


def output_words(description: Description) -> str:
    """What the axes of a prediction are, in one sentence."""
    names = ", ".join(description.classes or description.targets)
    match description.task:
        case TaskKind.FORECAST:
            return f"Gives (sequences, {description.horizon_steps} steps ahead, targets): {names}."
        case TaskKind.CLASSIFY:
            return f"Gives (sequences, probability of each class): {names}."
        case TaskKind.REGRESS:
            return f"Gives (sequences, targets): {names}."
        case TaskKind.LABEL:
            return f"Gives (sequences, steps, probability of each label): {names}."
        case TaskKind.NEXT_TOKEN:
            return "Gives (sequences, steps, probability of each next token), in the vocabulary's order."


def model_card(
    description: Description, kind: Format, inputs: Mapping[str, str], agreement: Agreement, script: str
) -> str:
    """The config in Markdown.

    Args:
        description: The champion's.
        kind: Format of the model beside the config.
        inputs: The model's inputs, each with its type.
        agreement: How its outputs compare with the champion's.
        script: The lines that use it.
    """
    evidence = description.evidence
    sections = {
        "Use": _use(description, kind, inputs, script),
        "Data": _data(description, evidence),
        "Verdict": _verdict(evidence),
        "Scores": _scores(description, evidence),
        "Budget": _budget(evidence),
        "Limits": _bullets(_limits(description, kind, evidence)),
        "Proof": _proof(kind, agreement),
        "Versions": _bullets(_versions(description, kind)),
    }
    head = f"# {description.title or description.name}\n\n{_summary(description, kind)}\n"
    return head + "".join(f"\n## {title}\n\n{text}\n" for title, text in sections.items() if text)


def _summary(description: Description, kind: Format) -> str:
    what = {
        TaskKind.FORECAST: f"forecasts {', '.join(description.targets)} {description.horizon_steps} steps ahead",
        TaskKind.CLASSIFY: f"tells {len(description.classes)} classes of sequences apart",
        TaskKind.REGRESS: f"predicts {', '.join(description.targets)} from a sequence",
        TaskKind.LABEL: "labels every step of a sequence",
        TaskKind.NEXT_TOKEN: "tells what comes next after every step of a sequence",
    }[description.task]
    return (
        f"A recurrent network ({description.family}) that {what}; for {RUNTIMES[kind].title}. "
        "Raw values go in, and original units or probabilities come out: nothing has to be scaled."
    )


def _use(description: Description, kind: Format, inputs: Mapping[str, str], script: str) -> str:
    steps = description.steps or "steps"
    tokens = f"(sequences, {steps}), numbers of tokens in `vocabulary` of `champion.json`"
    shapes = {
        "x": tokens if description.vocabulary else f"(sequences, {steps}, {len(description.channels)})",
        "lengths": "(sequences,), real steps of each; what lies beyond is ignored",
        "future": f"(sequences, {description.horizon_steps}, {len(description.known)}), known in advance over the "
        f"horizon: {', '.join(description.known)}",
    }
    rows = [f"`{name}`: {dtype}, {shapes.get(name, '')}" for name, dtype in inputs.items()]
    listed = ", ".join(f"`{name}`" for name in description.channels)
    channels = "" if description.vocabulary else f"Channels of `x`, in this order: {listed}."
    packages = " ".join(("numpy", *RUNTIMES[kind].packages))
    return (
        f"{_bullets(rows)}\n\n{channels} {output_words(description)} An example lies in `example_input.json` and "
        f"`example_output.json`.\n\n`pip install {packages}`, then `python predict.py`:\n\n```python\n{script}```"
    )


def _data(description: Description, evidence: Mapping[str, Any]) -> str:
    sizes = evidence.get("sizes", ())
    rows = {
        "dataset": description.name,
        "licence of the data": description.license or "not stated",
        "home page": str(description.card.get("homepage") or ""),
        "digest": f"`{description.digest}`",
        "sequences for training, validation, test": ", ".join(f"{size:,}" for size in sizes),
        "split": str(evidence.get("split", "")),
        "remarks": "; ".join(evidence.get("notes", ())),
    }
    return _bullets(f"{name}: {text}" for name, text in rows.items() if text)


def _verdict(evidence: Mapping[str, Any]) -> str:
    if not evidence:
        return ""
    return _bullets([evidence["headline"], f"exported because {evidence['why']}", *evidence["details"]])


def _scores(description: Description, evidence: Mapping[str, Any]) -> str:
    unit = f" {description.unit}" if description.unit else ""
    better = "lower" if description.direction.value == "min" else "higher"
    metric = f"{description.metric.replace('_', ' ')}{unit}, {better} is better"
    test = "not tested" if description.test_score is None else f"{description.test_score:.6g} on the test part"
    lines = [f"{test} ({metric})."]
    if evidence:
        lines += ["", "| | expected test score | validation | test | trials |", "|---|---|---|---|---|"]
        lines += [_family(name, family) for name, family in evidence["arms"].items()]
        lines += [f"| baseline: {name} | | | {_number(score)} | |" for name, score in evidence["baselines"].items()]
    return "\n".join(lines)


def _family(name: str, family: Mapping[str, Any]) -> str:
    keys = ("expected_test_score", "validation_score", "test_score")
    return f"| {name} | {' | '.join(_number(family[key]) for key in keys)} | {family['completed_trials']} |"


def _budget(evidence: Mapping[str, Any]) -> str:
    if not evidence:
        return ""
    epochs = f"at most {evidence['epochs']} epochs a trial"
    seconds = ", ".join(f"{name} {family['fit_seconds']:.0f} s" for name, family in evidence["arms"].items())
    return f"{evidence['budget']}, {evidence['oracle']} search, {epochs}; training took {seconds}."


def _limits(description: Description, kind: Format, evidence: Mapping[str, Any]) -> Iterable[str]:
    yield "The score holds for data like the test part; it says nothing of a changed world."
    yield from evidence.get("cautions", ())
    if description.steps is not None:
        yield f"Every sequence has exactly {description.steps} steps."
    if description.card.get("missing") == "interpolate":
        yield "Missing values have to be filled before: each on the straight line between its neighbours in time."
    else:
        yield "Missing values are not taken."
    if kind is Format.LITERT:
        yield "LiteRT takes one sequence a call."
    if not description.license:
        yield "The licence of the data is not stated: ask before you hand the model on."


def _proof(kind: Format, agreement: Agreement) -> str:
    return (
        f"Run in {RUNTIMES[kind].title} right after it was written, on {agreement.rows:,} sequences "
        f"({agreement.source}): the largest difference from the champion's outputs is {agreement.largest:.1g} of "
        f"their spread (at most {TOLERANCE:g} is allowed)."
    )


def _versions(description: Description, kind: Format) -> Iterable[str]:
    packages = RUNTIMES[kind].packages
    yield f"trained with {_listed(description.versions)}"
    yield f"written and run here with {_listed(versions_of(packages))}"
    if kind is Format.KERAS:
        tried = ", ".join(f"{name} {oldest} and {newest}" for name, (oldest, newest) in TRIED.items())
        yield f"tried by hand, one way and the other: {tried}; versions between them were not"


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


CARD_FILE = "README.md"
OUTPUT_FILE = "example_output.json"
EXAMPLE_SEQUENCES = 2


@dataclass(frozen=True, slots=True)
class Exported:
    """A folder that was written and verified.

    Attributes:
        folder: Where it is.
        kind: Its format.
        files: Names of what is in it.
        agreement: How its outputs compare with the champion's.
    """

    folder: Path
    kind: Format
    files: tuple[str, ...]
    agreement: Agreement


def export(champion: Champion, kind: Format, folder: Path) -> Exported:
    """Write a champion's folder in a format and prove it in that format's own runtime.

    Args:
        champion: What is exported.
        kind: The format.
        folder: A folder that is empty or does not exist; it gets `README.md` (the model card), the model,
            `predict.py`, `example_input.json`, `example_output.json` and `champion.json`.

    Raises:
        UsageError: The folder holds something, or the format's packages are not installed.
        ExportError: The format cannot carry the model, or does not give its outputs again; nothing is left behind.
    """
    require_packages(kind)
    _require_empty(folder)
    unfinished = folder.absolute().with_name(f".{folder.absolute().name}.{os.getpid()}")
    try:
        unfinished.mkdir(parents=True)
        agreement = _write(champion, kind, unfinished)
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    except OSError as error:
        raise ExportError(f"{folder}: {cannot_write(error, folder.absolute().parent)}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Exported(folder, kind, tuple(sorted(path.name for path in folder.iterdir())), agreement)


def _require_empty(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--to {folder}: expected a folder, got a file")
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"--to {folder}: expected a new or an empty folder, got one that holds files")


def _write(champion: Champion, kind: Format, folder: Path) -> Agreement:
    description = champion.description
    example = _example(champion)
    inputs = {given.name: str(given.dtype) for given in champion.model.inputs}
    (folder / EXAMPLE_FILE).write_text(_json(example), encoding="utf-8")
    (folder / SCRIPT_FILE).write_text(script(kind, inputs, output_words(description)), encoding="utf-8")
    (folder / FILE).write_text(json.dumps(description.to_json(), indent=2, ensure_ascii=False), encoding="utf-8")
    outputs = champion.model.predict([*example.values()] if len(example) > 1 else example["x"], verbose=0)
    (folder / OUTPUT_FILE).write_text(_json({"prediction": outputs}), encoding="utf-8")
    convert(champion.model, kind, folder)
    agreement = require_same_outputs(folder, champion)
    config = model_card(description, kind, inputs, agreement, (folder / SCRIPT_FILE).read_text(encoding="utf-8"))
    (folder / CARD_FILE).write_text(config, encoding="utf-8")
    return agreement


def _example(champion: Champion) -> dict[str, npt.NDArray[Any]]:
    batch, _ = rows_to_check(champion)
    lengths = batch.lengths[:EXAMPLE_SEQUENCES]
    arrays = {"x": batch.x[:, : lengths.max()], "lengths": lengths, "future": batch.future}
    wanted = {name: arrays[name] for name in champion.description.inputs}
    return {name: array[:EXAMPLE_SEQUENCES] for name, array in wanted.items() if array is not None}


def _json(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    return json.dumps({name: _plain(values) for name, values in arrays.items()})


def _plain(values: npt.NDArray[Any]) -> Any:
    # By way of text, since a float32 as a double has nine digits more than it knows.
    return (values.astype(str).astype(np.float64) if values.dtype.kind == "f" else values).tolist()
