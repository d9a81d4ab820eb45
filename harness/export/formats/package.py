"""A champion → a folder that stands for itself, with its model card, whole and verified, or nothing at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.export.artifact import FILE, TRIED, Description, versions_of, whole_folder
from harness.export.formats.agreement import TOLERANCE, Agreement, require_same_outputs, rows_to_check
from harness.export.formats.runtimes import EXAMPLE_FILE, RUNTIMES, Format, convert, require_packages, script
from harness.export.formats.runtimes import FILE as SCRIPT_FILE
from harness.export.predictor import Champion
from harness.records import TaskKind
from harness.stats.words.brief import coverage_words
from harness.tracking.naming import held_out_score


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
    """The model card in Markdown.

    Args:
        description: The champion's.
        kind: Format of the model beside the card.
        inputs: The model's inputs, each with its type.
        agreement: How its outputs compare with the champion's.
        script: The lines that use it.
    """
    from jinja2 import Environment

    environment = Environment(trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    environment.filters["digits"] = lambda value: "" if value is None else f"{value:.6g}"
    environment.filters["listed"] = lambda versions: ", ".join(" ".join(pair) for pair in versions.items())
    return environment.from_string(Path(__file__).with_name("model_card.md.j2").read_text(encoding="utf-8")).render(
        it=description,
        evidence=description.evidence,
        published=held_out_score(description.to_json()),
        kind=kind,
        runtime=RUNTIMES[kind],
        inputs=inputs,
        outputs=output_words(description),
        script=script,
        agreement=agreement,
        tolerance=TOLERANCE,
        here=versions_of(RUNTIMES[kind].packages),
        tried=TRIED,
        coverage=coverage_words(description.intervals.coverage) if description.intervals else "",
    )


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
    if kind is Format.KERAS and champion.description.code:
        raise UsageError(
            f"--format keras: the model holds layers of {champion.description.code}, which Keras alone does not know: "
            "expected saved-model, onnx or litert"
        )
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--to {folder}: expected a folder, got a file")
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"--to {folder}: expected a new or an empty folder, got one that holds files")
    with whole_folder(folder) as draft:
        agreement = _write(champion, kind, draft)
        if folder.exists():
            folder.rmdir()  # which refuses what somebody has put there meanwhile
    return Exported(folder, kind, tuple(sorted(path.name for path in folder.iterdir())), agreement)


def _write(champion: Champion, kind: Format, folder: Path) -> Agreement:
    description = champion.description
    example = _example(champion)
    inputs = {given.name: str(given.dtype) for given in champion.model.inputs}
    (folder / EXAMPLE_FILE).write_text(_json(example), encoding="utf-8")
    (folder / SCRIPT_FILE).write_text(
        script(kind, inputs, output_words(description), description.intervals), encoding="utf-8"
    )
    (folder / FILE).write_text(json.dumps(description.to_json(), indent=2, ensure_ascii=False), encoding="utf-8")
    # Not `predict`, which would make 32 bits of 64.
    outputs = np.asarray(champion.model([*example.values()] if len(example) > 1 else example["x"], training=False))
    (folder / "example_output.json").write_text(_json({"prediction": outputs}), encoding="utf-8")
    convert(champion.model, kind, folder)
    agreement = require_same_outputs(folder, champion)
    config = model_card(description, kind, inputs, agreement, (folder / SCRIPT_FILE).read_text(encoding="utf-8"))
    (folder / "README.md").write_text(config, encoding="utf-8")
    return agreement


def _example(champion: Champion) -> dict[str, npt.NDArray[Any]]:
    batch, _ = rows_to_check(champion)
    example = {name: getattr(batch, name)[:EXAMPLE_SEQUENCES] for name in champion.description.inputs}
    return {**example, "x": example["x"][:, : batch.lengths[:EXAMPLE_SEQUENCES].max()]}


def _json(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    return json.dumps({name: _plain(values) for name, values in arrays.items()})


def _plain(values: npt.NDArray[Any]) -> Any:
    # By way of text, since a float32 as a double has nine digits more than it knows.
    return (values.astype(str).astype(np.float64) if values.dtype.kind == "f" else values).tolist()
