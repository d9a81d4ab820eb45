"""Whether the parts of a dataset's card fit together: source, task and split. Sees no data, only the card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cards.faults import fault

if TYPE_CHECKING:
    from harness.cards.schema import ClassifyTask, DatasetCard, ForecastTask, RegressTask

_TABLES = ("csv", "parquet")
_RULES = {
    "forecast": ("time",),
    "classify": ("stratified", "shuffled", "archive"),
    "regress": ("shuffled", "archive"),
}
_TASKS = {"npz": ("classify", "regress"), "ts": ("classify", "regress"), "generator": ("regress",)}


def check_dataset(card: DatasetCard) -> None:
    """Check what no single key shows.

    Raises:
        PydanticCustomError: The first fault, with its keys from the card's top.
    """
    _check_source(card)
    _check_split(card)
    if card.task.kind == "forecast":
        _check_forecast(card.task)
    else:
        _check_sequences(card, card.task)


def _check_source(card: DatasetCard) -> None:
    source, task = card.source.kind, card.task.kind
    if task not in (allowed := _TASKS.get(source, (task,))):
        raise fault(("task", "kind"), f'expected {" or ".join(allowed)} where [source] kind = "{source}"')


def _check_split(card: DatasetCard) -> None:
    rule, task = card.split.rule, card.task.kind
    if rule is not None and rule not in _RULES[task]:
        allowed = " or ".join(_RULES[task])
        raise fault(("split", "rule"), f'expected {allowed} where [task] kind = "{task}"')
    if rule == "archive" and card.source.kind != "ts":
        raise fault(("split", "rule"), "expected another rule: only `ts` sources bring a test part of their own")
    if card.split.gap_steps and task != "forecast":
        raise fault(("split", "gap_steps"), "expected 0: only a forecast's blocks have a gap between them")


def _check_forecast(task: ForecastTask) -> None:
    _check_once(task.target, "target")
    _check_once(task.features, "features")
    if task.time is not None and task.time in (*task.target, *task.features):
        raise fault(("task", "time"), "expected a column that is neither target nor feature")
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


def _check_once(columns: tuple[str, ...], key: str) -> None:
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise fault(("task", key), f"expected each column once, got {', '.join(twice)} twice")
