"""Days as spreadsheets count them: `new` names the format, which reads them and writes them again."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.config.inferred.infer import UserHints, infer_task
from harness.config.times import Clock, parse_times, read_times
from harness.export.stamps import _written

HOURS = pd.date_range("2024-02-28", periods=2000, freq="h")
SERIAL = pd.Series((HOURS - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1), name="time")


def test_serial_days_are_read_to_the_second() -> None:
    for written in (SERIAL, SERIAL.round(6), SERIAL.astype(str)):
        assert (read_times(written, Clock("excel")).dt.tz_localize(None) == HOURS).all()


def test_new_names_the_format_and_takes_it() -> None:
    frame = pd.DataFrame({"time": SERIAL, "y": np.sin(np.arange(2000) / 4)})
    said = "numbers in time are steps; --time-format excel where they are days as spreadsheets count them"
    assert said in infer_task(frame, UserHints(target="y"), "t.csv").because
    found = infer_task(frame, UserHints(target="y", time="time", time_format="excel"), "t.csv")
    assert found.time_format == "excel"
    assert found.numbers["season_steps"] == 24


def test_forecast_times_are_written_as_serial_days() -> None:
    days = pd.Series([45350, 45351])
    later = pd.DatetimeIndex(parse_times(days, "excel")) + pd.Timedelta(days=2)
    assert _written(later, days, "excel") == (45352, 45353)
