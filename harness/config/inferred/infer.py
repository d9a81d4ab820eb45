"""What a user's table may be for: a first guess at a dataset's config, with the reason for every guess.

Decides nothing that the config does not show: the user has the last word. Writes no files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.config.inferred.calendar import calendar_of
from harness.config.inferred.columns import (
    Repeats,
    categories,
    depend_on_order,
    epoch_of,
    find_panel,
    find_time,
    inputs,
    is_class,
    is_constant_within,
    is_half_of_time,
    is_id_name,
    is_numeric,
    length_of_texts,
    no_input,
    refuse_stray_text,
    refuse_unread_times,
    refuse_written_numbers,
    steps_of_wide,
)
from harness.config.inferred.dialect import looks_like
from harness.config.inferred.rhythm import (
    MIDNIGHTS,
    Rhythm,
    gaps_of,
    lookbacks_for,
    midnights_misplaced,
    rhythm_of_times,
    spanning,
    window_for,
)
from harness.config.inferred.seasons import seasons_in
from harness.config.times import (
    EXCEL,
    ISO,
    NUMBERS,
    TICKS,
    TWO_CENTURIES,
    WORDS,
    Clock,
    decide_format,
    expected_time,
    is_dated,
    read_times,
    say_format,
    time_column,
    time_names,
    two_centuries,
)
from harness.errors import DataError, UsageError, nearest
from harness.records import TaskKind

if TYPE_CHECKING:
    import numpy.typing as npt
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
        time_format: How times are written.
        on_duplicates: What becomes of rows of one time: `first`, `last` or `mean`.
        layout: `wide` where a row is a sequence.
    """

    task: str | None = None
    target: str | None = None
    time: str | tuple[str, ...] | None = None
    id: str | None = None
    features: tuple[str, ...] = ()
    horizon_steps: int | None = None
    lookback_steps: int | None = None
    time_format: str = ""
    on_duplicates: str | None = None
    layout: str | None = None


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
        time_format: How times are written, where that is no matter of course.
        on_duplicates: What becomes of rows of one time; empty where none repeat.
        layout: `wide` where a row is a sequence; else empty.
        categorical: Columns of categories that are inputs.
        text: Column of texts, a row a sequence; empty where inputs are no texts.
        tokens: What of a text is a step: `words` or `characters`.
        calendar: Cycles of the calendar that are inputs.
    """

    task: str
    target: str
    features: tuple[str, ...]
    time: str | tuple[str, ...] | None
    id: str | None
    metric: str
    missing: str
    numbers: dict[str, int | list[int]] = field(default_factory=dict)
    because: tuple[str, ...] = ()
    time_format: str = ""
    on_duplicates: str = ""
    layout: str = ""
    categorical: tuple[str, ...] = ()
    text: str = ""
    tokens: str = ""
    calendar: tuple[str, ...] = ()


HORIZON = "horizon"
"""What a table's `attrs` call the steps that its file says are to be forecast."""

MOST_WINDOWS = 3000
"""More windows than this are thinned out by a stride, so that a laptop can sweep the first config."""

_TASKS = tuple(TaskKind)
_GAP_STEPS = (2, 3, 4, 6, 8, 12, 24, 48, 96, 168, 365, 1000, 10_000)
_MOST_LOST = 0.4
"""Share of the windows that gaps may cost before `max_gap_steps` is proposed."""
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_CLASS_NAMES = ("label", "class")
_TARGET_NAMES = ("y", "target", "label", "class", "value")
_FEW_REPEATS = 0.05
"""Share of rows whose times repeat, up to which they are taken for faults of one series."""


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
    told = "" if "%" in hints.time_format else hints.time_format
    words = [("--time-format", told, WORDS), ("--on-duplicates", hints.on_duplicates, ("first", "last", "mean"))]
    for option, word, known in (*words, ("--layout", hints.layout, ("long", "wide"))):
        if word and word not in known:
            raise UsageError(f"{option} {word}: unknown. {nearest(word, known)}")
    _check_columns(frame, hints, where)
    _refuse_numbers_as_names(frame, where)
    table = _Table(frame, hints, where)
    table.refuse_gaps_alone()
    task = hints.task or table.kind()
    for option, steps in given:
        if steps is not None and task != "forecast":
            raise UsageError(f"{option} {steps}: expected no such option for a task of kind {task}")
    if task == "next_token":
        raise UsageError(f'{where}: --task next_token: expected a config with [source] kind = "text": see genesis.toml')
    if task == "forecast":
        return table.forecast()
    return table.labels() if task == "label" else table.sequences(task)


