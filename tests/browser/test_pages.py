"""MLflow's pages of a sweep in a real browser: they say the verdict at once, and their consoles show no error."""

from __future__ import annotations

from typing import Any

from harness.stats.words.brief import answer
from harness.tracking.naming import shown_tags


def test_the_experiments_page_says_the_verdict(shown: Any, page: Any) -> None:
    (comparison,) = shown.result.comparisons
    assert "?workflowType=machine_learning" in shown.address
    page.goto(shown.address)
    page.get_by_text(answer(comparison.verdict)).first.wait_for()
    page.get_by_text(shown.result.overall).first.wait_for()
    for words in shown_tags(comparison).values():
        page.get_by_text(words).first.wait_for()


def test_a_comparisons_page_leads_on(shown: Any, page: Any) -> None:
    """From the description to the charts of its trials, grouped by family."""
    (comparison,) = shown.result.comparisons
    page.goto(shown.address)
    page.get_by_role("link", name=answer(comparison.verdict)).first.click()
    page.get_by_text("Expected test mae: ").wait_for()
    more = page.get_by_role("button", name="Show more")
    if more.count():
        more.first.click()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Scores of all trials against their hyperparameters").click()
    charts = opened.value
    charts.set_viewport_size({"width": 1440, "height": 4000})  # what lies below the edge is not drawn
    for words in (
        "Group: lstm",
        "Group: gru",
        "tiny_waves: validation score of every trial",
        "Parallel Coordinates",
        "log10/learning_rate vs. score/validation",
    ):
        charts.get_by_text(words).first.wait_for()


def test_the_report_is_drawn_inside_mlflow(shown: Any, page: Any) -> None:
    (comparison,) = shown.result.comparisons
    page.goto(shown.address)
    link = page.get_by_role("link", name=answer(comparison.verdict)).first
    link.wait_for()
    page.goto(f"{shown.server}/{link.get_attribute('href')}/artifacts/report.html")
    frame = page.frame_locator("iframe")
    frame.get_by_text("Three questions.").wait_for()
    assert comparison.dataset in frame.locator("h2").first.inner_text()
    assert frame.locator("svg").count() >= 6
    assert frame.get_by_role("searchbox").first.is_visible(), "its script runs in MLflow's frame"
