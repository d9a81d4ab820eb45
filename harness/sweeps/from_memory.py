"""`harness.compare`: arrays and tables that a Python program holds, written down once so that workers can read them.

The data becomes a file and a config beside the sweeps, named by what it holds: the same data gives the same config, so
that the same call goes on with what was not finished, and the champion's config can still be read when the program is
over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.config.errors import toml_text
from harness.disk import replace_text, replacing
from harness.errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd

UNNAMED = "comparison"
"""How the name of data begins that was given none."""

KINDS = ("forecast", "classify", "regress", "label")


def write_dataset(
    folder: Path, name: str | None, x: Any, y: Any, lengths: Any, groups: Any, task: str, more: Mapping[str, Any]
) -> Path:
    """The data as a file, and its config.

    Args:
        folder: Where to.
        name: What the dataset is called; None gives it a name of its own, made of what it holds and is asked for.
        x: Inputs: an array (sequences, steps, channels), a list of arrays (steps, channels), or a table.
        y: Answers, one a sequence or one a step; None where a table holds them.
        lengths: Real steps of each sequence; None where all have all.
        groups: Each sequence's group; None where there are none.
        task: `forecast`, `classify`, `regress` or `label`.
        more: Keys of `[task]`, and tables `split` and `encoding`.

    Returns:
        The config's path.

    Raises:
        UsageError: The task is unknown.
        DataError: The data has not the shape that the task wants.
    """
    import pandas as pd

    if task not in KINDS:
        raise UsageError(f"task = {task!r}: expected one of {', '.join(KINDS)}")
    table = _as_table(x, y, task, more)
    if table is None:
        arrays = _as_arrays(x, y, lengths, groups, task)
        parts = (f"{key}{value.dtype}{value.shape}".encode() + value.tobytes() for key, value in arrays.items())
        content = b"".join(parts)
    else:
        arrays = {}
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
            table.to_parquet(draft, index=False)
        else:
            np.savez(draft, allow_pickle=False, **arrays)
    return _write_config(folder, name, file, task, groups is not None, more)


def _as_table(x: Any, y: Any, task: str, more: Mapping[str, Any]) -> pd.DataFrame | None:
    """The table that was handed in, or one made of the series of a forecast; None for arrays of sequences."""
    import pandas as pd

    if isinstance(x, pd.Series):
        x = x.to_frame(str(x.name or "y"))
    if task == "forecast" and not isinstance(x, pd.DataFrame):
        values = np.asarray(x)
        if values.ndim not in (1, 2) or not values.size:
            raise DataError(f"X has shape {values.shape}: expected a series (rows,) or (rows, columns) to forecast")
        wide = values.reshape(len(values), -1)
        names = ["y"] if wide.shape[1] == 1 and y is None else [f"x{number + 1}" for number in range(wide.shape[1])]
        x = pd.DataFrame(wide, columns=names)
    if not isinstance(x, pd.DataFrame):
        return None
    if y is not None and task != "forecast":
        raise DataError("y: expected none beside a table: name its column with target=")
    if task == "forecast" and y is not None:
        if len(y) != len(x):
            raise DataError(f"y has {len(y)} rows: expected {len(x)}, as X has")
        x = x.assign(**{str(more.get("target", ["y"])[0]): np.asarray(y)})
    if not x.index.equals(pd.RangeIndex(len(x))):  # times as an index are a column of times
        x = x.reset_index(names=str(more.get("time") or x.index.name or "time"))
    table: pd.DataFrame = x.set_axis([str(name) for name in x.columns], axis=1)
    return table


def _as_arrays(x: Any, y: Any, lengths: Any, groups: Any, task: str) -> dict[str, npt.NDArray[Any]]:
    if y is None:
        raise DataError(f"y: expected an answer for each sequence, for a task of kind {task}")
    if isinstance(x, Sequence) and not isinstance(x, str):
        pieces = [np.asarray(piece, np.float64) for piece in x]
        if not pieces or any(piece.ndim not in (1, 2) or not piece.size for piece in pieces):
            raise DataError("X: expected arrays (steps, channels), none of them empty")
        pieces = [piece[:, None] if piece.ndim == 1 else piece for piece in pieces]
        if len({piece.shape[1] for piece in pieces}) > 1:
            raise DataError("X: expected arrays of the same channels")
        lengths = np.array([len(piece) for piece in pieces])
        x = np.zeros((len(pieces), int(lengths.max()), pieces[0].shape[1]))
        for number, piece in enumerate(pieces):
            x[number, : len(piece)] = piece
    values = np.asarray(x)
    if values.ndim == 2:  # one channel, as scikit-learn has its X
        values = values[:, :, None]
    if values.ndim != 3 or values.dtype.kind not in "biuf" or not values.size:
        raise DataError(
            f"X: {values.dtype} of shape {values.shape}: expected numbers (sequences, steps, channels) or "
            "(sequences, steps)"
        )
    answers = np.asarray(y)
    if answers.dtype == object:
        answers = answers.astype(np.str_)
    if answers.shape[:1] != (len(values),):
        raise DataError(f"y has shape {answers.shape}: expected {len(values)} answers, one a sequence of X")
    extra = {"lengths": lengths, "groups": groups}
    named = {key: np.asarray(value) for key, value in extra.items() if value is not None}
    return {"x": values, "y": answers, **{k: v.astype(np.str_) if v.dtype == object else v for k, v in named.items()}}


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
