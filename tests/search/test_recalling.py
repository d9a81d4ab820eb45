"""A Bayesian search that is resumed asks what an undisturbed one asks, without the fits that it would not look at."""

from __future__ import annotations

import random
from functools import cache

import pytest
from sklearn.gaussian_process import GaussianProcessRegressor

from harness.config.space import SearchSpace
from harness.errors import ReplayError
from harness.records import Direction, FailureKind, Family, Objective, TrialRecord, TrialRequest, TrialStatus
from harness.search import Budget, Scheduler, SearchSettings

HYPERPARAMETERS = {
    "units": {"type": "Choice", "values": [8, 16, 32]},
    "learning_rate": {"type": "Float", "min_value": 1e-4, "max_value": 1e-1, "sampling": "log"},
    "optimizer": {"type": "Fixed", "value": "adam"},
}
Log = list[TrialRequest | TrialRecord]


def scheduler(workers: int, direction: Direction = Direction.MIN, seed: int = 7) -> Scheduler:
    spaces = {
        family: SearchSpace.model_validate({"name": family, "layer": layer, "hyperparameters": HYPERPARAMETERS})
        for family, layer in (("lstm", "LSTM"), ("gru", "GRU"))
    }
    settings = SearchSettings(
        oracle="bayesian",
        budget=Budget(trials=15),
        replicates=1,
        epochs=5,
        patience_epochs=2,
        seed=seed,
        workers=workers,
        in_flight=workers // 2,
    )
    return Scheduler(
        "toy", (Family("lstm", "lstm"), Family("gru", "gru")), spaces, Objective("mae", direction), settings
    )


def ended(request: TrialRequest) -> TrialRecord:
    if request.key.number % 7 == 3:
        return TrialRecord(request.key, TrialStatus.FAILED, failure=FailureKind.DIVERGED, message="nan")
    rate, units = float(request.values["learning_rate"]), float(request.values["units"])
    return TrialRecord(request.key, TrialStatus.COMPLETED, validation_score=rate + units / 100)


def play(one: Scheduler, workers: int, log: Log) -> None:
    """Run a contest to its end with workers that end in random order; every ask and tell is added to the log."""
    chance, running = random.Random(3), [entry for entry in log if isinstance(entry, TrialRequest)]
    running = [r for r in running if r.key not in {entry.key for entry in log if isinstance(entry, TrialRecord)}]
    while True:
        while len(running) < workers and (request := one.ask()):
            running.append(request)
            log.append(request)
        if not running:
            return
        record = ended(running.pop(chance.randrange(len(running))))
        one.tell(record)
        log.append(record)


@cache
def played(workers: int, direction: Direction = Direction.MIN) -> Log:
    """An undisturbed contest, from its first ask to its last tell."""
    log: Log = []
    play(scheduler(workers, direction), workers, log)
    return log


def running(log: Log, request: TrialRequest) -> bool:
    """Whether trials of a request's arm are running."""
    keys = [entry.key for entry in log if entry.key.family == request.key.family]
    return any(keys.count(key) == 1 for key in keys)


def resumed(workers: int, log: Log, **changes: object) -> Scheduler:
    one = scheduler(workers, **changes)  # type: ignore[arg-type]
    for entry in log:
        one.replay(entry) if isinstance(entry, TrialRequest) else one.tell(entry)
    return one


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of rows of every fit of a Gaussian process, as it happens."""
    seen, fit = list[int](), GaussianProcessRegressor.fit

    def counted(self: GaussianProcessRegressor, x, y):
        seen.append(len(x))
        return fit(self, x, y)

    monkeypatch.setattr(GaussianProcessRegressor, "fit", counted)
    return seen


@pytest.mark.parametrize("direction", [Direction.MIN, pytest.param(Direction.MAX, marks=pytest.mark.slow)])
@pytest.mark.parametrize("workers", [2, pytest.param(6, marks=pytest.mark.slow)])
def test_wherever_it_is_cut_it_asks_the_same(workers: int, direction: Direction) -> None:
    whole = played(workers, direction)
    asked = [position for position, entry in enumerate(whole) if isinstance(entry, TrialRequest)]
    assert len(asked) > 30
    for position in asked[20::8]:  # the oracle is asked next, with trials in flight and without
        again = resumed(workers, whole[:position], direction=direction)
        for entry in whole[position : position + 8]:
            if isinstance(entry, TrialRequest):
                assert again.ask() == entry
            else:
                again.tell(entry)


def test_with_one_trial_in_flight_it_fits_once_a_search_and_no_more(fits: list[int]) -> None:
    whole: Log = []
    play(scheduler(2), 2, whole)
    undisturbed = len(fits)
    fits.clear()
    resumed(2, whole)
    assert len(fits) == 2  # one a search, to be compared with the journal
    assert undisturbed > 8


def test_what_waits_for_running_trials_is_fitted_again(fits: list[int]) -> None:
    whole = played(6)
    position = max(
        at for at, entry in enumerate(whole) if isinstance(entry, TrialRequest) and running(whole[:at], entry)
    )
    fits.clear()
    again = resumed(6, whole[:position])
    assert len(fits) == 2
    assert again.ask() == whole[position]
    assert len(fits) > 3  # what was put off, which guesses how the running ones end


def test_a_search_of_another_seed_is_refused() -> None:
    whole = played(2)
    with pytest.raises(ReplayError, match="replayed as"):
        resumed(2, whole, seed=8)
