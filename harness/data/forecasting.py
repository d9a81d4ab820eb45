"""Forecasts: one series or a panel of several, divided by time and cut into windows.

A window lies in one series and in one part; statistics are those of all series' training parts together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.cards.schema import DatasetCard, FileSource, ForecastTask, LoaderSource
from harness.data.arrays import Floats, Part, SequenceData
from harness.data.encoding import constant_channels, refuse_missing
from harness.data.facts import say_blocks
from harness.data.finishing import Loaded, finish
from harness.data.raw import Series
from harness.data.scaling import fit_inputs, fit_outputs
from harness.data.sources.loader import read_loaded_series
from harness.data.sources.series import read_series
from harness.data.splits import Blocks, time_blocks
from harness.data.windows import cut_windows
from harness.errors import DataError

_PARTS = ("train", "validation", "test")


def load_forecast(card: DatasetCard, task: ForecastTask) -> SequenceData:
    """A forecast's dataset.

    Args:
        card: The dataset's card.
        task: Its task.

    Raises:
        DataError: Data is missing, has changed, or is not what the card says.
    """
    panel = _read(card, task)
    first = panel[0]
    blocks = [_blocks(card, task, series) for series in panel]
    inputs = _rows_of_train(panel, blocks, first.features)
    outputs = _rows_of_train(panel, blocks, task.target)
    for names, values in ((first.features, inputs), (task.target, outputs)):
        _refuse_empty(values, names, first.where)
    parts, notes = _cut(panel, task, blocks, masked=card.missing == "mask")
    held = [place for place, name in enumerate(first.features) if name in (*first.calendar, *first.known)]
    scaling = fit_inputs(inputs, card.encoding.scaling, held, fills_gaps=card.missing == "mask")
    places = _target_places(card, task, first)
    scaling = fit_outputs(scaling, outputs if scaling.kind != "difference" else parts[0].y, parts[0].x, places)
    flat = constant_channels(inputs, first.features)
    said = (f"constant in the training part: {', '.join(flat)}",) if flat else ()
    return finish(
        card,
        Loaded(
            parts,
            scaling,
            first.features,
            task.target,
            split=_say_split(card, panel, blocks),
            notes=(*first.notes, *notes, *said),
            known=first.known,
        ),
    )


def _read(card: DatasetCard, task: ForecastTask) -> tuple[Series, ...]:
    if isinstance(card.source, LoaderSource):
        panel = read_loaded_series(card.source, task, card.encoding.calendar)
    else:
        assert isinstance(card.source, FileSource)  # the only other source that a card allows for a forecast
        panel = read_series(card.source, task, card.encoding.calendar)
    if card.missing == "error":
        for series in panel:
            refuse_missing(series.values, series.place)
    return panel


def _blocks(card: DatasetCard, task: ForecastTask, series: Series) -> Blocks:
    return time_blocks(len(series.values), card.split, task.lookback_steps + task.horizon_steps, series.where)


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


def _target_places(card: DatasetCard, task: ForecastTask, series: Series) -> tuple[int, ...]:
    if card.encoding.scaling != "difference":
        return ()
    if missing := [name for name in task.target if name not in series.features]:
        raise DataError(
            f'{card.name}: [encoding] scaling = "difference": expected {missing[0]} among the features: '
            "a forecast is a change from its last value"
        )
    return tuple(series.features.index(name) for name in task.target)


def _refuse_empty(values: Floats, names: tuple[str, ...], where: str) -> None:
    for number, name in enumerate(names):
        if np.isnan(values[:, number]).all():
            raise DataError(f"{where}: column {name!r} has no value in the training part")


def _say_split(card: DatasetCard, panel: Sequence[Series], blocks: Sequence[Blocks]) -> str:
    if len(panel) == 1:
        return say_blocks(blocks[0], panel[0].first_row, card.split)
    gap = f", {card.split.gap_steps:,} rows left out between them" if card.split.gap_steps else ""
    return (
        f"by time within each of {len(panel):,} series: the last {card.split.test:.0%} for test, "
        f"{card.split.validation:.0%} before them for validation{gap}; no window crosses from one to another"
    )
