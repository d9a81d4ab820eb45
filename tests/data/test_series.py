# ruff: noqa: E501 - a fault and its message stand on one line
from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.config.dataset import DatasetConfig
from harness.data import load_dataset
from harness.data.readers.series import read_series
from harness.errors import DataError

Config = Callable[..., DatasetConfig]
Table = Callable[..., Path]


def read(config: DatasetConfig) -> Any:
    (series,) = read_series(config.source, config.task)  # type: ignore[arg-type]
    return series


def test_columns_become_numbers(write_table: Table, forecast_card: Config) -> None:
    path = write_table(
        t=["2024-01-01", "2024-01-02", "2024-01-03"], on=["TRUE", "FALSE", "TRUE"], y=[1.5, None, -2], word=list("abc")
    )
    series = read(forecast_card(path, time="t"))
    assert series.columns == series.features == ("on", "y")
    assert np.array_equal(series.values, np.array([[1, 1.5], [0, np.nan], [1, -2]], np.float32), equal_nan=True)
    assert series.notes == ("columns left out: word (text with 3 different values)",)


def test_features_keep_the_cards_order_and_targets_follow(write_table: Table, forecast_card: Config) -> None:
    path = write_table(a=[1, 2], b=[3, 4], y=[5, 6])
    series = read(forecast_card(path, features=["b", "a"]))
    assert (series.columns, series.features) == (("b", "a", "y"), ("b", "a"))
    assert series.pick(("y", "b")).tolist() == [[5, 3], [6, 4]]


def test_truth_values_with_gaps_are_numbers_too(write_table: Table, forecast_card: Config) -> None:
    series = read(forecast_card(write_table(y=["TRUE", None, "FALSE"], a=[1, 2, 3])))
    assert np.array_equal(series.pick(("y",))[:, 0], [1, np.nan, 0], equal_nan=True)


def test_the_row_numbers_of_an_unnamed_index_are_no_feature(
    write_text: Callable[..., Path], forecast_card: Config
) -> None:
    series = read(forecast_card(write_text(",y\n0,5\n1,6\n")))
    assert series.features == ("y",)
    assert "Unnamed: 0" in series.notes[0]


def test_last_rows_reads_nothing_before_them(write_table: Table, forecast_card: Config) -> None:
    path = write_table(y=["text", *range(1, 30)])
    series = read(forecast_card(path, last_rows=20))
    assert series.first_row == 10
    assert series.values[:, 0].tolist() == list(range(10, 30))
    assert series.notes == ("last 20 of 30 rows",)


def test_parquet_with_pandas_own_types(tmp_path: Path, forecast_card: Config) -> None:
    frame = pd.DataFrame(
        {
            "t": pd.date_range("2024-01-01", periods=3, freq="h", tz="Europe/Berlin"),
            "y": pd.array([1, None, 3], dtype="Int64"),
            "on": pd.array([True, None, False], dtype="boolean"),
            "grade": pd.Categorical(["2", "1", "2"]),
        }
    )
    frame.to_parquet(tmp_path / "toy.parquet")
    series = read(forecast_card(tmp_path / "toy.parquet", kind="parquet", time="t", features=["on", "grade", "y"]))
    expected = np.array([[1, 2, 1], [np.nan, 1, np.nan], [0, 2, 3]])
    assert np.array_equal(series.values, expected, equal_nan=True)


@pytest.mark.parametrize(
    "stamps",
    [
        ["2024-01-01", "2024-01-01 06:00", "2024-01-02T00:00:00Z"],
        ["2024-01-01T00:30+01:00", "2024-01-01T00:00+00:00", "2024-01-01T00:00-01:00"],
        ["01/30/2024", "01/31/2024", "02/01/2024"],
        [1700, 1701.5, 1703],
        ["2024-01", "2024-02", "2024-03"],
    ],
)
def test_times_in_many_forms(write_table: Table, forecast_card: Config, stamps: list[Any]) -> None:
    assert len(read(forecast_card(write_table(t=stamps, y=[1, 2, 3]), time="t")).values) == 3


