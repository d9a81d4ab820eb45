"""A dataset's config: its tables as pydantic models, and whether source, task and split fit together.

Unknown keys are refused. Models are frozen; `model_dump(mode="json")` gives the plain values that travel to
workers and `model_validate` reads them back. A field's `description` is what an error says was expected.
Knows no files: `loader` gets at a config's values, `errors` puts its faults into words.
"""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import Field, model_validator

from harness.config.errors import fault, toml_text
from harness.config.sources import (
    ONLY_FOR,
    Column,
    Config,
    CorpusSource,
    Count,
    CountOrZero,
    Name,
    Number,
    Seed,
    Share,
    Source,
    TableSource,
)
from harness.config.tasks import ClassifyTask, ForecastTask, LabelTask, RegressTask, TaskConfig
from harness.config.times import time_names
from harness.config.tokens import (
    TABLES,
    are_tokens,
    check_categorical,
    check_corpus,
    check_once,
    check_tokens,
    targets_of,
)
from harness.errors import nearest
from harness.user_code import is_function

_RULES = {
    "forecast": ("time", "rolling"),
    "classify": ("stratified", "shuffled", "group", "archive"),
    "regress": ("shuffled", "group", "archive"),
    "label": ("time", "shuffled", "group", "archive"),
    "next_token": ("time", "shuffled", "archive"),
}
_TASKS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((*TABLES, "loader"), ("forecast", "classify", "regress", "label", "next_token")),
    **dict.fromkeys(("npz", "npy"), ("classify", "regress", "label")),
    "ts": ("classify", "regress"),
    "text": ("classify", "regress", "next_token"),
    **dict.fromkeys(("conll", "conllu"), ("label", "next_token")),
    "wav": ("classify",),
    **dict.fromkeys(("sklearn", "keras", "temporal_order", "counting", "mnist1d", "first_names"), ("classify",)),
    "adding": ("regress",),
    **dict.fromkeys(("mat", "copy_memory"), ("label",)),
    **dict.fromkeys(("anbn", "anbncn"), ("next_token",)),
}
"""Source or generator → the tasks that it has answers for."""

_OF_LABELS = ("nll", "binary_accuracy", "micro_f1")
_WITH_ARCHIVE = ("ts", "mat", "keras", "mnist1d", "counting", "anbn", "anbncn")
"""Sources and generators that bring a test part of their own."""


def _check_metric(task: TaskConfig) -> None:
    if is_function(task.metric) and task.direction is None:
        raise fault(
            ("task",), "missing key 'direction': expected min or max, which scores of your own metric are better"
        )
    if not is_function(task.metric) and task.direction is not None:
        raise fault(("task", "direction"), f"expected none: {task.metric} knows its own")


def _check_source(config: DatasetConfig) -> None:
    source, task = config.source, config.task.kind
    made_by = _made_by(config)
    if task not in _TASKS[made_by]:
        key = "generator" if source.kind == "generator" else "kind"
        raise fault(("task", "kind"), f'expected {" or ".join(_TASKS[made_by])} where [source] {key} = "{made_by}"')
    if source.kind == "generator" and source.generator == "counting" and source.steps < 20:
        raise fault(("source", "steps"), "expected at least 20: a test part of longer strings than the train part's")
    if isinstance(source, TableSource):
        _check_file(source)
    if isinstance(source, CorpusSource):
        check_corpus(source, task)


def _check_file(source: TableSource) -> None:
    for key, kinds in ONLY_FOR.items():
        if source.table not in kinds and getattr(source, key) != TableSource.model_fields[key].default:
            raise fault(("source", key), f"expected it only where kind = {' or '.join(map(toml_text, kinds))}")
    if source.decimal == source.thousands:
        raise fault(("source", "thousands"), "expected another sign than the decimal mark")


def _check_split(config: DatasetConfig) -> None:
    split, task = config.split, config.task.kind
    if split.rule is not None and split.rule not in _RULES[task]:
        allowed = " or ".join(_RULES[task])
        raise fault(("split", "rule"), f'expected {allowed} where [task] kind = "{task}"')
    if split.rule == "archive" and not brings_parts(config):
        raise fault(("split", "rule"), "expected another rule: this source brings no test part of its own")
    if split.gap_steps and task not in ("forecast", "label", "next_token"):
        raise fault(("split", "gap_steps"), "expected 0: only blocks of time have a gap between them")
    _check_folds(split)
    _check_group(config)


