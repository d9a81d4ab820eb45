"""From a dataset's config to its arrays: read, split, fill, fit the scaling, cut into windows, seal.

A window lies in one series and in one part; statistics are those of all series' training parts together.

The only module that knows the order. What is fitted is fitted on the training part, after the split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from harness.config.dataset import DatasetConfig, reads_tokens
from harness.config.sources import LoaderSource, TableSource
from harness.config.tasks import ClassifyTask, ForecastTask, LabelTask, NextTokenTask, RegressTask
from harness.data.channels import odd_channels, say_constant
from harness.data.dataset import PARTS, Indices, Part, SequenceData, Sequences, Series, Values, Whole
from harness.data.downloads import require_downloads
from harness.data.encoding import (
    category_places,
    fill_gaps,
    fit_vocabulary,
    keep_flags,
    number_answers,
    number_classes,
    refuse_missing,
    say_size,
    say_unseen,
    to_numbers,
    unseen_categories,
)
from harness.data.finalize import finish, say_blocks, say_dropped, say_members, say_shares
from harness.data.readers.registry import read_loaded_series, read_sequences
from harness.data.readers.series import read_series
from harness.data.readers.tokens import read_tokens
from harness.data.scaling import NO_SCALING, Floats, fit_inputs, fit_outputs, narrow
from harness.data.splits import Blocks, Members, rule_of, sequence_parts, time_blocks
from harness.data.stepwise import load_labels, load_tokens, with_seen_categories
from harness.data.windows import ACROSS, EMPTY, UNMEASURED, Span, cut, cut_windows, seasons_apart, take, without_gaps
from harness.errors import DataError
from harness.metrics import at_real_steps
from harness.text import counted


def load_forecast(config: DatasetConfig, task: ForecastTask) -> SequenceData:
    """A forecast's dataset.

    Args:
        config: The dataset's config.
        task: Its task.

    Raises:
        DataError: Data is missing, has changed, or is not what the config says.
    """
    panel, short = read_panel(config, task)
    panel = tuple(replace(series, values=narrow(series.values)) for series in panel)
    if config.missing == "error":
        for series in panel:
            refuse_missing(series.values, series.place)
    first, masked = panel[0], config.missing == "mask"
    window = task.lookback_steps + task.horizon_steps
    blocks = [time_blocks(len(series.values), config.split, window, series.where) for series in panel]
    panel, unseen = _with_seen_categories(panel, blocks, task.categorical)
    first = panel[0]
    inputs = _rows_of_train(panel, blocks, first.features)
    outputs = _rows_of_train(panel, blocks, task.target)
    for names, values in ((first.features, inputs), (task.target, outputs)):
        for number, name in enumerate(names):
            if np.isnan(values[:, number]).all():
                raise DataError(f"{first.where}: column {name!r} has no value in the training part")
    parts, notes = _cut(panel, task, blocks, masked=masked)
    held = [place for place, name in enumerate(first.features) if name in (*first.calendar, *first.known)]
    held += category_places(first.features, task.categorical)
    scaling = fit_inputs(inputs, config.encoding.scaling, held, fills_gaps=masked)
    scaling = keep_flags(scaling, first.features, task.categorical)
    places = _target_places(config, task, first)
    scaling = fit_outputs(scaling, outputs if scaling.kind != "difference" else parts[0].y, parts[0].x, places)
    split = say_blocks(blocks[0], first.first_row, config.split)
    if len(panel) > 1:
        split = say_shares(config.split, f" within each of {len(panel):,} series", "rows", "window")
    found = finish(
        config,
        parts,
        scaling,
        channels=first.features,
        targets=task.target,
        split=split,
        notes=(
            *(*first.notes, *short, *notes, *say_unseen(unseen)),
            *(*say_constant(inputs, first.features), *odd_channels(inputs, first.features)),
        ),
        known=first.known,
        calendar=first.calendar,
        time_format=first.time_format,
    )
    return found if task.id is None else replace(found, series=tuple(str(series.name) for series in panel))


def read_panel(config: DatasetConfig, task: ForecastTask) -> tuple[tuple[Series, ...], tuple[str, ...]]:
    """The series that windows are cut from, in the order of `Part.series`, and a note of those that are too short.

    Args:
        config: The dataset's config.
        task: Its task.

    Raises:
        DataError: Data is missing, or is not what the config says.
    """
    if isinstance(config.source, LoaderSource):
        panel = read_loaded_series(config.source, task, config.encoding.calendar, config.encoding.time_zone)
    else:
        assert isinstance(config.source, TableSource)  # the only other source that a config allows for a forecast
        panel = read_series(config.source, task, config.encoding.calendar, config.encoding.time_zone)
    return _long_enough(panel, task, config)


MOST_NAMED = 5
"""Series that a note names."""


def _long_enough(
    panel: tuple[Series, ...], task: ForecastTask, config: DatasetConfig
) -> tuple[tuple[Series, ...], tuple[str, ...]]:
    """The series of a panel that have a window in every part, all of them where none has, and a note of the others."""
    window, kept, short = task.lookback_steps + task.horizon_steps, list[Series](), list[Series]()
    for series in panel:
        try:
            time_blocks(len(series.values), config.split, window, series.where)
        except DataError:
            short.append(series)
        else:
            kept.append(series)
    if not kept or not short:
        return panel, ()
    named = [f"{one.where.rpartition(': ')[2]} ({counted(len(one.values), 'row')})" for one in short[:MOST_NAMED]]
    more = ", …" if len(short) > MOST_NAMED else ""
    note = f"{len(short):,} of {len(panel):,} series left out, too short for a window in each part: {', '.join(named)}"
    return (replace(kept[0], notes=panel[0].notes), *kept[1:]), (note + more,)


def _with_seen_categories(
    panel: tuple[Series, ...], blocks: Sequence[Blocks], columns: tuple[str, ...]
) -> tuple[tuple[Series, ...], tuple[str, ...]]:
    """The panel without the channels of categories that are not in the training part, and these."""
    if not columns:
        return panel, ()
    unseen = unseen_categories(_rows_of_train(panel, blocks, panel[0].features), panel[0].features, columns)
    features, known = (
        tuple(name for name in names if name not in unseen) for names in (panel[0].features, panel[0].known)
    )
    return tuple(replace(series, features=features, known=known) for series in panel), unseen


def _rows_of_train(panel: Sequence[Series], blocks: Sequence[Blocks], names: tuple[str, ...]) -> Floats:
    """All series' training rows; an empty one between two series, so that no change leads from one to the other."""
    gap = np.full((1, len(names)), np.nan, np.float32)
    pieces = []
    for series, parts in zip(panel, blocks, strict=True):
        pieces += [series.pick(names, slice(parts.train.start, parts.train.stop)), gap]
    return np.concatenate(pieces[:-1])


