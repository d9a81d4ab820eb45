"""Asking stays quick with many trials and many workers: no point is looked at more than a few times."""

from __future__ import annotations

import random

import pytest

from harness.config.space import SearchSpace
from harness.records import Direction, Family, Objective, TrialRecord, TrialRequest, TrialStatus
from harness.search import Budget, Scheduler, SearchSettings, scheduler

HYPERPARAMETERS = {
    "units": {"type": "Choice", "values": [16, 32, 64, 128]},
    "learning_rate": {"type": "Float", "min_value": 1e-4, "max_value": 1e-1, "sampling": "log"},
}
FAMILIES = (Family("lstm", "lstm"), Family("gru", "gru"))


def searched(trials: int, workers: int) -> Scheduler:
    spaces = {
        name: SearchSpace.model_validate({"name": name, "layer": name.upper(), "hyperparameters": HYPERPARAMETERS})
        for name in ("lstm", "gru")
    }
    settings = SearchSettings("random", Budget(trials), 1, 5, 2, 7, workers)
    return Scheduler("toy", FAMILIES, spaces, Objective("mae", Direction.MIN), settings)


def test_the_length_of_a_trial_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for, seconds = 0, scheduler.relative_seconds

    def counted(values):
        nonlocal asked_for
        asked_for += 1
        return seconds(values)

    monkeypatch.setattr(scheduler, "relative_seconds", counted)
    one, running, chance = searched(200, 150), list[TrialRequest](), random.Random(0)
    while True:
        while len(running) < 150 and (request := one.ask()):
            running.append(request)
        if not running:
            break
        request = running.pop(chance.randrange(len(running)))
        one.tell(TrialRecord(request.key, TrialStatus.COMPLETED, validation_score=1.0))
    assert asked_for == 400


def test_points_drawn_ahead_are_bounded_on_any_number_of_workers() -> None:
    one = searched(2000, 1000)
    assert one.ask() is not None
    assert max(len(search.ahead) for search in one._rounds[0]) <= scheduler.MOST_AHEAD
