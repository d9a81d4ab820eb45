"""How many trials an adaptive search may have in flight stands in the plan, and no number of slots raises it."""

from __future__ import annotations

import re

import pytest

from harness.config import make_plan
from harness.errors import UsageError
from harness.search.scheduler import largest_in_flight
from harness.sweeps.plan import resolve, search_settings


@pytest.mark.parametrize(("trials", "most"), [(1, 1), (19, 1), (20, 2), (199, 19), (10_000, 20), (None, 20)])
def test_a_tenth_of_the_trials_and_twenty_at_most(trials: int | None, most: int) -> None:
    assert largest_in_flight(trials) == most


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (
            {"oracle": "bayesian", "trials": 30, "in_flight": 4},
            "--in-flight 4: a bayesian search learns from trials that have ended: expected at most 3, a tenth of its "
            "30 trials, or --trials 40 and more",
        ),
        (
            {"oracle": "tpe", "trials": 900, "in_flight": 21},
            "--in-flight 21: a tpe search learns from trials that have ended: expected at most 20",
        ),
        ({"oracle": "hyperband", "in_flight": 21}, "--in-flight 21: a hyperband search"),
    ],
)
def test_more_is_refused_with_what_settles_it(plan: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        resolve(make_plan({"datasets": ("adding_50",), "name": "x", **plan}))


@pytest.mark.parametrize("plan", [{"oracle": "bayesian", "trials": 30, "in_flight": 3}, {"in_flight": 400}])
def test_what_a_search_may_have_in_flight_does_not_grow_with_the_slots(plan: dict[str, object]) -> None:
    header = resolve(make_plan({"datasets": ("adding_50",), "name": "x", **plan}))
    for slots in (1, 500):
        assert search_settings(header, slots).in_flight == plan["in_flight"]