_MEASURED = "measured values there ([split] says which rows they are, [task] last_rows leaves out an end without any)"
_WAYS_OUT = {
    UNMEASURED: _MEASURED,
    EMPTY: _MEASURED,
    ACROSS: "[task] max_gap_steps, the longest gap that a window may span, or a smaller lookback_steps",
}
"""Why windows are left out → what to do about it."""


def _cut(
    panel: Sequence[Series], task: ForecastTask, blocks: Sequence[Blocks], *, masked: bool
) -> tuple[list[Part], tuple[str, ...]]:
    parts, notes = [], []
    if gaps := sum(int(np.isnan(series.pick(series.features)).sum()) for series in panel):
        what = "told by channels of their own" if masked else "interpolated, each within its lookback"
        notes.append(f"{gaps:,} missing inputs {what}")
    for season in seasons_apart(task, blocks):
        notes.append(
            f"warning: with window_stride = {task.window_stride} no training window begins at the places of the season "
            f'of {season} steps that those of another part begin at: expected [task] window_grid = "series"'
        )
    window = task.lookback_steps + task.horizon_steps
    for number, name in enumerate(PARTS):
        pieces, dropped = [], Counter[str]()
        for place, (series, of) in enumerate(zip(panel, blocks, strict=True)):
            part, left_out = cut_windows(series, task, of[number], masked=masked)
            part, across = without_gaps(part, series, window)
            part = replace(part, series=np.full(len(part), place)) if len(panel) > 1 else part
            pieces += [part] if len(part) else []
            dropped.update({**left_out, ACROSS: across})
        why = {reason: count for reason, count in dropped.items() if count}
        if not pieces and not why:
            raise DataError(
                f'{panel[0].where}: no window of the {name} part begins on the grid of [task] window_grid = "series": '
                f'expected a window_stride less than {task.window_stride}, or window_grid = "part"'
            )
        if not pieces:
            reasons = "; ".join(f"of {count:,} {reason}" for reason, count in why.items())
            ways = "; ".join(_WAYS_OUT[reason] for reason in why)
            raise DataError(f"{panel[0].where}: no window of the {name} part is left: {reasons}: expected {ways}")
        notes += [f"{counted(count, 'window')} of the {name} part left out: {reason}" for reason, count in why.items()]
        parts.append(pieces[0] if len(pieces) == 1 else _together(pieces))
    return parts, tuple(notes)


