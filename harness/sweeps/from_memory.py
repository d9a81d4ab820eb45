"""`harness.compare`: arrays and tables that a Python program holds, written down once so that workers can read them.

The data becomes a file and a config beside the sweeps, named by what it holds: the same data gives the same config, so
that the same call goes on with what was not finished, and the champion's config can still be read when the program is
over.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.config import make_plan
from harness.config.arguments import BESIDE, TASKS, check_dataset, check_keys
from harness.config.errors import toml_text
from harness.config.given import GivenFamilies
from harness.config.inferred.infer import task_of_answers
from harness.config.inferred.keys import infer_keys
from harness.data.in_memory import Arrays, plain_array, plain_table, sequence_arrays, series_table, taken
from harness.data.readers.paths import shown
from harness.disk import cannot_write, replace_text, replacing
from harness.errors import DataError, DiskError, UsageError
from harness.sweeps.plan import resolve
from harness.sweeps.prepare import inspect, with_builders

if TYPE_CHECKING:
    import pandas as pd

UNNAMED = "comparison"
"""How the name of data begins that was given none."""

_COLUMNS = ("target", "id", "time", "categorical")
"""Arguments that name columns of a table."""


@contextmanager
def checked_first(folder: Path) -> Iterator[Path]:
    """A folder to write to until all is checked: what is in it then goes to where data is kept, else nothing is left.

    Args:
        folder: Where data is kept; made where it is not there, and taken away again with its parent where that was
            made for it.

    Raises:
        DiskError: It cannot be written.
    """
    made = [path for path in (folder, folder.parent) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".checked-", dir=folder))
    except OSError as error:
        raise DiskError(f"{folder}: {cannot_write(error, folder.parent)}") from None
    try:
        yield draft
        for path in sorted(draft.rglob("*"), key=lambda path: path.is_dir()):
            if path.is_file():
                kept = folder / path.relative_to(draft)
                kept.parent.mkdir(exist_ok=True)
                path.replace(kept)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        with suppress(OSError):  # somebody else's data is in it by now
            for path in made:
                path.rmdir()


def check_data(config: Path, planned: Mapping[str, Any], families: GivenFamilies | None) -> None:
    """Refuse a plan, or data that its config has just been written for, before either is kept.

    Args:
        config: The config.
        planned: Keys of the plan.
        families: Its families, where they are given.

    Raises:
        UsageError: A family is unknown, or does not go with the data; a builder fails.
        DataError: The data is not what its config says, such as with values that are missing.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="harness-") as spaces:
            named = {} if families is None else {"families": families.write(Path(spaces))}
            header = resolve(make_plan({"datasets": (str(config),), **planned, **named}, str))
            inspect(header)
            with_builders(header)
    except DataError as error:
        files = (shown(str(file)) for file in config.parents[1].iterdir() if file.is_file())
        text = str(error)
        for file in files:
            text = text.replace(file, "X")
        raise DataError(text) from None