def _check_folds(split: SplitConfig) -> None:
    if split.rule != "rolling":
        for key in ("folds", "fold"):
            if getattr(split, key) is not None:
                raise fault(("split", key), 'expected it only where rule = "rolling"')
        return
    if split.folds is None:
        raise fault(("split",), "missing key 'folds': how many divisions a rolling split makes")
    if split.fold is not None and split.fold > split.folds:
        raise fault(("split", "fold"), f"expected at most folds = {split.folds}")


def _check_group(config: DatasetConfig) -> None:
    split, source = config.split, config.source
    wanted = split.rule == "group"
    if source.kind in TABLES or source.kind == "loader":
        if wanted and split.group is None and source.kind != "loader":
            raise fault(("split",), "missing key 'group': the column that says which rows stay together")
    elif split.group is not None:
        raise fault(("split", "group"), f'expected no column where [source] kind = "{source.kind}"')
    elif wanted and getattr(source, "groups", None) is None:
        raise fault(("split", "rule"), "expected another rule: [source] names no groups")
    if split.group is not None and not wanted:
        raise fault(("split", "group"), 'expected it only where rule = "group"')
    if split.group is not None and split.group in _columns(config.task):
        raise fault(("split", "group"), "expected a column that is neither target nor feature")
    if split.part is None:
        return
    if source.kind not in TABLES and source.kind != "loader":
        raise fault(("split", "part"), f'expected no column where [source] kind = "{source.kind}"')
    if config.task.kind == "forecast":
        raise fault(
            ("split", "part"), 'expected no column where [task] kind = "forecast": its parts are blocks of time'
        )
    if split.rule not in (None, "archive"):
        raise fault(("split", "part"), 'expected it only where rule = "archive"')
    if split.part in _columns(config.task):
        raise fault(("split", "part"), "expected a column that is neither target nor feature")


def _columns(task: TaskConfig) -> tuple[str, ...]:
    inputs = (*getattr(task, "features", ()), *getattr(task, "categorical", ()))
    tokens = (getattr(task, "text", None), getattr(task, "token", None))
    return (*targets_of(task), *inputs, *(name for name in tokens if name is not None))


def names_in(task: TaskConfig) -> tuple[str, ...]:
    """The columns of a table that hold names for a task, of series, sequences or classes, and no measurements."""
    classes: tuple[str, ...] = ()
    if task.kind == "classify" and task.target is not None:
        classes = (task.target,)
    elif task.kind == "label" and not task.multi_label:
        classes = task.target
    id_column = getattr(task, "id", None)
    return (*classes, id_column) if id_column is not None else classes


def texts_in(task: TaskConfig) -> tuple[str, ...]:
    """The columns of a table that hold texts, tokens or categories, which are told apart as they are written."""
    named = (getattr(task, key, None) for key in ("text", "token"))
    return (*(name for name in named if name is not None), *getattr(task, "categorical", ()))


def text_columns(config: DatasetConfig) -> tuple[str, ...]:
    """The columns of a table that are read as text, since a name is no number: ids, classes, groups and `where`."""
    filtered = [name for name, value in getattr(config.source, "where", {}).items() if isinstance(value, str)]
    groups = (name for name in (config.split.group, config.split.part) if name is not None)
    return tuple(dict.fromkeys((*names_in(config.task), *groups, *filtered)))


def brings_parts(config: DatasetConfig) -> bool:
    """Whether the source has a test part of its own."""
    official = getattr(config.source, "test", None) is not None or config.split.part is not None
    return official or _made_by(config) in _WITH_ARCHIVE


def reads_tokens(config: DatasetConfig) -> bool:
    """Whether inputs are tokens, which a vocabulary numbers."""
    return are_tokens(config.source, config.task)


def _made_by(config: DatasetConfig) -> str:
    return config.source.generator if config.source.kind == "generator" else config.source.kind