def _together(parts: Sequence[Part]) -> Part:
    x, lengths, y, rows = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("x", "lengths", "y", "rows")
    )
    futures, series = (
        [getattr(part, name) for part in parts if getattr(part, name) is not None] for name in ("future", "series")
    )
    return Part(x, lengths, y, rows, *(np.concatenate(each) if each else None for each in (futures, series)))


def _target_places(config: DatasetConfig, task: ForecastTask, series: Series) -> tuple[int, ...]:
    if config.encoding.scaling != "difference":
        return ()
    if missing := [name for name in task.target if name not in series.features]:
        raise DataError(
            f'{config.name}: [encoding] scaling = "difference": expected {missing[0]} among the features: '
            "a forecast is a change from its last value"
        )
    return tuple(series.features.index(name) for name in task.target)


def load_dataset(config: DatasetConfig) -> SequenceData:
    """A dataset's arrays, which depend on nothing but the config and the files it names.

    Args:
        config: The dataset's config.

    Raises:
        DataError: Data is missing, has changed, or is not what the config says.
    """
    require_downloads(config)
    rule = rule_of(config)
    if isinstance(config.task, ForecastTask):
        return load_forecast(config, config.task)
    if isinstance(config.task, LabelTask):
        return load_labels(config, config.task)
    if isinstance(config.task, NextTokenTask):
        return load_tokens(config, config.task)
    if reads_tokens(config):
        return _load_token_sequences(config, config.task)
    raw = read_sequences(config, config.task)
    raw, places, unanswered = _answered(raw, config.missing)
    raw = replace(raw, x=narrow(raw.x, raw.lengths))
    classes: tuple[str, ...] = ()
    codes: Whole | None = None
    if isinstance(config.task, ClassifyTask):
        classes, codes = number_classes(raw)
        y: Values = codes
    else:
        y = number_answers(raw)
        bits = np.result_type(raw.x, y)
        raw, y = replace(raw, x=raw.x.astype(bits, copy=False)), y.astype(bits, copy=False)
    members = sequence_parts(rule, config.split, codes, classes, len(raw.x), raw.own_parts, raw.where, raw.groups)
    raw, unseen = with_seen_categories(raw, [Span(row, range(raw.lengths[row])) for row in members.train], config.task)
    x, filled = _fill_sequences(raw, config.missing)
    parts, cut = _pieces(x, raw.lengths, y, members, config.task)
    parts = [replace(part, rows=places[part.rows]) for part in parts]
    train = parts[0]
    real = at_real_steps(train.x, train.lengths)
    held = category_places(raw.channels, config.task.categorical)
    scaling = fit_inputs(real, config.encoding.scaling, held, fills_gaps=config.missing == "mask")
    scaling = keep_flags(scaling, raw.channels, config.task.categorical)
    if not classes:
        scaling = fit_outputs(scaling, train.y, train.x)
    return finish(
        config,
        parts,
        scaling,
        channels=raw.channels,
        targets=(config.task.target or ("class" if classes else "y"),),
        split=say_members(rule, members, config.split.seed, bool(classes), len(raw.own_parts)),
        notes=(
            *(*raw.notes, *unanswered, *filled, *cut, *say_unseen(unseen)),
            *(*say_constant(real, raw.channels), *odd_channels(real, raw.channels)),
        ),
        classes=classes,
        time_format=raw.time_format,
    )


