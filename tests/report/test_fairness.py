"""The report says what the families' budgets are equal in, and what not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.records import ComparisonResult
from harness.report.view import ComparisonView


def test_what_is_equal_and_what_is_not_is_said(make_comparison: Callable[..., ComparisonResult]) -> None:
    comparison = make_comparison("a")
    first, *others = comparison.families
    usage = replace(
        first.usage, completed=20, varied=4, parameters=(10, 1500, 9000), fit_seconds=3.0, compile_seconds=0.0
    )
    other = replace(usage, varied=6, parameters=(10, 4000, 9000), fit_seconds=30.0)
    families = [replace(first, usage=usage), *(replace(one, usage=other) for one in others)]
    view = ComparisonView(replace(comparison, families=tuple(families)))
    names = [one.family.name for one in others]
    first_name = first.family.name

    def cells(one: str, other: str) -> str:
        return ", ".join([f"{first_name} {one}", *(f"{name} {other}" for name in names)])

    assert view.fairness == (
        "Equal: completed trials (20). Not equal: hyperparameters that trials differ in "
        f"({cells('4', '6')}); weights of the median trial ({cells('1,500', '4,000')}); training and compiling "
        f"({cells('3 s', '30 s')})."
    )
    assert dict(view.usage)["hyperparameters that trials differ in"][:2] == ("4", "6")


def test_records_that_do_not_say_are_not_made_up(make_comparison: Callable[..., ComparisonResult]) -> None:
    rows = dict(ComparisonView(make_comparison("a")).usage)
    assert set(rows["hyperparameters that trials differ in"]) == {"not recorded"}