def task_of_answers(answers: npt.NDArray[Any]) -> tuple[str, str]:
    """What an archive's sequences are for, by the answers that it has for them, and why.

    Args:
        answers: One a sequence (n,).
    """
    import pandas as pd

    known = pd.Series(answers)
    numbers = pd.to_numeric(known, errors="coerce")
    if known.dtype.kind == "b" or numbers.isna().any() or is_class(numbers):
        return "classify", f"task = classify: the answers are {known.nunique():,} classes"
    return "regress", "task = regress: the answers are numbers"


def _check_columns(frame: pd.DataFrame, hints: UserHints, where: str) -> None:
    (only, *more) = frame.columns
    if not more and (mark := next((mark for mark in ";\t|" if mark in only), None)):
        raise UsageError(f"{where}: {looks_like({'separator': mark}, options=True)}")
    unnamed = sum(str(name).startswith("Unnamed: ") for name in frame.columns)
    if unnamed > 1 and 2 * unnamed >= len(frame.columns):
        raise UsageError(f"{where}: {unnamed} columns have no name: expected --skip-rows N, the rows above the names")
    named = [("--target", hints.target), *(("--time", name) for name in time_names(hints.time)), ("--id", hints.id)]
    for option, column in (*named, *(("--features", name) for name in hints.features)):
        if column is not None and column not in frame.columns:
            raise UsageError(f"{option} {column}: no such column in {where}. {nearest(column, frame.columns)}")


