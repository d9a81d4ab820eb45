"""The trials of a search, and what they score, are the same on any number of workers, whichever trial ends first."""

from __future__ import annotations

import random

import pytest

from harness.config.space import SearchSpace
from harness.records import Direction, FailureKind, Family, Objective, TrialRecord, TrialRequest, TrialStatus
from harness.search import Budget, Scheduler, SearchSettings

FAMILIES = (Family("lstm", "lstm"), Family("gru", "gru"))
CONTINUOUS = {
    "units": {"type": "Choice", "values": [8, 16, 32]},
    "learning_rate": {"type": "Float", "min_value": 1e-4, "max_value": 1e-1, "sampling": "log"},
}
DISCRETE = {
    "units": {"type": "Choice", "values": [8, 16, 32]},
    "layers": {"type": "Choice", "values": [1, 2]},
    "dropout": {"type": "Float", "min_value": 0.0, "max_value": 0.4, "step": 0.2},
}


def scheduler(oracle: str, workers: int, in_flight: int | None = 1) -> Scheduler:
    hyperparameters = DISCRETE if oracle == "grid" else CONTINUOUS
    spaces = {
        name: SearchSpace.model_validate({"name": name, "layer": name.upper(), "hyperparameters": hyperparameters})
        for name in ("lstm", "gru")
    }
    budget = Budget({"random": 12, "bayesian": 8}.get(oracle))
    settings = SearchSettings(oracle, budget, 1, 9, 3, 7, workers, in_flight=in_flight)
    return Scheduler("toy", FAMILIES, spaces, Objective("mae", Direction.MIN), settings)


def ended(request: TrialRequest) -> TrialRecord:
    if request.key.number % 5 == 3:
        return TrialRecord(request.key, TrialStatus.FAILED, failure=FailureKind.DIVERGED, message="nan")
    score = random.Random(str(sorted(request.values.items()))).random()
    return TrialRecord(request.key, TrialStatus.COMPLETED, validation_score=score)


def play(
    one: Scheduler, workers: int, order: int = 0, fail: bool = True
) -> tuple[list[TrialRequest | TrialRecord], int]:
    """Run it with trials that end in random order: what happened, and how many trials ran at a time at most."""
    chance, running, log, most = random.Random(order), list[TrialRequest](), list[TrialRequest | TrialRecord](), 0
    while True:
        while len(running) < workers and (request := one.ask(chance.choice(["lstm", "gru", ""]))):
            running.append(request)
            log.append(request)
        if not running:
            return log, most
        most = max(most, len(running))
        request = running.pop(chance.randrange(len(running)))
        record = ended(request) if fail else TrialRecord(request.key, TrialStatus.COMPLETED, validation_score=1.0)
        log.append(record)
        one.tell(record)


def trials(log: list[TrialRequest | TrialRecord]) -> dict[str, TrialRequest]:
    return {str(entry.key): entry for entry in log if isinstance(entry, TrialRequest)}


@pytest.mark.parametrize(
    ("oracle", "in_flight"),
    [("random", 1), ("grid", 1), ("bayesian", 1), ("bayesian", 3), ("hyperband", 1), ("hyperband", 3)],
)
def test_any_number_of_workers_asks_for_the_same_trials(oracle: str, in_flight: int) -> None:
    plays = [
        play(scheduler(oracle, workers, in_flight), workers, order)[0] for workers, order in [(1, 0), (2, 1), (7, 3)]
    ]
    first = trials(plays[0])
    assert len(first) > 16
    assert all(trials(log) == first for log in plays)


@pytest.mark.parametrize("points", [9, 11])
def test_where_a_space_runs_out_the_other_family_stops_at_its_first_trials(points: int) -> None:
    few = {"units": {"type": "Int", "min_value": 1, "max_value": points}}
    for workers, order in [(1, 0), (2, 1), (4, 3)]:
        one = scheduler("random", workers)
        spaces = {
            "lstm": SearchSpace.model_validate({"name": "lstm", "layer": "LSTM", "hyperparameters": CONTINUOUS}),
            "gru": SearchSpace.model_validate({"name": "gru", "layer": "GRU", "hyperparameters": few}),
        }
        one = Scheduler("toy", FAMILIES, spaces, one.objective, one.settings)
        log = play(one, workers, order, fail=False)[0]
        numbers = sorted(int(key.rpartition("/")[2]) for key in trials(log) if "/lstm/" in key)
        assert numbers == list(range(1, len(numbers) + 1))
        assert points <= len(numbers) <= points + workers  # those beyond had begun before, and count for nothing


def test_trials_in_flight_keep_more_workers_busy_and_change_the_search() -> None:
    one, four = (play(scheduler("bayesian", 8, in_flight), 8) for in_flight in (1, 4))
    assert (one[1], four[1]) == (2, 8)
    assert trials(one[0]) != trials(four[0])


def test_a_grid_keeps_every_worker_busy() -> None:
    assert play(scheduler("grid", 6), 6)[1] == 6


@pytest.mark.parametrize("oracle", ["bayesian", "hyperband"])
@pytest.mark.parametrize("in_flight", [1, 3])
def test_a_search_cut_anywhere_goes_on_the_same_with_other_workers(oracle: str, in_flight: int) -> None:
    log, _ = play(scheduler(oracle, 4, in_flight), 4)
    for cut in (7, 30):
        one = scheduler(oracle, 2, in_flight)
        for entry in log[:cut]:
            one.replay(entry) if isinstance(entry, TrialRequest) else one.tell(entry)
        over = {entry.key for entry in log[:cut] if isinstance(entry, TrialRecord)}
        running = [entry for entry in trials(log[:cut]).values() if entry.key not in over]
        for request in running:
            one.tell(ended(request))
        rest = play(one, 2, order=5)[0]
        assert trials(log[:cut]) | trials(rest) == trials(log)


def test_a_sweep_of_an_earlier_version_goes_on_with_what_its_workers_made_of_it() -> None:
    log, most = play(scheduler("hyperband", 6, None), 6)
    assert most == 6
    assert trials(log) != trials(play(scheduler("hyperband", 6), 6)[0])
    one = scheduler("hyperband", 6, None)
    for entry in log[:30]:
        one.replay(entry) if isinstance(entry, TrialRequest) else one.tell(entry)
    for entry in log[30:]:
        if isinstance(entry, TrialRequest):
            assert one.ask(entry.key.family) == entry
        else:
            one.tell(entry)


def test_what_first_fails_is_told_by_number_and_not_by_end() -> None:
    one = scheduler("random", 12)
    requests = [request for _ in range(24) if (request := one.ask())]
    lstm = sorted((one for one in requests if one.key.family == "lstm"), key=lambda request: -request.key.number)
    for request in lstm:
        failed = TrialRecord(
            request.key, TrialStatus.FAILED, failure=FailureKind.BUG, message=f"at {request.key.number}"
        )
        good = TrialRecord(request.key, TrialStatus.COMPLETED, validation_score=1.0)
        one.tell(failed if request.key.number <= 5 else good)
    first = one.failing_throughout()
    assert first is not None
    assert first.key.number == 1
