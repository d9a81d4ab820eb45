"""How results show themselves in Python and in a notebook: a line each, and pages without markup from outside."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace

from harness.records import ComparisonResult, SweepResult


def test_a_result_is_a_line_in_python(three_datasets: SweepResult) -> None:
    names = ", ".join(one.dataset for one in three_datasets.comparisons)
    assert repr(three_datasets) == f"<SweepResult {three_datasets.sweep_id}: {names} compared>"
    for comparison in three_datasets.comparisons:
        told = repr(comparison)
        assert told.startswith(f"<ComparisonResult {comparison.dataset}: verdict {comparison.verdict.outcome.value}")
        assert len(told) < 160


def test_unfinished_datasets_are_in_the_line(three_datasets: SweepResult) -> None:
    half = replace(three_datasets, comparisons=(), unfinished={"air": "interrupted"})
    assert repr(half).endswith(": nothing compared; unfinished: air>")


def test_a_notebook_shows_a_row_a_family_without_markup_from_outside(
    make_comparison: Callable[..., ComparisonResult],
) -> None:
    comparison = replace(make_comparison(), dataset="<img src=x onerror=alert(1)>")
    page = comparison._repr_html_()
    assert "<img" not in page
    assert "&lt;img" in page
    assert page.count("<tr>") == 1 + len(comparison.families)
    assert all(f"<td>{one.family.name}</td>" in page for one in comparison.families)


def test_results_pickle(three_datasets: SweepResult) -> None:
    assert pickle.loads(pickle.dumps(three_datasets)).comparisons[0].verdict == three_datasets.comparisons[0].verdict
