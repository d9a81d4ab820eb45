"""Answers in memory whose index says another order than that of the inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.errors import DataError
from harness.sweeps.from_memory import write_dataset

TASK = {"target": ["y"], "lookback_steps": 5, "horizon_steps": 1}


def test_answers_in_another_order_than_the_inputs_are_refused(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=90)
    x = pd.DataFrame({"a": np.arange(90.0)}, index=days)
    y = pd.Series(np.arange(90.0), index=days)
    with pytest.raises(DataError, match=r"y: its index holds the labels of X's in another order: expected y\.loc\["):
        write_dataset(tmp_path, None, x, y.iloc[::-1], None, None, "forecast", TASK)
    for same in (y, y.reset_index(drop=True), y.to_numpy()):  # labels of another kind say nothing of the order
        write_dataset(tmp_path, None, x, same, None, None, "forecast", TASK)