def _check_encoding(config: DatasetConfig) -> None:
    encoding, task = config.encoding, config.task
    if encoding.scaling == "difference":
        if task.kind != "forecast":
            raise fault(("encoding", "scaling"), f'expected another than difference where [task] kind = "{task.kind}"')
        if config.missing == "mask":
            raise fault(("missing",), 'expected interpolate or error where [encoding] scaling = "difference"')
    if encoding.calendar and (task.kind != "forecast" or task.time is None):
        raise fault(("encoding", "calendar"), "expected it for a forecast whose [task] names the column of times")
    if encoding.time_zone and getattr(task, "time", None) is None:
        raise fault(("encoding", "time_zone"), "expected it only where [task] names the column of times")
    if encoding.time_zone and encoding.time_zone not in (zones := available_timezones()):
        raise fault(
            ("encoding", "time_zone"),
            f"expected a time zone such as Europe/Berlin. {nearest(encoding.time_zone, zones)}",
        )
    if twice := [cycle for cycle in encoding.calendar if encoding.calendar.count(cycle) > 1]:
        raise fault(("encoding", "calendar"), f"expected each cycle once, got {twice[0]} twice")
    if config.missing == "mask" and task.kind == "next_token":
        raise fault(("missing",), "expected error: no token is missing")


def _check_forecast(task: ForecastTask) -> None:
    if sorted({*task.seasons}) != [*task.seasons]:
        raise fault(("task", "season_steps"), "expected the shortest season first, and each once")
    if task.lookbacks and (max(task.lookbacks) != task.lookback_steps or len({*task.lookbacks}) < len(task.lookbacks)):
        raise fault(
            ("task", "lookbacks"), f"expected each once, and lookback_steps = {task.lookback_steps} the longest"
        )
    for key in ("target", "features", "known_covariates"):
        check_once(getattr(task, key), key)
    others = (*task.target, *task.features, *task.known_covariates)
    if task.id in others:
        raise fault(("task", "id"), "expected a column that is neither target nor feature")
    # The hour of the day may be an input beside the time that it is a part of.
    if {*time_names(task.time)} & {*(others if isinstance(task.time, str) else task.target)}:
        raise fault(("task", "time"), "expected a column that is neither target nor feature")
    if task.time is None and (task.on_duplicates != "error" or task.max_gap_steps is not None):
        key = "max_gap_steps" if task.max_gap_steps is not None else "on_duplicates"
        raise fault(("task", key), "expected it only beside time, the column of times")
    if task.id is not None and task.id in time_names(task.time):
        raise fault(("task", "id"), "expected another column than the time")
    roles: dict[str | None, str] = {
        **dict.fromkeys(task.target, "target"),
        **dict.fromkeys(time_names(task.time), "time"),
    }
    check_categorical(task.categorical, roles)
    if both := [name for name in task.known_covariates if name in task.target]:
        raise fault(("task", "known_covariates"), f"expected no {both[0]}: a target is not known in advance")
    if task.last_rows is None:
        return
    if task.last_rows < (window := task.lookback_steps + task.horizon_steps):
        expected = f"expected at least lookback_steps + horizon_steps = {window}, the rows of one window"
        raise fault(("task", "last_rows"), expected)
    if task.seasons and task.seasons[-1] >= task.last_rows:
        raise fault(("task", "season_steps"), f"expected less than last_rows = {task.last_rows}")


def _check_label(task: LabelTask) -> None:
    check_once(task.target, "target")
    if not is_function(task.metric) and (task.metric in _OF_LABELS) != task.multi_label:
        among = _OF_LABELS if task.multi_label else ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")
        where = "true" if task.multi_label else "false"
        raise fault(("task", "metric"), f"expected one of {', '.join(among)} where multi_label = {where}")
    if task.class_weight is not None and task.multi_label:
        raise fault(("task", "class_weight"), "expected none where multi_label = true: there is no one class to weigh")


