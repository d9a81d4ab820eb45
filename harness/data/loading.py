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
    FileSource,
    ForecastTask,
    LabelTask,
    LoaderSource,
    NextTokenTask,
)
from harness.data.arrays import Floats, Part, Scaling, SequenceData, Whole
from harness.data.encoding import (
    constant_channels,
    fill_gaps,
    fit_scaling,
    number_answers,
    number_classes,
    real_steps,
    refuse_missing,
)
from harness.data.facts import say_blocks, say_members
from harness.data.finishing import Loaded, finish
from harness.data.raw import Sequences, Series
from harness.data.sources.loader import read_loaded_series
from harness.data.sources.sequences import read_sequences
from harness.data.sources.series import read_series
from harness.data.splits import Blocks, rule_of, sequence_parts, time_blocks
from harness.data.stepwise import load_labels, load_tokens
from harness.data.windows import cut_windows
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
        return _load_forecast(card, card.task)
    if isinstance(card.task, LabelTask):
        return load_labels(card, card.task)
    if isinstance(card.task, NextTokenTask):
        return load_tokens(card, card.task)
    raw = _select(read_sequences(card, card.task), card.task.features)
    classes: tuple[str, ...] = ()
    codes: Whole | None = None
    if isinstance(card.task, ClassifyTask):
        classes, codes = number_classes(raw)
    y = number_answers(raw) if codes is None else codes
    members = sequence_parts(rule, card.split, codes, classes, len(raw.x), raw.own_parts, raw.where, raw.groups)
    x, filled = _fill_sequences(raw, card.missing)
    parts = [
        Part(x[rows], raw.lengths[rows], y[rows], rows) for rows in (members.train, members.validation, members.test)
    ]
    real = real_steps(parts[0].x, parts[0].lengths)
    scaling = Scaling(*fit_scaling(real), *_output_scaling(parts[0].y, classes))
    target = card.task.target or ("class" if classes else "y")
    notes = (*raw.notes, *filled, *_say_constant(real, raw.channels))
    split = say_members(rule, members, card.split.seed, bool(classes), len(raw.own_parts))
    return finish(card, Loaded(parts, scaling, raw.channels, (target,), split, notes, classes))


@lru_cache(maxsize=2)  # a worker trains on one dataset after another; more would only hold memory
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


def _load_forecast(card: DatasetCard, task: ForecastTask) -> SequenceData:
    if isinstance(card.source, LoaderSource):
        series = read_loaded_series(card.source, task)
    else:
        assert isinstance(card.source, FileSource)  # the only other source that a card allows for a forecast
        series = read_series(card.source, task)
    if card.missing == "error":
        refuse_missing(series.values, series.place)
    blocks = time_blocks(len(series.values), card.split, task.lookback_steps + task.horizon_steps, series.where)
    train = slice(blocks.train.start, blocks.train.stop)
    inputs, outputs = series.pick(series.features)[train], series.pick(task.target)[train]
    for names, values in ((series.features, inputs), (task.target, outputs)):
        _refuse_empty(values, names, series.where)
    parts, notes = _cut(series, task, blocks)
    scaling = Scaling(*fit_scaling(inputs), *fit_scaling(outputs))
    notes = (*series.notes, *notes, *_say_constant(inputs, series.features))
    split = say_blocks(blocks, series.first_row, card.split)
    return finish(card, Loaded(parts, scaling, series.features, task.target, split, notes))


def _cut(series: Series, task: ForecastTask, blocks: Blocks) -> tuple[list[Part], tuple[str, ...]]:
    parts, notes = [], []
    if gaps := int(np.isnan(series.values).sum()):
        notes.append(f"{gaps:,} missing values interpolated, each within its window or block")
    for name, block in (("train", blocks.train), ("validation", blocks.validation), ("test", blocks.test)):
        cut = cut_windows(series, task, block)
        if not len(cut.part) or np.isnan(cut.part.y).any():
            raise DataError(f"{series.where}: the {name} part has too few values to interpolate from")
        if cut.dropped:
            notes.append(f"{cut.dropped:,} windows of the {name} part left out: a channel has no value in the lookback")
        parts.append(cut.part)
    return parts, tuple(notes)


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


def _output_scaling(y: Floats | Whole, classes: tuple[str, ...]) -> tuple[Floats, Floats]:
    if classes:
        return np.zeros(1, np.float32), np.ones(1, np.float32)
    return fit_scaling(y.astype(np.float32, copy=False))


def _refuse_empty(values: Floats, names: tuple[str, ...], where: str) -> None:
    for number, name in enumerate(names):
        if np.isnan(values[:, number]).all():
            raise DataError(f"{where}: column {name!r} has no value in the training part")


def _say_constant(values: Floats, channels: tuple[str, ...]) -> tuple[str, ...]:
    flat = constant_channels(values, channels)
    return (f"constant in the training part: {', '.join(flat)}",) if flat else ()