def _refuse_numbers_as_names(frame: pd.DataFrame, where: str) -> None:
    """Refuse a table whose first row was taken for its column names; numbers in their order are names."""
    names = [str(name) for name in frame.columns]
    if not all(_NUMBER.fullmatch(name.strip()) for name in names):
        return
    if len(names) > 1 and names in ([str(n + first) for n in range(len(names))] for first in (0, 1)):
        return
    raise UsageError(
        f"{where}: its first line holds numbers, {', '.join(names[:3])}: expected column names above the rows, or "
        "[source] columns, which names them"
    )


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
        self._time: str | tuple[str, ...] | None = hints.time
        self._format = hints.time_format
        self._read_time()
        free = self._free(hints.target)
        # Steps side by side: a table without times, whose rows are sequences.
        self._steps = steps_of_wide(frame, free) if self._time is None and self._id is None else ()

    def refuse_gaps_alone(self) -> None:
        """Refuse a table that holds nothing but times."""
        if not self._frame.drop(columns=[*time_names(self._time)]).notna().any(axis=None):
            raise UsageError(
                f"{self._where}: holds no value in any column but times: expected numbers; --missing A,B says which "
                "texts stand for a missing value"
            )

    def kind(self) -> str:
        """The task's kind."""
        frame, group, target = self._frame, self._id, self._hints.target or self._answer_column()
        if group is not None and target is not None and is_constant_within(frame, target, group):
            task = "classify" if is_class(frame[target]) else "regress"
            self._because.append(f"task = {task}: {target} has one value for each {group}")
            return task
        if self._hints.layout == "wide" or self._steps:
            target = target or self._beside_the_steps()
            if target is not None and target not in self._steps:
                task = "classify" if is_class(frame[target]) else "regress"
                self._because.append(f"task = {task}: {target} stands beside the steps of a sequence in each row")
                return task
        text = self._text_column()
        if text and (target := self._beside_the_text(text)) and not self._numbers_beside(text, target):
            task = "classify" if is_class(frame[target]) else "regress"
            self._because.append(f"task = {task}: {target} stands beside a text, {text}, in each row")
            return task
        if target is not None and not is_numeric(frame[target]):
            refuse_stray_text(frame[target], self._where)
            refuse_written_numbers(frame[target], self._where)
            self._because.append(f"task = classify: {target} holds text")
            return "classify"
        if self._time is None and self._id is None:
            self._refuse_samples(target, text)
        order = "numbers in the order of time" if self._time else "numbers in the file's order"
        self._because.append(f"task = forecast: {order}")
        return "forecast"

    def _refuse_samples(self, target: str | None, text: str | None) -> None:
        """Refuse to forecast rows of which none has to do with the one before."""
        frame = self._frame
        numeric = [name for name in frame.columns if not no_input(frame[name], name)]
        named = target is not None and target.lower() in _CLASS_NAMES and is_class(frame[target])
        if named or text or not depend_on_order(frame, [target] if target in numeric else numeric):
            why = f"{target} holds classes" if named else "no row resembles the one before it"
            why = f"{text} holds a text in each row" if text else why
            of_texts = f"--task classify or --task regress for the texts of {text} alone; " if text else ""
            raise UsageError(
                f"{self._where}: has no column of times, and {why}: expected {of_texts}--id COLUMN, whose rows form a "
                "sequence; --layout wide where each row is a sequence; or --task forecast where rows follow each other "
                "in time"
            )

    def forecast(self) -> InferredConfig:
        """The config of a forecast."""
        frame, hints, because = self._frame, self._hints, self._because
        self._id = hints.id
        if hints.id is not None:
            because.append(
                f"id = {hints.id}: its {frame[hints.id].nunique():,} values tell the series of a panel apart"
            )
        on_duplicates = self._repeats()
        numeric = self._numeric((*time_names(self._time), self._id))
        target = hints.target or self._only_target(numeric)
        if not is_numeric(frame[target]):
            refuse_stray_text(frame[target], self._where)
            refuse_written_numbers(frame[target], self._where)
            raise UsageError(f"--target {target}: expected a column of numbers for a forecast, got text")
        features = hints.features or tuple(name for name in frame.columns if name in {*numeric, target})
        categorical = self._categories((*time_names(self._time), self._id, target))
        features = tuple(name for name in features if name not in categorical)
        self._say_left_out((*features, *categorical), (*time_names(self._time), self._id))
        series = self._series()
        rows = int(np.quantile([len(one) for one in series], 0.2, method="lower"))
        rhythm = self._rhythm(series)
        ahead = hints.horizon_steps or self._stated_horizon()
        window = window_for(rows, rhythm, hints.lookback_steps, ahead)
        if window is None:
            of = f" for each {self._id}, which tells series apart" if self._id else ""
            raise UsageError(f"{self._where}: {rows} rows{of}: expected more, a window in each of three parts")
        lookback, horizon, why = window
        numbers: dict[str, int | list[int]] = {"lookback_steps": lookback, "horizon_steps": horizon}
        found = self._seasons(max(series, key=len), target, rhythm, horizon)
        if rhythm is not None and rhythm.season_steps <= lookback:
            because.append(f"season_steps = {rhythm.season_steps}: {rhythm.words}")
            found = (rhythm.season_steps, *(one for one in found if one > rhythm.season_steps))
        elif rhythm is not None:
            season = f"a season of {rhythm.season_steps} rows ({rhythm.words})"
            because.append(f"season_steps is left out: {season} is longer than the lookback")
            found = ()
        because.extend(why)
        if found:
            numbers["season_steps"] = found[0] if len(found) == 1 else [*found]
        for season_steps in found[rhythm is not None and rhythm.season_steps <= lookback :]:
            because.append(f"season_steps holds {season_steps}: repeated, it forecasts better than what is shorter")
        lookbacks = (lookback,) if hints.lookback_steps else lookbacks_for(rows, lookback, horizon, found)
        if len(lookbacks) > 1:
            lookback = numbers["lookback_steps"] = lookbacks[-1]
            numbers["lookbacks"] = [*lookbacks]
            because.append(f"lookbacks = {', '.join(map(str, lookbacks))}: trials choose how much a network sees")
        windows = sum(max(len(one) - lookback - horizon + 1, 0) for one in series)
        numbers |= self._gaps(series, lookback + horizon, windows)
        numbers["window_stride"] = stride = max(1, -(-windows // MOST_WINDOWS))
        if stride > 1:
            because.append(
                f"window_stride = {stride}: one in {stride} of {windows:,} windows, so that a laptop can sweep"
            )
        return self._config(
            "forecast",
            target,
            features,
            "mae",
            numbers,
            (*features, target),
            categorical,
            on_duplicates=on_duplicates,
            calendar=self._calendar(max(series, key=len)),
        )

    def _seasons(self, series: pd.DataFrame, target: str, rhythm: Rhythm | None, horizon: int) -> tuple[int, ...]:
        """The seasons that the target has in fact, in rows."""
        values = series[target].to_numpy(np.float64, na_value=np.nan)
        if self._time is not None:
            stamps = read_times(time_column(series, self._time), Clock(self._format))
            values = values[np.argsort(stamps.to_numpy(), kind="stable")]
        return seasons_in(values, rhythm.season_steps if rhythm else None, horizon)

    def _calendar(self, series: pd.DataFrame) -> tuple[str, ...]:
        """Cycles of the calendar that are worth an input."""
        if self._time is None:
            return ()
        if cycles := calendar_of(series, self._time, Clock(self._format)):
            self._because.append(f"calendar = {', '.join(cycles)}: the times are dates, which tell more than values do")
        return cycles

    def _stated_horizon(self) -> int | None:
        """The horizon that the file states, as those of Monash's archive do."""
        if (steps := self._frame.attrs.get(HORIZON)) is not None:
            self._because.append(f"horizon_steps = {steps}: the file says so")
        return steps

    def _config(
        self,
        task: str,
        target: str,
        features: tuple[str, ...],
        metric: str,
        numbers: Mapping[str, int | list[int]],
        measured: Sequence[str],
        categorical: tuple[str, ...] = (),
        *,
        on_duplicates: str = "",
        layout: str = "",
        calendar: tuple[str, ...] = (),
    ) -> InferredConfig:
        missing = self._missing(measured)
        because = tuple(self._because)
        written = self._format if self._time is not None and self._format not in (ISO, NUMBERS) else ""
        return InferredConfig(
            *(task, target, features, self._time, self._id, metric, missing, {**numbers}, because, written),
            categorical=categorical,
            on_duplicates=on_duplicates,
            layout=layout,
            calendar=calendar,
        )

    def sequences(self, task: str) -> InferredConfig:
        """The config of a task with an answer a sequence."""
        frame, hints, group, because = self._frame, self._hints, self._id, self._because
        if group is None and (self._steps or hints.layout == "wide"):
            return self._wide(task)
        if group is None and (text := self._text_column()):
            return self._texts(task, text)
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
        metric = self._metric(task, frame.groupby(group)[target].first())
        return self._config(task, target, features, metric, {}, (*features, target), categorical)

    def _metric(self, task: str, answers: pd.Series[Any]) -> str:
        if task != "classify":
            return "mae"
        counts = answers.value_counts()
        if counts.max() <= 3 * counts.min():
            return "accuracy"
        self._because.append("metric = balanced_accuracy: some classes are more than three times as common as others")
        return "balanced_accuracy"

    def _wide(self, task: str) -> InferredConfig:
        """The config of a table with a sequence a row, its steps side by side."""
        hints, because = self._hints, self._because
        target = hints.target or self._answer_column() or self._beside_the_steps()
        if target is None:
            raise UsageError(f"{self._where}: which column is to be predicted? Expected --target COLUMN")
        features = hints.features or tuple(name for name in self._steps if name != target)
        if len(features) < 2:
            raise UsageError(f"{self._where}: which columns are the steps of a sequence? Expected --features a,b,c")
        because.append(
            f"layout = wide: a sequence a row, with {len(features)} steps from {features[0]} to {features[-1]}"
        )
        if hints.target is None:
            because.append(f"target = {target}: it stands beside the steps")
        self._say_left_out(features, (target,))
        metric = self._metric(task, self._frame[target])
        return self._config(task, target, features, metric, {}, (*features, target), layout="wide")

    def _texts(self, task: str, text: str) -> InferredConfig:
        """The config of a table with a text a row."""
        target, because = self._hints.target or self._beside_the_text(text), self._because
        if target is None:
            raise UsageError(f"{self._where}: which column is to be predicted? Expected --target COLUMN")
        texts = self._frame[text].dropna().astype(str).str.strip()
        words = texts.str.contains(r"\s").mean() > 0.5
        tokens, why = ("words", "texts hold blanks") if words else ("characters", "texts hold no blanks")
        because.append(f"text = {text}: {texts.nunique():,} different texts, a row a sequence")
        because.append(f"tokens = {tokens}: {why}")
        if self._hints.target is None:
            because.append(f"target = {target}: it stands beside the text")
        self._say_left_out((text,), (target,))
        found = self._config(task, target, (), self._metric(task, self._frame[target]), {}, (target,))
        return replace(found, text=text, tokens=tokens, time=None, time_format="")

    def _text_column(self) -> str | None:
        """The one column of free text in a table without ids and times."""
        free = self._free(self._hints.target)
        if not free or self._hints.features or self._hints.layout == "wide":
            return None
        if self._id is not None or self._time is not None or self._steps:
            return None
        lengths = {name: length_of_texts(self._frame[name]) for name in free}
        text, *others = sorted(lengths, key=lambda name: -lengths[name])
        return text if lengths[text] > 2 * max([lengths[name] for name in others], default=0) else None

    def _numbers_beside(self, text: str, target: str) -> bool:
        """Whether other columns may be inputs as well as a text."""
        return any(not no_input(self._frame[name], name) for name in self._free(text, target))

    def _beside_the_text(self, text: str) -> str | None:
        """What is said of a text: the target by its name, else the only other column that may be classes or numbers."""
        if (target := self._hints.target or self._answer_column()) is not None:
            return target
        others = [
            name for name in self._free(text) if not no_input(self._frame[name], name) or self._names_classes(name)
        ]
        return others[0] if len(others) == 1 else None

    def labels(self) -> InferredConfig:
        """The config of a task with an answer a row."""
        frame, group, because = self._frame, self._id, self._because
        roles = (*time_names(self._time), group)
        text = (str(name) for name in frame.columns if name not in roles and not is_numeric(frame[name]))
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
        return self._config("label", target, features, metric, numbers, features, categorical)

    def _text_hint(self) -> str:
        """What to write where a row is a text, if a column looks like texts."""
        texts = [name for name in self._free(self._hints.target) if not is_numeric(self._frame[name])]
        longest = max(texts, key=lambda name: self._frame[name].nunique(), default=None)
        if longest is None or 2 * self._frame[longest].nunique() < len(self._frame):
            return ""
        return f'; of a text a row, write a config with [task] text = "{longest}" (docs/tokens.md)'

    def _infer_id(self) -> str | None:
        taken = (self._hints.target, *time_names(self._hints.time), *self._hints.features)
        for name in self._frame.columns:
            if is_id_name(name) and name not in taken and 1 < self._frame[name].nunique() < len(self._frame):
                return str(name)
        return None

    def _free(self, *taken: str | None) -> list[str]:
        """Columns that play no part yet."""
        roles = {*taken, *time_names(self._time), self._id, *self._hints.features}
        return [str(name) for name in self._frame.columns if name not in roles]

    def _read_time(self) -> None:
        """Find the column of times, and how it is written."""
        try:
            if self._time is None:
                found = find_time(self._frame, self._free(self._hints.target), self._id, self._where, self._format)
                if found is None:
                    if not self._hints.features:
                        refuse_unread_times(self._frame, self._free(self._hints.target), self._where)
                    return
                self._time, self._format = found.columns, self._format or found.time_format
                self._because.append(f"time = {' + '.join(time_names(found.columns))}: {found.why}")
            stamps = time_column(self._frame, self._time)
            self._format = self._format or decide_format(stamps, f"{self._where}: column {stamps.name!r}")
            self._refuse_no_times(stamps)
        except DataError as error:
            raise UsageError(str(error)) from None
        if told := say_format(stamps, self._format):
            self._because.append(told)
        if self._format == NUMBERS and (word := epoch_of(stamps)):
            counted = "are days as spreadsheets count them" if word == EXCEL else "count from 1970 on"
            self._because.append(f"numbers in {stamps.name} are steps; --time-format {word} where they {counted}")

    def _refuse_no_times(self, stamps: pd.Series[Any]) -> None:
        """Refuse a column with values that are no times, such as totals or a licence below the rows."""
        read = read_times(stamps, Clock(self._format))
        place = f"{self._where}: column {stamps.name!r}"
        if (bad := read.isna().to_numpy()).any():
            row = int(bad.argmax())
            value = "an empty cell" if stamps.isna().iloc[row] else repr(str(stamps.iloc[row]))
            expected = expected_time(stamps.iloc[[row]], Clock(self._format))
            raise UsageError(
                f"{place}, row {row + 1}: {value}: {expected}; a line that is no row, such as one of units, has to "
                "leave the file"
            )
        if is_dated(read) and two_centuries(read, self._format):
            raise UsageError(f"{place}: {TWO_CENTURIES}")

    def _stamps(self, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Times in seconds, or numbers, in their order; without those that are none."""
        read = read_times(time_column(frame, self._time or ""), Clock(self._format)).dropna()
        values = read.astype("int64").to_numpy() / TICKS if is_dated(read) else read.to_numpy(np.float64)
        return np.unique(values)

    def _repeats(self) -> str:
        """What becomes of rows of one time; finds the id of a panel on the way."""
        if self._time is None:
            return ""
        asked, option = self._hints.on_duplicates, "--on-duplicates first, last or mean"
        if self._id is None:
            repeats = find_panel(self._frame, self._time, self._free(self._hints.target))
            if repeats.id is not None:
                self._id = repeats.id
                self._because.append(f"id = {repeats.id}: {repeats.why}")
        else:
            stamps = time_column(self._frame, self._time)
            known = self._frame[[self._id]].assign(**{"\0time": stamps})
            repeats = Repeats(int(known.duplicated().sum()), self._id)
        if repeats.count and asked is None:
            name = " + ".join(time_names(self._time))
            rows = f"{repeats.count:,} row{'s repeat' if repeats.count > 1 else ' repeats'} the time of another row"
            if repeats.id is not None:
                raise UsageError(f"{self._where}: column {name}: {rows} of the same {repeats.id}: expected {option}")
            several = "--id COLUMN, which tells several series apart"
            if half := next((one for one in self._free(self._hints.target) if is_half_of_time(one)), None):
                several = f"--time {','.join((*time_names(self._time), half))}, which are a time together, or {several}"
            few = repeats.count <= _FEW_REPEATS * len(self._frame)
            expected = f"{option}, or {several}" if few else f"{several}, or {option}"
            raise UsageError(f"{self._where}: column {name}: {rows}: expected {expected}")
        return asked or "" if repeats.count else ""

    def _series(self) -> list[pd.DataFrame]:
        if self._id is None:
            return [self._frame]
        return [one for _, one in self._frame.groupby(self._id, sort=False)]

    def _answer_column(self) -> str | None:
        # By its name, else the one column beside the id that is constant within each sequence.
        free = [name for name in self._frame.columns if name not in (*time_names(self._time), self._id)]
        called = [name for name in free if name.lower() in _TARGET_NAMES]
        if len(called) == 1:
            return str(called[0])
        group = self._id
        constant = [name for name in free if group is not None and is_constant_within(self._frame, name, group)]
        return str(constant[0]) if len(constant) == 1 else None

    def _beside_the_steps(self) -> str | None:
        """The one column of a wide table that is no step."""
        others = [name for name in self._frame.columns if name not in (*self._steps, *self._hints.features)]
        others = [name for name in others if not no_input(self._frame[name], name) or self._names_classes(name)]
        return str(others[0]) if len(others) == 1 else None

    def _names_classes(self, name: str) -> bool:
        """Whether a column of text has few enough values to be classes."""
        return not is_numeric(self._frame[name]) and 1 < self._frame[name].nunique() <= len(self._frame) / 2

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

    def _numeric(self, roles: Sequence[str | None]) -> tuple[str, ...]:
        frame = self._frame
        found = tuple(str(name) for name in frame.columns if name not in roles and not no_input(frame[name], name))
        return found or inputs(frame, tuple(roles))

    def _features(self, target: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The columns of numbers that are inputs, and those of categories."""
        roles = (*time_names(self._time), self._id, target)
        categorical = self._categories(roles)
        given = self._hints.features or self._numeric(roles)
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
        left = [str(name) for name in self._frame.columns if name not in (*features, *roles)]
        if left and not self._hints.features:
            reasons = (f"{name} ({no_input(self._frame[name], name) or 'no text'})" for name in left)
            self._because.append(f"left out: {', '.join(reasons)}")

    def _missing(self, columns: Sequence[str]) -> str:
        gaps = int(self._frame[list(dict.fromkeys(columns))].isna().sum().sum())
        if not gaps:
            return "error"
        self._because.append(f'missing = "interpolate": {gaps:,} missing value{"s" * (gaps > 1)}')
        return "interpolate"

    def _rhythm(self, series: Sequence[pd.DataFrame]) -> Rhythm | None:
        if self._time is None:
            self._because.append("no column of times: rows are taken in the file's order")
            return None
        read = read_times(time_column(self._frame, self._time), Clock(self._format))
        if not is_dated(read):
            return None
        if any(
            not read_times(time_column(one, self._time), Clock(self._format)).is_monotonic_increasing for one in series
        ):
            self._because.append("rows that come after a later one are sorted by time")
            if midnights_misplaced(read.astype("int64").to_numpy() / TICKS):
                self._because.append(f"warning: {MIDNIGHTS}")
        return rhythm_of_times(self._stamps(max(series, key=len)))

    def _gaps(self, series: Sequence[pd.DataFrame], window: int, windows: int) -> dict[str, int]:
        """`max_gap_steps` where most windows would else span a gap; and how many do."""
        if self._time is None or windows < 1:
            return {}
        dated = is_dated(read_times(time_column(self._frame.iloc[:1], self._time), Clock(self._format)))
        stamps = [self._stamps(one) for one in series]

        def share(steps: int | None) -> float:
            return sum(spanning(gaps_of(one, steps, dated=dated)[0], len(one), window) for one in stamps) / windows

        name, lost = " + ".join(time_names(self._time)), share(None)
        if lost <= _MOST_LOST:
            if lost:
                self._because.append(f"steps in {name} differ: {lost:.1%} of the windows span a gap and are left out")
            return {}
        steps = next((steps for steps in _GAP_STEPS if share(steps) <= _MOST_LOST / 2), _GAP_STEPS[-1])
        self._because.append(
            f"max_gap_steps = {steps}: steps in {name} differ, and {lost:.0%} of the windows span one that is longer "
            "than usual"
        )
        return {"max_gap_steps": steps}
