"""`harness.compare`: arrays and tables that a Python program holds, written down once so that workers can read them.

The data becomes a file and a config beside the sweeps, named by what it holds: the same data gives the same config, so
that the same call goes on with what was not finished, and the champion's config can still be read when the program is
over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.config.errors import toml_text
from harness.data.in_memory import Arrays, plain_array, plain_table, sequence_arrays, series_table, taken
from harness.disk import replace_text, replacing
from harness.errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd

UNNAMED = "comparison"
"""How the name of data begins that was given none."""

KINDS = ("forecast", "classify", "regress", "label")


def write_dataset(
    folder: Path,
    name: str | None,
    x: Any,
    y: Any,
    lengths: Any,
    groups: Any,
    task: str,
    more: Mapping[str, Any],
    channels_first: bool | None = None,
) -> Path:
    """The data as a file, and its config.

    Args:
        folder: Where to.
        name: What the dataset is called; None gives it a name of its own, made of what it holds and is asked for.
        x: Inputs: an array (sequences, steps, channels), a list of arrays (steps, channels), or a table, also of
            another library that can make a pandas table of it.
        y: Answers, one a sequence or one a step; None where a table holds them.
        lengths: Real steps of each sequence; None where all have all.
        groups: Each sequence's group; None where there are none.
        task: `forecast`, `classify`, `regress` or `label`.
        more: Keys of `[task]`, and tables `split` and `encoding`.
        channels_first: Whether an array's channels come before its steps; None where that shows.

    Returns:
        The config's path.

    Raises:
        UsageError: The task is unknown.
        DataError: The data has not the shape that the task wants.
    """
    import pandas as pd

    if task not in KINDS:
        raise UsageError(f"task = {task!r}: expected one of {', '.join(KINDS)}")
    x = taken(x)
    made = _as_table(x, y, task, more)
    table, found = made if made is not None else (None, {})
    arrays: Arrays = {}
    if table is None:
        if y is None:
            raise DataError(f"y: expected an answer for each sequence, for a task of kind {task}")
        arrays = sequence_arrays(x, y, lengths, groups, channels_first)
        parts = (f"{key}{value.dtype}{value.shape}".encode() + value.tobytes() for key, value in arrays.items())
        content = b"".join(parts)
    else:
        hashes = np.asarray(pd.util.hash_pandas_object(table, index=False))
        content = hashes.tobytes() + str(list(table)).encode()
    if name is None:
        asked = json.dumps([task, more], sort_keys=True, default=str).encode()
        name = f"{UNNAMED}-{hashlib.sha256(content + asked).hexdigest()[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    suffix = ".npz" if table is None else ".parquet"
    file = folder / f"{name}-{hashlib.sha256(content).hexdigest()[:12]}{suffix}"
    with replacing(file) as draft:
        if table is not None:
            _write_table(table, draft)
        else:
            np.savez(draft, allow_pickle=False, **arrays)
    keys = {**found, **more}
    if table is not None and task == "forecast" and (calendar := _calendar(table, keys)):
        keys["encoding"] = {"calendar": calendar, **keys.get("encoding", {})}
    return _write_config(folder, name, file, task, groups is not None, keys)


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


def _write_table(table: pd.DataFrame, file: Path) -> None:
    import pyarrow

    try:
        table.to_parquet(file, index=False)
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        why = " ".join(str(error).replace("(", "").replace(")", "").split())
        raise DataError(f"X: cannot be kept as a table: {why}: expected one type a column: X[…].astype(…)") from None


def _as_table(x: Any, y: Any, task: str, more: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, str]] | None:
    """The table that was handed in, or one made of the series of a forecast, and what its index says of `[task]`.

    None for arrays of sequences.
    """
    import pandas as pd

    if task == "forecast" and not isinstance(x, pd.DataFrame):
        x = series_table(x, alone=y is None)
    if not isinstance(x, pd.DataFrame):
        return None
    if y is not None and task != "forecast":
        raise DataError("y: expected none beside a table: name its column with target=")
    if task == "forecast" and y is not None:
        if len(y) != len(x):
            raise DataError(f"y has {len(y)} rows: expected {len(x)}, as X has")
        if isinstance(y, pd.Series | pd.DataFrame) and _in_another_order(y.index, x.index):
            raise DataError("y: its index holds the labels of X's in another order: expected y.loc[X.index]")
        x = x.assign(**{str(more.get("target", ["y"])[0]): plain_array(y, "y")})
    table, found = plain_table(x, more)
    return table, found if task == "forecast" else {}


def _in_another_order(labels: pd.Index[Any], others: pd.Index[Any]) -> bool:
    if labels.equals(others) or labels.nlevels != others.nlevels:
        return False
    return len(labels) == len(others) and bool(labels.is_unique and labels.isin(others).all())


def _write_config(folder: Path, name: str, file: Path, task: str, grouped: bool, more: Mapping[str, Any]) -> Path:
    kind = "parquet" if file.suffix == ".parquet" else "npz"
    source = {"kind": kind, "path": f"../{file.name}", **({"groups": "groups"} if grouped else {})}
    keys = {key: value for key, value in more.items() if key not in ("split", "encoding", "missing")}
    if task == "forecast":
        keys = {"target": ["y"], **keys}
    tables = {"source": source, "task": {"kind": task, **keys}}
    tables |= {key: more[key] for key in ("split", "encoding") if key in more}
    lines = ["# Written by `harness.compare`.", f"name = {toml_text(name)}"]
    lines += [f"missing = {toml_text(more['missing'])}"] if "missing" in more else []
    for table, values in tables.items():
        lines += ["", f"[{table}]", *(f"{key} = {toml_text(value, longest=None)}" for key, value in values.items())]
    text = "\n".join(lines) + "\n"
    # In a folder of its own: another call, at the same time, may give other data the same name.
    config = folder / hashlib.sha256(text.encode()).hexdigest()[:12] / f"{name}.toml"
    config.parent.mkdir(exist_ok=True)
    replace_text(config, text)
    return config