def write_dataset(
    folder: Path,
    name: str | None,
    x: Any,
    y: Any,
    lengths: Any,
    groups: Any,
    task: str | None,
    more: Mapping[str, Any],
    channels_first: bool | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> Path:
    """The data as a file, and its config; written once both are known to be in order.

    Args:
        folder: Where to.
        name: What the dataset is called; None gives it a name of its own, made of what it holds and is asked for.
        x: Inputs: an array (sequences, steps, channels), a list of arrays (steps, channels), or a table, also of
            another library that can make a pandas table of it.
        y: Answers, one a sequence or one a step; None where a table holds them.
        lengths: Real steps of each sequence; None where all have all.
        groups: Each sequence's group; None where there are none.
        task: `forecast`, `classify`, `regress` or `label`; None guesses it.
        more: Keys of `[task]`, tables `split` and `encoding`, and `missing`.
        channels_first: Whether an array's channels come before its steps; None where that shows.
        told: Called with each guess and its reason.

    Returns:
        The config's path.

    Raises:
        UsageError: The task is unknown or cannot be guessed, or a key is wrong.
        DataError: The data has not the shape that the task wants.
    """
    if task is not None and task not in TASKS:
        raise UsageError(f"task = {task!r}: expected one of {', '.join(TASKS)}")
    x = taken(x)
    task = task or _task_of(x, y, told)
    if task:
        check_keys(more, task)
    table = _as_table(x, y, task, more)
    if table is not None:
        found = _tabular(*table, y, task, more, told)
        for key, value in (("lengths", lengths), ("groups", groups)):
            if value is not None:
                raise DataError(f"{key}: expected none beside a table, whose columns say it: id=…, split={{…}}")
    elif y is None or task is None:
        raise DataError(f"y: expected an answer for each sequence, for a task of kind {task}")
    else:
        if extra := next((key for key in _COLUMNS if key in more and not (key == "target" and task == "label")), None):
            raise UsageError(f"{extra} = {more[extra]!r}: expected none where X is an array, which has no columns")
        found = _sequences(task, more, sequence_arrays(x, y, lengths, groups, channels_first))
    if name is None:
        asked = json.dumps([found.task, more], sort_keys=True, default=str).encode()
        name = f"{UNNAMED}-{hashlib.sha256(found.content + asked).hexdigest()[:8]}"
    file = folder / f"{name}-{hashlib.sha256(found.content).hexdigest()[:12]}{'.npz' if table is None else '.parquet'}"
    config = _config(name, file, found.task, groups is not None, found.keys)
    check_dataset(config)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(file) as draft:
        found.write(draft)
    return _write_config(folder, name, config)


@dataclass(frozen=True, slots=True)
class _Data:
    """Data that is to be written: its task, keys of its config, what stands for its content, and how it is written."""

    task: str
    keys: Mapping[str, Any]
    content: bytes
    write: Callable[[Path], None]


def _sequences(task: str, keys: Mapping[str, Any], arrays: Arrays) -> _Data:
    parts = (f"{key}{value.dtype}{value.shape}".encode() + value.tobytes() for key, value in arrays.items())
    return _Data(task, keys, b"".join(parts), lambda file: np.savez(file, allow_pickle=False, **arrays))


def _tabular(
    table: pd.DataFrame,
    found: Mapping[str, Any],
    y: Any,
    task: str | None,
    more: Mapping[str, Any],
    told: Callable[[str], None],
) -> _Data:
    """A table, whose keys are guessed where its task, or the lookback of a forecast, is not given."""
    import pandas as pd

    keys = {**found, **more}
    if task is None or (task == "forecast" and "lookback_steps" not in more):
        task, keys, why = infer_keys(table, task, {**({} if y is None else {"target": ["y"]}), **keys})
        for line in why:
            told(line)
    keys = {**({"target": ["y"]} if task == "forecast" else {}), **keys}
    if task == "forecast" and (calendar := _calendar(table, keys)):
        keys["encoding"] = {"calendar": calendar, **keys.get("encoding", {})}
    content = np.asarray(pd.util.hash_pandas_object(table, index=False)).tobytes() + str(list(table)).encode()
    return _Data(task, keys, content, lambda file: _write_table(table, file))


def _calendar(table: pd.DataFrame, keys: Mapping[str, Any]) -> tuple[str, ...]:
    """Cycles of the calendar as inputs of a forecast whose rows have dates, unless the caller names some."""
    from harness.config.inferred.calendar import calendar_of
    from harness.config.times import Clock, time_names

    time, encoding = keys.get("time"), keys.get("encoding", {})
    if not time or "calendar" in encoding or not {*time_names(time)} <= {*table.columns}:
        return ()
    series = table[table[keys["id"]] == table[keys["id"]].iloc[0]] if keys.get("id") in table.columns else table
    with suppress(DataError):  # which is refused where the table is read
        return calendar_of(series, time, Clock(zone=encoding.get("time_zone", "")))
    return ()


def _task_of(x: Any, y: Any, told: Callable[[str], None]) -> str | None:
    """The task of sequences with answers; None where a table says it."""
    import pandas as pd

    if y is None:
        return None
    if isinstance(x, pd.DataFrame):
        raise UsageError(f"task: expected one of {', '.join(TASKS)}, where y is handed over beside a table")
    if np.ndim(y) != 1:
        raise UsageError(f"task: expected one of {', '.join(TASKS)}, where y has shape {np.shape(y)}")
    task, why = task_of_answers(plain_array(y, "y"))
    told(why)
    return task


def _write_table(table: pd.DataFrame, file: Path) -> None:
    import pyarrow

    try:
        table.to_parquet(file, index=False)
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        why = " ".join(str(error).replace("(", "").replace(")", "").split())
        raise DataError(f"X: cannot be kept as a table: {why}: expected one type a column: X[…].astype(…)") from None


def _as_table(x: Any, y: Any, task: str | None, more: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, str]] | None:
    """The table that was handed in, or one made of the series of a forecast, and what its index says of `[task]`.

    None for arrays of sequences.
    """
    import pandas as pd

    series = task in ("forecast", None)
    if task is None and isinstance(x, np.ndarray) and x.ndim > 2:
        raise DataError("y: expected an answer for each sequence of X")
    if series and not isinstance(x, pd.DataFrame):
        x = series_table(x, alone=y is None)
    if not isinstance(x, pd.DataFrame):
        return None
    if y is not None and task != "forecast":
        raise DataError("y: expected none beside a table: name its column with target=")
    if y is not None:
        if len(y) != len(x):
            raise DataError(f"y has {len(y)} rows: expected {len(x)}, as X has")
        if isinstance(y, pd.Series | pd.DataFrame) and _in_another_order(y.index, x.index):
            raise DataError("y: its index holds the labels of X's in another order: expected y.loc[X.index]")
        x = x.assign(**{str(more.get("target", ["y"])[0]): plain_array(y, "y")})
    table, found = plain_table(x, more)
    return table, found if series else {}