def _check_sequences(config: DatasetConfig, task: ClassifyTask | RegressTask | LabelTask) -> None:
    check_once(task.features, "features")
    if task.window_stride is not None and task.window_steps is None:
        raise fault(("task", "window_stride"), "expected window_steps beside it: the steps of a piece")
    check_tokens(config.source, task)
    if config.source.kind == "loader":
        return
    if config.source.kind not in TABLES:
        keys = ("id", "time", "last_rows") if task.kind == "label" else ("target", "id", "time")
        for key in (*keys, "categorical"):
            if getattr(task, key):
                raise fault(("task", key), f'expected none where [source] kind = "{config.source.kind}"')
        if getattr(task, "layout", "long") == "wide":
            raise fault(("task", "layout"), "expected long: only a table has a sequence a row")
        return
    if task.kind == "label":
        targets = task.target
        if not targets:
            raise fault(("task",), "missing key 'target': the columns that say what is predicted, which a table needs")
        if len(targets) > 1 and not task.multi_label:
            expected = "expected one column of classes, or multi_label = true and columns of 0 and 1"
            raise fault(("task", "target"), expected)
    else:
        targets = () if task.target is None else (task.target,)
        wide = task.layout == "wide"
        if wide and (extra := next((key for key in ("id", "time") if getattr(task, key) is not None), None)):
            raise fault(("task", extra), 'expected none where layout = "wide": a row is a sequence')
        for key, why in (("target", "what is predicted"), ("id", "which rows form a sequence")):
            if getattr(task, key) is None and not (key == "id" and (wide or task.text is not None)):
                raise fault(("task",), f"missing key '{key}': the column that says {why}, which a table needs")
    times = time_names(task.time)
    check_once(tuple(column for column in (*targets, task.id, *times) if column is not None), "id")
    roles: dict[str | None, str] = {**dict.fromkeys(targets, "target"), task.id: "id", **dict.fromkeys(times, "time")}
    check_categorical(task.categorical, roles)
    for name in task.features:
        why = "it names rows, it measures nothing" if name in (task.id, *time_names(task.time)) else ""
        if name in targets and not (task.kind == "label" and task.ahead_steps):
            why = "it would give the answer away"
        if why:
            raise fault(("task", "features"), f"expected no {name} among the features: {why}")


class SplitConfig(Config):
    """How rows or sequences are divided.

    Attributes:
        rule: `time` (contiguous blocks, for forecasts), `rolling` (several such divisions, each later than the one
            before and trained on all that lies before it), `stratified` (classes in equal shares), `shuffled`,
            `group` (whole groups, such as all recordings of a person), or `archive` (the source's own test part,
            validation carved from its train part unless it has one of its own). None picks by task and source.
        validation: Share of the validation part; of a fold's rows for `rolling`.
        test: Share of the test part; ignored by `archive`.
        gap_steps: Extra rows left out between the blocks of a `time` or `rolling` split. Windows never cross a block's
            edge.
        folds: Divisions of a `rolling` split.
        fold: The one division of a `rolling` split that is wanted, from 1; None means all, and the last one where only
            one can be had.
        group: Column with each row's group, for `group` on a table; other sources name theirs in `[source]`.
        part: Column of a table with each sequence's official part, for `archive`: train, validation (or dev) and test.
        max_train: About the most sequences, or windows, that are trained on: the latest of a single series, else drawn
            by chance, of every class its share. Validation and test part stay whole.
        seed: Seed of the rules that draw by chance.
    """

    rule: Literal["time", "rolling", "stratified", "shuffled", "group", "archive"] | None = None
    validation: Share = 0.15
    test: Share = 0.15
    gap_steps: CountOrZero = 0
    folds: Annotated[int, Field(ge=2, le=20, strict=True, description="a whole number from 2 to 20")] | None = None
    fold: Count | None = None
    group: Column | None = None
    part: Column | None = None
    max_train: Count | None = None
    seed: Seed = 0

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> SplitConfig:
        if self.validation + self.test > 0.8:
            raise ValueError(
                f"validation + test = {self.validation + self.test:g}: "
                "expected at most 0.8, so that something is left to train on"
            )
        return self


