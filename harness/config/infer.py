"""What a user's table may be for: a first guess at a dataset's config, with the reason for every guess.

Decides nothing that the config does not show: the user has the last word. Writes no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.config.columns import (
    Rhythm,
    inputs,
    is_class,
    is_constant_within,
    is_dates,
    is_numeric,
    refuse_stray_text,
    rhythm_of,
    rises,
    seconds,
    window_for,
)
from harness.errors import UsageError, nearest
from harness.records import TaskKind

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class UserHints:
    """What the user has said already; None and empty where nothing.

    Attributes:
        task: `forecast`, `classify`, `regress` or `label`.
        target: Column to be predicted.
        time: Column of times.
        id: Column that says which rows form a sequence.
        features: Columns that are inputs.
        horizon_steps: Steps to forecast.
        lookback_steps: Steps to forecast from.
    """

    task: str | None = None
    target: str | None = None
    time: str | None = None
    id: str | None = None
    features: tuple[str, ...] = ()
    horizon_steps: int | None = None
    lookback_steps: int | None = None


@dataclass(frozen=True, slots=True)
class InferredConfig:
    """A config's `[task]`, and why.

    Attributes:
        task: `forecast`, `classify`, `regress` or `label`.
        target: Column to be predicted.
        features: Columns that are inputs.
        time: Column of times; None when there is none.
        id: Column that says which rows form a sequence, or a series of a panel; None where there is one alone.
        metric: Name of the metric.
        missing: `interpolate` where values are missing, else `error`.
        numbers: Steps of a forecast: lookback, horizon, season, stride; or the `window_steps` of labels.
        because: What was guessed and why, a line each.
    """

    task: str
    target: str
    features: tuple[str, ...]
    time: str | None
    id: str | None
    metric: str
    missing: str
    numbers: dict[str, int] = field(default_factory=dict)
    because: tuple[str, ...] = ()


MOST_WINDOWS = 3000
"""More windows than this are thinned out by a stride, so that a laptop can sweep the first config."""

_TASKS = tuple(TaskKind)
_TIME_NAMES = ("time", "timestamp", "datetime", "date", "ds", "t", "step")
_TARGET_NAMES = ("y", "target", "label", "class", "value")
_ID_NAMES = ("id", "sequence", "series", "sample", "case", "subject", "recording")


def infer_task(frame: pd.DataFrame, hints: UserHints, where: str) -> InferredConfig:
    """The task that a table looks made for.

    Args:
        frame: The table.
        hints: What the user has said.
        where: The file, as messages name it.

    Raises:
        UsageError: A named column is missing, or the table leaves open what only the user can know.
    """
    _check_values(hints)
    _check_columns(frame, hints, where)
    because: list[str] = []
    group = hints.id or _infer_id(frame, hints)
    time = hints.time or _infer_time(frame, hints, group, because)
    task = hints.task or _infer_kind(frame, hints, time, group, where, because)
    _check_options(hints, task)
    if task == "next_token":
        raise UsageError(f'{where}: --task next_token: expected a config with [source] kind = "text": see genesis.toml')
    if task == "forecast":
        return _forecast(frame, hints, time, where, because)
    if task == "label":
        return _labels(frame, hints, time, group, where, because)
    if group is None:
        raise UsageError(f"{where}: which rows form a sequence? Expected --id COLUMN for a task of kind {task}")
    return _sequences(frame, hints, task, time, group, where, because)


def _check_values(hints: UserHints) -> None:
    if hints.task is not None and hints.task not in _TASKS:
        raise UsageError(f"--task {hints.task}: unknown. {nearest(hints.task, _TASKS)}")
    for option, steps in (("--horizon", hints.horizon_steps), ("--lookback", hints.lookback_steps)):
        if steps is not None and steps < 1:
            raise UsageError(f"{option} {steps}: expected a whole number of at least 1")


def _check_options(hints: UserHints, task: str) -> None:
    steps = [("--horizon", hints.horizon_steps), ("--lookback", hints.lookback_steps)]
    wrong = [] if task == "forecast" else steps
    for option, value in wrong:
        if value is not None:
            raise UsageError(f"{option} {value}: expected no such option for a task of kind {task}")


def _check_columns(frame: pd.DataFrame, hints: UserHints, where: str) -> None:
    (only, *more) = frame.columns
    if not more and (mark := next((mark for mark in ";\t|" if mark in only), None)):
        raise UsageError(f"{where}: the columns seem to be separated by {mark!r}: expected commas")
    named = [("--target", hints.target), ("--time", hints.time), ("--id", hints.id)]
    for option, column in (*named, *(("--features", name) for name in hints.features)):
        if column is not None and column not in frame.columns:
            raise UsageError(f"{option} {column}: no such column in {where}. {nearest(column, frame.columns)}")


def _infer_time(frame: pd.DataFrame, hints: UserHints, group: str | None, because: list[str]) -> str | None:
    free = [name for name in frame.columns if name not in (hints.target, group, *hints.features)]
    dated = [name for name in free if is_dates(frame[name])]
    if dated:
        # A table may hold the day beside the time: the finer one orders the rows.
        time = max(dated, key=lambda name: frame[name].nunique())
        because.append(f"time = {time}: it holds dates or times")
        return time
    counted = [name for name in free if name.lower() in _TIME_NAMES and rises(frame, name, group)]
    if counted:
        because.append(f"time = {counted[0]}: so it is called, and it rises")
        return counted[0]
    return None


def _infer_id(frame: pd.DataFrame, hints: UserHints) -> str | None:
    taken = (hints.target, hints.time, *hints.features)
    for name in frame.columns:
        called = name.lower() in _ID_NAMES or name.lower().endswith("_id")
        if called and name not in taken and 1 < frame[name].nunique() < len(frame):
            return str(name)
    return None


def _infer_kind(
    frame: pd.DataFrame, hints: UserHints, time: str | None, group: str | None, where: str, because: list[str]
) -> str:
    target = hints.target or _answer_column(frame, time, group)
    if group is not None and target is not None and is_constant_within(frame, target, group):
        task = "classify" if is_class(frame[target]) else "regress"
        because.append(f"task = {task}: {target} has one value for each {group}")
        return task
    if target is not None and not is_numeric(frame[target]):
        refuse_stray_text(frame[target], where)
        because.append(f"task = classify: {target} holds text")
        return "classify"
    because.append("task = forecast: " + ("numbers in the order of time" if time else "numbers in the file's order"))
    return "forecast"


def _forecast(
    frame: pd.DataFrame, hints: UserHints, time: str | None, where: str, because: list[str]
) -> InferredConfig:
    if hints.id is not None:
        because.append(f"id = {hints.id}: its {frame[hints.id].nunique():,} values tell the series of a panel apart")
    numeric = inputs(frame, (time, hints.id))
    target = hints.target or _only_target(numeric, where, because)
    if not is_numeric(frame[target]):
        refuse_stray_text(frame[target], where)
        raise UsageError(f"--target {target}: expected a column of numbers for a forecast, got text")
    features = hints.features or numeric
    _say_features(frame, features, (time, hints.id), hints, because)
    every = [frame] if hints.id is None else [one for _, one in frame.groupby(hints.id, sort=False)]
    shortest = min(every, key=len)
    rhythm = _rhythm(shortest, time, where, because)
    window = window_for(len(shortest), rhythm, hints.lookback_steps, hints.horizon_steps)
    if window is None:
        raise UsageError(f"{where}: {len(shortest)} rows: expected more, a window in each of three parts")
    because.extend(window.because)
    numbers = {"lookback_steps": window.lookback_steps, "horizon_steps": window.horizon_steps}
    if rhythm is not None and rhythm.season_steps <= window.lookback_steps:
        numbers["season_steps"] = rhythm.season_steps
    windows = len(frame) - len(every) * (window.lookback_steps + window.horizon_steps - 1)
    numbers["window_stride"] = _stride(windows, because)
    missing = _missing(frame, (*features, target), because)
    return InferredConfig("forecast", target, features, time, hints.id, "mae", missing, numbers, tuple(because))


def _sequences(
    frame: pd.DataFrame, hints: UserHints, task: str, time: str | None, group: str, where: str, because: list[str]
) -> InferredConfig:
    target = hints.target or _answer_column(frame, time, group)
    if target is None:
        raise UsageError(f"{where}: which column is to be predicted? Expected --target COLUMN")
    if hints.id is None:
        because.append(f"id = {group}: so it is called, and its {frame[group].nunique():,} values repeat")
    if hints.target is None:
        because.append(f"target = {target}: it has one value for each {group}")
    roles = (time, group, target)
    features = hints.features or inputs(frame, roles)
    if not features:
        raise UsageError(f"{where}: no column of numbers is left for the inputs: expected --features a,b")
    _say_features(frame, features, roles, hints, because)
    metric = _metric(frame, target, group, because) if task == "classify" else "mae"
    return InferredConfig(
        task, target, features, time, group, metric, _missing(frame, features, because), {}, tuple(because)
    )


def _labels(
    frame: pd.DataFrame, hints: UserHints, time: str | None, group: str | None, where: str, because: list[str]
) -> InferredConfig:
    text = [str(name) for name in frame.columns if name not in (time, group) and not is_numeric(frame[name])]
    target = hints.target or _answer_column(frame, time, group) or next(iter(text), None)
    if target is None:
        raise UsageError(f"{where}: which column is said of each row? Expected --target COLUMN")
    roles = (time, group, target)
    features = hints.features or inputs(frame, roles)
    if not features:
        raise UsageError(f"{where}: no column of numbers is left for the inputs: expected --features a,b")
    _say_features(frame, features, roles, hints, because)
    numbers = {} if group is not None else {"window_steps": min(100, max(2, len(frame) // 20))}
    if group is None:
        because.append(f"window_steps = {numbers['window_steps']}: no id, so that the table is one long sequence")
    shares = frame[target].value_counts(normalize=True)
    metric = "accuracy" if len(shares) < 2 or shares.min() * len(shares) >= 0.5 else "balanced_accuracy"
    because.append(f"metric = {metric}: the rarest of {len(shares)} classes has {shares.min():.0%} of the rows")
    missing = _missing(frame, features, because)
    return InferredConfig("label", target, features, time, group, metric, missing, numbers, tuple(because))


def _only_target(numeric: Sequence[str], where: str, because: list[str]) -> str:
    called = [name for name in numeric if name.lower() in _TARGET_NAMES]
    if len(numeric) == 1 or len(called) == 1:
        target = called[0] if called else numeric[0]
        because.append(f"target = {target}: " + ("so it is called" if called else "the only column of numbers"))
        return target
    if not numeric:
        raise UsageError(f"{where}: no column of numbers to forecast")
    raise UsageError(f"{where}: which column is to be predicted? Expected --target, one of {', '.join(numeric)}")


def _answer_column(frame: pd.DataFrame, time: str | None, group: str | None) -> str | None:
    # By its name, else the one column beside the id that is constant within each sequence.
    free = [name for name in frame.columns if name not in (time, group)]
    called = [name for name in free if name.lower() in _TARGET_NAMES]
    if len(called) == 1:
        return str(called[0])
    constant = [name for name in free if group is not None and is_constant_within(frame, name, group)]
    return str(constant[0]) if len(constant) == 1 else None


def _rhythm(frame: pd.DataFrame, time: str | None, where: str, because: list[str]) -> Rhythm | None:
    if time is None:
        because.append("no column of times: rows are taken in the file's order")
        return None
    passed = seconds(frame[time])
    if passed is None:
        return None
    steps = passed.diff().iloc[1:]
    if (steps <= 0).any():
        phrase = "the same time more than once" if (steps == 0).any() else "times that go back"
        raise UsageError(
            f"{where}: column {time}: {phrase}: expected one series in time order"
            " (several series with a class each: --task classify --id COLUMN)"
        )
    step = float(steps.median())
    if len(steps) and steps.max() > 1.5 * step:
        because.append(f"steps in {time} are not all alike: windows go by rows, whatever lies between")
    rhythm = rhythm_of(step)
    if rhythm is not None:
        because.append(f"season_steps = {rhythm.season_steps}: {rhythm.words}")
    return rhythm


def _stride(windows: int, because: list[str]) -> int:
    stride = max(1, -(-windows // MOST_WINDOWS))
    if stride > 1:
        because.append(f"window_stride = {stride}: of {windows:,} windows every {stride}th, so that a laptop can sweep")
    return stride


def _missing(frame: pd.DataFrame, columns: Sequence[str], because: list[str]) -> str:
    gaps = int(frame[list(dict.fromkeys(columns))].isna().sum().sum())
    if not gaps:
        return "error"
    because.append(f'missing = "interpolate": {gaps:,} missing value{"s" * (gaps > 1)}')
    return "interpolate"


def _metric(frame: pd.DataFrame, target: str, group: str, because: list[str]) -> str:
    counts = frame.groupby(group)[target].first().value_counts()
    if counts.max() <= 3 * counts.min():
        return "accuracy"
    because.append("metric = balanced_accuracy: some classes are more than three times as common as others")
    return "balanced_accuracy"


def _say_features(
    frame: pd.DataFrame, features: Sequence[str], roles: Sequence[str | None], hints: UserHints, because: list[str]
) -> None:
    left = [name for name in frame.columns if name not in (*features, *roles)]
    if left and not hints.features:
        because.append(f"left out: {', '.join(left)}")
