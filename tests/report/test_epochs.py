"""Whether a search's epochs were too few: what the last tenth gained, and what twice as many would."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import pytest

from harness.records import ComparisonResult, Direction, Objective, SweepResult, Terms
from harness.report.epochs import gain_of_twice, too_few_epochs
from harness.report.text import document, text
from harness.report.view import ComparisonView

Make = Callable[..., ComparisonResult]


def trained(comparison: ComparisonResult, curve: Sequence[float], oracle: str = "random") -> ComparisonResult:
    """The comparison with this validation curve in all of its trials, and so many epochs at most."""
    families = [
        dataclasses.replace(one, usage=dataclasses.replace(one.usage, epochs_at_most=len(curve)))
        for one in comparison.families
    ]
    return dataclasses.replace(
        comparison,
        families=tuple(families),
        trials=tuple(dataclasses.replace(one, validation_scores=tuple(curve)) for one in comparison.trials),
        terms=Terms(tuple(one.family.name for one in families), 12, oracle=oracle),
    )


def test_a_score_that_still_moves_warns_with_the_command(make_comparison: Make) -> None:
    falling = trained(make_comparison(), [1000.0 - 20 * epoch for epoch in range(30)])
    said = too_few_epochs(falling)
    assert f"`harness sweep {falling.dataset} --epochs 60`" in said
    assert "the last 3 of 30 epochs" in said
    assert "lstm from 480 to 420" in said
    assert f"Warning: {said}" in ComparisonView(falling).warnings


@pytest.mark.parametrize("curve", [[1000.0 / epoch for epoch in range(1, 8)] + [140.0] * 23, [300.0] * 30])
def test_a_score_that_came_to_rest_does_not_warn(make_comparison: Make, curve: list[float]) -> None:
    assert too_few_epochs(trained(make_comparison(), curve)) == ""


def test_higher_scores_are_read_as_better(make_comparison: Make) -> None:
    accuracy = make_comparison(objective=Objective("accuracy", Direction.MAX), levels=(0.06, 0.07), margin=0.05)
    rising = trained(accuracy, [0.5 + 0.01 * epoch for epoch in range(30)])
    assert "lstm from 0.760 to 0.790" in too_few_epochs(rising)
    falling = trained(accuracy, [0.8 - 0.01 * epoch for epoch in range(30)])
    assert too_few_epochs(falling) == ""


def test_nothing_is_said_of_hyperband(make_comparison: Make) -> None:
    falling = trained(make_comparison(), [1000.0 - 20 * epoch for epoch in range(30)], "hyperband")
    assert too_few_epochs(falling) == ""


def test_twice_the_epochs_gain_as_the_last_ones_did_by_the_logarithm() -> None:
    # A loss of 1 − 0.1 · log2(epochs) gains 0.1 with every doubling.
    before, after = (1 - 0.1 * math.log2(epochs) for epochs in (27, 30))
    assert gain_of_twice(before, after, 30) == pytest.approx(0.1)
    assert gain_of_twice(1.0, 0.5, 1) == 0.0
    assert gain_of_twice(float("inf"), 0.5, 30) == 0.0


def test_the_warning_counts_where_warnings_are_counted(
    make_comparison: Make, make_sweep: Callable[..., SweepResult]
) -> None:
    quiet, falling = (trained(make_comparison(), curve) for curve in ([9.0] * 30, [1000.0 - 20 * n for n in range(30)]))
    counts: list[int] = []
    for one in (quiet, falling):
        last = text(make_sweep([one]), "", 200, warnings=False).splitlines()[-1]
        counts.append(int(last.split()[0]) if "shown by" in last else 0)
    assert counts[1] == counts[0] + 1


def test_json_has_it_among_the_warnings(make_comparison: Make, make_sweep: Callable[..., SweepResult]) -> None:
    falling = trained(make_comparison(), [1000.0 - 20 * epoch for epoch in range(30)])
    assert document(make_sweep([falling]))["answers"][falling.dataset]["warnings"][-1] == too_few_epochs(falling)
