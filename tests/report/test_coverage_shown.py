"""What the report says of how much of the test part the champion's intervals cover."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from harness.records import ChampionInfo, Coverage
from harness.report.html import html
from harness.report.text import summary


def _shown(make_comparison: Any, make_sweep: Any, *coverage: Coverage) -> list[str]:
    plain = make_comparison()
    champion = dataclasses.replace(plain.champion, coverage=coverage)
    result = make_sweep([dataclasses.replace(plain, champion=champion)])
    return [" ".join(show(result).split()) for show in (html, summary)]


def test_coverage_stands_beside_the_champion(make_comparison: Any, make_sweep: Any) -> None:
    found = Coverage(50, 0.51, 200, 100), Coverage(80, 0.812, 200, 100), Coverage(95, 0.94, 200, 100)
    for shown in _shown(make_comparison, make_sweep, *found):
        assert (
            "80 % interval covers 81.2 % of test (standard error 4.9 points) and 95 % interval covers 94.0 % of test "
            "(standard error 2.7 points); n = 200 of test, 100 of validation"
        ) in shown.replace("\u00a0", " ")
        assert "cannot be promised" not in shown


def test_a_drift_is_told(make_comparison: Any, make_sweep: Any) -> None:
    for shown in _shown(make_comparison, make_sweep, Coverage(80, 0.62, 2000, 1000)):
        assert "validation and test part differ at 80 %: coverage cannot be promised" in shown


@pytest.mark.parametrize("levels", [(), (50,)])
def test_nothing_is_said_where_nothing_is_known(make_comparison: Any, make_sweep: Any, levels: tuple[int]) -> None:
    for shown in _shown(make_comparison, make_sweep, *(Coverage(level, 0.5, 3, 3) for level in levels)):
        assert "% interval covers" not in shown
        assert "Prediction intervals" not in shown


def test_a_champion_of_before_is_read() -> None:
    info = ChampionInfo("load", "1", "champion", "gru", "gru", "load/gru/r1/search/1", "", 0.1, "/models/load")
    plain = info.to_json()
    del plain["coverage"]
    assert ChampionInfo.from_json(plain) == info
    again = dataclasses.replace(info, coverage=(Coverage(80, 0.8, 10, 10, sets=True),))
    assert ChampionInfo.from_json(again.to_json()) == again
