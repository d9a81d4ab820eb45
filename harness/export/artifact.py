"""A champion's folder: a `.keras` file, an example, and `champion.json` that describes it; whole or not at all.

Keras writes all arguments of every layer and initializer down, those of its newest version too, and refuses a name that
it does not know. What a later version adds comes switched off, as None or False. Such an argument is left out: when a
model is written, for programs that know Keras only, and when one is read that was written in full.

No pickle: the scaling is inside the network, everything else is JSON or plain arrays.
"""

from __future__ import annotations

import inspect
import json
import os
import shutil
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness._tensorflow import load_tensorflow
from harness.config.dataset import DatasetConfig
from harness.data.splits import Seen
from harness.disk import cannot_write
from harness.errors import ExportError
from harness.machine import installed_version
from harness.records import Answer, Direction, Intervals, Objective, TaskKind, Value
from harness.records.serialization import Record
from harness.store import DOWNLOADS, place_around
from harness.user_code import not_to_run

if TYPE_CHECKING:
    import keras


TRIED: Mapping[str, tuple[str, str]] = {"keras": ("3.13.0", "3.15.1"), "tensorflow": ("2.20.0", "2.21.0")}
"""Oldest and newest version of each library that `make test-lowest` loads every champion with."""

_CONFIG, _METADATA = "config.json", "metadata.json"
_LARGEST_CONFIG_BYTES = 50_000_000
_UNSET = (None, False)


