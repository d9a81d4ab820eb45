"""Words that depend on a record."""

from __future__ import annotations

import pytest

from harness.records import Direction, Objective, ResourceUsage
from harness.report import format


def test_an_objective_in_words() -> None:
    assert format.score_words(Objective("mae", Direction.MIN, "MWh")) == "MAE in MWh, lower is better"
    assert format.score_words(Objective("balanced_accuracy", Direction.MAX)) == "balanced accuracy, higher is better"
    assert format.axis_words(Objective("rmse", Direction.MIN, "a unit that is long")) == "RMSE in a unit that…"


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "yes"), (False, "no"), (64, "64"), (0.2, "0.2"), (0.011634, "0.0116"), (1e-6, "1.00e-6"), ("adam", "adam")],
)
def test_values_of_hyperparameters(value: bool | int | float | str, text: str) -> None:
    assert format.value_words(value) == text


def test_failures_are_counted_by_kind() -> None:
    assert format.failures_words(ResourceUsage()) == "none"
    assert (
        format.failures_words(ResourceUsage(failed={"diverged": 2, "out_of_memory": 1}))
        == "3 (2 diverged, 1 out of memory)"
    )


def test_the_filter_quotes_the_name() -> None:
    assert format.run_filter("vic_elec") == "tags.dataset = 'vic_elec'"
    assert format.run_filter("it's") == 'tags.dataset = "it\'s"'
