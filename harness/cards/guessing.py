"""What a user's table may be for: a first guess at a dataset's card, with the reason for every guess.

Decides nothing that the card does not show: the user has the last word. Writes no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.cards.columns import (
    inputs,
    is_class,
    is_constant_within,
    is_dates,
    is_numeric,
    refuse_stray_text,
    rises,
    seconds,
)
from harness.cards.guesses import Guess, Wish
from harness.cards.rhythm import Rhythm, rhythm_of, window_for
from harness.errors import UsageError, nearest
from harness.records import TaskKind

if TYPE_CHECKING:
    import pandas as pd

MOST_WINDOWS = 3000
"""More windows than this are thinned out by a stride, so that a laptop can sweep the first card."""

_TASKS = tuple(TaskKind)
_TIME_NAMES = ("time", "timestamp", "datetime", "date", "ds", "t", "step")
_TARGET_NAMES = ("y", "target", "label", "class", "value")
_ID_NAMES = ("id", "sequence", "series", "sample", "case", "subject", "recording")


def guess_task(frame: pd.DataFrame, wish: Wish, where: str) -> Guess:
    """The task that a table looks made for.

    Args:
        frame: The table.
        wish: What the user has said.
        where: The file, as messages name it.

    Raises:
        UsageError: A named column is missing, or the table leaves open what only the user can know.
    """
    _check_values(wish)
    _check_columns(frame, wish, where)
    because: list[str] = []
    group = wish.id or _guess_id(frame, wish)
    time = wish.time or _guess_time(frame, wish, group, because)
    task = wish.task or _guess_kind(frame, wish, time, group, where, because)
    _check_options(wish, task)
    if task == "next_token":
        raise UsageError(f'{where}: --task next_token: expected a card with [source] kind = "text": see genesis.toml')
    if task == "forecast":
        return _forecast(frame, wish, time, where, because)
    if task == "label":
        return _labels(frame, wish, time, group, where, because)
    if group is None:
        raise UsageError(f"{where}: which rows form a sequence? Expected --id COLUMN for a task of kind {task}")
    return _sequences(frame, wish, task, time, group, where, because)


def _check_values(wish: Wish) -> None:
    if wish.task is not None and wish.task not in _TASKS:
        raise UsageError(f"--task {wish.task}: unknown. {nearest(wish.task, _TASKS)}")
    for option, steps in (("--horizon", wish.horizon_steps), ("--lookback", wish.lookback_steps)):
        if steps is not None and steps < 1:
            raise UsageError(f"{option} {steps}: expected a whole number of at least 1")


def _check_options(wish: Wish, task: str) -> None:
    steps = [("--horizon", wish.horizon_steps), ("--lookback", wish.lookback_steps)]
    wrong = [] if task == "forecast" else steps
    for option, value in wrong:
        if value is not None:
            raise UsageError(f"{option} {value}: expected no such option for a task of kind {task}")


def _check_columns(frame: pd.DataFrame, wish: Wish, where: str) -> None:
    (only, *more) = frame.columns
    if not more and (mark := next((mark for mark in ";\t|" if mark in only), None)):
        raise UsageError(f"{where}: the columns seem to be separated by {mark!r}: expected commas")
    named = [("--target", wish.target), ("--time", wish.time), ("--id", wish.id)]
    for option, column in (*named, *(("--features", name) for name in wish.features)):
        if column is not None and column not in frame.columns:
            raise UsageError(f"{option} {column}: no such column in {where}. {nearest(column, frame.columns)}")


def _guess_time(frame: pd.DataFrame, wish: Wish, group: str | None, because: list[str]) -> str | None:
    free = [name for name in frame.columns if name not in (wish.target, group, *wish.features)]
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


def _guess_id(frame: pd.DataFrame, wish: Wish) -> str | None:
    taken = (wish.target, wish.time, *wish.features)
    for name in frame.columns:
        called = name.lower() in _ID_NAMES or name.lower().endswith("_id")
        if called and name not in taken and 1 < frame[name].nunique() < len(frame):
            return str(name)
    return None


def _guess_kind(
    frame: pd.DataFrame, wish: Wish, time: str | None, group: str | None, where: str, because: list[str]
) -> str:
    target = wish.target or _answer_column(frame, time, group)
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


def _forecast(frame: pd.DataFrame, wish: Wish, time: str | None, where: str, because: list[str]) -> Guess:
    if wish.id is not None:
        because.append(f"id = {wish.id}: its {frame[wish.id].nunique():,} values tell the series of a panel apart")
    numeric = inputs(frame, (time, wish.id))
    target = wish.target or _only_target(numeric, where, because)
    if not is_numeric(frame[target]):
        refuse_stray_text(frame[target], where)
        raise UsageError(f"--target {target}: expected a column of numbers for a forecast, got text")
    features = wish.features or numeric
    _say_features(frame, features, (time, wish.id), wish, because)
    every = [frame] if wish.id is None else [one for _, one in frame.groupby(wish.id, sort=False)]
    shortest = min(every, key=len)
    rhythm = _rhythm(shortest, time, where, because)
    window = window_for(len(shortest), rhythm, wish.lookback_steps, wish.horizon_steps)
    if window is None:
        raise UsageError(f"{where}: {len(shortest)} rows: expected more, a window in each of three parts")
    because.extend(window.because)
    numbers = {"lookback_steps": window.lookback_steps, "horizon_steps": window.horizon_steps}
    if rhythm is not None and rhythm.season_steps <= window.lookback_steps:
        numbers["season_steps"] = rhythm.season_steps
    windows = len(frame) - len(every) * (window.lookback_steps + window.horizon_steps - 1)
    numbers["window_stride"] = _stride(windows, because)
    missing = _missing(frame, (*features, target), because)
    return Guess("forecast", target, features, time, wish.id, "mae", missing, numbers, tuple(because))


def _sequences(
    frame: pd.DataFrame, wish: Wish, task: str, time: str | None, group: str, where: str, because: list[str]
) -> Guess:
    target = wish.target or _answer_column(frame, time, group)
    if target is None:
        raise UsageError(f"{where}: which column is to be predicted? Expected --target COLUMN")
    if wish.id is None:
        because.append(f"id = {group}: so it is called, and its {frame[group].nunique():,} values repeat")
    if wish.target is None:
        because.append(f"target = {target}: it has one value for each {group}")
    roles = (time, group, target)
    features = wish.features or inputs(frame, roles)
    if not features:
        raise UsageError(f"{where}: no column of numbers is left for the inputs: expected --features a,b")
    _say_features(frame, features, roles, wish, because)
    metric = _metric(frame, target, group, because) if task == "classify" else "mae"
    return Guess(task, target, features, time, group, metric, _missing(frame, features, because), {}, tuple(because))


def _labels(
    frame: pd.DataFrame, wish: Wish, time: str | None, group: str | None, where: str, because: list[str]
) -> Guess:
    text = [str(name) for name in frame.columns if name not in (time, group) and not is_numeric(frame[name])]
    target = wish.target or _answer_column(frame, time, group) or next(iter(text), None)
    if target is None:
        raise UsageError(f"{where}: which column is said of each row? Expected --target COLUMN")
    roles = (time, group, target)
    features = wish.features or inputs(frame, roles)
    if not features:
        raise UsageError(f"{where}: no column of numbers is left for the inputs: expected --features a,b")
    _say_features(frame, features, roles, wish, because)
    numbers = {} if group is not None else {"window_steps": min(100, max(2, len(frame) // 20))}
    if group is None:
        because.append(f"window_steps = {numbers['window_steps']}: no id, so that the table is one long sequence")
    shares = frame[target].value_counts(normalize=True)
    metric = "accuracy" if len(shares) < 2 or shares.min() * len(shares) >= 0.5 else "balanced_accuracy"
    because.append(f"metric = {metric}: the rarest of {len(shares)} classes has {shares.min():.0%} of the rows")
    missing = _missing(frame, features, because)
    return Guess("label", target, features, time, group, metric, missing, numbers, tuple(because))


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
        said = "the same time more than once" if (steps == 0).any() else "times that go back"
        raise UsageError(
            f"{where}: column {time}: {said}: expected one series in time order"
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
    frame: pd.DataFrame, features: Sequence[str], roles: Sequence[str | None], wish: Wish, because: list[str]
) -> None:
    left = [name for name in frame.columns if name not in (*features, *roles)]
    if left and not wish.features:
        because.append(f"left out: {', '.join(left)}")
