"""Datasets with an answer at every step: `label` and `next_token`.

Read, divide into spans, cut the spans into pieces. A span lies in one part only, and an answer that stands some steps
after its input lies in the same span: nothing of another part is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.config.dataset import DatasetConfig, reads_tokens
from harness.config.tasks import ClassifyTask, LabelTask, NextTokenTask, RegressTask
from harness.data.channels import odd_channels, say_constant
from harness.data.dataset import PARTS, Part, SequenceData, Sequences, TokenSequences, Values, Whole, numbered
from harness.data.encoding import (
    UNKNOWN,
    category_places,
    fill_gaps,
    fit_vocabulary,
    keep_flags,
    refuse_missing,
    say_size,
    say_unseen,
    to_numbers,
    unseen_categories,
)
from harness.data.finalize import finish, say_dropped, say_members, say_shares
from harness.data.readers.registry import read_sequences
from harness.data.readers.tokens import read_tokens
from harness.data.scaling import NO_SCALING, Floats, fit_inputs, narrow
from harness.data.splits import refuse_classes_without_training, rule_of, sequence_parts, time_blocks
from harness.data.windows import Pieces, Span, cut, take
from harness.errors import DataError
from harness.metrics import at_real_steps, mask_of, without_padding

Spans = tuple[list[Span], list[Span], list[Span]]


def load_labels(config: DatasetConfig, task: LabelTask) -> SequenceData:
    """A dataset whose every step has a class, or a yes or no for each of several labels.

    Args:
        config: The dataset's config.
        task: Its task.

    Raises:
        DataError: Data is missing, has changed, or is not what the config says.
    """
    if reads_tokens(config):
        return _load_token_labels(config, task)
    raw = read_sequences(config, task)
    raw = replace(raw, x=narrow(raw.x, raw.lengths))
    targets = task.target or raw.channels
    if not task.target and raw.y.size:
        targets = ("label",) if raw.y.ndim == 2 else numbered("label", raw.y.shape[2])
    answers, classes = _answers(raw, task, targets)
    spans, split = _divide(config, raw.lengths, raw)
    raw, unseen = with_seen_categories(raw, spans[0], task)
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
    train = parts[0]
    if classes:
        steps = at_real_steps(train.y, train.lengths)
        refuse_classes_without_training(steps, classes, raw.where, of="step")
    real = at_real_steps(train.x, train.lengths)
    held = category_places(raw.channels, task.categorical)
    scaling = fit_inputs(real, config.encoding.scaling, held, fills_gaps=config.missing == "mask")
    return finish(
        config,
        parts,
        keep_flags(scaling, raw.channels, task.categorical),
        channels=raw.channels,
        targets=targets,
        split=split,
        notes=(
            *(*raw.notes, *say_dropped(pieces), *say_unseen(unseen)),
            *(*say_constant(real, raw.channels), *odd_channels(real, raw.channels)),
        ),
        classes=classes,
        knows_future=task.ahead_steps == 0,
        time_format=raw.time_format,
    )


def with_seen_categories(
    raw: Sequences, train: Sequence[Span], task: ClassifyTask | RegressTask | LabelTask
) -> tuple[Sequences, tuple[str, ...]]:
    """The sequences without the channels of categories that are not in the training part, and these.

    Args:
        raw: The sequences.
        train: What of them is the training part.
        task: Its `categorical` names the columns of categories.
    """
    if not task.categorical:
        return raw, ()
    rows = np.concatenate([raw.x[span.sequence, span.steps.start : span.steps.stop] for span in train])
    unseen = unseen_categories(rows, raw.channels, task.categorical)
    kept = [place for place, name in enumerate(raw.channels) if name not in unseen]
    y = raw.y if raw.y.size else raw.x  # answers that are channels stay as they are
    return replace(raw, x=raw.x[:, :, kept], y=y, channels=tuple(raw.channels[place] for place in kept)), unseen


def _load_token_labels(config: DatasetConfig, task: LabelTask) -> SequenceData:
    """A dataset whose every token has a class, such as its part of speech."""
    raw = read_tokens(config, task)
    answers, classes = _class_numbers(raw, raw.y)
    spans, split = _divide(config, raw.lengths, raw)
    pieces, width = _cut(spans, 0, task, raw.where)
    vocabulary, numbers = _numbered(raw, spans, task)
    parts = [
        Part(take(numbers, piece, 0, width), piece.lengths, take(answers, piece, 0, width), piece.sequence)
        for piece in pieces
    ]
    train = parts[0]
    refuse_classes_without_training(at_real_steps(train.y, train.lengths), classes, raw.where, of="token")
    return finish(
        config,
        parts,
        NO_SCALING,
        channels=(raw.channel,),
        targets=task.target or ("label",),
        split=split,
        notes=(
            *raw.notes,
            _say_vocabulary(vocabulary, raw.channel, [part.x for part in parts], parts),
            *say_dropped(pieces),
        ),
        classes=classes,
        vocabulary=vocabulary,
    )


def load_tokens(config: DatasetConfig, task: NextTokenTask) -> SequenceData:
    """A dataset whose every step is a token, and whose answer is the next one.

    Args:
        config: The dataset's config.
        task: Its task.

    Raises:
        DataError: Text is missing, has changed, or is not what the config says.
    """
    raw = read_tokens(config, task)
    spans, split = _divide(config, raw.lengths, raw)
    pieces, width = _cut(spans, 1, task, raw.where)
    vocabulary, numbers = _numbered(raw, spans, task)
    parts = [
        Part(take(numbers, piece, 0, width), piece.lengths, take(numbers, piece, 1, width), piece.sequence)
        for piece in pieces
    ]
    # A column's name says what a token is; of characters and words the singular does.
    one = raw.channel if task.token else raw.channel.removesuffix("s")
    return finish(
        config,
        parts,
        NO_SCALING,
        channels=(raw.channel,),
        targets=(f"next {one}",),
        split=split,
        notes=(
            *raw.notes,
            _say_vocabulary(vocabulary, raw.channel, [part.y for part in parts], parts),
            *say_dropped(pieces),
        ),
        time_format=raw.time_format,
        classes=vocabulary,
        vocabulary=vocabulary,
        knows_future=False,
    )


def _numbered(raw: TokenSequences, spans: Spans, task: LabelTask | NextTokenTask) -> tuple[tuple[str, ...], Whole]:
    """The vocabulary of the training part's spans, and the numbers of all sequences' tokens (n, longest)."""
    train = [raw.tokens[span.sequence][span.steps.start : span.steps.stop] for span in spans[0]]
    vocabulary = fit_vocabulary(train, task.vocabulary_size, task.least_count)
    if len(vocabulary) < 3:
        held = f" {task.least_count} times or more ([task] least_count)" if task.least_count > 1 else ""
        one = f"one token{held}, {vocabulary[1]!r}" if len(vocabulary) > 1 else f"no token{held}"
        raise DataError(f"{raw.where}: the training part has {one}: expected two at least")
    return vocabulary, to_numbers(raw.tokens, vocabulary)[0]


def _say_vocabulary(vocabulary: Sequence[str], channel: str, numbers: Sequence[Values], parts: Sequence[Part]) -> str:
    unknown = [
        f"{(at_real_steps(values, part.lengths) == 0).mean():.2%}" for values, part in zip(numbers, parts, strict=True)
    ]
    return (
        f"{say_size(vocabulary, channel)}, {UNKNOWN} for all others: "
        f"{unknown[0]} of train, {unknown[1]} of validation, {unknown[2]} of test"
    )


def _divide(config: DatasetConfig, lengths: Whole, raw: Sequences | TokenSequences) -> tuple[Spans, str]:
    """Which steps of which sequences belong to which part, and the split in words."""
    rule = rule_of(config)
    if rule == "time":
        return _by_time(config, lengths, raw.where)
    members = sequence_parts(rule, config.split, None, (), len(lengths), raw.own_parts, raw.where, raw.groups)
    train, validation, test = ([Span(int(row), range(lengths[row])) for row in part] for part in members)
    return (train, validation, test), say_members(rule, members, config.split.seed, False, len(raw.own_parts))


def _by_time(config: DatasetConfig, lengths: Whole, where: str) -> tuple[Spans, str]:
    """The blocks of each sequence: its first steps are trained on, its last ones tested."""
    spans: Spans = ([], [], [])
    for row, steps in enumerate(lengths.tolist()):
        blocks = time_blocks(steps, config.split, 2, where, "a step and its answer")
        for part, block in zip(spans, blocks, strict=True):
            part.append(Span(row, block))
    each = "" if len(lengths) == 1 else f" within each of {len(lengths):,} sequences"
    return spans, say_shares(config.split, each, "steps", "answer")


def _cut(spans: Spans, ahead: int, task: LabelTask | NextTokenTask, where: str) -> tuple[list[Pieces], int]:
    """The pieces of each part, and their common width: parts of one width share what is compiled."""
    one = len({span.sequence for part in spans for span in part}) == 1
    pieces = [cut(part, ahead, task.window_steps, task.window_stride, keep_rest=not one) for part in spans]
    for name, found in zip(PARTS, pieces, strict=True):
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
    real = mask_of(raw.lengths, y.shape[1])[:, :, None]
    try:
        values = np.where(real, y, 0).astype(np.float32)
    except ValueError:
        values = np.full(y.shape, np.nan, np.float32)
    if (bad := (values != 0) & (values != 1)).any():
        sequence, step, target = np.argwhere(bad)[0]
        raise DataError(
            f"{raw.where}: {raw.name_of(int(sequence))}, step {step + 1}: label {targets[target]!r} is "
            f"{str(y[sequence, step, target])!r}: expected 0 or 1 where multi_label = true"
        )
    return values


def _class_numbers(raw: Sequences | TokenSequences, y: npt.NDArray[Any]) -> tuple[Whole, tuple[str, ...]]:
    found = np.unique(at_real_steps(y, raw.lengths))
    if found.dtype.kind == "f" and not np.equal(found, np.round(found)).all():
        bad = found[~np.equal(found, np.round(found))][0]
        raise DataError(f"{raw.where}: class {bad:g}: expected text or a whole number at each step")
    named = {value: str(int(value)) if found.dtype.kind == "f" else str(value) for value in found.tolist()}
    order = sorted(named, key=lambda value: (isinstance(value, str), value))
    if len(order) < 2:
        raise DataError(f"{raw.where}: all steps are of the class {named[order[0]]!r}: expected two classes or more")
    numbers = np.zeros(y.shape, np.int32)
    for number, value in enumerate(order):
        numbers[y == value] = number
    return without_padding(numbers, raw.lengths), tuple(named[value] for value in order)


def _filled(x: Floats, pieces: Pieces, raw: Sequences, *, masked: bool) -> Floats:
    """Inputs without gaps, each filled within its own piece, unless channels of their own tell of gaps."""
    if masked:
        return x
    return fill_gaps(
        x,
        pieces.lengths,
        lambda at: (
            f"{raw.where}: {raw.name_of(int(pieces.sequence[at[0]]))}, steps from {pieces.start[at[0]] + 1} on, "
            f"channel {raw.channels[at[2]]!r}: every value is missing: expected one at least to interpolate from"
        ),
    )
