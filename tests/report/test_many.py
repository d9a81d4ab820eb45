"""A sweep of many datasets has a page that opens: its answers and tables whole, of each dataset the first figure."""

from __future__ import annotations

import re

from harness.report.html import MOST_PICTURED, html


def test_a_page_of_many_datasets_leaves_out_figures_and_says_where_they_are(make_comparison, make_sweep) -> None:
    one = make_comparison(trials=3)
    names = [f"wave_{number:03d}" for number in range(MOST_PICTURED + 1)]
    many = html(make_sweep([make_comparison(name, trials=3) for name in names]))
    alone = html(make_sweep([one]))
    note = "Of 26 datasets each has its first figure here alone."
    assert note in many
    assert "has its first figure here alone" not in alone
    assert all(f"{name}</a>" in many for name in names)
    figures = [len(re.findall(r"<figure\b", page)) for page in (many, alone)]
    assert figures[0] < 4 * len(names) < figures[1] * len(names)
    assert len(many) / len(names) < len(alone) / 2
