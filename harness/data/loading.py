"""From a dataset's card to its arrays: read, split, fill, fit the scaling, seal.

The only module that knows the order. What is fitted is fitted on the training part, after the split.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from harness.cards.schema import (
    ClassifyTask,
    DatasetCard,
    ForecastTask,
    GeneratorSource,
    KerasSource,
    LabelTask,
    NextTokenTask,
    RegressTask,
    TextSource,
)
from harness.data.arrays import Floats, Part, SequenceData, Values, Whole
from harness.data.encoding import (
    constant_channels,
    fill_gaps,
    number_answers,
    number_classes,
    real_steps,
    refuse_missing,
)
from harness.data.facts import say_members
from harness.data.finishing import Loaded, finish
from harness.data.forecasting import load_forecast
from harness.data.pieces import Span, cut, take
from harness.data.raw import Sequences
from harness.data.scaling import Scaling, fit_inputs, fit_outputs
from harness.data.sources.sequences import read_sequences
from harness.data.sources.texts import read_texts
from harness.data.splits import Members, rule_of, sequence_parts
from harness.data.stepwise import load_labels, load_tokens
from harness.data.vocabulary import fit_vocabulary, to_numbers, tokenize
from harness.data.written import WRITTEN
from harness.errors import DataError, nearest


def load_dataset(card: DatasetCard) -> SequenceData:
    """A dataset's arrays, which depend on nothing but the card and the files it names.

    Args:
        card: The dataset's card.

    Raises:
        DataError: Data is missing, has changed, or is not what the card says.
    """
    rule = rule_of(card)
    if isinstance(card.task, ForecastTask):
        return load_forecast(card, card.task)
    if isinstance(card.task, LabelTask):
        return load_labels(card, card.task)
    if isinstance(card.task, NextTokenTask):
        return load_tokens(card, card.task)
    if isinstance(card.task, ClassifyTask) and is_text(card):
        return _load_texts(card, card.task)
    raw = _select(read_sequences(card, card.task), card.task.features)
    classes: tuple[str, ...] = ()
    codes: Whole | None = None
    if isinstance(card.task, ClassifyTask):
        classes, codes = number_classes(raw)
    y = number_answers(raw) if codes is None else codes
    members = sequence_parts(rule, card.split, codes, classes, len(raw.x), raw.own_parts, raw.where, raw.groups)
    x, filled = _fill_sequences(raw, card.missing)
    train, validation, test, cut = _pieces(x, raw.lengths, y, members, card.task)
    real = real_steps(train.x, train.lengths)
    scaling = fit_inputs(real, card.encoding.scaling, fills_gaps=card.missing == "mask")
    if not classes:
        scaling = fit_outputs(scaling, np.asarray(train.y, np.float32), train.x)
    target = card.task.target or ("class" if classes else "y")
    notes = (*raw.notes, *filled, *cut, *_say_constant(real, raw.channels))
    split = say_members(rule, members, card.split.seed, bool(classes), len(raw.own_parts))
    return finish(card, Loaded((train, validation, test), scaling, raw.channels, (target,), split, notes, classes))


def is_text(card: DatasetCard) -> bool:
    """Whether a card's sequences are texts, whose tokens are numbered by a vocabulary."""
    match card.source:
        case TextSource():
            return True
        case KerasSource(dataset=dataset):
            return dataset != "mnist"
        case GeneratorSource(generator=generator):
            return generator in WRITTEN
        case _:
            return False


