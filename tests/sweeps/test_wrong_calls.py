"""Wrong uses of the Python interface: one line that says what was expected, and nothing left on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import harness
from harness.errors import HarnessError

BUILDERS = Path(__file__).parents[1] / "families" / "wrong_builders.py"
X = np.random.default_rng(0).normal(size=(60, 6, 2))
Y = np.arange(60) % 3
SERIES = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=200, freq="h"), "level": np.sin(np.arange(200))})
AHEAD: dict[str, Any] = {"task": "forecast", "target": "level", "lookback_steps": 8, "horizon_steps": 2}

WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "address": (lambda: harness.compare(X, Y, tracking_uri=5), "tracking_uri = 5: expected the address of MLflow's"),
    "verbose": (lambda: harness.sweep("adding_50", verbose="no"), "verbose = 'no': expected 0 (nothing), 1"),
    "axes": (lambda: harness.compare(X, Y, channels_first="yes"), "channels_first = 'yes': expected True, False or"),
    "task": (lambda: harness.compare(X, Y, task=3), "task = 3: expected one of forecast, classify, regress, label"),
    "another task's": (
        lambda: harness.compare(X, Y, horizon_steps=3),
        "horizon_steps = 3: expected none for task = 'classify': it is for forecast",
    ),
    "a column": (
        lambda: harness.compare(X, Y, target="y"),
        "target = 'y': expected none where X is an array, which has no columns",
    ),
    "no such time": (
        lambda: harness.compare(SERIES, time="att", **AHEAD),
        "time = 'att': no such column in X. Did you mean at?",
    ),
    "missing answer": (
        lambda: harness.compare(X, np.where(Y == 1, np.nan, Y)),
        "y: the answer at 1 (from 0) is missing: leave that sequence out",
    ),
    "no families": (lambda: harness.compare(X, Y, families=[]), "families = []: expected at least two"),
    "a builder": (
        lambda: harness.compare(X, Y, families={"lstm": "lstm", "mine": f"{BUILDERS}:wrong_number_of_classes"}),
        "wrong_builders.py:wrong_number_of_classes: gives (5), expected (3): one number for each class",
    ),
    "a table": (lambda: harness.sweep("data/my.xlsx"), "data/my.xlsx: expected a dataset's config; write one with"),
    "one folder": (lambda: harness.sweep("adding_50", config_dirs="gone"), "--config-dir gone: expected a folder"),
    "summary": (lambda: harness.summary(5), "summary(int): expected what harness.sweep or harness.compare gave"),
    "figures": (lambda: harness.figures(5), "figures(int): expected a comparison, such as the result's comparisons[0]"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_use_is_one_line_and_leaves_nothing(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    use, phrase = WRONG[what]
    with pytest.raises(HarnessError) as caught:
        use()
    assert phrase in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*"))
