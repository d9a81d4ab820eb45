"""The Atlas's page: whole without scripts, nothing asked of the network, filtered where scripts run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.atlas.answer import answer_of
from harness.atlas.report.page import page as atlas_page
from harness.atlas.tables import Tables


@pytest.fixture(scope="module")
def written(make_tables: Callable[..., tuple[Tables, list[float]]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    tables, _ = make_tables(mean=0.1, outliers=1)
    path = tmp_path_factory.mktemp("atlas") / "atlas.html"
    path.write_text(atlas_page(answer_of(tables, planned=78, splits=1)), encoding="utf-8")
    return path


def test_sentence_figure_table_and_limits_stand_in_the_page(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    assert "Over 24 data sets of 18 sources gru is better" in text
    assert "24 data sets of the 78 planned" in text
    assert text.count('data-figure="atlas-forest"') == 1
    assert len(re.findall(r'<tr data-trial="\d+">', text)) == 24
    assert "no random sample of anything" in text
    assert not re.search(r'(src|href)="https?:', text)


def test_the_table_filters_and_asks_nobody(written: Path, page: Any) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(written.as_uri())
    page.get_by_role("searchbox").fill("task=forecast error%>0")
    shown = page.locator("#atlas-table tbody tr:visible")
    told = page.locator("output").inner_text()
    assert told == f"{shown.count()} of 24 data sets"
    assert 0 < shown.count() <= 5
    assert [address for address in asked if not address.startswith("file:")] == []


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_is_wider_than_the_window(written: Path, page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(written.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    letters = page.locator("[data-figure='atlas-forest'] text").first.bounding_box()
    assert letters["height"] > 7
