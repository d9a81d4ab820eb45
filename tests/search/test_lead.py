"""No family is searched to its end while another has hardly begun, on any number of workers."""

from __future__ import annotations

import pytest

from harness.config.space import SearchSpace
from harness.records import Direction, Family, Objective
from harness.search import Budget, Scheduler, SearchSettings
from harness.search.scheduler import largest_lead

SPACE = {"units": {"type": "Choice", "values": [8, 16, 32]}, "learning_rate": {"type": "Float", "min_value": 0.1,
         "max_value": 0.9}}  # fmt: skip


@pytest.mark.parametrize(
    ("workers", "trials", "expected"),
    [(1, 100, 1), (2, 3, 2), (2, 100, 2), (8, 20, 2), (8, 50, 5), (500, 100, 10), (500, 5000, 20), (500, None, 20)],
)
def test_the_lead_is_a_tenth_of_the_trials_and_no_more_than_the_workers(
    workers: int, trials: int | None, expected: int
) -> None:
    assert largest_lead(workers, trials) == expected


def test_five_hundred_workers_that_all_wish_for_one_family_get_a_tenth_of_its_trials_first() -> None:
    families = (Family("lstm", "lstm"), Family("gru", "gru"))
    spaces = {
        name: SearchSpace.model_validate({"name": name, "layer": name.upper(), "hyperparameters": SPACE})
        for name in ("lstm", "gru")
    }
    settings = SearchSettings("random", Budget(100), 1, 5, 2, 7, 500)
    one = Scheduler("toy", families, spaces, Objective("mae", Direction.MIN), settings)
    asked = []
    while request := one.ask("gru"):
        asked.append(request.key.family)
    assert asked[:10] == ["gru"] * 10
    assert max(abs(2 * asked[:n].count("gru") - n) for n in range(len(asked))) == 10
    assert asked.count("lstm") == asked.count("gru") == 100
