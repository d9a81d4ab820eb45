"""The last steps of loading any dataset: freeze the arrays, describe them, seal the test part."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.config.dataset import DatasetConfig, SplitConfig
from harness.config.tasks import ForecastTask
from harness.data.checks import refuse_leaks, warnings_of
from harness.data.dataset import Indices, Part, Sealed, SequenceData
from harness.data.scaling import Floats, Scaling
from harness.data.splits import Blocks, Members, Rule, rule_of
from harness.errors import DataError
from harness.metrics import at_real_steps, metric_of, objective_of
from harness.records import DataFacts, TaskKind


def digest(parts: Sequence[Part], names: Iterable[Sequence[str]]) -> str:
    """A digest of the full content: inputs, lengths and answers of all parts, and all names.

    Not MLflow's own, which reads the first 10,000 elements only.

    Args:
        parts: The parts, in order.
        names: Lists of names: channels, targets, classes.

    Returns:
        32 hexadecimal characters.
    """
    hashing = hashlib.sha256()
    for part in parts:
        for array in (part.x, part.lengths, part.y):
            hashing.update(f"{array.dtype.str}{array.shape}".encode())
            hashing.update(np.ascontiguousarray(array).data)
    hashing.update(json.dumps([list(group) for group in names]).encode())
    return hashing.hexdigest()[:32]


def say_rows(rows: Indices) -> str:
    """Places as ranges with both ends, such as `0-9,12`; `:3` after a range takes every third only.

    Args:
        rows: Places in the source, from 0.
    """
    places = np.unique(rows)
    steps = np.diff(places)
    phrase, begin = list[str](), 0
    while begin < len(places):
        step, end = int(steps[begin]) if begin < len(steps) else 1, begin
        while end < len(steps) and steps[end] == step:
            end += 1
        if step > 1 and end - begin < 2:  # no run: a place by itself
            end = begin
        last = f"-{places[end]}" + (f":{step}" if step > 1 else "") if end > begin else ""
        phrase.append(f"{places[begin]}{last}")
        begin = end + 1
    return ",".join(phrase)


def say_blocks(blocks: Blocks, first_row: int, split: SplitConfig) -> str:
    """The split of a forecast in words.

    Args:
        blocks: The blocks.
        first_row: Rows of the source before the first one used.
        split: The config's split.
    """
    spans = (("train", blocks.train), ("validation", blocks.validation), ("test", blocks.test))
    phrase = ", ".join(
        f"{name} rows {first_row + block.start + 1:,}–{first_row + block.stop:,}" for name, block in spans
    )
    gap = f", {split.gap_steps:,} rows left out between them" if split.gap_steps else ""
    fold = f"fold {split.fold or split.folds} of {split.folds}, rolling origin" if split.folds else "by time"
    return f"{fold}: {phrase}{gap}; no window crosses from one to another"


def say_members(rule: Rule, members: Members, seed: int, classes: bool, own_parts: int = 2) -> str:
    """The split of sequences in words.

    Args:
        rule: The rule.
        members: Which sequences are where.
        seed: Seed of the draw.
        classes: Whether the task has classes.
        own_parts: How many parts the source itself has.
    """
    train, validation, test = (f"{len(part):,}" for part in (members.train, members.validation, members.test))
    if rule == "archive" and own_parts == 3:
        return f"the source's own: {train} train, {validation} validation, {test} test"
    if rule == "archive":
        carved = "stratified by class" if classes else "drawn by chance"
        return (
            f"the archive's own: {test} test; of its {len(members.train) + len(members.validation):,} others "
            f"{validation} for validation, {carved} (seed {seed}), {train} train"
        )
    words = {"stratified": "stratified by class", "shuffled": "drawn by chance", "group": "by whole groups"}[rule]
    return f"{words} (seed {seed}): {train} train, {validation} validation, {test} test"


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A dataset's parts and what is known of them; the attributes are those of `SequenceData`.

    Attributes:
        parts: The training, validation and test part.
        scaling: Statistics of the training part.
        channels: Names of the input channels.
        targets: Names of what is predicted.
        split: The split in words.
        notes: What loading had to say.
        classes: Class names, where an answer is one class.
        multi_label: Whether each target is a yes or no of its own.
        vocabulary: The tokens, where inputs are tokens.
        known: Channels that are known in advance.
        knows_future: Whether a step's answer may be made from later steps too.
    """

    parts: Sequence[Part]
    scaling: Scaling
    channels: tuple[str, ...]
    targets: tuple[str, ...]
    split: str
    notes: tuple[str, ...]
    classes: tuple[str, ...] = ()
    multi_label: bool = False
    vocabulary: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    knows_future: bool = True


