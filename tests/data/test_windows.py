from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.tasks import ForecastTask
from harness.data.dataset import Series
from harness.data.windows import EMPTY, UNMEASURED, cut_windows

NAN = np.nan


def series(a: Any, y: Any, first_row: int = 0) -> Series:
    values = np.stack([np.asarray(a, np.float32), np.asarray(y, np.float32)], axis=1)
    return Series("toy", values, ("a", "y"), first_row, ("a", "y"))


def task(**keys: Any) -> ForecastTask:
    return ForecastTask(kind="forecast", **({"target": ("y",), "lookback_steps": 3, "horizon_steps": 2} | keys))


def test_a_window_is_the_lookback_and_the_horizon_right_after_it() -> None:
    part, _ = cut_windows(series(range(100, 110), range(10)), task(window_stride=2), range(1, 9))
    assert part.rows.tolist() == [1, 3]
    assert part.x[:, :, 1].tolist() == [[1, 2, 3], [3, 4, 5]]
    assert part.x[:, :, 0].tolist() == [[101, 102, 103], [103, 104, 105]]
    assert part.y[:, :, 0].tolist() == [[4, 5], [6, 7]]
    assert part.lengths.tolist() == [3, 3]
    assert (part.x.dtype, part.y.dtype, part.rows.dtype) == (np.float32, np.float32, np.int64)


@given(
    rows=st.integers(5, 80),
    start=st.integers(0, 20),
    lookback=st.integers(1, 9),
    horizon=st.integers(1, 9),
    stride=st.integers(1, 9),
)
def test_every_window_lies_inside_its_block(rows: int, start: int, lookback: int, horizon: int, stride: int) -> None:
    block = range(start, max(start + lookback + horizon, rows))
    keys = {"lookback_steps": lookback, "horizon_steps": horizon, "window_stride": stride}
    number = np.arange(block.stop + 5)
    part, _ = cut_windows(series(number, number), task(**keys), block)
    expected = list(range(block.start, block.stop - lookback - horizon + 1, stride))
    assert part.rows.tolist() == expected
    assert part.x[:, :, 0].tolist() == [list(range(row, row + lookback)) for row in expected]
    assert part.y[:, :, 0].tolist() == [list(range(row + lookback, row + lookback + horizon)) for row in expected]


def test_rows_are_counted_in_the_source() -> None:
    assert cut_windows(series(range(10), range(10), first_row=1000), task(), range(10))[0].rows[0] == 1000


def test_a_gap_in_an_input_is_filled_from_its_own_lookback() -> None:
    y = np.arange(10.0)
    y[4] = NAN
    part, _ = cut_windows(series(y, range(10)), task(), range(10))
    assert part.x[:, :, 0].tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 3], [3, 4, 5], [5, 5, 6], [5, 6, 7]]


def test_a_window_whose_target_was_not_measured_is_left_out() -> None:
    y = np.arange(10.0)
    y[4] = NAN
    part, dropped = cut_windows(series(range(10), y), task(), range(10))
    assert part.rows.tolist() == [2, 3, 4, 5]
    assert part.y[:, :, 0].tolist() == [[5, 6], [6, 7], [7, 8], [8, 9]]
    assert part.x[:, :, 1].tolist() == [[2, 3, 3], [3, 4, 5], [5, 5, 6], [5, 6, 7]]
    assert dropped == {UNMEASURED: 2, EMPTY: 0}


def test_no_gap_is_filled_from_beyond_the_block() -> None:
    y = np.arange(20.0)
    y[[5, 10]] = NAN  # the first and the last row of the block
    y[[4, 11]] = 1e6  # the rows before and after it
    part, _ = cut_windows(series(y, range(20)), task(lookback_steps=2, horizon_steps=1), range(5, 12))
    assert part.x[:, :, 0].tolist() == [[6, 6], [6, 7], [7, 8], [8, 9], [9, 9]]


def test_windows_that_show_nothing_of_a_channel_are_left_out() -> None:
    a = np.arange(12.0)
    a[4:8] = NAN
    part, dropped = cut_windows(series(a, range(12)), task(), range(12))
    assert dropped == {UNMEASURED: 0, EMPTY: 2}
    assert part.rows.tolist() == [0, 1, 2, 3, 6, 7]
    assert len(part.x) == len(part.y) == len(part.lengths) == 6
    assert np.isfinite(part.x).all()


def test_windows_share_no_memory_with_the_series() -> None:
    source = series(range(10), range(10))
    part, _ = cut_windows(source, task(), range(10))
    assert not np.shares_memory(part.x, source.values)
    assert not np.shares_memory(part.y, source.values)
    assert np.shares_memory(part.x[0], part.x[1])


@pytest.mark.parametrize("stride", [1, 7])
def test_several_targets_keep_the_cards_order(stride: int) -> None:
    both = task(target=("y", "a"), window_stride=stride)
    part, _ = cut_windows(series(range(10), range(10, 20)), both, range(10))
    assert part.y[0].tolist() == [[13, 3], [14, 4]]
