"""How long a trial trains: epochs, patience and batches by the size of the training part."""

from __future__ import annotations

import pytest

from harness.config import SearchSpace, SweepConfig, make_plan, read_sweep
from harness.records import Direction, Family, Objective
from harness.search import Budget, Scheduler, SearchSettings
from harness.search.length import batch_size_for, length_of
from harness.search.scheduler import seed_repeat_request
from harness.sweeps.plan import NOT_RECORDED, SweepHeader

UNITS = {"units": {"type": "Choice", "values": [8, 16, 32]}}
OF_64 = {**UNITS, "batch_size": {"type": "Fixed", "value": 64}}


@pytest.mark.parametrize(
    ("sequences", "size"),
    [(1, 16), (40, 16), (1400, 16), (1500, 32), (2016, 32), (4096, 64), (7000, 128), (10**6, 128)],
)
def test_batches_follow_the_training_part(sequences: int, size: int) -> None:
    assert batch_size_for(sequences) == size


def test_small_data_gets_as_many_epochs_as_steps_need() -> None:
    epochs, patience = length_of(40, 16, epochs=30, patience_epochs=5, min_steps=500)
    assert (epochs, patience) == (167, 28)
    assert epochs * 3 >= 500 > (epochs - 1) * 3


@pytest.mark.parametrize(("sequences", "min_steps"), [(40, 0), (5000, 500)])
def test_enough_epochs_stay_as_they_are(sequences: int, min_steps: int) -> None:
    assert length_of(sequences, 16, 30, 5, min_steps) == (30, 5)


def asked(oracle: str = "random", hyperparameters: dict = UNITS, **more: object) -> tuple[Scheduler, list]:
    families = (Family("lstm", "lstm"), Family("gru", "gru"))
    given = {"layer": "LSTM", "hyperparameters": hyperparameters}
    spaces = {name: SearchSpace.model_validate({"name": name, **given}) for name, _ in families}
    settings = SearchSettings(oracle, Budget(3 if oracle == "random" else None), 1, 30, 5, 7, 1, **more)
    scheduler = Scheduler("toy", families, spaces, Objective("mse", Direction.MIN), settings)
    return scheduler, [scheduler.ask() for _ in range(2)]


def limits(requests: list) -> set[tuple]:
    return {(one.epochs, one.patience_epochs, one.values.get("batch_size")) for one in requests}


def test_every_family_gets_the_same_length() -> None:
    _, requests = asked(sequences=40, min_steps=500)
    assert {one.family for one in requests} == {"lstm", "gru"}
    assert limits(requests) == {(167, 28, 16)}


def test_a_stated_batch_size_is_kept() -> None:
    _, requests = asked(hyperparameters=OF_64, sequences=40, min_steps=500)
    assert limits(requests) == {(500, 84, 64)}


def test_sweeps_that_did_not_record_it_stay_as_they_were() -> None:
    _, requests = asked(sequences=40)
    assert limits(requests) == {(30, 5, None)}


def test_hyperbands_epochs_are_its_own() -> None:
    _, requests = asked("hyperband", sequences=40, min_steps=500)
    assert all(epochs <= 30 and patience == 5 for epochs, patience, _ in limits(requests))


def test_seed_repeats_train_as_long_as_their_trial() -> None:
    _, (request, _) = asked(sequences=40, min_steps=500)
    again = seed_repeat_request(request, 1, 7)
    assert (again.epochs, again.patience_epochs, again.values) == (167, 28, request.values)


@pytest.mark.parametrize(
    ("options", "steps"), [({}, 500), ({"epochs": 30}, 0), ({"epochs": 30, "min_steps": 90}, 90), ({"min_steps": 0}, 0)]
)
def test_given_epochs_are_taken_as_they_are(options: dict, steps: int) -> None:
    assert make_plan({"datasets": ("toy",), **options}).min_steps == steps


def test_epochs_of_an_option_outrank_a_files_steps(tmp_path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('datasets = ["toy"]\nepochs = 15\nmin_steps = 200\n')
    assert read_sweep(file, {}).min_steps == 200
    assert (read_sweep(file, {"epochs": 9}).epochs, read_sweep(file, {"epochs": 9}).min_steps) == (9, 0)


def test_a_plan_without_it_means_not_recorded() -> None:
    plan = SweepConfig(datasets=("toy",))
    plain = SweepHeader(plan, {}, {}, (), {}, {}, ()).to_json()
    del plain["plan"]["min_steps"]
    began = SweepHeader.from_json(plain)
    assert NOT_RECORDED["min_steps"] is None
    assert began.plan.min_steps is None
    assert began.means_the_same_as(SweepHeader(plan, {}, {}, (), {}, {}, ()))
