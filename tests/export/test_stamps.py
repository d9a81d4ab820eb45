"""How time stamps go on."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from harness.export.forecast_inputs import continue_stamps


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
