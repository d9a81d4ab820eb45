"""What a plan is told before it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config import make_plan
from harness.config.space import SearchSpace
from harness.executors.base import resolve
from harness.sweeps.engines import open_probe
from harness.sweeps.plan import large_batches
from harness.sweeps.plan import resolve as resolve_plan
from harness.sweeps.trials import TASKS


def test_every_task_is_a_function_that_a_worker_finds() -> None:
    assert all(callable(resolve(path)) for path in TASKS.values())


def spaces(batch_size: dict | None) -> dict[str, SearchSpace]:
    hyperparameters = {"units": {"type": "Fixed", "value": 4}} | ({"batch_size": batch_size} if batch_size else {})
    return {"gru": SearchSpace.model_validate({"name": "gru", "layer": "GRU", "hyperparameters": hyperparameters})}


@pytest.mark.parametrize(
    "batch_size",
    [
        {"type": "Choice", "values": [32, 2048]},
        {"type": "Int", "min_value": 16, "max_value": 2048},
        {"type": "Fixed", "value": 2048},
    ],
    ids=lambda batch_size: batch_size["type"],
)
def test_batches_larger_than_the_training_part_are_said(batch_size: dict) -> None:
    assert large_batches("waves", spaces(batch_size), 2048) == []
    assert large_batches("waves", spaces(batch_size), 700) == [
        "waves: gru tries batches of up to 2,048, and the training part has 700 sequences: "
        "a larger batch is all of them, one step an epoch"
    ]


def test_a_space_without_batches_of_its_own_says_nothing() -> None:
    assert large_batches("waves", spaces(None), 1) == []


@pytest.mark.parametrize(
    ("values", "said"), [({"trials": 4}, 1), ({"trials": 4, "replicates": 2}, 0), ({"trials": 5}, 0)]
)
def test_too_few_trials_are_said_before_they_run(values: dict, said: int) -> None:
    header = resolve_plan(make_plan({"datasets": ("adding_50",), **values}))
    notes = [note for note in header.notes if "how sure the answer is will not be known" in note]
    assert len(notes) == said
    assert all(note.startswith("4 trials a family: ") and note.endswith("takes 5 or more (--trials)") for note in notes)


def test_a_dry_run_starts_one_worker_however_many_the_sweep_has(tmp_path: Path) -> None:
    header = resolve_plan(make_plan({"name": "x", "datasets": ("adding_50",), "workers": 7}), [])
    executor, workers = open_probe(header, tmp_path, pytest.fail)
    with executor:
        assert (executor.slots, workers) == (1, 7)
