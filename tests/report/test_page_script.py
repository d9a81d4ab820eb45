"""The page's script and data: let in by hash, never markup, and the same page where no script runs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.records import ComparisonResult, SweepResult
from harness.report.html import html
from harness.report.page.script import block, licence, policy, source
from harness.text import printable

Make = Callable[..., ComparisonResult]
MakeSweep = Callable[..., SweepResult]
SCRIPTS = re.compile(r"<script([^>]*)>(.*?)</script>", re.DOTALL)


def scripts(page: str) -> tuple[str, str]:
    """The data and the script of a page, which are all the scripts that it has."""
    (kind, data), (none, script) = SCRIPTS.findall(page)
    assert kind == ' type="application/json" id="data"'
    assert none == ""
    return data, script


class Policy(HTMLParser):
    """Finds the page's policy."""

    found = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        words = dict(attrs)
        if words.get("http-equiv") == "Content-Security-Policy":
            self.found = words["content"] or ""


def test_the_policy_names_the_script_by_its_hash_and_no_other(three_datasets_page: str) -> None:
    _, script = scripts(three_datasets_page)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    read = Policy()
    read.feed(three_datasets_page)
    assert read.found == policy()
    assert f"; script-src 'sha256-{digest}'; " in policy()
    rules = dict(rule.strip().split(" ", 1) for rule in policy().split(";"))
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in rules["script-src"]


def test_the_script_makes_no_markup_and_no_code() -> None:
    for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "import("):
        assert word not in source()
    assert "</" not in source()
    assert "fetch(" not in source()


@given(
    data=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_no_data_ends_its_block(data: object) -> None:
    text = str(block(["</script><!--<script>\u2028\u2029&amp;]]>", data]))
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text)[0] == printable("</script><!--<script>\u2028\u2029&amp;]]>")


def test_the_page_holds_the_best_trials_and_the_data_all(make_comparison: Make, make_sweep: MakeSweep) -> None:
    comparison = make_comparison(trials=30, failed=2)
    page = html(make_sweep([comparison]))
    table = json.loads(scripts(page)[0])["tables"]["dataset-1"]
    assert sorted(row[0] for row in table["rows"]) == list(range(len(comparison.trials)))
    assert page.count("<tr data-trial=") == 20
    assert f"The best 20 of {len(comparison.trials)} trials by validation score" in page
    best = min(comparison.trials, key=lambda trial: trial.validation_score or float("inf"))
    number, _, cells = table["rows"][0]
    assert comparison.trials[number] == best
    assert float(cells[2]) == pytest.approx(best.validation_score, rel=1e-3)
    assert dict(zip(table["heads"], cells, strict=True))["family"] == best.key.family
    assert {"units", "learning_rate"} <= set(table["heads"])
    assert "diverged" in json.dumps(table["rows"][-1])


def test_tooltips_say_the_numbers_that_are_drawn(make_comparison: Make, make_sweep: MakeSweep) -> None:
    comparison = make_comparison()
    page = html(make_sweep([comparison]))
    figures = json.loads(scripts(page)[0])["figures"]
    found = figures["dataset-1-trials"]
    assert (found["x"], found["y"]) == ("validation MAE in MWh", "test MAE in MWh")
    points = [point for label, its in found["series"] if label == "gru" for point in its]
    rows = [row for row in comparison.rows if row.family == "gru"]
    assert {point[4] for point in points} == {f"r1/{row.trial}" for row in rows}
    said = {point[4]: float(point[3]) for point in points}
    for row in rows:
        assert row.test is not None
        assert abs(said[f"r1/{row.trial}"] / row.test - 1) < 1e-3
    for name, tips in figures.items():
        assert f'data-figure="{name}"' in page
        for _, its in tips.get("series", ()):
            assert all(-5 <= x <= 425 and -5 <= y <= 305 for x, y, *_ in its)


def test_lines_of_the_parallel_coordinates_are_the_trials(make_comparison: Make, make_sweep: MakeSweep) -> None:
    comparison = make_comparison(trials=15)
    page = html(make_sweep([comparison]))
    lines = json.loads(scripts(page)[0])["figures"]["dataset-1-parallel"]["lines"]
    svg = re.findall(r'<svg[^>]*data-figure="dataset-1-parallel".*?</svg>', page, re.DOTALL)[0]
    for place, family in enumerate(comparison.families):
        group = re.findall(rf'<g[^>]* data-lines="{place}"[^>]*>(.*?)</g>', svg, re.DOTALL)[0]
        assert group.count("<path") == len(lines[str(place)]) == 15
        assert {comparison.trials[number].key.family for number in lines[str(place)]} == {family.family.name}


def test_the_licence_of_what_is_built_in_goes_along(three_datasets_page: str) -> None:
    foot = three_datasets_page[three_datasets_page.index("<footer>") :]
    assert "Tablesort 5.7.1, MIT licence" in foot
    assert "Permission is hereby granted, free of charge" in foot
    notice = (Path(__file__).resolve().parents[2] / "NOTICE").read_text(encoding="utf-8")
    assert licence().split("\n\n")[0] in notice
