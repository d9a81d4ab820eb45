"""Optuna's TPE as an oracle: asked and told as the others are, replayed from a journal, and it learns."""

from __future__ import annotations

import importlib.util
import math
import random
from typing import Any

import pytest

from harness.config.space import SearchSpace
from harness.config.sweep import SweepConfig
from harness.errors import ReplayError, UsageError
from harness.records import Direction, Family, Objective, TrialRecord, TrialRequest, TrialStatus
from harness.search import Budget, Scheduler, SearchSettings
from harness.search.tpe import TpeOracle
from harness.sweeps.plan import resolve, versions

KINDS: dict[str, dict[str, Any]] = {
    "units": {"type": "Choice", "values": [8, 16, 32]},
    "layers": {"type": "Int", "min_value": 1, "max_value": 5, "step": 2},
    "batch_size": {"type": "Int", "min_value": 8, "max_value": 64, "step": 2, "sampling": "log"},
    "learning_rate": {"type": "Float", "min_value": 1e-4, "max_value": 1e-1, "sampling": "log"},
    "clip_norm": {"type": "Float", "min_value": 0.5, "max_value": 2.0, "sampling": "reverse_log"},
    "bidirectional": {"type": "Boolean"},
    "dropout": {"type": "Float", "min_value": 0.0, "max_value": 0.4, "step": 0.1},
    "optimizer": {"type": "Fixed", "value": "adam"},
    "schedule": {
        "type": "Choice",
        "values": ["constant", "cosine"],
        "parent_name": "bidirectional",
        "parent_values": [True],
    },
}
MAE = Objective("mae", Direction.MIN)
Log = list[TrialRequest | TrialRecord]


def space_of(hyperparameters: dict[str, Any] = KINDS) -> SearchSpace:
    return SearchSpace.model_validate({"name": "lstm", "layer": "LSTM", "hyperparameters": hyperparameters})


def scheduler(seed: int = 7, in_flight: int = 1, direction: Direction = Direction.MIN) -> Scheduler:
    settings = SearchSettings("tpe", Budget(trials=15), 2, 5, 2, seed, workers=4, in_flight=in_flight)
    families = (Family("lstm", "lstm"), Family("gru", "gru"))
    return Scheduler("toy", families, dict.fromkeys(("lstm", "gru"), space_of()), Objective("mae", direction), settings)


def ended(request: TrialRequest) -> TrialRecord:
    if request.key.number % 7 == 3:
        return TrialRecord(request.key, TrialStatus.FAILED, message="nan")
    score = float(request.values["learning_rate"]) + float(request.values["units"]) / 100
    return TrialRecord(request.key, TrialStatus.COMPLETED, validation_score=score)


def play(one: Scheduler, workers: int, chance: random.Random) -> Log:
    log, running = Log(), list[TrialRequest]()
    while True:
        while len(running) < workers and (request := one.ask()):
            running.append(request)
            log.append(request)
        if not running:
            return log
        log.append(ended(running.pop(chance.randrange(len(running)))))
        one.tell(log[-1])


def requests(log: Log) -> dict[str, TrialRequest]:
    return {str(entry.key): entry for entry in log if isinstance(entry, TrialRequest)}


def replayed(log: Log, **changes: Any) -> Scheduler:
    one = scheduler(**changes)
    for entry in log:
        one.replay(entry) if isinstance(entry, TrialRequest) else one.tell(entry)
    return one


@pytest.mark.parametrize("in_flight", [1, 3])
@pytest.mark.parametrize("direction", Direction)
def test_wherever_it_is_cut_it_asks_the_same(in_flight: int, direction: Direction) -> None:
    whole = play(scheduler(in_flight=in_flight, direction=direction), 4, random.Random(3))
    asked = [position for position, entry in enumerate(whole) if isinstance(entry, TrialRequest)]
    assert len(asked) > 60
    for position in asked[25::9]:
        again = replayed(whole[:position], in_flight=in_flight, direction=direction)
        assert again.ask() == whole[position]


def test_which_trial_ends_first_changes_no_trial() -> None:
    first, second = (play(scheduler(in_flight=2), 4, random.Random(seed)) for seed in (1, 2))
    assert requests(first) == requests(second)
    assert first != second


def test_another_seed_is_refused_and_adopted_where_that_is_meant() -> None:
    whole = play(scheduler(), 4, random.Random(3))
    with pytest.raises(ReplayError, match="replayed as"):
        replayed(whole, seed=8)
    other = scheduler(seed=8)
    for entry in whole:
        other.replay(entry, adopt=True) if isinstance(entry, TrialRequest) else other.tell(entry)
    assert other.finished


def test_every_kind_of_hyperparameter_stays_in_its_space() -> None:
    oracle, seen = TpeOracle(space_of(), MAE, 5), []
    for number in range(1, 61):
        seen.append(oracle.ask().values)
        oracle.tell(number, float(seen[-1]["learning_rate"]))
    assert {one["units"] for one in seen} == {8, 16, 32}
    assert {one["layers"] for one in seen} == {1, 3, 5}
    assert {one["batch_size"] for one in seen} == {8, 16, 32, 64}
    assert all(1e-4 <= one["learning_rate"] <= 1e-1 and 0.5 <= one["clip_norm"] <= 2.0 for one in seen)
    assert {round(one["dropout"], 9) for one in seen} == {0.0, 0.1, 0.2, 0.3, 0.4}
    assert all(("schedule" in one) is one["bidirectional"] and one["optimizer"] == "adam" for one in seen)


def test_it_learns_and_failures_teach_it_nothing() -> None:
    rate = {"learning_rate": KINDS["learning_rate"]}

    def found(teach: bool) -> float:
        oracle, late = TpeOracle(space_of(rate), MAE, 11), []
        for number in range(1, 61):
            distance = abs(math.log10(float(oracle.ask().values["learning_rate"])) + 2)
            oracle.tell(number, distance if teach else (None, math.inf, math.nan)[number % 3])
            late += [distance] if number > 30 else []
        return sum(late) / len(late)

    assert found(teach=True) < 0.5 * found(teach=False)


def test_without_its_package_it_is_refused_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = SweepConfig(datasets=("adding_50",), oracle="tpe")
    assert resolve(plan).versions["optuna"] == versions("tpe")["optuna"]
    assert "optuna" not in versions("random")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "optuna" else find(name, *rest)
    )
    with pytest.raises(UsageError, match=r"--oracle tpe: needs optuna: pip install 'lstm-gru-harness\[optuna\]'"):
        resolve(plan)
