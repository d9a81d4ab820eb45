"""From a dataset's config to its arrays: read, split, fill, fit the scaling, cut into windows, seal.

A window lies in one series and in one part; statistics are those of all series' training parts together.

The only module that knows the order. What is fitted is fitted on the training part, after the split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from harness.config.dataset import DatasetConfig
from harness.config.sources import FileSource, GeneratorSource, KerasSource, LoaderSource, TextSource
from harness.config.tasks import ClassifyTask, ForecastTask, LabelTask, NextTokenTask, RegressTask
from harness.data.dataset import Part, SequenceData, Sequences, Series, Values, Whole
from harness.data.encoding import (
    constant_channels,
    fill_gaps,
    fit_vocabulary,
    number_answers,
    number_classes,
    real_steps,
    refuse_missing,
    to_numbers,
    tokenize,
)
from harness.data.finalize import Loaded, finish, say_blocks, say_members
from harness.data.readers.registry import read_loaded_series, read_sequences
from harness.data.readers.series import read_series
from harness.data.readers.texts import WRITTEN, read_texts
from harness.data.scaling import Floats, Scaling, fit_inputs, fit_outputs
from harness.data.splits import Blocks, Members, rule_of, sequence_parts, time_blocks
from harness.data.stepwise import load_labels, load_tokens
from harness.data.windows import Span, cut, cut_windows, take
from harness.errors import DataError, nearest

_PARTS = ("train", "validation", "test")


def load_forecast(config: DatasetConfig, task: ForecastTask) -> SequenceData:
    """A forecast's dataset.

    Args:
        config: The dataset's config.
        task: Its task.

    Raises:
        DataError: Data is missing, has changed, or is not what the config says.
    """
    panel = _read(config, task)
    first = panel[0]
    blocks = [_blocks(config, task, series) for series in panel]
    inputs = _rows_of_train(panel, blocks, first.features)
    outputs = _rows_of_train(panel, blocks, task.target)
    for names, values in ((first.features, inputs), (task.target, outputs)):
        _refuse_empty(values, names, first.where)
    parts, notes = _cut(panel, task, blocks, masked=config.missing == "mask")
    held = [place for place, name in enumerate(first.features) if name in (*first.calendar, *first.known)]
    scaling = fit_inputs(inputs, config.encoding.scaling, held, fills_gaps=config.missing == "mask")
    places = _target_places(config, task, first)
    scaling = fit_outputs(scaling, outputs if scaling.kind != "difference" else parts[0].y, parts[0].x, places)
    flat = constant_channels(inputs, first.features)
    phrase = (f"constant in the training part: {', '.join(flat)}",) if flat else ()
    return finish(
        config,
        Loaded(
            parts,
            scaling,
            first.features,
            task.target,
            split=_say_split(config, panel, blocks),
            notes=(*first.notes, *notes, *phrase),
            known=first.known,
        ),
    )


def _read(config: DatasetConfig, task: ForecastTask) -> tuple[Series, ...]:
    if isinstance(config.source, LoaderSource):
        panel = read_loaded_series(config.source, task, config.encoding.calendar)
    else:
        assert isinstance(config.source, FileSource)  # the only other source that a config allows for a forecast
        panel = read_series(config.source, task, config.encoding.calendar)
    if config.missing == "error":
        for series in panel:
            refuse_missing(series.values, series.place)
    return panel


def _blocks(config: DatasetConfig, task: ForecastTask, series: Series) -> Blocks:
    return time_blocks(len(series.values), config.split, task.lookback_steps + task.horizon_steps, series.where)


def _rows_of_train(panel: Sequence[Series], blocks: Sequence[Blocks], names: tuple[str, ...]) -> Floats:
    """All series' training rows; an empty one between two series, so that no change leads from one to the other."""
    gap = np.full((1, len(names)), np.nan, np.float32)
    pieces = []
    for series, parts in zip(panel, blocks, strict=True):
        pieces += [series.pick(names)[parts.train.start : parts.train.stop], gap]
    return np.concatenate(pieces[:-1])


def _cut(
    panel: Sequence[Series], task: ForecastTask, blocks: Sequence[Blocks], *, masked: bool
) -> tuple[list[Part], tuple[str, ...]]:
    parts, notes = [], []
    if gaps := sum(int(np.isnan(series.values).sum()) for series in panel):
        what = "told by channels of their own" if masked else "interpolated, each within its window or block"
        notes.append(f"{gaps:,} missing values {what}")
    for name in _PARTS:
        cuts = [
            cut_windows(series, task, getattr(of, name), masked=masked)
            for series, of in zip(panel, blocks, strict=True)
        ]
        for series, windows in zip(panel, cuts, strict=True):
            if not len(windows.part) or np.isnan(windows.part.y).any():
                raise DataError(f"{series.where}: the {name} part has too few values to interpolate from")
        if dropped := sum(windows.dropped for windows in cuts):
            why = "a target is missing" if masked else "a channel has no value in the lookback"
            notes.append(f"{dropped:,} windows of the {name} part left out: {why}")
        parts.append(_together([windows.part for windows in cuts]))
    return parts, tuple(notes)


