"""Forty broken files, one fault each: one clear line for each, no traceback, and nothing half-written.

Each goes through `harness datasets check`, as a user would meet it.
"""

from __future__ import annotations

import gzip
import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from harness.cli.datasets import app
from harness.errors import UsageError

FORECAST = '[task]\nkind = "forecast"\ntarget = ["y"]\nlookback_steps = 4\n'
TIMED = FORECAST + 'time = "t"\n'
CLASSIFY = '[task]\nkind = "classify"\n'
LONG = CLASSIFY + 'target = "label"\nid = "who"\n'
TOKENS = '[task]\nkind = "next_token"\nwindow_steps = 8\n'
LABEL = '[task]\nkind = "label"\ntarget = ["label"]\n[split]\nrule = "time"\n'

Y = "".join(f"{at}\n" for at in range(60))
STAMPS = [str(stamp) for stamp in pd.date_range("2024-01-01", periods=60, freq="h")]
TS = "@problemName toy\n@classLabel true a b\n@data\n"


def table(**columns: Any) -> str:
    return pd.DataFrame(columns).to_csv(index=False)


def at(values: list[Any], place: int, value: Any) -> list[Any]:
    return [value if number == place else old for number, old in enumerate(values)]


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("proof_that_code_ran",)


def evil_npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array({"x": Evil(), "y": 1}, object), allow_pickle=True)
    return stream.getvalue()


X, CLASSES = np.random.default_rng(0).normal(size=(30, 4, 2)), np.arange(30) % 2
STEPS = {"t": STAMPS, "y": range(60)}
GROUPED = {"who": np.repeat(np.arange(20), 3), "v": range(60), "label": np.repeat(["a", "b"] * 10, 3)}
GOOD_TS = TS + "".join(f"1,2,{n}:{'ab'[n % 2]}\n" for n in range(20))

FAULTS: list[tuple[str, str, str | bytes, str, str]] = [
    # name, kind, content, task, what the line must say
    ("Latin-1 in a CSV", "csv", "name,y\nM\xfcller,1\n".encode("latin-1"), FORECAST, "byte 0xfc is not UTF-8"),
    ("UTF-16 in a CSV", "csv", ("y\n" + Y).encode("utf-16"), FORECAST, "not UTF-8"),
    ("ragged rows", "csv", "t,y\n" + "1,2\n" * 30 + "3,4,5\n" + "1,2\n" * 30, FORECAST, "fields"),
    ("rows longer than the header", "csv", "y\n" + "1,2\n" * 40, FORECAST, "more fields than there are column names"),
    ("an open quote", "csv", 'y\n1\n"2\n' + Y, FORECAST, "cannot be read as CSV"),
    ("an empty file", "csv", "", FORECAST, "the file is empty"),
    ("a header alone", "csv", "t,y\n", FORECAST, "has no rows below its column names"),
    ("semicolons", "csv", "t;y\n" + "1;2\n" * 40, FORECAST, "looks like semicolons: separator = ';'"),
    ("two columns of one name", "csv", "y,y\n" + "1,2\n" * 40, FORECAST, "two columns are called 'y'"),
    ("the target is missing", "csv", "t,yy\n" + "1,2\n" * 40, FORECAST, "has no column 'y'"),
    (
        "text among numbers",
        "csv",
        table(y=at(list(range(60)), 7, "seven")),
        FORECAST,
        "row 8: 'seven': expected a number",
    ),
    ("decimal commas", "csv", table(y=[f"{n},5" for n in range(60)]), FORECAST, "'0,5': expected a number"),
    (
        "an infinite value",
        "csv",
        table(y=at(list(range(60)), 9, "inf")),
        FORECAST,
        "row 10: inf: expected a finite number",
    ),
    (
        "a number too large",
        "csv",
        table(y=at([0.0] * 60, 3, 1e300)),
        FORECAST,
        "row 4: 1e+300: expected a finite number",
    ),
    ("a gap", "csv", table(y=at(list(range(60)), 5, None)), FORECAST, "row 6: missing value (1 in all)"),
    ("nothing but gaps", "csv", table(y=[None] * 60, z=range(60)), FORECAST, "missing value (60 in all)"),
    ("a time twice", "csv", table(**STEPS | {"t": at(STAMPS, 8, STAMPS[7])}), TIMED, "stands in row 8 as well"),
    ("times that repeat", "csv", table(**STEPS | {"t": STAMPS[:1] * len(STAMPS)}), TIMED, "on_duplicates"),
    ("an impossible date", "csv", table(**STEPS | {"t": at(STAMPS, 4, "2024-02-30")}), TIMED, "row 5: '2024-02-30'"),
    ("a time is missing", "csv", table(**STEPS | {"t": at(STAMPS, 4, None)}), TIMED, "row 5: an empty cell"),
    (
        "too few rows",
        "csv",
        "y\n1\n2\n3\n4\n5\n6\n",
        FORECAST,
        "6 rows leave 4 for the train part: expected at least 5",
    ),
    ("an empty part", "csv", "y\n" + Y, FORECAST + "[split]\nvalidation = 0.01\n", "leave 1 for the validation part"),
    ("a class that is a number", "csv", table(**GROUPED | {"label": np.repeat(np.arange(20) / 7, 3)}), LONG, "class"),
    (
        "a class that changes",
        "csv",
        table(**GROUPED | {"label": ["a", "b"] * 30}),
        LONG,
        "expected one value a sequence",
    ),
    ("an id is missing", "csv", table(**GROUPED | {"who": at([1] * 60, 3, None)}), LONG, "column 'who', row 4"),
    ("one class", "csv", table(**GROUPED | {"label": ["a"] * 60}), LONG, "expected two classes or more"),
    (
        "a class too rare",
        "csv",
        table(**GROUPED | {"label": ["z"] * 3 + ["a"] * 27 + ["b"] * 30}),
        LONG,
        "class 'z' has 1",
    ),
    ("a class in the last steps alone", "csv", table(v=range(99), label=[0, 1] * 40 + [2] * 19), LABEL, "class '2'"),
    ("no CSV but a zip", "parquet", b"PK\x03\x04 nothing", FORECAST, "cannot be read as Parquet"),
    ("a Parquet cut off", "parquet", b"PAR1" + b"\x00" * 50, FORECAST, "cannot be read as Parquet"),
    ("a broken gzip", "csv.gz", gzip.compress(b"y\n" + Y.encode())[:-20], FORECAST, "cannot be read as CSV"),
    ("an npz cut off", "npz", npz(x=X, y=CLASSES)[:400], CLASSIFY, "is it cut off?"),
    ("a pickle for an npz", "npz", pickle.dumps({"x": X, "y": CLASSES}), CLASSIFY, "a pickle"),
    ("a pickle inside an npz", "npz", npz(x=np.array([Evil()], object), y=CLASSES), CLASSIFY, "a pickle"),
    ("code inside an npy", "npy", evil_npy(), CLASSIFY, "expected NumPy's arrays and nothing else"),
    ("fewer answers than sequences", "npz", npz(x=X, y=CLASSES[:9]), CLASSIFY, "expected 30 values, one a sequence"),
    ("a length beyond the steps", "npz", npz(x=X, y=CLASSES, lengths=np.full(30, 9)), CLASSIFY, "expected 1 to 4"),
    ("infinite in an npz", "npz", npz(x=np.where(X > 2, np.inf, X), y=CLASSES), CLASSIFY, "expected a finite number"),
    ("a .ts without data", "ts", TS, CLASSIFY, "has no sequence below @data"),
    ("a .ts without a header", "ts", "1,2,3:a\n", CLASSIFY, "expected a header line"),
    ("a class seen in the test part alone", "ts", GOOD_TS, CLASSIFY, "class 'c'"),
    ("channels of two lengths", "ts", TS + "1,2,3:1,2:a\n", CLASSIFY, "2 steps: expected 3, as in channel 1"),
    ("a text of one symbol", "text", "a" * 500, TOKENS, "expected two at least"),
    ("a text of blanks", "text", " \n" * 80, TOKENS, "nothing but blanks"),
    ("a text in another encoding", "text", "Stra\xdfe".encode("latin-1") * 50, TOKENS, "0xdf"),
]