FAULTS: list[tuple[str, str, dict[str, Any], str]] = [
    ("no target column", "t,Demand\n1,2\n", {"target": ["Demnd"]}, "toy.csv: has no column 'Demnd' ([task] target). Did you mean Demand?"),
    ("unknown feature", "t,y\n1,2\n", {"features": ["q"]}, "toy.csv: has no column 'q' ([task] features). Known: t, y"),
    ("unknown time", "t,y\n1,2\n", {"time": "tt"}, "toy.csv: has no column 'tt' ([task] time). Did you mean t?"),
    ("semicolons", "t;y\n1;2\n", {}, "toy.csv: has one column, 't;y'; looks like semicolons: separator = ';'"),
    ("text", "y\n1\nabc\n3\nx\n", {}, "toy.csv: column 'y', row 2: 'abc': expected a number (2 of 4 values are none)"),
    ("times as numbers", "y,d\n1,2020-01-01\n", {"features": ["d"]}, "toy.csv: column 'd', row 1: '2020-01-01': expected a number (1 of 1 values are none)"),
    ("infinite", "y,a\n1,2\n3,-inf\n", {}, "toy.csv: column 'a', row 2: -inf: expected a finite number, at most 3.4e38 in size"),
    ("too large", "y\n1\n1e39\n", {}, "toy.csv: column 'y', row 2: 1e+39: expected a finite number, at most 3.4e38 in size"),
    ("empty", "", {}, "toy.csv: the file is empty"),
    ("blank", "\n\n", {}, "toy.csv: the file is empty"),
    ("no rows", "t,y\n", {}, "toy.csv: has no rows below its column names"),
    ("too many fields", "y\n1\n2,3\n", {}, "toy.csv: cannot be read as CSV: Expected 1 fields in line 3, saw 2"),
    ("all rows too long", "a,y\n1,2,3\n4,5,6\n", {}, "toy.csv: rows have more fields than there are column names"),
    ("open quote", 'y\n"1\n2\n', {}, "toy.csv: cannot be read as CSV: EOF inside string starting at row 1"),
    ("one name twice", "y,y\n1,2\n", {}, "toy.csv: two columns are called 'y': expected each name once"),
    ("no time", "t,y\n2024-01-01,1\nsoon,2\n", {"time": "t"}, "toy.csv: column 't', row 2: 'soon': expected a time such as 2024-05-31 14:30, or a number, in one form all through"),
    ("time missing", "t,y\n1,1\n,2\n", {"time": "t"}, "toy.csv: column 't', row 2: an empty cell: expected a time such as 2024-05-31 14:30, or a number, in one form all through"),
    ("time infinite", "t,y\n1,1\ninf,2\n", {"time": "t"}, "toy.csv: column 't', row 2: inf: expected a time such as 2024-05-31 14:30, or a number, in one form all through"),
    ("month or day", "t,y\n12/01/2024,1\n11/01/2024,2\n", {"time": "t"}, "toy.csv: column 't': '12/01/2024' can be read in several ways, and all fit: expected time_format = \"%d/%m/%Y\" (12 January 2024) or \"%m/%d/%Y\" (1 December 2024); in [source], or as --time-format"),
    ("two forms", "t,y\n13/01/2024,1\n2024-01-14,2\n", {"time": "t"}, "toy.csv: column 't', row 2: '2024-01-14': expected a time of the form %d/%m/%Y, in one form all through"),
    ("times repeat", "t,y\n2024-01-01,1\n2024-01-02,2\n2024-01-02,3\n", {"time": "t"}, "toy.csv: column 't', row 3: '2024-01-02' stands in row 2 as well: expected each time once, or [task] on_duplicates = \"first\", \"last\" or \"mean\""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "task", "message"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_one_fault_one_line(
    text: str,
    task: dict[str, Any],
    message: str,
    write_text: Callable[..., Path],
    forecast_card: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        read(forecast_card(write_text(text), **task))


@pytest.mark.parametrize(
    ("content", "byte"),
    [(b"y\n1\n\xff\n", "0xff"), ("größe,y\n1,2\n".encode("latin-1"), "0xf6"), ("y\n1".encode("utf-16"), "0xff")],
)
def test_other_encodings_are_refused(
    content: bytes, byte: str, write_text: Callable[..., Path], forecast_card: Config
) -> None:
    with pytest.raises(DataError, match=rf"toy\.csv: byte {byte} is not UTF-8: expected a CSV in UTF-8"):
        read(forecast_card(write_text(content)))


def test_a_byte_order_mark_is_no_part_of_a_name(write_text: Callable[..., Path], forecast_card: Config) -> None:
    assert read(forecast_card(write_text(b"\xef\xbb\xbfy\n1\n2\n"))).columns == ("y",)


def test_a_header_without_end_is_refused(write_text: Callable[..., Path], forecast_card: Config) -> None:
    with pytest.raises(DataError, match=r"toy\.csv: cannot be read as CSV: field larger than field limit"):
        read(forecast_card(write_text("y" * 200_000)))


def test_a_parquet_whose_times_are_the_index(tmp_path: Path, forecast_card: Config) -> None:
    days = [datetime.date(2024, 1, day) for day in (1, 2, 4)]
    pd.DataFrame({"y": [1.0, 2, 3]}, index=pd.Index(days, name="day")).to_parquet(tmp_path / "toy.parquet")
    series = read(forecast_card(tmp_path / "toy.parquet", kind="parquet", time="day"))
    assert (series.features, series.values[:, 0].tolist()) == (("y",), [1, 2, 3])


def test_a_parquet_that_is_none(write_text: Callable[..., Path], forecast_card: Config) -> None:
    path = write_text(b"PAR1 not really PAR1", "toy.parquet")
    with pytest.raises(DataError, match=r"toy\.parquet: cannot be read as Parquet: [^\n]+$"):
        read(forecast_card(path, kind="parquet"))


def test_parquet_columns_of_other_types(tmp_path: Path, forecast_card: Config) -> None:
    frame = pd.DataFrame({"y": [1.0, 2.0], "when": pd.date_range("2024-01-01", periods=2), "parts": [[1], [2]]})
    frame.to_parquet(tmp_path / "toy.parquet")
    config = forecast_card(tmp_path / "toy.parquet", kind="parquet", features=["when"])
    with pytest.raises(DataError, match="column 'when' holds times: expected numbers"):
        read(config)
    with pytest.raises(DataError, match=r"column 'parts', row 1: '\[1\]': expected a number"):
        read(forecast_card(tmp_path / "toy.parquet", kind="parquet", features=["parts"]))


def test_missing_values_need_the_cards_word(write_table: Table, forecast_card: Config) -> None:
    values: list[Any] = list(range(60))
    values[20] = values[41] = None
    path = write_table(t=range(60), y=values)
    with pytest.raises(
        DataError, match=r"column 'y', row 21: missing value \(2 in all\): expected a number; .*interpolate"
    ):
        load_dataset(forecast_card(path))
    data = load_dataset(forecast_card(path, missing="interpolate"))
    assert "2 missing inputs interpolated, each within its lookback" in data.facts.notes


def test_a_part_too_short_for_one_window(write_table: Table, forecast_card: Config) -> None:
    with pytest.raises(DataError, match="30 rows leave 4 for the validation part: expected at least 6, one window"):
        load_dataset(forecast_card(write_table(y=range(30))))
    with pytest.raises(DataError, match="40 rows leave 0 for the train part"):
        load_dataset(forecast_card(write_table(y=range(40)), split={"gap_steps": 30}))
