"""Random dialects: a table is read as pandas reads it with the right options, or refused in one line."""

from __future__ import annotations

import csv
import io
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from harness.config.sources import FileSource
from harness.data.readers import streams
from harness.data.readers.formats.delimited import described
from harness.data.readers.tables import numbers, read_table
from harness.errors import HarnessError

SLOW = int(os.environ.get("DIALECT_EXAMPLES", "30000"))
TEXTS = st.text(st.sampled_from("ab0.,; '\t|é€\u2028\x85-?"), max_size=5)
NUMBERS = st.one_of(
    st.integers(-(10**9), 10**9).map(float),
    st.floats(-1e6, 1e6).map(lambda value: round(value, 3)),
    st.sampled_from([0.0, -200.0, 1234.0, 1.5, 1000000.25]),
)
NAMES = st.one_of(st.sampled_from(["007", "7", "7.0", "1e2", "100", "50B", "-1", "1.10", "1.1"]), TEXTS)
DIALECTS = st.fixed_dictionaries(
    {
        "separator": st.sampled_from([",", ";", "\t", "|"]),
        "decimal": st.sampled_from([".", ","]),
        "thousands": st.sampled_from(["", "", "", ".", ",", " ", "'", "\u00a0"]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"]),
        "missing": st.sampled_from(["", "?", "-", "-200", "NA"]),
        "end": st.sampled_from(["\n", "\r\n", "\r"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "piece": st.sampled_from([3, 200_000, 200_000]),
        "skip": st.integers(0, 2),
    }
)
ROWS = st.lists(st.tuples(NAMES, st.none() | NUMBERS, st.none() | NUMBERS), min_size=1, max_size=6)


def number_text(value: float, dialect: dict[str, Any]) -> str:
    whole, _, rest = repr(value).removesuffix(".0").partition(".")
    if "e" in repr(value):
        return repr(value).replace(".", dialect["decimal"])
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    if dialect["thousands"]:
        digits = f"{int(digits):,}".replace(",", dialect["thousands"])
    return sign + digits + (dialect["decimal"] + rest if rest else "")


def written(rows: list[Any], dialect: dict[str, Any]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(
        stream, delimiter=dialect["separator"], quoting=dialect["quoting"], lineterminator=dialect["end"]
    )
    writer.writerow(["who", "a", "b"])
    for name, *values in rows:
        cells = [dialect["missing"] if value is None else number_text(value, dialect) for value in values]
        writer.writerow([name, *cells])
    above = f"# a, b; c{dialect['end']}" * dialect["skip"]
    return (above + stream.getvalue()).encode(dialect["encoding"], errors="replace")


def check(rows: list[Any], dialect: dict[str, Any], folder: Path) -> bool:
    """What we read, compared with pandas under the right options, and what we tell of the file; whether it was read."""
    if dialect["thousands"] == dialect["decimal"]:
        dialect = {**dialect, "thousands": ""}
    content = written(rows, dialect)
    file = folder / "random.csv"
    file.write_bytes(content)
    marks = [dialect["missing"]] if dialect["missing"] not in ("", "NA") else []
    keys = {key: dialect[key] for key in ("separator", "decimal", "thousands", "encoding")}
    right = {
        "sep": dialect["separator"],
        "decimal": dialect["decimal"],
        "thousands": dialect["thousands"] or None,
        "na_values": marks,
        "skiprows": dialect["skip"],
        "dtype": {"who": str},
        "index_col": False,
    }
    try:
        source = FileSource.model_validate(
            {**keys, "kind": "csv", "path": str(file), "missing_values": marks, "skip_rows": dialect["skip"]}
        )
        frame = read_table(source, ("who",))
        got = {name: numbers(frame, name, "random.csv") for name in ("a", "b")}
    except HarnessError as error:
        event("refused")
        assert "\n" not in str(error)  # noqa: PT017 - to be refused is as good as to be read
        return False
    # pandas itself reads rows twice that begin with a blank after a lone carriage return.
    text = content.decode(dialect["encoding"]).replace("\r\n", "\n").replace("\r", "\n")
    expected = pd.read_csv(io.StringIO(text), **right)
    missing = {"", *(["-200"] if marks == ["-200"] else marks)}
    for at, (name, values) in enumerate(got.items(), start=1):
        known = [np.nan if row[at] is None or (marks == ["-200"] and row[at] == -200) else row[at] for row in rows]
        np.testing.assert_allclose(values, known, rtol=1e-14, atol=0)
        if dialect["thousands"] != "\u00a0":  # which pandas does not know
            np.testing.assert_allclose(values, expected[name].to_numpy(np.float64), rtol=1e-14, atol=0)
    for ours, right_one in zip(frame["who"].tolist(), expected["who"].tolist(), strict=True):
        if isinstance(right_one, str) and right_one not in missing:
            assert str(ours) == right_one.strip()
    event("read")
    told(file, got, dialect)
    return True


def told(file: Path, right: dict[str, Any], dialect: dict[str, Any]) -> None:
    """What the file tells of itself is right, or it is refused."""
    pointed = re.search(r"\d\.\d{1,2}(?!\d)", file.read_text(dialect["encoding"]))
    if dialect["thousands"] == "." and (dialect["separator"] != ";" or pointed):
        return  # `1.234` has three decimals, unless semicolons tell of another country and no column has `1.1` or `7.0`
    given = {"encoding": dialect["encoding"], "skip_rows": dialect["skip"]}
    given |= {"missing_values": (dialect["missing"],)} if dialect["missing"] else {}
    try:
        source, _ = described(file, given)
        if all(getattr(source, key) == dialect[key] for key in ("separator", "decimal", "thousands")):
            return
        frame = read_table(source)
        got = {name: numbers(frame, name, "random.csv") for name in ("a", "b")}
    except HarnessError as error:
        event("asked")
        assert "\n" not in str(error)  # noqa: PT017
        return
    event("told")
    for name, values in right.items():
        np.testing.assert_allclose(got[name], values, rtol=1e-14, atol=0)


@pytest.mark.parametrize("examples", [500, pytest.param(SLOW, marks=pytest.mark.slow)])
def test_a_dialect_is_read_as_pandas_reads_it(examples: int, tmp_path: Path) -> None:
    read: list[bool] = []

    @settings(max_examples=examples, deadline=None, suppress_health_check=[*HealthCheck], database=None)
    @given(rows=ROWS, dialect=DIALECTS)
    def each(rows: list[Any], dialect: dict[str, Any]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(streams, "PIECE_ROWS", dialect["piece"])
            read.append(check(rows, dialect, tmp_path))

    each()
    assert sum(read) > 0.5 * len(read)  # to refuse them all would be no answer