def _load_token_sequences(config: DatasetConfig, task: ClassifyTask | RegressTask) -> SequenceData:
    """Sequences of tokens with an answer each: the vocabulary is fitted after the split, on the training part."""
    raw = read_tokens(config, task)
    classes, codes = number_classes(raw) if isinstance(task, ClassifyTask) else ((), None)
    rule, count = rule_of(config), len(raw.tokens)
    members = sequence_parts(rule, config.split, codes, classes, count, raw.own_parts, raw.where, raw.groups)
    vocabulary = fit_vocabulary((raw.tokens[row] for row in members.train), task.vocabulary_size, task.least_count)
    y = number_answers(raw) if codes is None else codes
    parts, cut = _pieces(*to_numbers(raw.tokens, vocabulary), y, members, task)
    scaling = NO_SCALING
    if codes is None:
        scaling = fit_outputs(replace(NO_SCALING, kind=config.encoding.scaling), parts[0].y, parts[0].x)
    return finish(
        config,
        parts,
        scaling,
        channels=(raw.channel,),
        targets=(task.target or ("class" if classes else "y"),),
        split=say_members(rule, members, config.split.seed, bool(classes), len(raw.own_parts)),
        notes=(*raw.notes, say_size(vocabulary, raw.channel), *cut),
        time_format=raw.time_format,
        classes=classes,
        vocabulary=vocabulary,
    )


def _pieces(
    x: Values, lengths: Whole, y: Values, members: Members, task: ClassifyTask | RegressTask
) -> tuple[list[Part], tuple[str, ...]]:
    """The three parts; long sequences cut into pieces after the split, so that a sequence's pieces stay together."""
    if task.window_steps is None:
        return [Part(x[rows], lengths[rows], y[rows], rows) for rows in members], ()
    pieces = [
        cut((Span(row, range(lengths[row])) for row in rows), 0, task.window_steps, task.window_stride)
        for rows in members
    ]
    parts = [Part(take(x, some), some.lengths, y[some.sequence], some.sequence) for some in pieces]
    return parts, say_dropped(pieces)


def cached_dataset(config: DatasetConfig) -> SequenceData:
    """As `load_dataset`, but the same config gives the same (read-only) arrays again within a process.

    Args:
        config: The dataset's config.

    Raises:
        DataError: Data is missing, has changed, or is not what the config says.
    """
    return _cached(config.model_dump_json())


@lru_cache(maxsize=6)  # the divisions of a rolling split follow each other in every trial; more would hold memory
def _cached(config_json: str) -> SequenceData:
    return load_dataset(DatasetConfig.model_validate_json(config_json))


def _answered(raw: Sequences, missing: str) -> tuple[Sequences, Indices, tuple[str, ...]]:
    """The sequences that have an answer, their places among all, and what there is to say of the others.

    Where the config lets no value be missing, the others stay, and whoever reads the answers refuses them.
    """
    places = np.arange(len(raw.x))
    unknown = np.array([answer is None or answer != answer for answer in raw.y.tolist()], np.bool_)
    if missing == "error" or not unknown.any():
        return raw, places, ()
    if unknown.all():
        raise DataError(f"{raw.where}: no sequence has an answer: expected one at least for each part")
    places = places[~unknown]
    ends = np.searchsorted(places, np.cumsum([0, *raw.own_parts]))
    kept = replace(
        raw,
        x=raw.x[places],
        lengths=raw.lengths[places],
        y=raw.y[places],
        name_of=lambda at: raw.name_of(int(places[at])),
        own_parts=tuple(np.diff(ends).tolist()),
        groups=None if raw.groups is None else raw.groups[places],
    )
    return kept, places, (f"{counted(int(unknown.sum()), 'sequence')} without an answer left out",)


def _fill_sequences(raw: Sequences, missing: str) -> tuple[Floats, tuple[str, ...]]:
    """Inputs without gaps, each filled within its own sequence, and what there is to say about it."""
    if missing == "error":
        refuse_missing(raw.x, raw.place)
    gaps = int(np.isnan(raw.x).sum())
    if not gaps:
        return raw.x, ()
    if missing == "mask":
        return raw.x, (f"{gaps:,} missing values told by channels of their own",)
    filled = fill_gaps(
        raw.x,
        raw.lengths,
        lambda at: (
            f"{raw.where}: {raw.name_of(at[0])}, channel {raw.channels[at[2]]!r}: every value is missing: expected one "
            "at least to interpolate from"
        ),
    )
    return filled, (f"{gaps:,} missing values interpolated, each within its sequence",)
