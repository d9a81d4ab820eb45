"""Calibrated classifiers in the report: what their logits were divided by, and that curves are those before."""

from __future__ import annotations

from dataclasses import replace

from harness.report import figures
from harness.report.view import ComparisonView


def test_the_report_says_what_logits_were_divided_by(make_comparison) -> None:
    plain = make_comparison()
    row = "temperature of the logits: smallest, median, largest"
    assert {*dict(ComparisonView(plain).usage)[row]} == {"as trained"}
    assert "before the logits were divided" not in (figures.learning(plain) or "")
    first, *others = plain.families
    scaled = replace(
        first,
        usage=replace(first.usage, temperatures=(1.0, 1.4567, 12.0)),
        selected=replace(first.selected, temperature=1.4567),
    )
    comparison = replace(plain, families=(scaled, *others))
    assert dict(ComparisonView(comparison).usage)[row] == ("1, 1.46, 12", "as trained")
    assert "validation score of each epoch, before the logits were divided" in (figures.learning(comparison) or "")
