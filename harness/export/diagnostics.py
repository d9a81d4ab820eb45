"""Predictions and truth → the numbers that pictures of a champion are made of: functions of arrays, and of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.data.dataset import Values, Whole
from harness.data.scaling import Floats
from harness.errors import UsageError
from harness.export.artifact import Description
from harness.export.inputs.batches import read_input
from harness.export.inputs.truth import with_answers
from harness.export.intervals import moved
from harness.metrics import at_real_steps
from harness.records import Answer, Intervals, TaskKind
from harness.records.diagnostics import (
    OTHERS,
    ClassDiagnostics,
    Diagnostics,
    ForecastDiagnostics,
    ForecastWindow,
    NumberDiagnostics,
)
from harness.text import counted, listed

if TYPE_CHECKING:
    from harness.export.predictor import Champion

LEVELS = ("80", "95")
"""Levels of the intervals that are drawn, in percent, where a champion holds them."""

BINS = 10
"""Equally wide bins of probability in a reliability diagram."""

MOST_CLASSES = 10
"""Classes of a confusion matrix; of more, the most frequent ones and all others as one."""

MOST_POINTS = 300
"""Points of a scatter plot: of more, evenly many over the order of their predictions, both ends among them."""

MOST_STEPS = 150
"""Steps of the lookback that are drawn, at most."""

MOST_SERIES = 3
"""Series of a panel whose forecasts are drawn."""

_DIGITS = 6

Wide = npt.NDArray[np.float64]


def diagnose(
    description: Description,
    x: Values,
    lengths: Whole,
    prediction: Floats,
    truth: Values,
    rows: str = "test part",
    first_rows: Sequence[int] | None = None,
) -> Diagnostics:
    """What a champion does on rows whose answers are known.

    Args:
        description: Of the champion.
        x: What it predicted from, in raw units (n, steps, channels), or tokens (n, steps).
        lengths: Real steps of each sequence (n,).
        prediction: What it said, as `Champion.predict` returns it.
        truth: The answers, as in a `Part`.
        rows: Which rows these are, in words.
        first_rows: First row of each forecast's lookback in the source; None where that is not known.
    """
    match description.answer:
        case Answer.NUMBERS if description.task is TaskKind.FORECAST:
            shown = _forecasts(description, x, prediction, truth, first_rows)
            return Diagnostics(description.name, rows, forecast=shown)
        case Answer.NUMBERS:
            return Diagnostics(description.name, rows, numbers=_numbers(description, prediction, truth))
        case answer:
            if per_step := description.task.per_step:
                prediction, truth = at_real_steps(prediction, lengths), at_real_steps(truth, lengths)
            names = () if answer is Answer.FLAGS else description.classes or description.vocabulary
            return Diagnostics(description.name, rows, classes=classes_against(prediction, truth, names, per_step))


def ahead(description: Description, x: Floats, prediction: Floats, names: Sequence[Any]) -> Diagnostics:
    """The forecasts of the first few series, beyond what is known.

    Args:
        description: Of a forecast's champion.
        x: The lookbacks (n, steps, channels), in raw units.
        prediction: The forecasts (n, horizon, targets).
        names: Name of each series.
    """
    count = min(len(x), MOST_SERIES)
    windows = [
        ForecastWindow(
            str(names[at]) if len(x) > 1 else "",
            _before(description, x, at),
            _plain(prediction[at, :, 0]),
            moved=_moved(description, x, at),
        )
        for at in range(count)
    ]
    shown = ForecastDiagnostics(
        description.targets[0],
        _unit(description),
        tuple(windows),
        _half_widths(description.intervals),
        cases=len(x),
        targets=len(description.targets),
    )
    return Diagnostics(description.name, "rows ahead", forecast=shown)


def _forecasts(
    description: Description,
    x: Floats,
    prediction: Floats,
    truth: Values,
    first_rows: Sequence[int] | None,
) -> ForecastDiagnostics:
    """Best, median and worst window, and the error by step, of the first target."""
    off = np.abs(prediction[..., 0].astype(np.float64) - truth[..., 0])
    by_window = off.mean(axis=1)
    order = np.argsort(by_window, kind="stable")
    chosen = {"best": order[0], "median": order[(len(order) - 1) // 2], "worst": order[-1]}
    steps = x.shape[1]
    windows = [
        ForecastWindow(
            place,
            _before(description, x, int(at)),
            _plain(prediction[at, :, 0]),
            _plain(truth[at, :, 0]),
            _plain(by_window[at : at + 1])[0],
            None if first_rows is None else int(first_rows[at]) + steps,
            _moved(description, x, int(at)),
        )
        for place, at in chosen.items()
    ]
    channel = _channel(description)
    naive: tuple[float, ...] = ()
    if channel is not None:
        last = x[:, -1:, channel].astype(np.float64)
        if not np.isnan(last).all():
            naive = _plain(np.nanmean(np.abs(last - truth[..., 0]), axis=0))
    return ForecastDiagnostics(
        description.targets[0],
        _unit(description),
        tuple(windows if len(order) > 2 else windows[-1:]),
        _half_widths(description.intervals),
        _plain(off.mean(axis=0)),
        naive,
        len(x),
        len(description.targets),
    )


def _numbers(description: Description, prediction: Floats, truth: Values) -> NumberDiagnostics:
    said, came = prediction.reshape(-1).astype(np.float64), truth.reshape(-1).astype(np.float64)
    order = np.argsort(said, kind="stable")
    places = np.unique(np.linspace(0, len(order) - 1, min(len(order), MOST_POINTS)).round().astype(np.int64))
    shown, off = order[places], came - said
    return NumberDiagnostics(
        description.targets[0],
        _unit(description),
        _plain(came[shown]),
        _plain(said[shown]),
        {level: widths[0] for level, widths in _half_widths(description.intervals).items()},
        len(said),
        *_plain(np.array([off.mean(), np.abs(off).mean()])),
    )


def classes_against(
    probabilities: Floats, truth: Values, names: Sequence[str], per_step: bool = False
) -> ClassDiagnostics:
    """Reliability and confusion.

    The expected calibration error is that of C. Guo et al. (2017), "On calibration of modern neural networks".

    Args:
        probabilities: (n, classes); of labels (n, labels).
        truth: Class numbers (n,); of labels 0 and 1 (n, labels).
        names: Names of the classes; empty for labels.
        per_step: Whether the n are steps.
    """
    flags = not names
    if flags:
        sure, true = probabilities.reshape(-1).astype(np.float64), truth.reshape(-1) > 0.5
    else:
        said = probabilities.argmax(axis=1)
        sure, true = probabilities.max(axis=1).astype(np.float64), said == truth
    bins = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    held = counts > 0
    confidence = np.bincount(bins, sure, BINS)[held] / counts[held]
    frequency = np.bincount(bins, true, BINS)[held] / counts[held]
    off = float(np.sum(counts[held] * np.abs(confidence - frequency)) / len(sure))
    found, confusion = ((), ()) if flags else _confusion(truth, said, names)
    return ClassDiagnostics(
        _plain(confidence),
        _plain(frequency),
        tuple(counts[held].tolist()),
        round(off, _DIGITS),
        flags,
        found,
        confusion,
        per_step,
    )


def _confusion(
    truth: Values, said: npt.NDArray[np.int64], names: Sequence[str]
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """Names of rows and columns, and the counts; rows are what is true."""
    size, shown = len(names), list(names)
    places = np.arange(size)
    if size > MOST_CLASSES:
        frequent = np.sort(np.argsort(-np.bincount(truth, minlength=size), kind="stable")[:MOST_CLASSES])
        places = np.full(size, MOST_CLASSES)
        places[frequent] = np.arange(MOST_CLASSES)
        shown, size = [*(names[at] for at in frequent), OTHERS], MOST_CLASSES + 1
    pairs = places[truth].astype(np.int64) * size + places[said]
    table = np.bincount(pairs, minlength=size * size).reshape(size, size)
    return tuple(map(str, shown)), tuple(map(tuple, table.tolist()))


def _before(description: Description, x: Floats, at: int) -> tuple[float, ...]:
    """The target's last values in a lookback: as many as make a picture with so long a horizon."""
    channel = _channel(description)
    if channel is None:
        return ()
    most = min(MOST_STEPS, max(24, 3 * description.horizon_steps))
    return _plain(x[at, -most:, channel])


