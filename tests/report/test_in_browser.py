"""The report in a real browser: hostile text stays text, no request leaves, keys and filter work."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.records import ComparisonResult, SweepResult
from harness.report.html import html

PAYLOADS = (
    "<script>alert(1)</script>\"><img src=x onerror=alert(1)>\x00\x1b[31m\u202e\ud800'{{ 7*7 }}&amp;",
    "</script><script>window.pwned = 1</script>",
    "<!--<script>window.pwned = 2</script>",
    "\"><svg onload='window.pwned = 3'><img src=x onerror='window.pwned = 4'>",
    "</style></title></textarea><iframe srcdoc='<script>parent.pwned = 5</script>'>\u2028\\u003c`${window.pwned = 6}`",
)
HOSTILE_FOUND = "window.pwned || [...document.querySelectorAll('img, iframe, [onerror], [onload]')].length"


@pytest.fixture(scope="module")
def reports(
    tmp_path_factory: pytest.TempPathFactory,
    make_comparison: Callable[..., ComparisonResult],
    make_sweep: Callable[..., SweepResult],
    make_hostile_sweep: Callable[[str], SweepResult],
) -> Path:
    """A folder with a plain report of two datasets, and one for each hostile text."""
    folder = tmp_path_factory.mktemp("reports")
    plain = make_sweep([make_comparison(trials=15, failed=1), make_comparison("other", trials=12)])
    (folder / "plain.html").write_text(html(plain), encoding="utf-8")
    for place, payload in enumerate(PAYLOADS):
        page = html(make_hostile_sweep(payload), payload)
        (folder / f"hostile-{place}.html").write_text(page, encoding="utf-8")
    return folder


@pytest.fixture
def asked(page: Any) -> list[str]:
    """Every address that the page asks for."""
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    return addresses


@pytest.mark.parametrize("place", range(len(PAYLOADS)))
def test_hostile_text_stays_text(reports: Path, page: Any, asked: list[str], place: int) -> None:
    page.goto((reports / f"hostile-{place}.html").as_uri())
    page.get_by_role("searchbox").first.fill(PAYLOADS[place][:20])
    page.locator("[data-figure='dataset-1-progress']").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".tip").is_visible()
    page.locator(".trials tbody tr").first.hover()
    assert not page.evaluate(HOSTILE_FOUND)
    assert page.locator("script").count() == 2
    assert PAYLOADS[place][:15] in page.inner_text("main"), "it is shown as it was written"
    assert [address for address in asked if not address.startswith("file:")] == []


def test_the_policy_lets_no_other_script_run(reports: Path, browser: Any) -> None:
    page = browser.new_page()
    page.goto((reports / "plain.html").as_uri())
    page.evaluate("""() => {
        const added = document.createElement('script');
        added.textContent = 'window.pwned = 1';
        document.body.append(added);
        document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.pwned = 2">');
    }""")
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None
    page.close()


def test_the_table_sorts_filters_and_grows(reports: Path, page: Any) -> None:
    page.goto((reports / "plain.html").as_uri())
    table = page.locator("#dataset-1-table")
    rows = table.locator("tbody tr")
    assert rows.count() == 20
    page.get_by_role("button", name="Show all 32").click()
    assert rows.count() == 32
    page.get_by_role("searchbox").first.fill("gru units>=64")
    shown = table.locator("tbody tr:not([hidden])")
    units = [int(text) for text in shown.locator("td:nth-child(8)").all_inner_texts()]
    assert units
    assert min(units) >= 64
    assert {"▲ gru"} == set(shown.locator("td:nth-child(2)").all_inner_texts())
    assert page.locator("output").first.inner_text() == f"{len(units)} of 32 trials"
    assert page.locator("[data-figure='dataset-1-parallel'] path.off").count() > 0
    page.get_by_role("searchbox").first.fill("")
    head = table.get_by_role("columnheader", name="test")
    head.focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    scores = [float(text) for text in table.locator("tbody tr td:nth-child(4)").all_inner_texts() if text != "-"]
    assert scores == sorted(scores)


def test_arrow_keys_read_the_points_of_a_figure(reports: Path, page: Any) -> None:
    page.goto((reports / "plain.html").as_uri())
    page.locator("[data-figure='dataset-1-trials']").focus()
    tip = page.locator(".tip[role=status]")
    read = []
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
        read.append(tip.inner_text())
    assert [re.sub(r"\d+", "1", text.splitlines()[0]) for text in read] == ["lstm, r1/1", "lstm, r1/1", "gru, r1/1"]
    assert "validation MAE in MWh: " in read[0]
    assert read[0] != read[1]
    page.keyboard.press("Escape")
    assert not page.locator(".tip").is_visible()


@pytest.mark.parametrize("width", [1440, 800, 390])
def test_nothing_lies_beyond_the_edge(reports: Path, page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto((reports / "plain.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".card").first.bounding_box()["y"] < 400
    assert page.locator("form").first.is_visible()
    page.emulate_media(media="print")
    assert not page.locator("form").first.is_visible()


def test_a_sandbox_without_scripts_shows_the_same(reports: Path, browser: Any) -> None:
    page = browser.new_page()  # whose console says that a script was blocked
    page.goto((reports / "plain.html").as_uri())
    words = page.inner_text("main")
    frame = reports / "frame.html"
    frame.write_text('<iframe sandbox="" src="plain.html" width="1400" height="900"></iframe>', encoding="utf-8")
    page.goto(frame.as_uri())
    inside = page.frame_locator("iframe").locator("main")
    assert inside.locator("svg").count() >= 16
    said = inside.inner_text()
    controls = re.compile(r"(Filter|Show all \d+)\s*")
    assert controls.sub("", words).split() == said.split()
    page.close()
