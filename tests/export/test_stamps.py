"""How time stamps go on."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from harness.config.times import Clock
from harness.export.stamps import continue_stamps


def _after(values: Any, steps: int = 3) -> tuple[list[Any], str]:
    stamps = continue_stamps(pd.Series(values, name="t"), steps, 4)
    assert stamps is not None
    assert stamps.column == "t"
    return list(stamps.values), stamps.assumed


@pytest.mark.parametrize(
    ("values", "following"),
    [
        (["2014-12-31T12:00:00Z", "2014-12-31T12:30:00Z"], ["2014-12-31T13:00:00Z", "2014-12-31T13:30:00Z"]),
        (["2024-02-27", "2024-02-28", "2024-02-29"], ["2024-03-01", "2024-03-02"]),
        (["2023-10-31", "2023-11-30", "2023-12-31"], ["2024-01-31", "2024-02-29"]),  # ends of months
        (["2024-01-01", "2024-02-01", "2024-03-01"], ["2024-04-01", "2024-05-01"]),
        (["2022-01-01", "2023-01-01", "2024-01-01"], ["2025-01-01", "2026-01-01"]),
        (
            ["2024-06-19", "2024-06-20", "2024-06-21", "2024-06-24", "2024-06-25", "2024-06-26", "2024-06-27"],
            ["2024-06-28", "2024-07-01"],  # business days
        ),
        ([7, 8, 9], [10, 11]),
        ([0.5, 1.0, 1.5], [2.0, 2.5]),
        (["2024-01-01T00:00:00+11:00", "2024-01-01T01:00:00+11:00"], ["2024-01-01T02:00:00+11:00"]),
    ],
)
def test_rhythms_go_on_as_they_are_written(values: list[Any], following: list[Any]) -> None:
    assert _after(values, len(following)) == (following, "")


def test_hours_without_an_offset_go_on_as_if_no_clock_were_changed_and_that_is_said() -> None:
    """In the night of 31 March 2024 most of Europe had no hour from 2 to 3; nothing in such times can tell."""
    hours = ["2024-03-30 23:00", "2024-03-31 00:00", "2024-03-31 01:00"]
    phrase = "The times have no offset from UTC: they go on as if no clock were ever changed."
    assert _after(hours, 2) == (["2024-03-31 02:00", "2024-03-31 03:00"], phrase)


def test_hours_of_a_named_zone_follow_its_clocks() -> None:
    hours = pd.Series(["2024-03-30 23:00", "2024-03-31 00:00", "2024-03-31 01:00"], name="t")
    stamps = continue_stamps(hours, 2, 4, Clock("iso", "Europe/Berlin"))
    assert stamps is not None
    assert (stamps.values, stamps.assumed) == (("2024-03-31 03:00", "2024-03-31 04:00"), "")


def test_an_irregular_rhythm_is_said() -> None:
    following, assumed = _after(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-07"], 1)
    assert following == ["2024-01-08"]
    assert assumed == ("The times are irregular: they go on in steps of 1 days 00:00:00, the most common difference.")
    assert _after([1, 2, 3, 7], 1) == (
        [8],
        "The times are irregular: they go on in steps of 1, the most common difference.",
    )


def test_changing_offsets_go_on_in_utc() -> None:
    local = ["2024-03-31T00:00:00+01:00", "2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00"]
    following, assumed = _after(local, 2)
    assert following == ["2024-03-31T02:00:00+00:00", "2024-03-31T03:00:00+00:00"]
    assert assumed == "The times have different offsets from UTC: they go on in UTC."


def test_an_hour_that_comes_twice_is_said_too() -> None:
    autumn = ["2024-10-27 00:00", "2024-10-27 01:00", "2024-10-27 02:00", "2024-10-27 02:00", "2024-10-27 03:00"]
    following, assumed = _after(autumn, 2)
    assert following == ["2024-10-27 04:00", "2024-10-27 05:00"]
    assert assumed == (
        "The times are irregular: they go on in steps of 0 days 01:00:00, the most common difference. "
        "The times have no offset from UTC: they go on as if no clock were ever changed."
    )


def test_times_that_are_no_text_stay_times() -> None:
    values = pd.date_range("2024-01-01", periods=5, freq="15min", tz="Europe/Berlin")
    following, assumed = _after(values, 2)
    assert following == [values[-1] + pd.Timedelta("15min"), values[-1] + pd.Timedelta("30min")]
    assert assumed == ""


def test_one_row_has_no_rhythm() -> None:
    assert continue_stamps(pd.Series([5]), 2, 1) is None
    assert continue_stamps(pd.Series(["2024-01-01"]), 2, 1) is None


def test_steps_of_a_tenth_go_on_by_a_tenth() -> None:
    assert _after([step / 10 for step in range(200)]) == ([20.0, 20.1, 20.2], "")


@pytest.mark.parametrize(
    ("values", "time_format", "following"),
    [
        (["01-10-2018", "01-11-2018", "01-12-2018"], "%d-%m-%Y", ["01-01-2019", "01-02-2019", "01-03-2019"]),
        (["30.12.2023 23:30", "30.12.2023 23:45"], "%d.%m.%Y %H:%M", ["31.12.2023 00:00", "31.12.2023 00:15"]),
        (["9/1/2018 9:15", "9/1/2018 9:30"], "%d/%m/%Y %H:%M", ["9/1/2018 9:45", "9/1/2018 10:00"]),
        (["2019-Q3", "2019-Q4"], "quarters", ["2020-Q1", "2020-Q2"]),
        ([20191230, 20191231], "%Y%m%d", [20200101, 20200102]),
        ([201910, 201911, 201912], "%Y%m", [202001, 202002]),
        (["2019-10", "2019-11", "2019-12"], "iso", ["2020-01", "2020-02"]),
        (["Oct 2019", "Nov 2019", "Dec 2019"], "%b %Y", ["Jan 2020", "Feb 2020"]),
        (["2019/12/30", "2019/12/31"], "iso", ["2020/01/01", "2020/01/02"]),
        ([86400, 172800], "seconds", [259200, 345600]),
        (["2019-W51", "2019-W52"], "%G-W%V", ["2020-W01", "2020-W02"]),
    ],
)
def test_times_go_on_in_the_form_of_the_input(values: list[Any], time_format: str, following: list[Any]) -> None:
    stamps = continue_stamps(pd.Series(values, name="t"), len(following), 4, Clock(time_format))
    assert stamps is not None
    assert list(stamps.values) == following


def test_five_january_dates_are_read_as_in_training() -> None:
    days = pd.Series([f"{day:02}/01/2024" for day in range(1, 6)], name="t")
    told = continue_stamps(days, 2, 4, Clock("%d/%m/%Y"))
    earlier = continue_stamps(days, 2, 4)  # a champion of 0.2.0.dev0, which read the month first
    assert told is not None
    assert earlier is not None
    assert list(told.values) == ["06/01/2024", "07/01/2024"]
    assert list(earlier.values) == ["06/01/2024", "07/01/2024"]
