"""Times in unusual forms: read where they are unmistakable, else shown or refused with the option that settles it."""

from __future__ import annotations

import pandas as pd
import pytest

from harness.config.inferred.infer import UserHints, infer_task
from harness.errors import UsageError

DAYS = pd.date_range("2024-01-01", periods=400)
GERMAN = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
]
FRENCH = ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."]


def table(times: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"time": times, "y": [float(n % 7) for n in range(len(times))]})


@pytest.mark.parametrize(
    ("times", "shown"),
    [
        ([f"{day.day}. {GERMAN[day.month - 1]} {day.year}" for day in DAYS], "1. Januar 2024"),
        ([f"{day.day} {FRENCH[day.month - 1]} {day.year}" for day in DAYS], "1 janv. 2024"),
        ([day.strftime("%a %b %d %H:%M:%S %Y") for day in DAYS], "Mon Jan 01 00:00:00 2024"),
    ],
)
def test_texts_called_a_time_are_refused_where_no_date_is_recognised(times: list[object], shown: str) -> None:
    with pytest.raises(UsageError) as error:
        infer_task(table(times), UserHints(), "t.csv")
    assert str(error.value).startswith(f"t.csv: column 'time' is called a time, but {shown!r} is not read as one: exp")
    assert "--time time --time-format FORMAT" in str(error.value)
    assert infer_task(table(times), UserHints(features=("y",)), "t.csv").time is None


def test_what_ctime_writes_is_read_by_its_format() -> None:
    times = [day.strftime("%a %b %d %H:%M:%S %Y") for day in DAYS]
    found = infer_task(table(times), UserHints(time="time", time_format="%a %b %d %H:%M:%S %Y"), "t.csv")
    assert (found.time, found.numbers["season_steps"]) == ("time", 7)


@pytest.mark.parametrize(("word", "each"), [("seconds", 1), ("milliseconds", 1000)])
def test_numbers_that_may_count_from_1970_on_say_so(word: str, each: int) -> None:
    times = [int(day.timestamp()) * each for day in DAYS]
    found = infer_task(table(times), UserHints(), "t.csv")
    assert f"numbers in time are steps; --time-format {word} where they count from 1970 on" in found.because
    read = infer_task(table(times), UserHints(time_format=word), "t.csv")
    assert read.numbers["season_steps"] == 7
    assert not [line for line in read.because if "are steps" in line]


def test_serial_days_of_a_spreadsheet_are_steps() -> None:
    found = infer_task(table([45292 + n for n in range(400)]), UserHints(), "t.csv")
    assert (found.time, found.time_format) == ("time", "")
    assert found.numbers["season_steps"] == 7  # which the values say, and not the times
    assert not any("a week" in line for line in found.because)
    assert not found.calendar
