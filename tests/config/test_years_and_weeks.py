"""A year and its week in two columns are the weeks of ISO 8601, where all of them are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.config.inferred.infer import UserHints, infer_task

WEEKS = pd.date_range("2010-01-04", periods=600, freq="W-MON").isocalendar()
FRAME = pd.DataFrame(
    {"year": WEEKS.year.to_numpy(int), "week": WEEKS.week.to_numpy(int), "y": np.sin(np.arange(600) / 8)}
)


def test_years_and_weeks_are_the_time() -> None:
    found = infer_task(FRAME, UserHints(target="y"), "t.csv")
    assert (found.time, found.time_format, found.features) == (("year", "week"), "%G %V", ("y",))
    assert "times in 'year week' are read as %G %V: '2010 1' is 4 January 2010" in found.because


def test_what_is_no_week_of_its_year_is_not_taken_for_one() -> None:
    other = FRAME.assign(week=FRAME["week"] + 1)  # 53 in years of 52 weeks
    assert infer_task(other, UserHints(target="y"), "t.csv").time is None


def test_a_month_and_a_day_say_more_than_the_week() -> None:
    days = pd.date_range("2010-01-04", periods=600)
    parts = {"year": days.year, "month": days.month, "day": days.day, "week": days.isocalendar().week.to_numpy(int)}
    frame = pd.DataFrame({**parts, "y": np.sin(np.arange(600) / 8)})
    assert infer_task(frame, UserHints(target="y"), "t.csv").time == ("year", "month", "day")