def write_model(model: keras.Model, file: Path) -> None:
    """Write a model so that older versions of Keras read it.

    Args:
        model: Of Keras's own layers.
        file: Ends in `.keras`; what was there is replaced.

    Raises:
        OSError: It cannot be written.
    """
    model.save(file)
    with zipfile.ZipFile(file) as archive:
        members = {info: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(file, "w") as archive:
        for info, content in members.items():
            written = json.dumps(_lean(json.loads(content))).encode() if info.filename == _CONFIG else content
            archive.writestr(info, written)


def read_model(file: Path, classes: Mapping[str, type] | None = None) -> keras.Model:
    """Load a model that this version of Keras or another one wrote.

    Args:
        file: Ends in `.keras`.
        classes: Layers of the user's that it may hold, by their names; none by default.

    Raises:
        ExportError: It is no model, holds code of its own, or needs another version of Keras: both are named.
    """
    load_tensorflow()
    import keras

    writer = ""
    try:
        with zipfile.ZipFile(file) as archive:
            writer = str(_json(archive, _METADATA).get("keras_version", ""))
            config = {**_lean(_json(archive, _CONFIG)), "compile_config": None}
        # Nothing in the file may bring code of its own: beside Keras's layers those that the caller names.
        model = keras.saving.deserialize_keras_object(config, custom_objects=dict(classes or {}), safe_mode=True)
        model.load_weights(file)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise ExportError(f"{file}: the model cannot be loaded: {_reason(error, writer, keras.__version__)}") from error
    return model


def _json(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    if archive.getinfo(name).file_size > _LARGEST_CONFIG_BYTES:
        raise ValueError(f"{name} is larger than {_LARGEST_CONFIG_BYTES:,} bytes")
    found = json.loads(archive.read(name))
    if not isinstance(found, dict):
        raise ValueError(f"{name} holds a {type(found).__name__}, expected an object")
    return found


def _reason(error: Exception, writer: str, here: str) -> str:
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]
    if not writer or writer == here:
        return first
    return f"Keras {writer} wrote it, and this is Keras {here}: pip install 'keras=={writer}' ({first})"


def _lean(node: Any) -> Any:
    """A configuration without the arguments that are switched off, or unknown here and switched off."""
    if isinstance(node, list):
        return [_lean(part) for part in node]
    if not isinstance(node, dict):
        return node
    lean = {name: _lean(part) for name, part in node.items()}
    arguments = _arguments(node.get("module"), node.get("class_name"))
    if arguments is None or not isinstance(lean.get("config"), dict):
        return lean
    lean["config"] = {
        name: value
        for name, value in lean["config"].items()
        if not (any(value is unset for unset in _UNSET) and arguments.get(name, value) is value)
    }
    return lean


@cache
def _arguments(module: str | None, name: str | None) -> Mapping[str, Any] | None:
    """What a class of Keras's takes, its bases' included, with the defaults; None where there is no such class."""
    if str(module).partition(".")[0] != "keras":
        return None
    found = getattr(sys.modules.get(str(module)), str(name), None)
    if not inspect.isclass(found):
        return None
    taken: dict[str, Any] = {}
    for base in found.__mro__[:-1]:
        if "__init__" in vars(base):
            given = inspect.signature(base.__init__).parameters  # type: ignore[misc]
            taken = {**{key: one.default for key, one in given.items()}, **taken}
    return taken


def versions_of(distributions: Iterable[str]) -> dict[str, str]:
    """The versions that are installed; `unknown` for one that is there by a name that nobody knows."""
    return {name: installed_version(name) or "unknown" for name in distributions}


FILE = "champion.json"


@dataclass(frozen=True, slots=True)
class Description(Record):
    """A champion's description.

    Attributes:
        name: Name of the dataset, also the registered model's.
        title: The dataset in one line.
        task: What is predicted.
        family: Name of the search space that it came from.
        arm: Name of its family in the comparison, which differs where one family is compared with itself.
        sweep_id: Sweep that it came from.
        trial: Key of its trial.
        seed: Seed of that trial.
        values: Its hyperparameters.
        metric: Name of the objective's metric.
        direction: Whether low or high scores are better.
        unit: Unit of the score; empty for a pure number.
        test_score: The logged score on the test part; None for a refitted model, which nobody has tested.
        channels: Names of the input channels, in order.
        targets: Names of what is predicted.
        classes: Class names, by class number; empty unless an answer is one class.
        masked: Whether sequences may differ in length.
        steps: Steps of every sequence; None where they may differ.
        horizon_steps: Steps of a forecast; 1 for other tasks.
        scaling: Means and standard deviations that are built into the model.
        digest: Digest of the data.
        license: Licence of the data.
        card: The dataset's config.
        space: The family's search space.
        inputs: Shape of each of the model's inputs, -1 where it is free.
        output: Shape of its output.
        requirements: Packages that load the model.
        versions: Versions that trained it.
        evidence: The comparison behind it: verdict, scores, budget, as plain values; empty where there was none.
        multi_label: Whether each target is a yes or no of its own.
        vocabulary: The tokens, by their numbers, of which the first stands for all unknown ones; empty where inputs are
            numbers.
        known: Names of the channels known in advance, the last ones of `channels`.
        refit: Whether it was trained again on training and validation parts.
        seen_score: A refitted model's score on the validation part, which it was trained on: it tells that a model is
            the same one, and nothing of how good it is. None for others.
        dtype: Type of the numbers that go in, and of those that come out where answers are numbers: float64 where 32
            bits would lose what the training values differ by.
        code: Name of the file of the user's that loading it needs; empty where it is made of Keras's own layers.
        code_sha256: SHA-256 of that file, whose text lies beside the model.
        intervals: What makes its predictions intervals or sets; None for a refitted model, which was trained on what
            calibrates them, for tasks with an answer a step, and where it was not recorded.
        series: Ids of the series that it was trained on, where the config names a column of ids; empty where it was not
            recorded.
    """

    name: str
    title: str
    task: TaskKind
    family: str
    arm: str
    sweep_id: str
    trial: str
    seed: int
    values: Mapping[str, Value]
    metric: str
    direction: Direction
    unit: str
    test_score: float | None
    channels: tuple[str, ...]
    targets: tuple[str, ...]
    classes: tuple[str, ...]
    masked: bool
    steps: int | None
    horizon_steps: int
    scaling: Mapping[str, tuple[float, ...]]
    digest: str
    license: str
    card: Mapping[str, Any]
    space: Mapping[str, Any]
    inputs: Mapping[str, tuple[int, ...]]
    output: tuple[int, ...]
    requirements: tuple[str, ...]
    versions: Mapping[str, str]
    evidence: Mapping[str, Any] = field(default_factory=dict)
    multi_label: bool = False
    vocabulary: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    refit: bool = False
    seen_score: float | None = None
    dtype: str = "float32"
    code: str = ""
    code_sha256: str = ""
    intervals: Intervals | None = None
    series: tuple[str, ...] = ()

    @property
    def logged_score(self) -> float | None:
        """The score by which a model is known again: on the test part; a refitted one's on the validation part."""
        return self.seen_score if self.refit else self.test_score

    @property
    def scored_part(self) -> str:
        """The part of that score, in a word."""
        return "validation" if self.refit else "test"

    @property
    def answer(self) -> Answer:
        """What an answer is made of."""
        return Answer.of(self.task, self.multi_label)

    @property
    def objective(self) -> Objective:
        """The metric of its score."""
        return Objective(self.metric, self.direction, self.unit)

    @property
    def dataset_config(self) -> DatasetConfig:
        """The dataset's config, as it was when the model was trained.

        Raises:
            ExportError: It is not a config, or not one of this version's.
        """
        try:
            return DatasetConfig.model_validate(self.card)
        except ValueError as error:
            first = " ".join(str(error).split())[:300]
            raise ExportError(f"{FILE} of {self.trial}: card = {{…}}: not a dataset's config here: {first}") from error


def read_description(folder: Path) -> Description:
    """The description in a saved champion's folder; the data of one in a store that was moved is where it lies now.

    Raises:
        ExportError: There is none, or it is damaged.
    """
    file = folder / FILE
    try:
        plain, place = json.loads(file.read_text(encoding="utf-8")), place_around(folder)
        if place:
            plain |= {"card": place.files(plain["card"]), "space": place.files(plain["space"])}
            if folder.absolute().is_relative_to(place.root / DOWNLOADS):
                plain |= {"card": not_to_run(plain["card"])}
        return Description.from_json(plain)
    except FileNotFoundError:
        raise ExportError(f"{folder}: expected a champion's folder, got one without {FILE}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExportError(f"{file}: is not a champion's description: {type(error).__name__}: {error}") from error


_SHAPE = ("channels", "targets", "classes", "multi_label", "vocabulary", "known", "horizon_steps")


def unlike(model: Description, other: Description) -> str:
    """Why one model's scores on the other's data could not be compared with the other's; empty where they can.

    Args:
        model: The model that is to predict.
        other: The one whose data it is.

    Returns:
        What differs, with both values, such as `metric mse and mae`.
    """
    for name in ("task", "metric", "direction", "unit", *_SHAPE):
        one, two = getattr(model, name), getattr(other, name)
        if one != two:
            return f"{name.replace('_', ' ')} {_words(one)} and {_words(two)}"
    if model.steps not in (None, other.steps):
        return f"steps {model.steps} and {'any number' if other.steps is None else other.steps}"
    return ""


def _words(value: object) -> str:
    names = [str(one) for one in value] if isinstance(value, tuple) else [str(value)]
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return (", ".join(names[:6]) or "none") + more


MODEL_FILE = "model.keras"
EXAMPLE_FILE = "example.npz"
SEEN_FILE = "trained_on.npz"
CODE_FILE = "code.txt"


def save_champion(
    folder: Path,
    model: keras.Model,
    description: Description,
    example: Mapping[str, npt.NDArray[Any]],
    seen: Seen | None,
    code: str = "",
) -> None:
    """Save a champion; what was in the folder before is replaced only once everything is written.

    Args:
        folder: Where to.
        model: The exported model: raw values in, original units or probabilities out.
        description: What it is.
        example: A few sequences as the model takes them: `x` and, where lengths differ, `lengths`.
        seen: What it was trained and selected on; None where that cannot be told.
        code: Text of the user's file that its layers come from; empty where it needs none.

    Raises:
        ExportError: The folder cannot be written.
    """
    with whole_folder(folder) as draft:
        write_model(model, draft / MODEL_FILE)
        text = json.dumps(description.to_json(), indent=2, ensure_ascii=False)
        (draft / FILE).write_text(text, encoding="utf-8")
        np.savez(draft / EXAMPLE_FILE, allow_pickle=False, **dict(example))
        if seen is not None:
            told = {"kind": np.array(seen.kind), "steps": np.array(seen.steps), "runs": seen.runs}
            np.savez(draft / SEEN_FILE, allow_pickle=False, **told)
        if code:
            (draft / CODE_FILE).write_text(code, encoding="utf-8", newline="")


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into, which takes the place of another one once all went well; else nothing is left of it.

    Args:
        folder: The place; what was there before is removed.

    Raises:
        ExportError: It cannot be written.
    """
    place = folder.absolute()
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        draft.mkdir(parents=True)
        yield draft
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    except OSError as error:
        raise ExportError(f"{folder}: {cannot_write(error, place.parent)}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def read_seen(folder: Path) -> Seen | None:
    """What a saved champion was trained and selected on; None where it does not say, as those of 0.1.0 do not.

    Raises:
        ExportError: The file is damaged.
    """
    file = folder / SEEN_FILE
    if not file.is_file():
        return None
    try:
        with np.load(file, allow_pickle=False) as told:
            return Seen(str(told["kind"]), int(told["steps"]), told["runs"].astype(np.uint64))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ExportError(f"{file}: is not what a model was trained on: {type(error).__name__}: {error}") from error