def _channel(description: Description) -> int | None:
    name = description.targets[0]
    return description.channels.index(name) if name in description.channels else None


def _half_widths(intervals: Intervals | None) -> dict[str, tuple[float, ...]]:
    """Of the first target, by level."""
    held = intervals.half_widths if intervals else {}
    return {level: _plain(np.array([step[0] for step in held[level]])) for level in LEVELS if level in held}


def _moved(description: Description, x: Floats, at: int) -> float:
    """What the half widths of a window are multiplied by, for the first target."""
    movement = description.intervals.movement if description.intervals else None
    return float(moved(movement, x[at : at + 1])[0, 0]) if movement else 1.0


def _unit(description: Description) -> str:
    return str(getattr(description.dataset_config.task, "unit", ""))


def _plain(values: npt.NDArray[Any]) -> tuple[float, ...]:
    """Numbers with as many digits as a picture shows."""
    return tuple(float(f"{value:.{_DIGITS}g}") for value in values.tolist())


def diagnose_file(champion: Champion, path: Path, written: Mapping[str, Any]) -> tuple[Diagnostics, ...]:
    """What a champion does with a file: its forecasts ahead, and its errors where the file holds the answers.

    Args:
        champion: The champion.
        path: The file, as for `harness predict`.
        written: How a CSV is written, keys of `[source]`.

    Raises:
        DataError: The file cannot be read, or does not fit the champion.
        UsageError: It holds no answers, and is not for a forecast.
    """
    description, found = champion.description, []
    if description.task is TaskKind.FORECAST:
        batch = read_input(description, path, written)
        found.append(ahead(description, batch.x, champion.predict_batch(batch), batch.names))
    answered = with_answers(description, path, written)
    if answered is not None:
        batch, truth = answered
        rows = f"last {counted(description.horizon_steps, 'row')} of" if found else "the answers in"
        said = champion.predict_batch(batch)
        found.append(diagnose(description, batch.x, batch.lengths, said, truth, f"{rows} {path.name}"))
    if not found:
        raise UsageError(
            f"{path}: holds no answers to draw the model's errors by: expected the column "
            f"{listed(description.targets or ('of the target',))}, or --test in place of the file"
        )
    return tuple(found)
