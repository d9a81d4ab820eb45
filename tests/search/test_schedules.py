"""Hyperband and grid search set the number of trials themselves; median stopping asks something of every trial."""

from __future__ import annotations

import random

import pytest

from harness.config.space import SearchSpace
from harness.records import (
    PRUNING_BEGINS,
    Direction,
    FailureKind,
    Family,
    Objective,
    TrialKey,
    TrialRecord,
    TrialRequest,
    TrialStatus,
)
from harness.search import Budget, Scheduler, SearchSettings
from harness.search.oracle import scheduled
from harness.search.pruning import FEWEST_TRIALS, MedianFloor

OBJECTIVE = Objective("mae", Direction.MIN)
ARMS = (Family("lstm", "lstm"), Family("gru", "gru"))
CONTINUOUS = {
    "units": {"type": "Choice", "values": [8, 16]},
    "learning_rate": {"type": "Float", "min_value": 1e-4, "max_value": 1e-1, "sampling": "log"},
}
DISCRETE = {
    "units": {"type": "Choice", "values": [8, 16, 32]},
    "layers": {"type": "Choice", "values": [1, 2]},
    "dropout": {"type": "Float", "min_value": 0.0, "max_value": 0.4, "step": 0.2},
    "batch_size": {"type": "Fixed", "value": 32},
}


def spaces(hyperparameters: dict) -> dict[str, SearchSpace]:
    layers = {"lstm": "LSTM", "gru": "GRU"}
    return {
        name: SearchSpace.model_validate({"name": name, "layer": layer, "hyperparameters": hyperparameters})
        for name, layer in layers.items()
    }


def scheduler(oracle: str, hyperparameters: dict, epochs: int = 9, workers: int = 2, trials: int | None = None, **more):
    settings = SearchSettings(oracle, Budget(trials), 1, epochs, 3, 7, workers, **more)
    return Scheduler("toy", ARMS, spaces(hyperparameters), OBJECTIVE, settings)


def ended(request: TrialRequest, fails: bool = False) -> TrialRecord:
    if fails:
        return TrialRecord(request.key, TrialStatus.FAILED, failure=FailureKind.DIVERGED)
    score = random.Random(str(sorted(request.values.items()))).random()
    return TrialRecord(request.key, TrialStatus.COMPLETED, validation_score=score, validation_scores=(score,) * 9)


def play(one: Scheduler, workers: int, fails=lambda request: False, order: int = 0):
    chance, running, history = random.Random(order), [], []
    while True:
        while len(running) < workers and (request := one.ask()):
            running.append(request)
            history.append(request)
            progress = [one.progress(family) for family in one.families]
            assert max(progress) - min(progress) <= workers
        if not running:
            return history
        request = running.pop(chance.randrange(len(running)))
        record = ended(request, fails(request))
        history.append(record)
        one.tell(record)


def requests_of(history, family: str) -> list[TrialRequest]:
    return [one for one in history if isinstance(one, TrialRequest) and one.key.family == family]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_hyperband_asks_every_arm_for_its_whole_schedule(workers: int) -> None:
    one = scheduler("hyperband", CONTINUOUS, workers=workers)
    history = play(one, workers)
    trials, epochs = scheduled("hyperband", spaces(CONTINUOUS)["lstm"], OBJECTIVE, 9)
    assert one.finished
    for family in ("lstm", "gru"):
        asked = requests_of(history, family)
        assert len(asked) == trials
        assert sum(request.epochs - request.begins_after for request in asked) == epochs
        assert max(request.epochs for request in asked) == 9


def test_hyperband_of_27_epochs_is_70_trials() -> None:
    assert scheduled("hyperband", spaces(CONTINUOUS)["gru"], OBJECTIVE, 27)[0] == 70


def test_a_rung_goes_on_with_trials_of_the_rung_below() -> None:
    history = play(scheduler("hyperband", CONTINUOUS), 2)
    by_key = {str(one.key): one for one in history if isinstance(one, TrialRequest)}
    later = [one for one in by_key.values() if one.continues]
    assert later
    for request in later:
        below = by_key[request.continues]
        assert request.values == below.values
        assert request.seed == below.seed
        assert request.begins_after == below.epochs < request.epochs
    assert not any(name.startswith("tuner/") for one in by_key.values() for name in one.values)


def test_failures_within_a_rung_end_nothing() -> None:
    one = scheduler("hyperband", CONTINUOUS)
    history = play(one, 2, fails=lambda request: request.key.number % 7 == 0)
    assert one.finished
    assert len(requests_of(history, "lstm")) == len(requests_of(history, "gru")) > 15


@pytest.mark.parametrize("oracle", ["hyperband", "grid"])
def test_replaying_gives_the_same_again(oracle: str) -> None:
    hyperparameters = CONTINUOUS if oracle == "hyperband" else DISCRETE
    history, again = play(scheduler(oracle, hyperparameters), 2, order=3), scheduler(oracle, hyperparameters)
    for one in history[: len(history) // 2]:
        if isinstance(one, TrialRequest):
            again.replay(TrialRequest.from_json(one.to_json()))
        else:
            again.tell(one)
    assert not again.finished


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_grid_search_tries_every_combination_once(workers: int) -> None:
    history = play(scheduler("grid", DISCRETE, workers=workers), workers)
    assert scheduled("grid", spaces(DISCRETE)["lstm"], OBJECTIVE, 9) == (18, 18 * 9)
    for family in ("lstm", "gru"):
        asked = requests_of(history, family)
        assert len(asked) == len({tuple(sorted(request.values.items())) for request in asked}) == 18
        assert {request.values["batch_size"] for request in asked} == {32}


def curve(number: int, *scores: float) -> TrialRecord:
    key = TrialKey.parse(f"toy/lstm/r1/search/{number:04d}")
    return TrialRecord(key, TrialStatus.COMPLETED, validation_score=min(scores), validation_scores=scores)


def test_the_floor_is_the_median_of_the_best_so_far() -> None:
    curves = [curve(n, 9.0, 8.0, 7.0, 6.0 + n, 9.0, 5.0 + n) for n in range(FEWEST_TRIALS - 1)]
    assert MedianFloor(OBJECTIVE, curves).floor == ()
    curves.append(curve(9, 1.0, 1.0))  # ended early with a good score, which it keeps
    assert PRUNING_BEGINS == 4
    assert MedianFloor(OBJECTIVE, curves).floor == (7.0, 7.0, 6.0)
    assert MedianFloor(Objective("accuracy", Direction.MAX), curves).floor == (9.0, 9.0, 9.0)


def test_pruning_is_the_same_for_every_arm_and_stands_in_the_journal() -> None:
    history = play(scheduler("random", CONTINUOUS, trials=9, prune=True), 2)
    for family in ("lstm", "gru"):
        floors = [bool(request.floor) for request in requests_of(history, family)]
        assert not any(floors[:FEWEST_TRIALS])
        assert all(floors[FEWEST_TRIALS + 2 :])
    again = scheduler("random", CONTINUOUS, trials=9, prune=True)
    for one in history:
        if isinstance(one, TrialRequest):
            again.replay(TrialRequest.from_json(one.to_json()))
        else:
            again.tell(one)
    assert not any(request.floor for request in requests_of(play(scheduler("random", CONTINUOUS, trials=9), 2), "gru"))
