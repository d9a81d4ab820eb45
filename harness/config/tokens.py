"""Whether a config's sources of tokens, its columns of tokens and its columns of categories fit together.

Part of what `dataset` checks; see there.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.config.errors import fault
from harness.config.sources import ConllSource, CorpusSource, Source, TextSource
from harness.config.tasks import ClassifyTask, LabelTask, NextTokenTask, RegressTask, TaskConfig
from harness.config.times import time_names

TABLES = ("csv", "parquet", "excel", "arff", "tsf", "jsonl", "openml", "huggingface")
"""Kinds of source that are a table."""

_WRITTEN = ("first_names", "anbn", "anbncn")
"""Generators of texts."""


def are_tokens(source: Source, task: TaskConfig) -> bool:
    """Whether inputs are tokens, which a vocabulary numbers: of texts, of a file of tokens, of a table's column.

    Args:
        source: A config's source.
        task: Its task.
    """
    if source.kind == "generator":
        return source.generator in _WRITTEN
    if source.kind == "keras":
        return source.dataset != "mnist"
    of_table = getattr(task, "text", None) is not None or getattr(task, "token", None) is not None
    return of_table or isinstance(source, CorpusSource)


def check_corpus(source: CorpusSource, task: str) -> None:
    """Refuse a source that names neither one file nor a training and a test part, or keys of another form.

    Args:
        source: The source.
        task: The task's kind.

    Raises:
        PydanticCustomError: As `fault` makes it.
    """
    if source.path is None:
        if source.train is None:
            raise fault(("source",), "missing key 'path', or 'train' and 'test' where there are official parts")
        if source.test is None:
            raise fault(("source",), "missing key 'test': the test part that belongs to train")
        if source.sha256 is not None:
            raise fault(("source", "sha256"), "expected train_sha256 and test_sha256 where there are official parts")
    for part in ("train", "validation", "test"):
        named = getattr(source, part) is not None
        if named and source.path is not None:
            raise fault(("source", part), "expected none beside path: either one file, or official parts")
        if not named and getattr(source, f"{part}_sha256") is not None:
            raise fault(("source", f"{part}_sha256"), f"expected {part} beside it: the file whose checksum it is")
    if isinstance(source, TextSource):
        _check_text(source, task)
    elif isinstance(source, ConllSource) and source.kind == "conllu":
        for key in ("separator", "comment", "boundaries"):
            if getattr(source, key) != ConllSource.model_fields[key].default:
                raise fault(("source", key), 'expected it only where kind = "conll"')


def _check_text(source: TextSource, task: str) -> None:
    if source.form != "whole" and (source.skip_signs or source.most_signs):
        key = "skip_signs" if source.skip_signs else "most_signs"
        raise fault(("source", key), 'expected it only where form = "whole"')
    if source.form == "whole" and task != "next_token":
        raise fault(("source", "form"), f'expected lines or folders where [task] kind = "{task}"')
    if source.form == "folders" and task == "regress":
        raise fault(("source", "form"), 'expected lines where [task] kind = "regress": a number a line')
    if source.form == "folders":
        for key in ("sha256", "train_sha256", "validation_sha256", "test_sha256"):
            if getattr(source, key) is not None:
                raise fault(("source", key), 'expected none where form = "folders"')


def check_tokens(source: Source, task: ClassifyTask | RegressTask | LabelTask | NextTokenTask) -> None:
    """Refuse columns of texts and tokens where they cannot be, and other inputs beside them.

    Args:
        source: A config's source.
        task: Its task.

    Raises:
        PydanticCustomError: As `fault` makes it.
    """
    kind = source.kind
    of_table = kind in TABLES or kind == "loader"
    for key in ("text", "token"):
        if getattr(task, key) is not None and not of_table:
            raise fault(("task", key), f'expected no column where [source] kind = "{kind}"')
    if task.kind == "next_token":
        if of_table and task.text is None and task.token is None:
            raise fault(("task",), "missing key 'token': the column of tokens, or 'text': of a text a row")
        if not of_table and (given := next((key for key in ("id", "time") if getattr(task, key) is not None), None)):
            raise fault(("task", given), f'expected none where [source] kind = "{kind}"')
    if task.text is not None:
        if task.kind == "label":
            raise fault(("task", "text"), "expected token, a row a step, where every step has a label")
        if task.token is not None:
            raise fault(("task", "token"), "expected none beside text")
    if are_tokens(source, task):
        named = (*(("id", "time") if task.text is not None else ()), "features", "categorical")
        if given := next((key for key in named if getattr(task, key, None)), None):
            raise fault(("task", given), "expected none beside tokens, which are the only input")
        if task.kind == "label" and len(task.target) > 1:
            raise fault(("task", "target"), "expected one column of classes where inputs are tokens")
        if task.kind == "label" and (task.multi_label or task.ahead_steps):
            raise fault(
                ("task", "multi_label" if task.multi_label else "ahead_steps"),
                "expected none where inputs are tokens: a class for each token",
            )
    token = getattr(task, "token", None)
    roles = (task.id, *time_names(task.time), *targets_of(task))
    if token is not None and token in roles:
        raise fault(("task", "token"), "expected a column that is neither target, id nor time")
    if task.text is not None and task.text in roles:
        raise fault(("task", "text"), "expected a column that is not the target")


def check_categorical(columns: tuple[str, ...], roles: Mapping[str | None, str]) -> None:
    """Refuse columns of categories that play another part, or whose channels could not be told from others.

    Args:
        columns: Their names.
        roles: Name of a column → the key that names it already.

    Raises:
        PydanticCustomError: As `fault` makes it.
    """
    check_once(columns, "categorical")
    for name in columns:
        if name in roles:
            raise fault(("task", "categorical"), f"expected no {name}: it is the {roles[name]}")
        if "=" in name:
            raise fault(
                ("task", "categorical"), f"expected names without =, got {name}: channels are named column=value"
            )


def check_once(columns: tuple[str, ...], key: str) -> None:
    """Refuse a column that `[task]` names twice under one key."""
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise fault(("task", key), f"expected each column once, got {', '.join(twice)} twice")


def targets_of(task: TaskConfig) -> tuple[str, ...]:
    """The columns that a task's config predicts."""
    target = getattr(task, "target", None)
    return target if isinstance(target, tuple) else (target,) if target else ()
