"""What the report says of baselines besides their scores."""

from __future__ import annotations

import dataclasses
from typing import Any

from harness.records import PublishedScore, SkippedBaseline
from harness.report.html import html
from harness.report.text import summary


def test_time_notes_skips_and_the_published_score_are_shown(make_comparison: Any, make_sweep: Any) -> None:
    plain = make_comparison()
    first, *others = plain.baselines
    noted = dataclasses.replace(first, fit_seconds=7.25, note="fitted on one training sequence in 3")
    comparison = dataclasses.replace(
        plain,
        baselines=(noted, *others),
        skipped=(SkippedBaseline("boosted <trees>", "over the 10 s that all baselines have together"),),
        reference=PublishedScore(231.5, "a plain GRU", "Somebody, 2020, table 2", "Another split"),
    )
    page, screen = (show(make_sweep([comparison])) for show in (html, summary))
    for shown in (page, " ".join(screen.split())):
        assert "231.5" in shown
        assert "a plain GRU (Somebody, 2020, table 2). Another split." in shown
        assert "over the 10 s that all baselines have together" in shown
    assert "boosted &lt;trees&gt;" in page
    assert "<td>7.3 s</td>" in page or "<td>7.2 s</td>" in page
    assert "fitted on one training sequence in 3" in page


def test_nothing_skipped_and_nothing_published_is_not_mentioned(make_comparison: Any, make_sweep: Any) -> None:
    for shown in (html(make_sweep([make_comparison()])), summary(make_sweep([make_comparison()]))):
        assert "Skipped baselines" not in shown
        assert "Published score" not in shown