def _in_another_order(labels: pd.Index[Any], others: pd.Index[Any]) -> bool:
    if labels.equals(others) or labels.nlevels != others.nlevels:
        return False
    return len(labels) == len(others) and bool(labels.is_unique and labels.isin(others).all())


def _config(name: str, file: Path, task: str, grouped: bool, keys: Mapping[str, Any]) -> dict[str, Any]:
    """The config of the data in a file, as plain values."""
    kind = "parquet" if file.suffix == ".parquet" else "npz"
    source = {"kind": kind, "path": f"../{file.name}", **({"groups": "groups"} if grouped else {})}
    source |= {key: keys[key] for key in ("time_format",) if key in keys}
    of_task = {key: value for key, value in keys.items() if key not in (*BESIDE, "time_format")}
    first = {"name": name, **({"missing": keys["missing"]} if "missing" in keys else {})}
    tables = {"source": source, "task": {"kind": task, **of_task}}
    return {**first, **tables, **{key: keys[key] for key in ("split", "encoding") if key in keys}}


def _write_config(folder: Path, name: str, config: Mapping[str, Any]) -> Path:
    lines = ["# Written by `harness.compare`."]
    lines += [f"{key} = {toml_text(value)}" for key, value in config.items() if not isinstance(value, Mapping)]
    for table, values in config.items():
        if isinstance(values, Mapping):
            keys = (f"{key} = {toml_text(value, longest=None)}" for key, value in values.items())
            lines += ["", f"[{table}]", *keys]
    text = "\n".join(lines) + "\n"
    # In a folder of its own: another call, at the same time, may give other data the same name.
    path = folder / hashlib.sha256(text.encode()).hexdigest()[:12] / f"{name}.toml"
    path.parent.mkdir(exist_ok=True)
    replace_text(path, text)
    return path
