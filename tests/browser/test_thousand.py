"""A sweep of 1,000 trials in MLflow's UI: the page of its experiment, and the charts of all its trials.

The trials are a formula (a stub trainer); contest, journal, projection, server and browser are the real ones. Slow: the
projection alone writes a thousand runs.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from harness.stats.words.brief import answer
from harness.tracking.views import route, trials_key

LONGEST_SECONDS = 10.0


@pytest.mark.slow
def test_the_experiments_page_opens_in_ten_seconds(shown_thousand: Any, page: Any) -> None:
    (comparison,) = shown_thousand.result.comparisons
    assert len(comparison.trials) == 1000
    began = time.monotonic()
    page.goto(shown_thousand.address)
    page.get_by_text(answer(comparison.verdict)).first.wait_for()
    seconds = time.monotonic() - began
    print(f"\nexperiment's page with 1,000 trials: {seconds:.1f} s")
    assert seconds < LONGEST_SECONDS


@pytest.mark.slow
def test_the_charts_of_its_trials_are_drawn(shown_thousand: Any, page: Any) -> None:
    page.set_viewport_size({"width": 1440, "height": 4000})  # what lies below the edge is not drawn
    began = time.monotonic()
    page.goto(f"{shown_thousand.server}/{route('1', trials_key('tiny_waves'), charts=True)}")
    page.get_by_text("log10/learning_rate vs. score/validation").wait_for()
    points = page.locator("g.points path.point")
    points.nth(99).wait_for(state="attached")
    assert points.count() >= 100  # points of single trials, and not one a family
    print(f"\ncharts of the trials: {time.monotonic() - began:.1f} s")
