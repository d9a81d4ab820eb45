"""Whether the parts of a dataset's card fit together: source, task and split. Sees no data, only the card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cards.faults import fault
from harness.user_code import is_function

if TYPE_CHECKING:
    from harness.cards.schema import (
        ClassifyTask,
        DatasetCard,
        ForecastTask,
        LabelTask,
        RegressTask,
        SplitCard,
        TaskCard,
    )

_TABLES = ("csv", "parquet")
_ANY = ("classify", "regress")
_RULES = {
    "forecast": ("time", "rolling"),
    "classify": ("stratified", "shuffled", "group", "archive"),
    "regress": ("shuffled", "group", "archive"),
    "label": ("time", "shuffled", "group", "archive"),
    "next_token": ("time", "shuffled", "archive"),
}
_TASKS: dict[str, tuple[str, ...]] = {
    "csv": ("forecast", "classify", "regress", "label"),
    "parquet": ("forecast", "classify", "regress", "label"),
    "loader": ("forecast", "classify", "regress", "label"),
    "npz": ("classify", "regress", "label"),
    "npy": ("classify", "regress", "label"),
    "ts": ("classify", "regress"),
    "mat": ("label",),
    "text": ("classify", "next_token"),
    "sklearn": ("classify",),
    "keras": ("classify",),
}
_GENERATED: dict[str, tuple[str, ...]] = {
    "adding": ("regress",),
    "temporal_order": ("classify",),
    "counting": ("classify",),
    "mnist1d": ("classify",),
    "copy_memory": ("label",),
    "first_names": ("classify",),
    "anbn": ("next_token",),
    "anbncn": ("next_token",),
}
_OF_LABELS = ("nll", "binary_accuracy", "micro_f1")
_WITH_ARCHIVE = ("ts", "mat", "keras", "mnist1d", "counting", "anbn", "anbncn")
"""Sources and generators that bring a test part of their own."""


def check_dataset(card: DatasetCard) -> None:
    """Check what no single key shows.

    Raises:
        PydanticCustomError: The first fault, with its keys from the card's top.
    """
    _check_source(card)
    _check_steps(card)
    _check_split(card)
    _check_metric(card.task)
    _check_encoding(card)
    match card.task.kind:
        case "forecast":
            _check_forecast(card.task)
        case "label":
            _check_label(card, card.task)
        case "classify" | "regress":
            _check_sequences(card, card.task)


def _check_metric(task: TaskCard) -> None:
    if is_function(task.metric) and task.direction is None:
        raise fault(
            ("task",), "missing key 'direction': expected min or max, which scores of your own metric are better"
        )
    if not is_function(task.metric) and task.direction is not None:
        raise fault(("task", "direction"), f"expected none: {task.metric} knows its own")


def _check_source(card: DatasetCard) -> None:
    source, task = card.source, card.task.kind
    if source.kind == "generator":
        allowed, key = _GENERATED.get(source.generator, ()), f'generator = "{source.generator}"'
    else:
        allowed, key = _TASKS.get(source.kind, (task,)), f'kind = "{source.kind}"'
    if task not in allowed:
        raise fault(("task", "kind"), f"expected {' or '.join(allowed)} where [source] {key}")
    if source.kind == "parquet" and (source.separator != "," or source.columns):
        key = "columns" if source.columns else "separator"
        raise fault(("source", key), 'expected it only where kind = "csv"')
    if source.kind == "text" and source.form != "whole" and (source.skip_signs or source.most_signs):
        key = "skip_signs" if source.skip_signs else "most_signs"
        raise fault(("source", key), 'expected it only where form = "whole"')
    if source.kind == "text" and source.form == "whole" and task == "classify":
        raise fault(("source", "form"), 'expected lines or folders where [task] kind = "classify"')
    if source.kind == "text" and source.form == "folders" and source.sha256 is not None:
        raise fault(("source", "sha256"), 'expected none where form = "folders"')


def _check_steps(card: DatasetCard) -> None:
    source = card.source
    if source.kind == "generator" and source.generator == "counting" and source.steps < 20:
        raise fault(("source", "steps"), "expected at least 20: a test part of longer strings than the train part's")


def _check_split(card: DatasetCard) -> None:
    split, task = card.split, card.task.kind
    if split.rule is not None and split.rule not in _RULES[task]:
        allowed = " or ".join(_RULES[task])
        raise fault(("split", "rule"), f'expected {allowed} where [task] kind = "{task}"')
    if split.rule == "archive" and not brings_parts(card):
        raise fault(("split", "rule"), "expected another rule: this source brings no test part of its own")
    if split.gap_steps and task not in ("forecast", "label", "next_token"):
        raise fault(("split", "gap_steps"), "expected 0: only blocks of time have a gap between them")
    _check_folds(split)
    _check_group(card)


def _check_folds(split: SplitCard) -> None:
    if split.rule != "rolling":
        for key in ("folds", "fold"):
            if getattr(split, key) is not None:
                raise fault(("split", key), 'expected it only where rule = "rolling"')
        return
    if split.folds is None:
        raise fault(("split",), "missing key 'folds': how many divisions a rolling split makes")
    if split.fold is not None and split.fold > split.folds:
        raise fault(("split", "fold"), f"expected at most folds = {split.folds}")


def _check_group(card: DatasetCard) -> None:
    split, source = card.split, card.source
    wanted = split.rule == "group"
    if source.kind in _TABLES or source.kind == "loader":
        if wanted and split.group is None and source.kind != "loader":
            raise fault(("split",), "missing key 'group': the column that says which rows stay together")
    elif split.group is not None:
        raise fault(("split", "group"), f'expected no column where [source] kind = "{source.kind}"')
    elif wanted and getattr(source, "groups", None) is None:
        raise fault(("split", "rule"), "expected another rule: [source] names no groups")
    if split.group is not None and not wanted:
        raise fault(("split", "group"), 'expected it only where rule = "group"')
    if split.group is not None and split.group in _columns(card.task):
        raise fault(("split", "group"), "expected a column that is neither target nor feature")


def _columns(task: TaskCard) -> tuple[str, ...]:
    target = getattr(task, "target", None)
    targets = target if isinstance(target, tuple) else (target,) if target else ()
    return (*targets, *getattr(task, "features", ()))


def brings_parts(card: DatasetCard) -> bool:
    """Whether the source has a test part of its own."""
    source = card.source
    kind = source.generator if source.kind == "generator" else source.kind
    return kind in _WITH_ARCHIVE


def _check_encoding(card: DatasetCard) -> None:
    encoding, task = card.encoding, card.task
    if encoding.scaling == "difference":
        if task.kind != "forecast":
            raise fault(("encoding", "scaling"), f'expected another than difference where [task] kind = "{task.kind}"')
        if card.missing == "mask":
            raise fault(("missing",), 'expected interpolate or error where [encoding] scaling = "difference"')
    if encoding.calendar and (task.kind != "forecast" or task.time is None):
        raise fault(("encoding", "calendar"), "expected it for a forecast whose [task] names the column of times")
    if twice := [cycle for cycle in encoding.calendar if encoding.calendar.count(cycle) > 1]:
        raise fault(("encoding", "calendar"), f"expected each cycle once, got {twice[0]} twice")
    if card.missing == "mask" and task.kind == "next_token":
        raise fault(("missing",), "expected error: no token is missing")


def _check_forecast(task: ForecastTask) -> None:
    _check_once(task.target, "target")
    _check_once(task.features, "features")
    _check_once(task.known_covariates, "known_covariates")
    for key in ("time", "id"):
        if getattr(task, key) in (*task.target, *task.features, *task.known_covariates):
            raise fault(("task", key), "expected a column that is neither target nor feature")
    if task.id is not None and task.id == task.time:
        raise fault(("task", "id"), "expected another column than the time")
    if both := [name for name in task.known_covariates if name in task.target]:
        raise fault(("task", "known_covariates"), f"expected no {both[0]}: a target is not known in advance")
    if task.last_rows is None:
        return
    window = task.lookback_steps + task.horizon_steps
    if task.last_rows < window:
        raise fault(
            ("task", "last_rows"),
            f"expected at least lookback_steps + horizon_steps = {window}, the rows of one window",
        )
    if task.season_steps is not None and task.season_steps >= task.last_rows:
        raise fault(("task", "season_steps"), f"expected less than last_rows = {task.last_rows}")


def _check_sequences(card: DatasetCard, task: ClassifyTask | RegressTask) -> None:
    _check_once(task.features, "features")
    if task.window_stride is not None and task.window_steps is None:
        raise fault(("task", "window_stride"), "expected window_steps beside it: the steps of a piece")
    if card.source.kind == "loader":
        return
    if card.source.kind not in _TABLES:
        for key in ("target", "id", "time"):
            if getattr(task, key) is not None:
                raise fault(("task", key), f'expected no column where [source] kind = "{card.source.kind}"')
        return
    for key, why in (("target", "what is predicted"), ("id", "which rows form a sequence")):
        if getattr(task, key) is None:
            raise fault(("task",), f"missing key '{key}': the column that says {why}, which a table needs")
    columns = [column for column in (task.target, task.id, task.time) if column is not None]
    _check_once(tuple(columns), "id")
    if known := [column for column in columns if column in task.features]:
        why = "it would give the answer away" if known[0] == task.target else "it names rows, it measures nothing"
        raise fault(("task", "features"), f"expected no {known[0]} among the features: {why}")


def _check_label(card: DatasetCard, task: LabelTask) -> None:
    _check_once(task.features, "features")
    _check_once(task.target, "target")
    if not is_function(task.metric) and (task.metric in _OF_LABELS) != task.multi_label:
        among = _OF_LABELS if task.multi_label else ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")
        where = "true" if task.multi_label else "false"
        raise fault(("task", "metric"), f"expected one of {', '.join(among)} where multi_label = {where}")
    if task.class_weight is not None and task.multi_label:
        raise fault(("task", "class_weight"), "expected none where multi_label = true: there is no one class to weigh")
    if task.window_stride is not None and task.window_steps is None:
        raise fault(("task", "window_stride"), "expected window_steps beside it: the steps of a piece")
    if card.source.kind == "loader":
        return
    if card.source.kind not in _TABLES:
        for key in ("id", "time", "last_rows"):
            if getattr(task, key) is not None:
                raise fault(("task", key), f'expected none where [source] kind = "{card.source.kind}"')
        return
    if not task.target:
        raise fault(("task",), "missing key 'target': the columns that say what is predicted, which a table needs")
    if len(task.target) > 1 and not task.multi_label:
        raise fault(("task", "target"), "expected one column of classes, or multi_label = true and columns of 0 and 1")
    _check_once(tuple(column for column in (*task.target, task.id, task.time) if column is not None), "id")
    for name in task.features:
        if name in task.target and not task.ahead_steps:
            raise fault(("task", "features"), f"expected no {name} among the features: it would give the answer away")
        if name in (task.id, task.time):
            raise fault(
                ("task", "features"), f"expected no {name} among the features: it names rows, it measures nothing"
            )


def _check_once(columns: tuple[str, ...], key: str) -> None:
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise fault(("task", key), f"expected each column once, got {', '.join(twice)} twice")