def finish(config: DatasetConfig, loaded: Loaded) -> SequenceData:
    """Freeze, describe and seal.

    Args:
        config: The dataset's config.
        loaded: What was loaded.
    """
    for part in loaded.parts:
        for array in (part.x, part.lengths, part.y, part.rows, part.future):
            if array is not None:
                array.flags.writeable = False
    train, validation, test = loaded.parts
    _guard(config, loaded)
    lengths = np.concatenate([part.lengths for part in loaded.parts])
    forecast = config.task if isinstance(config.task, ForecastTask) else None
    channels = loaded.channels
    places = tuple(channels.index(name) if name in channels else -1 for name in loaded.targets) if forecast else ()
    return SequenceData(
        name=config.name,
        task=TaskKind(config.task.kind),
        objective=objective_of(config.task),
        train=train,
        validation=validation,
        test=Sealed(test),
        scaling=loaded.scaling,
        channels=channels,
        targets=loaded.targets,
        classes=loaded.classes,
        masked=bool(lengths.min() != lengths.max()),
        horizon_steps=forecast.horizon_steps if forecast else 1,
        season_steps=forecast.season_steps if forecast else None,
        target_channels=places,
        facts=_facts(config, loaded, (int(lengths.min()), int(lengths.max()))),
        metric=metric_of(config.task),
        multi_label=loaded.multi_label,
        vocabulary=loaded.vocabulary,
        known=loaded.known,
        class_weights=_class_weights(config, loaded),
        knows_future=loaded.knows_future,
    )


def _facts(config: DatasetConfig, loaded: Loaded, steps: tuple[int, int]) -> DataFacts:
    # A vocabulary is no list of classes for people; how large it is is said in a note.
    classes = () if loaded.classes == loaded.vocabulary else loaded.classes
    train, validation, test = loaded.parts
    names = (loaded.channels, loaded.targets, loaded.classes)
    warnings, leaks = _warnings(config, loaded)
    return DataFacts(
        title=config.title or config.name,
        task=TaskKind(config.task.kind),
        sizes=(len(train), len(validation), len(test)),
        steps=steps,
        channels=loaded.channels,
        targets=loaded.targets,
        classes=classes,
        digest=digest(loaded.parts, (*names, loaded.vocabulary) if loaded.vocabulary else names),
        license=config.license,
        split=loaded.split,
        notes=(*loaded.notes, *warnings),
        rows=tuple(say_rows(part.rows) for part in loaded.parts),
        leaks=tuple(leaks),
    )


def _guard(config: DatasetConfig, loaded: Loaded) -> None:
    task = config.task
    if getattr(task, "id", None) is not None and isinstance(task, ForecastTask):
        return  # a panel's rows are counted within each series
    if rule_of(config) == "time" and not isinstance(task, ForecastTask):
        return  # one sequence is in all parts, its steps in one each
    window = task.lookback_steps + task.horizon_steps if isinstance(task, ForecastTask) else None
    try:
        refuse_leaks(loaded.parts, loaded.scaling, window)
    except DataError as error:
        raise DataError(f"{config.name}: {error}") from None


def _warnings(config: DatasetConfig, loaded: Loaded) -> tuple[list[str], list[str]]:
    forecast = isinstance(config.task, ForecastTask)
    channels = loaded.channels
    places = [channels.index(name) if name in channels else -1 for name in loaded.targets] if forecast else []
    classes = () if loaded.multi_label else loaded.classes
    return warnings_of(loaded.parts, channels, loaded.targets, classes, places)


def _class_weights(config: DatasetConfig, loaded: Loaded) -> Floats | None:
    """scikit-learn's `balanced`: answers / (classes × answers of the class), of the training part's real steps."""
    if getattr(config.task, "class_weight", None) is None:
        return None
    train = loaded.parts[0]
    answers = at_real_steps(train.y, train.lengths) if TaskKind(config.task.kind).per_step else train.y
    counts = np.bincount(answers, minlength=len(loaded.classes))
    return (len(answers) / (len(counts) * np.maximum(counts, 1))).astype(np.float32)
