"""A report says where its data set lies among those of the Atlas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.config import atlas as packaged
from harness.records import AtlasRow, AtlasSummary, ComparisonResult, SweepResult, VerdictPrior
from harness.report.html import html
from harness.report.page.atlas import among

PRIOR = VerdictPrior("atlas 1-test", 24, ((1.0, 0.1),))
NEAR = [AtlasRow(f"near_{place}", "forecast", 24, 1000, 2, 0.1 if place < 7 else -0.1, "gru") for place in range(10)]
FAR = [AtlasRow(f"far_{place}", "forecast", 5000, 9, 90, -0.3, "lstm") for place in range(14)]
ATLAS = AtlasSummary("1-test", 20, (*FAR, *NEAR), PRIOR, False)


def test_the_nearest_data_sets_are_counted(make_comparison: Callable[..., ComparisonResult]) -> None:
    sentence = among(make_comparison(), ATLAS)
    assert "Of the 10 data sets of the Atlas most like this one (of the task forecast" in sentence
    assert "gru had the lower error on 7, was named on 10, and lstm on 0" in sentence
    assert "version 1-test, 24 data sets" in sentence


def test_a_data_set_of_the_atlas_is_no_neighbour_of_itself(make_comparison: Callable[..., ComparisonResult]) -> None:
    its = make_comparison()
    own = AtlasRow(its.dataset, "forecast", its.facts.steps[1], its.facts.sizes[0], 2, 9.0, "gru")
    same = AtlasSummary("1-test", 20, (own, *ATLAS.rows), PRIOR, False)
    assert among(its, same).partition(" (version")[0] == among(its, ATLAS).partition(" (version")[0]


@pytest.fixture
def carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the Atlas that the package carries."""
    monkeypatch.setattr(packaged, "builtin_folder", lambda _: tmp_path)
    packaged.atlas_summary.cache_clear()
    yield tmp_path / "summary.json"
    packaged.atlas_summary.cache_clear()


def test_a_report_says_it_where_the_package_carries_an_atlas(
    carried: Path, make_comparison: Callable[..., ComparisonResult], make_sweep: Callable[..., SweepResult]
) -> None:
    result = make_sweep([make_comparison()])
    assert "data sets of the Atlas most like" not in html(result)
    packaged.atlas_summary.cache_clear()
    carried.write_text(json.dumps(ATLAS.to_json()), encoding="utf-8")
    assert "Of the 10 data sets of the Atlas most like this one" in html(result)


def test_an_atlas_of_few_data_sets_is_none(carried: Path) -> None:
    few = AtlasSummary("1-test", 4, ATLAS.rows[:9], PRIOR, False)
    carried.write_text(json.dumps(few.to_json()), encoding="utf-8")
    assert packaged.atlas_summary() is None
