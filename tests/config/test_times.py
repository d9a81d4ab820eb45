"""How times are read: decided from all values, refused where two readings fit, fast, and without others' warnings."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd
import pytest

from harness.config.times import Clock, decide_format, evenness, read_times, say_format, time_column
from harness.errors import DataError


def column(values: Any, name: str = "t") -> pd.Series[Any]:
    return pd.Series(list(values), name=name)


def read(values: Any, name: str = "t", zone: str = "") -> list[str]:
    stamps = column(values, name)
    found = read_times(stamps, Clock(decide_format(stamps, name), zone))
    return [str(value).removesuffix("+00:00") for value in found]


MONTHS = pd.date_range("1982-04-01", "2018-12-01", freq="MS")


@pytest.mark.parametrize(
    ("values", "time_format"),
    [
        (MONTHS.strftime("%d-%m-%Y"), "%d-%m-%Y"),  # months a row, or January's days: only months are even
        (pd.date_range("2024-01-01", periods=300).strftime("%d/%m/%Y"), "%d/%m/%Y"),  # a part over 12
        (pd.date_range("2024-01-01", periods=300).strftime("%m/%d/%Y"), "%m/%d/%Y"),
        (["01.02.2008", "01.03.2008"], "%d.%m.%Y"),  # dots
        (["01.02.2008 00:15", "01.02.2008 00:30"], "%d.%m.%Y %H:%M"),
        (["10.03.2004 18.00.00", "10.03.2004 19.00.00"], "%d.%m.%Y %H.%M.%S"),
        (["13/01/2018 0:15", "13/01/2018 0:30"], "%d/%m/%Y %H:%M"),
        (["1/20/2020 3:00 PM", "1/21/2020 3:00 AM"], "%m/%d/%Y %I:%M %p"),
        (["31/12/99", "01/01/00"], "%d/%m/%y"),
        (["Jan 2020", "Feb 2020"], "%b %Y"),
        (["5-Mar-2019", "6-Mar-2019"], "%d-%b-%Y"),
        (["May 5, 2019", "June 5, 2019"], "%B %d, %Y"),
        (["Mon, 06 Jan 2020", "Tue, 07 Jan 2020"], "%a, %d %b %Y"),
        (["16/May/2014:09:55:00 -0700"], "%d/%b/%Y:%H:%M:%S %z"),
        (["2020-Q1", "2020-Q2"], "quarters"),
        (["Q3 2020"], "quarters"),
        (["2020-05", "2020-06"], "iso"),
        (["2020-W05", "2020-W53"], "%G-W%V"),
        (["2024-01-01", "2024-01-01 06:00", "2024-01-02T00:00:00Z"], "iso"),
        (["2020/01/31", "2020/02/01"], "iso"),
        (["20200131", "20200201"], "%Y%m%d"),
        ([20200131, 20200201], "%Y%m%d"),
        ([202001, 202012], "%Y%m"),
        ([1, 2, 3], "numbers"),
        ([1990, 1991], "numbers"),
        ([1.5e9, 1.5e9 + 1], "numbers"),
    ],
)
def test_a_format_is_decided_from_all_values(values: Any, time_format: str) -> None:
    stamps = column(values)
    assert decide_format(stamps, "t") == time_format
    assert read_times(stamps, Clock(time_format)).notna().all()


def test_weeks_need_their_name() -> None:
    assert decide_format(column([201701, 201752], "YEAR_WEEK"), "t") == "%G%V"
    assert read([201701, 201802], "YEAR_WEEK") == ["2017-01-02 00:00:00", "2018-01-08 00:00:00"]
    assert decide_format(column([201701, 201752]), "t") == "numbers"


def test_quarters_and_months_begin_with_their_first_day() -> None:
    assert read(["2020Q3", "2021Q1"]) == ["2020-07-01 00:00:00", "2021-01-01 00:00:00"]
    assert read([202002, 202003]) == ["2020-02-01 00:00:00", "2020-03-01 00:00:00"]


@pytest.mark.parametrize(
    ("values", "readings"),
    [
        (["01/02/2024"], '"%d/%m/%Y" (1 February 2024) or "%m/%d/%Y" (2 January 2024)'),
        ([f"{day:02}/02/2024" for day in range(1, 13)], '"%d/%m/%Y" (1 February 2024) or "%m/%d/%Y" (2 January 2024)'),
    ],
)
def test_where_both_readings_fit_the_user_is_asked(values: list[str], readings: str) -> None:
    with pytest.raises(DataError) as caught:
        decide_format(column(values), "my.csv: column 't'")
    assert str(caught.value) == (
        f"my.csv: column 't': '{values[0]}' can be read in several ways, and all fit: expected time_format = "
        f"{readings}; in [source], or as --time-format"
    )


def test_what_was_decided_is_said_with_an_example() -> None:
    stamps = column(["13/01/2018 0:15"])
    assert say_format(stamps, "%d/%m/%Y %H:%M") == (
        "times in 't' are read as %d/%m/%Y %H:%M: '13/01/2018 0:15' is 13 January 2018, 00:15:00"
    )
    assert say_format(stamps, "iso") == ""


def test_several_columns_make_one_time() -> None:
    frame = pd.DataFrame({"Date": ["10/03/2004", "13/03/2004"], "Time": ["18.00.00", None]})
    joined = time_column(frame, ("Date", "Time"))
    assert joined.name == "Date Time"
    assert joined.iloc[0] == "10/03/2004 18.00.00"
    assert joined.isna().tolist() == [False, True]
    parts = pd.DataFrame({"year": [2010, 2010], "month": [1, 12], "day": [1, 31], "hour": [0, 23]})
    stamps = time_column(parts, ("year", "month", "day", "hour"))
    assert read(stamps) == ["2010-01-01 00:00:00", "2010-12-31 23:00:00"]


def test_stamps_without_an_offset_are_local() -> None:
    night = ["2024-10-27 01:30", "2024-10-27 02:30", "2024-10-27 02:30", "2024-10-27 03:30"]
    hours = ["2024-10-26 23:30:00", "2024-10-27 00:30:00", "2024-10-27 01:30:00", "2024-10-27 02:30:00"]
    assert read(night, zone="Europe/Berlin") == hours
    assert read(["2024-03-31 02:30"], zone="Europe/Berlin") == ["NaT"]  # no clock showed it
    assert read(["2024-03-31T02:30Z"], zone="Europe/Berlin") == ["2024-03-31 02:30:00"]


def test_months_and_even_steps_are_regular() -> None:
    assert evenness(pd.Series(MONTHS)) == 1
    assert evenness(pd.Series(pd.date_range("2024-01-31", periods=40, freq="ME"))) == 1
    assert evenness(pd.to_datetime(pd.Series(MONTHS.strftime("%Y-%d-%m")), format="%Y-%m-%d")) < 0.95


def test_a_million_iso_stamps_take_about_as_long_as_in_pandas() -> None:
    stamps = pd.Series(pd.date_range("2000-01-01", periods=200_000, freq="min").astype(str), name="t")
    begin = time.process_time()
    pd.to_datetime(stamps, format="ISO8601", utc=True)
    alone = time.process_time() - begin
    begin = time.process_time()
    read_times(stamps, Clock(decide_format(stamps, "t")))
    assert time.process_time() - begin < 4 * alone + 0.1
