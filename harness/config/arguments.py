"""What a Python call is given besides data: which argument says what of the plan and of the dataset, and its errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from harness.config.dataset import DatasetConfig
from harness.config.errors import ValidationIssue, in_options, issue_of
from harness.config.sweep import SweepConfig, in_todays_keys
from harness.config.tasks import ClassifyTask, ForecastTask, LabelTask, RegressTask
from harness.errors import ConfigError, UsageError, nearest

TASKS: Mapping[str, type[BaseModel]] = {
    "forecast": ForecastTask,
    "classify": ClassifyTask,
    "regress": RegressTask,
    "label": LabelTask,
}
"""Tasks of data in memory."""

BESIDE = ("split", "encoding", "missing")
"""Keys of a dataset's config that stand beside `[task]`."""


def check_names(call: str, options: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse an argument that a call does not know.

    Args:
        call: What is called.
        options: Its further arguments.
        known: Names of all that it knows.

    Raises:
        UsageError: One is unknown; the message offers near names.
    """
    names = [*known]
    for name in options:
        if name not in names:
            raise UsageError(f"{call}({name}=…): no such argument. {nearest(name, names)}")


def plan_and_dataset(
    options: Mapping[str, Any], task: str | None, own: Iterable[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of `compare`, told apart.

    Args:
        options: All but those that it names itself.
        task: Which task; None where it is to be guessed, so that keys of any are taken.
        own: Those that it names itself, which a slip of the pen may mean.

    Returns:
        Keys of the plan; and of the dataset's config, those of `[task]` and of `BESIDE`. A name stands for a list of
        one where the config has a list.

    Raises:
        UsageError: A task or an argument is unknown, or an argument means nothing for this task.
    """
    if task is not None and (not isinstance(task, str) or task not in TASKS):
        hint = _hint(task) if isinstance(task, str) else ""
        raise UsageError(f"task = {task!r}: expected one of {', '.join(TASKS)}. {hint}".rstrip())
    options = in_todays_keys(options)
    every = dict.fromkeys(key for names in _keys().values() for key in names)
    check_names("compare", options, [*own, *SweepConfig.model_fields, *BESIDE, *every])
    if "datasets" in options:
        raise UsageError("compare(datasets=…): expected none beside X, which is the data: harness.sweep takes names")
    planned = {key: value for key, value in options.items() if key in SweepConfig.model_fields}
    dataset = {key: value for key, value in options.items() if key not in planned and value is not None}
    if task:
        check_keys(dataset, task)
    return planned, {key: _plain(key, value, task) for key, value in dataset.items()}


def check_keys(values: Mapping[str, Any], task: str) -> None:
    """Refuse what means nothing for a task.

    Args:
        values: Keys of the dataset's config, those of `[task]` and of `BESIDE`.
        task: Which task.

    Raises:
        UsageError: A key is another task's.
    """
    for key, value in values.items():
        if key not in BESIDE and key not in (keys := _keys())[task]:
            those = " or ".join(kind for kind, names in keys.items() if key in names)
            raise UsageError(f"{key} = {value!r}: expected none for task = {task!r}: it is for {those}")


def _keys() -> dict[str, list[str]]:
    """Keys of `[task]`, by the kind of task."""
    return {kind: [key for key in model.model_fields if key != "kind"] for kind, model in TASKS.items()}


def _hint(task: str) -> str:
    near = nearest(task, TASKS)
    return near if near.startswith("Did") else ""


def _plain(key: str, value: Any, task: str | None) -> Any:
    """A value as TOML has it: a list of one for a name, lists for tuples, text for paths."""
    if isinstance(value, str) and key in _lists(task):
        return [value]
    return [*value] if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value


def _lists(task: str | None) -> tuple[str, ...]:
    always = ("features", "known_covariates", "categorical")
    return (*always, "target") if task in ("forecast", "label") else always


def check_dataset(values: Mapping[str, Any]) -> None:
    """Validate a dataset's config that arguments made.

    Raises:
        ConfigError: A value is wrong; the message names the argument.
    """
    try:
        DatasetConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_in_arguments(issue_of(error, DatasetConfig, values))) from None


def _in_arguments(issue: ValidationIssue) -> str:
    keys = [str(key) for key in issue.keys if key != "task"]
    named = ValidationIssue((".".join(keys),) if keys else (), issue.phrase, issue.shown)
    return in_options(named, str)