SUFFIX = {"text": "txt"}


def write(folder: Path, kind: str, content: str | bytes, task: str) -> Path:
    name = f"data.{SUFFIX.get(kind, kind)}"
    data = content if isinstance(content, bytes) else content.encode()
    (folder / name).write_bytes(data)
    source = f'kind = "{kind.partition(".")[0]}"\npath = "{name}"\n' + ('form = "whole"\n' if kind == "text" else "")
    if kind == "ts":
        (folder / "test.ts").write_text(
            (TS + GOOD_TS.partition("@data\n")[2]).replace("true a b", "true a b c") + "1,2,3:c\n"
        )
        source = f'kind = "ts"\ntrain = "{name}"\ntest = "test.ts"\n'
    config = folder / "toy.toml"
    config.write_text(f'name = "toy"\n[source]\n{source}{task}')
    return config


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault[0])
def test_one_fault_one_line_and_nothing_is_written(
    fault: tuple[str, str, str | bytes, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, kind, content, task, phrase = fault
    monkeypatch.chdir(tmp_path)
    config = write(tmp_path, kind, content, task)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*")}
    result = CliRunner().invoke(app, ["check", str(config), "--plot", "never.png"])
    assert isinstance(result.exception, UsageError), result.output
    message = str(result.exception)
    assert phrase in message
    assert "\n" not in message
    assert len(message) < 400
    assert "Traceback" not in result.output
    assert {path: path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_there_are_forty_of_them() -> None:
    assert len({name for name, *_ in FAULTS}) == len(FAULTS) >= 40


def test_the_same_files_without_their_faults_are_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    pd.DataFrame(STEPS).to_parquet(stream)
    good: list[tuple[str, str | bytes, str]] = [
        ("csv", table(**STEPS), TIMED),
        ("csv.gz", gzip.compress(table(**STEPS).encode()), TIMED),
        ("parquet", stream.getvalue(), TIMED),
        ("csv", table(**GROUPED), LONG),
        ("npz", npz(x=X, y=CLASSES), CLASSIFY),
        ("text", "abcab " * 100, TOKENS),
        ("csv", table(v=range(99), label=[0, 1, 2] * 33), LABEL),
    ]
    for number, (kind, content, task) in enumerate(good):
        (folder := tmp_path / str(number)).mkdir()
        monkeypatch.chdir(folder)
        result = CliRunner().invoke(app, ["check", str(write(folder, kind, content, task)), "--plot", "there.png"])
        assert result.exception is None, (kind, result.exception)
        assert (folder / "there.png").read_bytes().startswith(b"\x89PNG")
    assert zipfile.is_zipfile(io.BytesIO(npz(x=X)))