def _together(parts: Sequence[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    futures = [part.future for part in parts if part.future is not None]
    return Part(
        np.concatenate([part.x for part in parts]),
        np.concatenate([part.lengths for part in parts]),
        np.concatenate([part.y for part in parts]),
        np.concatenate([part.rows for part in parts]),
        np.concatenate(futures) if futures else None,
    )


def _target_places(config: DatasetConfig, task: ForecastTask, series: Series) -> tuple[int, ...]:
    if config.encoding.scaling != "difference":
        return ()
    if missing := [name for name in task.target if name not in series.features]:
        raise DataError(
            f'{config.name}: [encoding] scaling = "difference": expected {missing[0]} among the features: '
            "a forecast is a change from its last value"
        )
    return tuple(series.features.index(name) for name in task.target)


def _refuse_empty(values: Floats, names: tuple[str, ...], where: str) -> None:
    for number, name in enumerate(names):
        if np.isnan(values[:, number]).all():
            raise DataError(f"{where}: column {name!r} has no value in the training part")


def _say_split(config: DatasetConfig, panel: Sequence[Series], blocks: Sequence[Blocks]) -> str:
    if len(panel) == 1:
        return say_blocks(blocks[0], panel[0].first_row, config.split)
    gap = f", {config.split.gap_steps:,} rows left out between them" if config.split.gap_steps else ""
    return (
        f"by time within each of {len(panel):,} series: the last {config.split.test:.0%} for test, "
        f"{config.split.validation:.0%} before them for validation{gap}; no window crosses from one to another"
    )


def load_dataset(config: DatasetConfig) -> SequenceData:
    """A dataset's arrays, which depend on nothing but the config and the files it names.

    Args:
        config: The dataset's config.

    Raises:
        DataError: Data is missing, has changed, or is not what the config says.
    """
    rule = rule_of(config)
    if isinstance(config.task, ForecastTask):
        return load_forecast(config, config.task)
    if isinstance(config.task, LabelTask):
        return load_labels(config, config.task)
    if isinstance(config.task, NextTokenTask):
        return load_tokens(config, config.task)
    if isinstance(config.task, ClassifyTask) and is_text(config):
        return _load_texts(config, config.task)
    raw = _select(read_sequences(config, config.task), config.task.features)
    classes: tuple[str, ...] = ()
    codes: Whole | None = None
    if isinstance(config.task, ClassifyTask):
        classes, codes = number_classes(raw)
    y = number_answers(raw) if codes is None else codes
    members = sequence_parts(rule, config.split, codes, classes, len(raw.x), raw.own_parts, raw.where, raw.groups)
    x, filled = _fill_sequences(raw, config.missing)
    train, validation, test, cut = _pieces(x, raw.lengths, y, members, config.task)
    real = real_steps(train.x, train.lengths)
    scaling = fit_inputs(real, config.encoding.scaling, fills_gaps=config.missing == "mask")
    if not classes:
        scaling = fit_outputs(scaling, np.asarray(train.y, np.float32), train.x)
    target = config.task.target or ("class" if classes else "y")
    notes = (*raw.notes, *filled, *cut, *_say_constant(real, raw.channels))
    split = say_members(rule, members, config.split.seed, bool(classes), len(raw.own_parts))
    return finish(config, Loaded((train, validation, test), scaling, raw.channels, (target,), split, notes, classes))


def is_text(config: DatasetConfig) -> bool:
    """Whether a config's sequences are texts, whose tokens are numbered by a vocabulary."""
    match config.source:
        case TextSource():
            return True
        case KerasSource(dataset=dataset):
            return dataset != "mnist"
        case GeneratorSource(generator=generator):
            return generator in WRITTEN
        case _:
            return False


def _load_texts(config: DatasetConfig, task: ClassifyTask) -> SequenceData:
    """Texts of classes: the vocabulary is fitted after the split, on the training part."""
    raw = read_texts(config, labelled=True)
    classes, codes = number_classes(raw)
    tokens = [tokenize(text, task.tokens) for text in raw.texts]
    lengths = np.array([len(text) for text in tokens], np.int32)
    if not lengths.all():
        raise DataError(
            f"{raw.where}: {raw.name_of(int(lengths.argmin()))}: expected at least one of the {task.tokens}"
        )
    rule, seed = rule_of(config), config.split.seed
    members = sequence_parts(rule, config.split, codes, classes, len(tokens), raw.own_parts, raw.where, raw.groups)
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
    return finish(config, loaded)


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
def _cached(config_json: str) -> SequenceData:
    return load_dataset(DatasetConfig.model_validate_json(config_json))


def cached_dataset(config: DatasetConfig) -> SequenceData:
    """As `load_dataset`, but the same config gives the same (read-only) arrays again within a process.

    Args:
        config: The dataset's config.

    Raises:
        DataError: Data is missing, has changed, or is not what the config says.
    """
    return _cached(config.model_dump_json())


def _select(raw: Sequences, features: tuple[str, ...]) -> Sequences:
    """The channels that the config asks for; all where it asks for none."""
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