def _load_texts(card: DatasetCard, task: ClassifyTask) -> SequenceData:
    """Texts of classes: the vocabulary is fitted after the split, on the training part."""
    raw = read_texts(card, labelled=True)
    classes, codes = number_classes(raw)
    tokens = [tokenize(text, task.tokens) for text in raw.texts]
    lengths = np.array([len(text) for text in tokens], np.int32)
    if not lengths.all():
        raise DataError(
            f"{raw.where}: {raw.name_of(int(lengths.argmin()))}: expected at least one of the {task.tokens}"
        )
    rule, seed = rule_of(card), card.split.seed
    members = sequence_parts(rule, card.split, codes, classes, len(tokens), raw.own_parts, raw.where, raw.groups)
    vocabulary = fit_vocabulary((tokens[row] for row in members.train), task.vocabulary_size)
    numbers = np.zeros((len(tokens), int(lengths.max())), np.int32)
    for row, text in enumerate(tokens):
        numbers[row, : len(text)] = to_numbers(text, vocabulary)
    *parts, cut = _pieces(numbers, lengths, codes, members, task)
    notes = (*raw.notes, f"vocabulary of {len(vocabulary):,} {task.tokens}", *cut)
    split = say_members(rule, members, seed, True, len(raw.own_parts))
    nought, one = np.zeros(1, np.float32), np.ones(1, np.float32)
    scaling = Scaling(nought, one, nought, one)
    loaded = Loaded(parts, scaling, (task.tokens,), ("class",), split, notes, classes, vocabulary=vocabulary)
    return finish(card, loaded)


def _pieces(
    x: Values, lengths: Whole, y: Values, members: Members, task: ClassifyTask | RegressTask
) -> tuple[Part, Part, Part, tuple[str, ...]]:
    """The three parts; long sequences cut into pieces after the split, so that a sequence's pieces stay together."""
    parts, dropped = [], 0
    for rows in (members.train, members.validation, members.test):
        if task.window_steps is None:
            parts.append(Part(x[rows], lengths[rows], y[rows], rows))
            continue
        pieces = cut((Span(row, range(lengths[row])) for row in rows), 0, task.window_steps, task.window_stride)
        dropped += pieces.dropped
        parts.append(Part(take(x, pieces), pieces.lengths, y[pieces.sequence], pieces.sequence))
    notes = (f"{dropped:,} steps at the ends fill no piece and are left out",) if dropped else ()
    return parts[0], parts[1], parts[2], notes


@lru_cache(maxsize=6)  # the divisions of a rolling split follow each other in every trial; more would hold memory
def _cached(card_json: str) -> SequenceData:
    return load_dataset(DatasetCard.model_validate_json(card_json))


def cached_dataset(card: DatasetCard) -> SequenceData:
    """As `load_dataset`, but the same card gives the same (read-only) arrays again within a process.

    Args:
        card: The dataset's card.

    Raises:
        DataError: Data is missing, has changed, or is not what the card says.
    """
    return _cached(card.model_dump_json())


def _select(raw: Sequences, features: tuple[str, ...]) -> Sequences:
    """The channels that the card asks for; all where it asks for none."""
    for name in features:
        if name not in raw.channels:
            raise DataError(f"{raw.where}: has no channel {name!r} ([task] features). {nearest(name, raw.channels)}")
    if not features or features == raw.channels:
        return raw
    x = raw.x[:, :, [raw.channels.index(name) for name in features]]
    return replace(raw, x=x, channels=features)


def _fill_sequences(raw: Sequences, missing: str) -> tuple[Floats, tuple[str, ...]]:
    """Inputs without gaps, each filled within its own sequence, and what there is to say about it."""
    if missing == "error":
        refuse_missing(raw.x, raw.place)
    gaps = np.isnan(raw.x)
    if not gaps.any():
        return raw.x, ()
    if missing == "mask":
        return raw.x, (f"{int(gaps.sum()):,} missing values told by channels of their own",)
    x, holed = raw.x.copy(), gaps.any(axis=(1, 2))
    padding = np.arange(x.shape[1]) >= raw.lengths[holed][:, None]
    filled = fill_gaps(np.where(padding[:, :, None], np.float32(np.nan), x[holed]))
    x[holed] = np.where(padding[:, :, None], np.float32(0), filled)
    if (left := np.isnan(x)).any():
        sequence, _, channel = np.argwhere(left)[0]
        raise DataError(
            f"{raw.where}: {raw.name_of(int(sequence))}, channel {raw.channels[channel]!r}: every value is "
            "missing: expected one at least to interpolate from"
        )
    return x, (f"{int(gaps.sum()):,} missing values interpolated, each within its sequence",)


def _say_constant(values: Floats, channels: tuple[str, ...]) -> tuple[str, ...]:
    flat = constant_channels(values, channels)
    return (f"constant in the training part: {', '.join(flat)}",) if flat else ()
