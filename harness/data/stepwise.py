"""Datasets with an answer at every step: `label` and `next_token`.

Read, divide into spans, cut the spans into pieces. A span lies in one part only, and an answer that stands some steps
after its input lies in the same span: nothing of another part is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.config.dataset import DatasetConfig
from harness.config.tasks import LabelTask, NextTokenTask
from harness.data.dataset import Part, SequenceData, Sequences, Texts, Values, Whole
from harness.data.encoding import (
    UNKNOWN,
    constant_channels,
    fill_gaps,
    fit_vocabulary,
    real_steps,
    refuse_missing,
    to_numbers,
    tokenize,
)
from harness.data.finalize import Loaded, finish, say_members
from harness.data.readers.registry import read_steps
from harness.data.readers.texts import read_texts
from harness.data.scaling import Floats, Scaling, fit_inputs
from harness.data.splits import rule_of, sequence_parts, time_blocks
from harness.data.windows import Pieces, Span, cut, take
from harness.errors import DataError
from harness.metrics import at_real_steps

Spans = tuple[list[Span], list[Span], list[Span]]

_PARTS = ("train", "validation", "test")


def load_labels(config: DatasetConfig, task: LabelTask) -> SequenceData:
    """A dataset whose every step has a class, or a yes or no for each of several labels.

    Args:
        config: The dataset's config.
        task: Its task.

    Raises:
        DataError: Data is missing, has changed, or is not what the config says.
    """
    raw = read_steps(config, task)
    targets = task.target or (raw.channels if not raw.y.size else ("label",) if raw.y.ndim == 2 else _numbered(raw.y))
    answers, classes = _answers(raw, task, targets)
    spans, split = _divide(config, raw.lengths, raw)
    pieces, width = _cut(spans, task.ahead_steps, task, raw.where)
    if config.missing == "error":
        refuse_missing(raw.x, raw.place)
    parts = [
        Part(
            _filled(take(raw.x, piece, 0, width), piece, raw, masked=config.missing == "mask"),
            piece.lengths,
            take(answers, piece, task.ahead_steps, width),
            piece.sequence,
        )
        for piece in pieces
    ]
    if classes:
        _refuse_classes_without_training(parts[0], classes, raw.where)
    real = real_steps(parts[0].x, parts[0].lengths)
    scaling = fit_inputs(real, config.encoding.scaling, fills_gaps=config.missing == "mask")
    flat = constant_channels(real, raw.channels)
    notes = (*raw.notes, *_say_dropped(pieces), *_say_constant(flat))
    return finish(
        config,
        Loaded(
            parts=parts,
            scaling=scaling,
            channels=raw.channels,
            targets=targets,
            split=split,
            notes=notes,
            classes=classes,
            multi_label=task.multi_label,
            knows_future=task.ahead_steps == 0,
        ),
    )


def load_tokens(config: DatasetConfig, task: NextTokenTask) -> SequenceData:
    """A dataset whose every step is a token, and whose answer is the next one.

    Args:
        config: The dataset's config.
        task: Its task.

    Raises:
        DataError: Text is missing, has changed, or is not what the config says.
    """
    raw = read_texts(config)
    tokens = [tokenize(text, task.tokens) for text in raw.texts]
    lengths = np.array([len(sequence) for sequence in tokens], np.int32)
    spans, split = _divide(config, lengths, raw)
    pieces, width = _cut(spans, 1, task, raw.where)
    train = [tokens[span.sequence][span.steps.start : span.steps.stop] for span in spans[0]]
    vocabulary = fit_vocabulary(train, task.vocabulary_size)
    if len(vocabulary) < 3:
        raise DataError(f"{raw.where}: the training part has one token, {vocabulary[-1]!r}: expected two at least")
    numbers = np.zeros((len(tokens), int(lengths.max())), np.int32)
    for row, sequence in enumerate(tokens):
        numbers[row, : len(sequence)] = to_numbers(sequence, vocabulary)
    parts = [
        Part(take(numbers, piece, 0, width), piece.lengths, take(numbers, piece, 1, width), piece.sequence)
        for piece in pieces
    ]
    notes = (*raw.notes, *_say_vocabulary(vocabulary, task, parts), *_say_dropped(pieces))
    return finish(
        config,
        Loaded(
            parts=parts,
            scaling=Scaling(*_unscaled(1), *_unscaled(1)),
            channels=(task.tokens,),
            targets=("next " + task.tokens.removesuffix("s"),),
            split=split,
            notes=notes,
            classes=vocabulary,
            vocabulary=vocabulary,
            knows_future=False,
        ),
    )


def _divide(config: DatasetConfig, lengths: Whole, raw: Sequences | Texts) -> tuple[Spans, str]:
    """Which steps of which sequences belong to which part, and the split in words."""
    rule = rule_of(config)
    if rule == "time":
        return _by_time(config, lengths, raw.where)
    members = sequence_parts(rule, config.split, None, (), len(lengths), raw.own_parts, raw.where, raw.groups)
    parts = (members.train, members.validation, members.test)
    train, validation, test = ([Span(int(row), range(lengths[row])) for row in part] for part in parts)
    return (train, validation, test), say_members(rule, members, config.split.seed, False, len(raw.own_parts))


def _by_time(config: DatasetConfig, lengths: Whole, where: str) -> tuple[Spans, str]:
    """The blocks of each sequence: its first steps are trained on, its last ones tested."""
    spans: Spans = ([], [], [])
    for row, steps in enumerate(lengths.tolist()):
        blocks = time_blocks(steps, config.split, 2, where, "a step and its answer")
        for part, block in zip(spans, (blocks.train, blocks.validation, blocks.test), strict=True):
            part.append(Span(row, block))
    shares = f"the last {config.split.test:.0%} for test, {config.split.validation:.0%} before them for validation"
    each = "" if len(lengths) == 1 else f" within each of {len(lengths):,} sequences"
    gap = f", {config.split.gap_steps:,} steps left out between them" if config.split.gap_steps else ""
    return spans, f"by time{each}: {shares}{gap}; no answer crosses from one to another"


def _cut(spans: Spans, ahead: int, task: LabelTask | NextTokenTask, where: str) -> tuple[list[Pieces], int]:
    """The pieces of each part, and their common width: parts of one width share what is compiled."""
    one = len({span.sequence for part in spans for span in part}) == 1
    pieces = [cut(part, ahead, task.window_steps, task.window_stride, keep_rest=not one) for part in spans]
    for name, found in zip(_PARTS, pieces, strict=True):
        if not len(found):
            raise DataError(f"{where}: the {name} part has no step whose answer lies in it: expected longer sequences")
    return pieces, max(int(found.lengths.max()) for found in pieces)


def _answers(raw: Sequences, task: LabelTask, targets: Sequence[str]) -> tuple[Values, tuple[str, ...]]:
    """Each step's class number (n, steps) and the class names, or each step's labels (n, steps, targets)."""
    y = raw.y if raw.y.size else raw.x
    if task.multi_label:
        return _flags(raw, y if y.ndim == 3 else y[:, :, None], targets), ()
    if y.ndim != 2:
        raise DataError(
            f"{raw.where}: {y.shape[2]} answers a step: expected one class, or [task] multi_label = true and 0 and 1"
        )
    return _class_numbers(raw, y)


def _flags(raw: Sequences, y: npt.NDArray[Any], targets: Sequence[str]) -> Floats:
    real = np.arange(y.shape[1]) < raw.lengths[:, None]
    try:
        values = np.where(real[:, :, None], y, 0).astype(np.float32)
    except ValueError:
        values = np.full(y.shape, np.nan, np.float32)
    if (bad := (values != 0) & (values != 1)).any():
        sequence, step, target = np.argwhere(bad)[0]
        raise DataError(
            f"{raw.where}: {raw.name_of(int(sequence))}, step {step + 1}: label {targets[target]!r} is "
            f"{str(y[sequence, step, target])!r}: expected 0 or 1 where multi_label = true"
        )
    return values


def _class_numbers(raw: Sequences, y: npt.NDArray[Any]) -> tuple[Whole, tuple[str, ...]]:
    found = np.unique(at_real_steps(y, raw.lengths))
    if found.dtype.kind == "f" and not np.equal(found, np.round(found)).all():
        bad = found[~np.equal(found, np.round(found))][0]
        raise DataError(f"{raw.where}: class {bad!r}: expected text or a whole number at each step")
    named = {value: str(int(value)) if found.dtype.kind == "f" else str(value) for value in found.tolist()}
    order = sorted(named, key=lambda value: (isinstance(value, str), value))
    if len(order) < 2:
        raise DataError(f"{raw.where}: all steps are of the class {named[order[0]]!r}: expected two classes or more")
    numbers = np.zeros(y.shape, np.int32)
    for number, value in enumerate(order):
        numbers[y == value] = number
    real = np.arange(y.shape[1]) < raw.lengths[:, None]
    return np.where(real, numbers, 0).astype(np.int32), tuple(named[value] for value in order)


def _refuse_classes_without_training(train: Part, classes: tuple[str, ...], where: str) -> None:
    counts = np.bincount(at_real_steps(train.y, train.lengths), minlength=len(classes))
    if not counts.all():
        name = classes[int(counts.argmin())]
        raise DataError(f"{where}: no step of class {name!r} is in the training part: expected every class there")


def _filled(x: Floats, pieces: Pieces, raw: Sequences, *, masked: bool) -> Floats:
    """Inputs without gaps, each filled within its own piece, unless channels of their own tell of gaps."""
    if masked or not np.isnan(x).any():
        return x
    padding = (np.arange(x.shape[1]) >= pieces.lengths[:, None])[:, :, None]
    filled = np.where(padding, np.float32(0), fill_gaps(np.where(padding, np.float32(np.nan), x)))
    if (left := np.isnan(filled)).any():
        piece, _, channel = np.argwhere(left)[0]
        raise DataError(
            f"{raw.where}: {raw.name_of(int(pieces.sequence[piece]))}, steps from {pieces.start[piece] + 1} on, "
            f"channel {raw.channels[channel]!r}: every value is missing: expected one at least to interpolate from"
        )
    return filled


def _numbered(y: npt.NDArray[Any]) -> tuple[str, ...]:
    return tuple(f"label_{number + 1}" for number in range(y.shape[2]))


def _unscaled(width: int) -> tuple[Floats, Floats]:
    return np.zeros(width, np.float32), np.ones(width, np.float32)


def _say_constant(flat: Sequence[str]) -> tuple[str, ...]:
    more = f" and {len(flat) - 6} more" if len(flat) > 6 else ""
    return (f"constant in the training part: {', '.join(flat[:6])}{more}",) if flat else ()


def _say_dropped(pieces: Sequence[Pieces]) -> tuple[str, ...]:
    dropped = sum(piece.dropped for piece in pieces)
    return (f"{dropped:,} steps at the ends fill no piece and are left out",) if dropped else ()


def _say_vocabulary(vocabulary: Sequence[str], task: NextTokenTask, parts: Sequence[Part]) -> tuple[str, ...]:
    unknown = [f"{(at_real_steps(part.y, part.lengths) == 0).mean():.2%}" for part in parts]
    return (
        f"vocabulary of {len(vocabulary):,} {task.tokens}, {UNKNOWN} for all others: "
        f"{unknown[0]} of train, {unknown[1]} of validation, {unknown[2]} of test",
    )