class EncodingConfig(Config):
    """From raw values to what a network sees; it ends up inside the exported model.

    Attributes:
        scaling: `none`, `standard` (mean 0, deviation 1), `robust` (median 0, interquartile range 1), `log` (the log of
            1 + size with its sign, then standard), `difference` (change from step to step, then standard; the answers
            are changes from the last value seen).
        calendar: Channels made from the column of times: each as sine and cosine of its cycle.
        time_zone: Zone of the calendar, and of times without an offset from UTC, such as `Europe/Berlin`; empty for
            UTC.
    """

    scaling: Literal["none", "standard", "robust", "log", "difference"] = "standard"
    calendar: tuple[Literal["minute", "hour", "weekday", "day", "month", "year"], ...] = ()
    time_zone: str = ""


class SizeConfig(Config):
    """How large a dataset is, for lists that load no data; `harness datasets check` holds it to the truth.

    Attributes:
        rows: Rows of a series, or sequences.
        steps: Steps of every sequence or lookback; shortest and longest where they differ.
        channels: Input channels.
        classes: Classes; 0 where there are none.
        megabytes: Of the file or download; 0 for what is generated.
    """

    rows: Count
    steps: Annotated[tuple[Count, Count], Field(description="a list of two: shortest and longest")] | Count
    channels: Count
    classes: CountOrZero = 0
    megabytes: Annotated[float, Field(ge=0, description="a number of at least 0")] = 0.0

    @property
    def steps_range(self) -> tuple[int, int]:
        """Steps of the shortest and of the longest sequence."""
        return (self.steps, self.steps) if isinstance(self.steps, int) else self.steps


class ReferenceConfig(Config):
    """A published score on the dataset.

    Attributes:
        metric: Its metric.
        score: The score.
        model: What reached it.
        source: Where that is written.
        note: How far the score can be compared with ours.
    """

    metric: Annotated[str, Field(min_length=1, description="the name of a metric")]
    score: Number
    model: Annotated[str, Field(min_length=1, description="what reached the score")]
    source: Annotated[str, Field(min_length=1, description="where the score is written")]
    note: str = ""


class DatasetConfig(Config):
    """A dataset: where its sequences are, what is predicted, how it is split.

    Attributes:
        name: Its name, the file's stem.
        title: One line for people.
        license: Licence of the data.
        use: What it may be used for, asked for before a download unless it is `open`; not said: `open` where there is a
            licence.
        homepage: Address that tells of it.
        citation: What to cite.
        suites: Names under which it can be swept together with others.
        size: How large it is.
        reference: A published score.
        source: Where the sequences are.
        task: What is predicted.
        split: How they are divided.
        encoding: From raw values to what a network sees.
        missing: What becomes of gaps: refused, filled on a straight line, or filled with the mean beside a channel that
            says where they were. Sequences without an answer are refused, too, or left out and counted.
        smallest_difference: The smallest difference of scores that matters.
    """

    name: Name
    title: str = ""
    license: str = ""
    use: Literal["open", "research", "no-derivatives", "not stated"] | None = None
    homepage: str = ""
    citation: str = ""
    suites: tuple[Name, ...] = ()
    size: SizeConfig | None = None
    reference: ReferenceConfig | None = None
    source: Source
    task: TaskConfig
    split: SplitConfig = SplitConfig()
    encoding: EncodingConfig = EncodingConfig()
    missing: Literal["error", "interpolate", "mask"] = "error"
    smallest_difference: Annotated[float, Field(ge=0, strict=True, description="a number of at least 0")] | None = None

    @model_validator(mode="after")
    def _parts_fit_together(self) -> DatasetConfig:
        _check_source(self)
        _check_split(self)
        _check_metric(self.task)
        _check_encoding(self)
        match self.task.kind:
            case "forecast":
                _check_forecast(self.task)
            case "label":
                _check_label(self.task)
                _check_sequences(self, self.task)
            case "classify" | "regress":
                _check_sequences(self, self.task)
            case "next_token":
                check_tokens(self.source, self.task)
        return self


RegisteredName = Annotated[
    str,
    Field(
        pattern=r"^(\{dataset\}|[A-Za-z0-9])(\{dataset\}|[A-Za-z0-9_.-])*$",
        max_length=80,
        description="a name of letters, digits, `_`, `.` and `-`, at most 80, in which {dataset} is the dataset's name",
    ),
]
