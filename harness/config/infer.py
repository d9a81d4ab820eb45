"""What a user's table may be for: a first guess at a dataset's config, with the reason for every guess.

Decides nothing that the config does not show: the user has the last word. Writes no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.config.columns import (
    Rhythm,
    categories,
    inputs,
    is_class,
    is_constant_within,
    is_dates,
    is_numeric,
    refuse_stray_text,
    rhythm_of,
    rises,
    seconds,
    why_left_out,
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
        categorical: Columns of categories that are inputs.
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
    categorical: tuple[str, ...] = ()


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
    if hints.task is not None and hints.task not in _TASKS:
        raise UsageError(f"--task {hints.task}: unknown. {nearest(hints.task, _TASKS)}")
    given = [("--horizon", hints.horizon_steps), ("--lookback", hints.lookback_steps)]
    for option, steps in given:
        if steps is not None and steps < 1:
            raise UsageError(f"{option} {steps}: expected a whole number of at least 1")
    _check_columns(frame, hints, where)
    table = _Table(frame, hints, where)
    task = hints.task or table.kind()
    for option, steps in given:
        if steps is not None and task != "forecast":
            raise UsageError(f"{option} {steps}: expected no such option for a task of kind {task}")
    if task == "next_token":
        raise UsageError(f'{where}: --task next_token: expected a config with [source] kind = "text": see genesis.toml')
    if task == "forecast":
        return table.forecast()
    return table.labels() if task == "label" else table.sequences(task)


def _check_columns(frame: pd.DataFrame, hints: UserHints, where: str) -> None:
    (only, *more) = frame.columns
    if not more and (mark := next((mark for mark in ";\t|" if mark in only), None)):
        raise UsageError(f"{where}: the columns seem to be separated by {mark!r}: expected commas")
    named = [("--target", hints.target), ("--time", hints.time), ("--id", hints.id)]
    for option, column in (*named, *(("--features", name) for name in hints.features)):
        if column is not None and column not in frame.columns:
            raise UsageError(f"{option} {column}: no such column in {where}. {nearest(column, frame.columns)}")


class _Table:
    """A table, what its columns are for, and why: each guess adds a line.

    Args:
        frame: The table.
        hints: What the user has said.
        where: The file, as messages name it.
    """

    def __init__(self, frame: pd.DataFrame, hints: UserHints, where: str) -> None:
        self._frame, self._hints, self._where = frame, hints, where
        self._because: list[str] = []
        self._id = hints.id or self._infer_id()
        self._time = hints.time or self._infer_time()

    def kind(self) -> str:
        """The task's kind."""
        frame, group, target = self._frame, self._id, self._hints.target or self._answer_column()
        if group is not None and target is not None and is_constant_within(frame, target, group):
            task = "classify" if is_class(frame[target]) else "regress"
            self._because.append(f"task = {task}: {target} has one value for each {group}")
            return task
        if target is not None and not is_numeric(frame[target]):
            refuse_stray_text(frame[target], self._where)
            self._because.append(f"task = classify: {target} holds text")
            return "classify"
        order = "numbers in the order of time" if self._time else "numbers in the file's order"
        self._because.append(f"task = forecast: {order}")
        return "forecast"

    def forecast(self) -> InferredConfig:
        """The config of a forecast."""
        frame, hints, because = self._frame, self._hints, self._because
        if hints.id is not None:
            because.append(
                f"id = {hints.id}: its {frame[hints.id].nunique():,} values tell the series of a panel apart"
            )
        numeric = inputs(frame, (self._time, hints.id))
        target = hints.target or self._only_target(numeric)
        if not is_numeric(frame[target]):
            refuse_stray_text(frame[target], self._where)
            raise UsageError(f"--target {target}: expected a column of numbers for a forecast, got text")
        features = hints.features or numeric
        categorical = self._categories((self._time, hints.id, target))
        features = tuple(name for name in features if name not in categorical)
        self._say_left_out((*features, *categorical), (self._time, hints.id))
        every = [frame] if hints.id is None else [one for _, one in frame.groupby(hints.id, sort=False)]
        shortest = min(every, key=len)
        rhythm = self._rhythm(shortest)
        window = window_for(len(shortest), rhythm, hints.lookback_steps, hints.horizon_steps)
        if window is None:
            raise UsageError(f"{self._where}: {len(shortest)} rows: expected more, a window in each of three parts")
        lookback, horizon, why = window
        because.extend(why)
        numbers = {"lookback_steps": lookback, "horizon_steps": horizon}
        if rhythm is not None and rhythm.season_steps <= lookback:
            numbers["season_steps"] = rhythm.season_steps
        windows = len(frame) - len(every) * (lookback + horizon - 1)
        numbers["window_stride"] = stride = max(1, -(-windows // MOST_WINDOWS))
        if stride > 1:
            because.append(
                f"window_stride = {stride}: of {windows:,} windows every {stride}th, so that a laptop can sweep"
            )
        missing = self._missing((*features, target))
        return InferredConfig(
            "forecast", target, features, self._time, hints.id, "mae", missing, numbers, tuple(because), categorical
        )

    def sequences(self, task: str) -> InferredConfig:
        """The config of a task with an answer a sequence."""
        frame, hints, group, because = self._frame, self._hints, self._id, self._because
        if group is None:
            raise UsageError(
                f"{self._where}: which rows form a sequence? Expected --id COLUMN for a task of kind {task}"
                f"{self._text_hint()}"
            )
        target = hints.target or self._answer_column()
        if target is None:
            raise UsageError(f"{self._where}: which column is to be predicted? Expected --target COLUMN")
        if hints.id is None:
            because.append(f"id = {group}: so it is called, and its {frame[group].nunique():,} values repeat")
        if hints.target is None:
            because.append(f"target = {target}: it has one value for each {group}")
        features, categorical = self._features(target)
        metric = "mae"
        if task == "classify":
            counts = frame.groupby(group)[target].first().value_counts()
            metric = "accuracy" if counts.max() <= 3 * counts.min() else "balanced_accuracy"
        if metric == "balanced_accuracy":
            because.append(f"metric = {metric}: some classes are more than three times as common as others")
        missing = self._missing(features)
        return InferredConfig(
            task, target, features, self._time, group, metric, missing, {}, tuple(because), categorical
        )

    def labels(self) -> InferredConfig:
        """The config of a task with an answer a row."""
        frame, group, because = self._frame, self._id, self._because
        text = (str(name) for name in frame.columns if name not in (self._time, group) and not is_numeric(frame[name]))
        target = self._hints.target or self._answer_column() or next(text, None)
        if target is None:
            raise UsageError(f"{self._where}: which column is said of each row? Expected --target COLUMN")
        features, categorical = self._features(target)
        numbers = {} if group is not None else {"window_steps": min(100, max(2, len(frame) // 20))}
        if group is None:
            because.append(f"window_steps = {numbers['window_steps']}: no id, so that the table is one long sequence")
        shares = frame[target].value_counts(normalize=True)
        metric = "accuracy" if len(shares) < 2 or shares.min() * len(shares) >= 0.5 else "balanced_accuracy"
        because.append(f"metric = {metric}: the rarest of {len(shares)} classes has {shares.min():.0%} of the rows")
        missing = self._missing(features)
        return InferredConfig(
            "label", target, features, self._time, group, metric, missing, numbers, tuple(because), categorical
        )

    def _text_hint(self) -> str:
        """What to write where a row is a text, if a column looks like texts."""
        free = [name for name in self._frame.columns if name != self._hints.target]
        texts = [name for name in free if not is_numeric(self._frame[name]) and not is_dates(self._frame[name])]
        longest = max(texts, key=lambda name: self._frame[name].nunique(), default=None)
        if longest is None or 2 * self._frame[longest].nunique() < len(self._frame):
            return ""
        return f'; of a text a row, write a config with [task] text = "{longest}" (docs/tokens.md)'

    def _infer_id(self) -> str | None:
        taken = (self._hints.target, self._hints.time, *self._hints.features)
        for name in self._frame.columns:
            called = name.lower() in _ID_NAMES or name.lower().endswith("_id")
            if called and name not in taken and 1 < self._frame[name].nunique() < len(self._frame):
                return str(name)
        return None

    def _infer_time(self) -> str | None:
        frame, taken = self._frame, (self._hints.target, self._id, *self._hints.features)
        free = [name for name in frame.columns if name not in taken]
        if dated := [name for name in free if is_dates(frame[name])]:
            # A table may hold the day beside the time: the finer one orders the rows.
            time = max(dated, key=lambda name: frame[name].nunique())
            self._because.append(f"time = {time}: it holds dates or times")
            return time
        for name in free:
            if name.lower() in _TIME_NAMES and rises(frame, name, self._id):
                self._because.append(f"time = {name}: so it is called, and it rises")
                return name
        return None

    def _answer_column(self) -> str | None:
        # By its name, else the one column beside the id that is constant within each sequence.
        free = [name for name in self._frame.columns if name not in (self._time, self._id)]
        called = [name for name in free if name.lower() in _TARGET_NAMES]
        if len(called) == 1:
            return str(called[0])
        group = self._id
        constant = [name for name in free if group is not None and is_constant_within(self._frame, name, group)]
        return str(constant[0]) if len(constant) == 1 else None

    def _only_target(self, numeric: Sequence[str]) -> str:
        called = [name for name in numeric if name.lower() in _TARGET_NAMES]
        if len(numeric) == 1 or len(called) == 1:
            target, why = (called[0], "so it is called") if called else (numeric[0], "the only column of numbers")
            self._because.append(f"target = {target}: {why}")
            return target
        if not numeric:
            raise UsageError(f"{self._where}: no column of numbers to forecast")
        known = ", ".join(numeric)
        raise UsageError(f"{self._where}: which column is to be predicted? Expected --target, one of {known}")

    def _features(self, target: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The columns of numbers that are inputs, and those of categories."""
        roles = (self._time, self._id, target)
        categorical = self._categories(roles)
        given = self._hints.features or inputs(self._frame, roles)
        features = tuple(name for name in given if name not in categorical)
        if not features and not categorical:
            raise UsageError(f"{self._where}: no column of numbers is left for the inputs: expected --features a,b")
        self._say_left_out((*features, *categorical), roles)
        return features, categorical

    def _categories(self, roles: tuple[str | None, ...]) -> tuple[str, ...]:
        """Columns of categories among the inputs: of those that the user names, where there are such."""
        found = categories(self._frame, roles)
        if self._hints.features:
            return tuple(name for name in found if name in self._hints.features)
        for name in found:
            self._because.append(f"categorical: {name} holds {self._frame[name].nunique()} different texts")
        return found

    def _say_left_out(self, features: Sequence[str], roles: Sequence[str | None]) -> None:
        left = [name for name in self._frame.columns if name not in (*features, *roles)]
        if left and not self._hints.features:
            told = (f"{name} ({why_left_out(self._frame[name])})" for name in left)
            self._because.append(f"left out: {', '.join(told)}")

    def _missing(self, columns: Sequence[str]) -> str:
        gaps = int(self._frame[list(dict.fromkeys(columns))].isna().sum().sum())
        if not gaps:
            return "error"
        self._because.append(f'missing = "interpolate": {gaps:,} missing value{"s" * (gaps > 1)}')
        return "interpolate"

    def _rhythm(self, frame: pd.DataFrame) -> Rhythm | None:
        if self._time is None:
            self._because.append("no column of times: rows are taken in the file's order")
            return None
        passed = seconds(frame[self._time])
        if passed is None:
            return None
        steps = passed.diff().iloc[1:]
        if (steps <= 0).any():
            phrase = "the same time more than once" if (steps == 0).any() else "times that go back"
            raise UsageError(
                f"{self._where}: column {self._time}: {phrase}: expected one series in time order"
                " (several series with a class each: --task classify --id COLUMN)"
            )
        step = float(steps.median())
        if len(steps) and steps.max() > 1.5 * step:
            self._because.append(f"steps in {self._time} are not all alike: windows go by rows, whatever lies between")
        if (rhythm := rhythm_of(step)) is not None:
            self._because.append(f"season_steps = {rhythm.season_steps}: {rhythm.words}")
        return rhythm
