"""The last steps of loading any dataset: freeze the arrays, describe them, seal the test part."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

import numpy as np

from harness.config.dataset import DatasetConfig, SplitConfig
from harness.config.tasks import ForecastTask, LabelTask
from harness.data.checks import refuse_leaks, warnings_of
from harness.data.dataset import PARTS, Indices, Part, Sealed, SequenceData, pieces_of
from harness.data.scaling import Floats, Scaling
from harness.data.splits import Blocks, Members, Rule, kept_for_training, rule_of
from harness.data.windows import Pieces
from harness.errors import DataError
from harness.metrics import at_real_steps, metric_of, objective_of
from harness.records import DataFacts, TaskKind
from harness.text import are, counted


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
            for piece in pieces_of(array):
                hashing.update(np.ascontiguousarray(piece).data)
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
    phrase = ", ".join(
        f"{name} rows {first_row + block.start + 1:,}–{first_row + block.stop:,}"
        for name, block in zip(PARTS, blocks, strict=True)
    )
    gap = f", {split.gap_steps:,} rows left out between them" if split.gap_steps else ""
    fold = f"fold {split.fold or split.folds} of {split.folds}, rolling origin" if split.folds else "by time"
    return f"{fold}: {phrase}{gap}; no window crosses from one to another"


def say_shares(split: SplitConfig, each: str, rows: str, crossing: str) -> str:
    """The split by time of what has several series, or of steps, in words.

    Args:
        split: The config's split.
        each: Within what it is made; empty where there is one sequence alone.
        rows: What is left out between the parts.
        crossing: What crosses from none to another.
    """
    shares = f"the last {split.test:.0%} for test, {split.validation:.0%} before them for validation"
    gap = f", {split.gap_steps:,} {rows} left out between them" if split.gap_steps else ""
    return f"by time{each}: {shares}{gap}; no {crossing} crosses from one to another"


def say_members(rule: Rule, members: Members, seed: int, classes: bool, own_parts: int = 2) -> str:
    """The split of sequences in words.

    Args:
        rule: The rule.
        members: Which sequences are where.
        seed: Seed of the draw.
        classes: Whether the task has classes.
        own_parts: How many parts the source itself has.
    """
    train, validation, test = (f"{len(part):,}" for part in members)
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


def say_dropped(pieces: Iterable[Pieces]) -> tuple[str, ...]:
    """A note of the steps that are in none of these pieces; none where there are no such steps."""
    dropped = sum(some.dropped for some in pieces)
    return (
        (f"{counted(dropped, 'step')} at the ends fill{'s' * (dropped == 1)} no piece and {are(dropped)} left out",)
        if dropped
        else ()
    )


def finish(
    config: DatasetConfig,
    parts: Sequence[Part],
    scaling: Scaling,
    *,
    channels: tuple[str, ...],
    targets: tuple[str, ...],
    split: str,
    notes: tuple[str, ...],
    classes: tuple[str, ...] = (),
    vocabulary: tuple[str, ...] = (),
    known: tuple[str, ...] = (),
    calendar: tuple[str, ...] = (),
    knows_future: bool = True,
    time_format: str = "",
) -> SequenceData:
    """Freeze, describe and seal; what is not told here is told by `SequenceData`.

    Args:
        config: The dataset's config.
        parts: The training, validation and test part.
        scaling: Statistics of the training part.
        channels: Names of the input channels.
        targets: Names of what is predicted.
        split: The split in words.
        notes: What loading had to say.
        classes: Class names, where an answer is one class.
        vocabulary: The tokens, where inputs are tokens.
        known: Channels that are known in advance.
        calendar: Those of them that were made from the times, and so of no measurement.
        knows_future: Whether a step's answer may be made from later steps too.
        time_format: How the times were read.
    """
    _guard(config, parts, scaling)
    lengths = np.concatenate([part.lengths for part in parts])
    shortest, longest = int(lengths.min()), int(lengths.max())
    whole, validation, test = parts
    train, drawn = _drawn(config, whole, bool(classes))
    parts = (train, validation, test)
    for part in parts:
        for array in (part.x, part.lengths, part.y, part.rows, part.future):
            if array is not None:
                array.flags.writeable = False
    task = config.task
    forecast = task if isinstance(task, ForecastTask) else None
    places = tuple(channels.index(name) if name in channels else -1 for name in targets) if forecast else ()
    names = (channels, targets, classes, vocabulary) if vocabulary else (channels, targets, classes)
    warnings, leaks = warnings_of(parts, channels, targets, classes, places, calendar)
    facts = DataFacts(
        title=config.title or config.name,
        task=TaskKind(task.kind),
        sizes=(len(train), len(validation), len(test)),
        steps=(shortest, longest),
        channels=channels,
        targets=targets,
        # A vocabulary is no list of classes for people; how large it is is said in a note.
        classes=() if classes == vocabulary else classes,
        digest=digest(parts, names),
        license=config.license,
        split=split,
        notes=(*notes, *drawn, *_say_bits(train), *warnings),
        rows=tuple(say_rows(part.rows) for part in parts),
        leaks=tuple(leaks),
    )
    return SequenceData(
        name=config.name,
        task=facts.task,
        objective=objective_of(task),
        train=train,
        validation=validation,
        test=Sealed(test),
        scaling=scaling,
        channels=channels,
        targets=targets,
        classes=classes,
        masked=shortest != longest,
        horizon_steps=forecast.horizon_steps if forecast else 1,
        seasons=forecast.seasons if forecast else (),
        target_channels=places,
        facts=facts,
        metric=metric_of(task),
        multi_label=isinstance(task, LabelTask) and task.multi_label,
        vocabulary=vocabulary,
        known=known,
        class_weights=_class_weights(config, train, len(classes)),
        knows_future=knows_future,
        time_format=time_format,
    )


def _drawn(config: DatasetConfig, train: Part, classes: bool) -> tuple[Part, tuple[str, ...]]:
    """The training part with no more than `[split] max_train` allows, and a note of it where it had more."""
    task = config.task
    latest = isinstance(task, ForecastTask) and task.id is None
    codes = train.y if classes and not TaskKind(task.kind).per_step else None
    kept = kept_for_training(len(train), config.split, codes, latest=latest)
    if len(kept) == len(train):
        return train, ()
    how = "the latest" if latest else f"drawn by chance (seed {config.split.seed})"
    what = "windows" if isinstance(task, ForecastTask) else "sequences"
    return train.at(kept), (f"{len(kept):,} of {len(train):,} {what} of the training part are trained on, {how}",)


def _say_bits(train: Part) -> tuple[str, ...]:
    if train.x.dtype != np.float64:
        return ()
    return ("numbers are kept in 64 bits: 32 would lose what the values of a channel differ by",)


def _guard(config: DatasetConfig, parts: Sequence[Part], scaling: Scaling) -> None:
    task = config.task
    if isinstance(task, ForecastTask):
        if task.id is not None:
            return  # a panel's rows are counted within each series
        window = task.lookback_steps + task.horizon_steps
    else:
        if rule_of(config) == "time":
            return  # one sequence is in all parts, its steps in one each
        window = 1
    try:
        refuse_leaks(parts, scaling, window)
    except DataError as error:
        raise DataError(f"{config.name}: {error}") from None


def _class_weights(config: DatasetConfig, train: Part, classes: int) -> Floats | None:
    """scikit-learn's `balanced`: answers / (classes × answers of the class), of the training part's real steps."""
    if getattr(config.task, "class_weight", None) is None:
        return None
    answers = at_real_steps(train.y, train.lengths) if TaskKind(config.task.kind).per_step else train.y
    counts = np.bincount(answers, minlength=classes)
    return (len(answers) / (len(counts) * np.maximum(counts, 1))).astype(np.float32)
