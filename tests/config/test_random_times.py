"""Random dates in random forms: read as they were meant, or refused; never another value."""

from __future__ import annotations

import datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.times import Clock, decide_format, read_times
from harness.errors import DataError

DATES = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d-%b-%Y",
    "%B %d, %Y",
    "%Y%m%d",
]
CLOCKS = ["", " %H:%M", "T%H:%M:%S", " %H.%M", " %I:%M %p", " %H:%M:%S.%f"]
SECONDS = st.one_of(
    st.integers(1, 100).map(lambda days: 86_400.0 * days), st.sampled_from([60.0, 900.0, 3600.0, 21_600.0, 604_800.0])
)
START = st.datetimes(datetime.datetime(1950, 1, 1), datetime.datetime(2050, 1, 1))
ROWS = st.one_of(
    st.builds(
        lambda start, step, rows: [start + datetime.timedelta(seconds=step * row) for row in range(rows)],
        START,
        SECONDS,
        st.integers(1, 60),
    ),
    st.builds(
        lambda start, rows, freq: list(pd.date_range(start.date(), periods=rows, freq=freq)),
        START,
        st.integers(1, 60),
        st.sampled_from(["MS", "QS", "YS", "B", "W", "ME"]),
    ),
    st.lists(START, min_size=1, max_size=40),
)


def check(rows: list[datetime.datetime], date: str, clock: str) -> bool:
    """Whether they were read, and not refused."""
    form = date + (clock if date != "%Y%m%d" else "")
    texts = pd.Series([row.strftime(form) for row in rows], name="t")
    meant = pd.to_datetime(texts, format=form, utc=True)
    try:
        found = read_times(texts, Clock(decide_format(texts, "t")))
    except DataError as error:
        assert "time_format" in str(error)  # noqa: PT017
        return False
    assert (found == meant).all(), (texts.tolist(), form)
    return True


@pytest.mark.parametrize("examples", [200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_random_times_are_read_as_meant_or_refused(examples: int) -> None:
    read: list[bool] = []

    @settings(max_examples=examples, deadline=None, database=None)
    @given(ROWS, st.sampled_from(DATES), st.sampled_from(CLOCKS))
    def each(rows: list[datetime.datetime], date: str, clock: str) -> None:
        read.append(check(rows, date, clock))

    each()
    assert sum(read) > 0.5 * len(read)  # to refuse them all would be no answer
