"""Expected score against budget: the verdict's own estimator, at every n."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable

import pytest

from harness.records import ComparisonResult, Direction, Objective
from harness.report.curves import MOST_BUDGETS, budgets, curves_of, leads_of

Make = Callable[..., ComparisonResult]


@pytest.mark.parametrize("objective", [Objective("mae", Direction.MIN), Objective("accuracy", Direction.MAX)])
def test_the_curve_is_the_mean_over_all_searches(make_comparison: Make, objective: Objective) -> None:
    levels = (0.06, 0.07) if objective.direction is Direction.MAX else (231.0, 201.0)
    comparison = make_comparison(objective=objective, trials=6, levels=levels, failed=1)
    sign = 1 if objective.direction is Direction.MIN else -1
    curve = curves_of(comparison)["lstm"]
    pairs = [
        (sign * row.validation, row.test)
        for row in comparison.rows
        if row.family == "lstm" and row.validation is not None and row.test is not None
    ]
    for n, expected in zip(curve.trials, curve.expected, strict=True):
        every = [min(search)[1] for search in itertools.combinations(pairs, n)]
        assert expected == pytest.approx(statistics.fmean(every))
    assert curve.trials == (1, 2, 3, 4, 5, 6)


def test_the_curve_passes_through_the_verdict(make_comparison: Make) -> None:
    comparison = make_comparison(replicates=3)
    for family, curve in curves_of(comparison).items():
        place = curve.trials.index(comparison.verdict.trials)
        assert curve.expected[place] == pytest.approx(comparison.verdict.expected[family])
        low, high = curve.at(comparison.verdict.trials)
        assert low <= curve.expected[place] <= high
        assert all(low <= high for low, high in zip(curve.low, curve.high, strict=True))


def test_a_higher_level_gives_a_wider_interval(make_comparison: Make) -> None:
    import dataclasses

    comparison = make_comparison(replicates=3)
    narrow = dataclasses.replace(comparison, verdict=dataclasses.replace(comparison.verdict, level=0.5))
    wide_low, wide_high = curves_of(comparison)["gru"].at(12)
    low, high = curves_of(narrow)["gru"].at(12)
    assert wide_low < low < high < wide_high


def test_where_the_curve_has_no_point_there_is_no_interval(make_comparison: Make) -> None:
    curve = curves_of(make_comparison())["gru"]
    assert all(value != value for value in curve.at(1000))


def test_an_arm_without_scores_has_no_curve(make_comparison: Make) -> None:
    import dataclasses

    comparison = make_comparison()
    rows = tuple(row for row in comparison.rows if row.family == "lstm")
    assert set(curves_of(dataclasses.replace(comparison, rows=rows))) == {"lstm"}


@pytest.mark.parametrize(
    ("completed", "trials", "last"), [(12, 12, 12), (500, 50, 100), (60, 20, 40), (3, 12, 3), (0, 12, None)]
)
def test_budgets(completed: int, trials: int, last: int | None) -> None:
    chosen = budgets(completed, trials)
    assert list(chosen) == sorted(set(chosen))
    assert len(chosen) <= MOST_BUDGETS
    assert (chosen[-1] if chosen else None) == last
    assert not chosen or chosen[0] == 1
    assert (trials in chosen) == (trials <= completed)


def crossing(make_comparison: Make) -> ComparisonResult:
    """`gru` has one excellent trial in eight and else poor ones, `lstm` eight middling ones."""
    import dataclasses

    comparison = make_comparison(trials=8)
    tests = {"lstm": [5.0] * 8, "gru": [1.0] + [9.0] * 7}
    rows = tuple(
        dataclasses.replace(row, validation=tests[row.family][row.trial - 1], test=tests[row.family][row.trial - 1])
        for row in comparison.rows
    )
    return dataclasses.replace(comparison, rows=rows)


def test_the_lead_changes_hands_where_the_expected_scores_cross(make_comparison: Make) -> None:
    """With n of 8 trials gru expects 1 · n/8 + 9 · (1 - n/8) = 9 - n, below 5 from n = 5 on; at 4 they are equal."""
    assert leads_of(crossing(make_comparison)) == ((1, "lstm"), (5, "gru"))


def test_one_arm_may_lead_throughout_and_one_alone_leads_nobody(make_comparison: Make) -> None:
    import dataclasses

    comparison = make_comparison(levels=(500.0, 100.0), trials=10)
    assert leads_of(comparison) == ((1, "gru"),)
    alone = tuple(row for row in comparison.rows if row.family == "lstm")
    assert leads_of(dataclasses.replace(comparison, rows=alone)) == ()
