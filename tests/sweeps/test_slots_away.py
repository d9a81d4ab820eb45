"""Slots that go away, and machines that are lost: no search closes early, no trial fails for it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.errors import ExecutorError
from harness.executors import Done, InProcessExecutor, Task
from harness.executors.lanes import LOST_ATTEMPTS, Attempts
from harness.journal import EventKind, Journal
from harness.records import FailureKind, Phase, SealedScore, TrialKey, TrialRecord, TrialRequest, TrialStatus
from harness.sweeps.results import kinds_of_processor
from harness.sweeps.stop import Stop
from harness.sweeps.trials import TrialRunner, TrialSpec, run_one

DATASET = {"name": "sums", "license": "generated", "source": {"kind": "generator", "generator": "adding"}}
KEYS = [TrialKey("sums", "lstm", 1, Phase.SEARCH, number) for number in range(1, 9)]


def score(arguments) -> dict:
    request = TrialRequest.from_json(arguments["request"])
    record = TrialRecord(request.key, TrialStatus.COMPLETED, float(request.seed), best_epoch=1)
    return {"trial": record, "sealed": SealedScore(request.key, 1.0)}


@dataclass
class Leaving(InProcessExecutor):
    """Its one slot is gone for a while after every third task, and takes the task with it as often as is said."""

    takes: int = 0
    away: int = 0
    submitted: list[str] = field(default_factory=list)
    while_away: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        super().__init__()

    @property
    def free(self) -> int:
        return 0 if self.away else super().free

    def submit(self, task: Task) -> None:
        self.submitted.append(task.id)
        super().submit(task)

    def wait(self, timeout_seconds: float | None = None) -> list[Done]:
        if self.away:
            self.away -= 1
            self.while_away()
            return []
        ended = super().wait(timeout_seconds)
        self.away = 3 if ended and len(self.submitted) % 3 == 0 else 0
        if ended and self.takes:
            self.takes, self.away = self.takes - 1, 2
            return [Done(done.task_id, failure=FailureKind.LOST, message="the node died") for done in ended]
        return ended


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.create(tmp_path / "sweep", {}) as journal:
        yield journal


@pytest.fixture
def run(journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs eight trials; their records."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    config = DatasetConfig.model_validate(
        {**DATASET, "source": {**DATASET["source"], "steps": 6, "sequences": 90}, "task": {"kind": "regress"}}
    )
    space = SearchSpace.model_validate(
        {"name": "lstm", "layer": "LSTM", "hyperparameters": {"units": {"type": "Fixed", "value": 2}}}
    )
    spec = TrialSpec(config, {"lstm": space}, "", tmp_path / "weights", function="test_slots_away:score")

    def runs(executor: Leaving, stop: Stop | None = None) -> list[TrialRecord]:
        asked = [TrialRequest(key, "lstm", {}, number, 1, 1) for number, key in enumerate(KEYS)]
        asked.reverse()
        told: list[TrialRecord] = []
        runner = TrialRunner(executor, journal, spec, lambda: None, stop or Stop())
        runner.run(lambda _: asked.pop() if asked else None, told.append)
        return told

    return runs


def test_without_a_slot_the_search_waits_and_closes_nothing_early(run, journal: Journal) -> None:
    told = run(Leaving())
    assert [record.key for record in told] == KEYS
    assert len(list(journal.events(EventKind.ENDED))) == len(KEYS)


def test_a_lost_trial_is_tried_again_and_never_fails(run, journal: Journal) -> None:
    executor = Leaving(takes=4)
    told = run(executor)
    assert {record.status for record in told} == {TrialStatus.COMPLETED}
    assert len({record.key for record in told}) == len(told) == len(KEYS)
    assert sum(record.attempts for record in told) == len(KEYS) + 4
    assert max(Counter(re.sub("#.*", "", task) for task in executor.submitted).values()) == 5


def test_a_trial_that_takes_every_machine_with_it_ends_the_command_and_keeps_the_rest(run, journal: Journal) -> None:
    with pytest.raises(ExecutorError, match=r"^sums/lstm/r1/search/0001: lost with its machine 6 times, at last: the"):
        run(Leaving(takes=99))
    assert list(journal.events(EventKind.ENDED)) == []


def test_ctrl_c_is_heard_while_there_is_no_slot(run) -> None:
    stop = Stop()
    with pytest.raises(KeyboardInterrupt):
        run(Leaving(while_away=lambda: setattr(stop, "wanted", True)), stop)


def test_other_tasks_wait_for_a_slot_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    executor = Leaving(takes=1, away=3)
    request = TrialRequest(KEYS[0], "lstm", {}, 7, 1, 1)
    value = run_one(executor, Task("one", "test_slots_away:score", {"request": request}))
    assert value["trial"]["validation_score"] == 7
    assert executor.submitted == ["one#1", "one#2"]


def test_a_killed_worker_counts_apart_from_lost_machines() -> None:
    attempts = Attempts()
    lost, killed = (Done("t#1", failure=kind) for kind in (FailureKind.LOST, FailureKind.KILLED))
    assert [attempts.again(lost) for _ in range(LOST_ATTEMPTS)] == [True] * LOST_ATTEMPTS
    assert attempts.again(killed)
    assert not attempts.again(killed)
    assert attempts.number == LOST_ATTEMPTS + 2


def test_several_kinds_of_processor_are_a_line_and_one_is_none() -> None:
    one = TrialRecord(KEYS[0], TrialStatus.COMPLETED, processor="A, AVX2")
    trials = [one, replace(one, processor="B, AVX-512"), one, replace(one, processor="")]
    assert kinds_of_processor(trials) == [
        "trials ran on 2 kinds of processor, whose scores differ in their last digits (2 on A, AVX2, 1 on B, AVX-512)"
    ]
    assert kinds_of_processor([one, one, replace(one, processor="")]) == []
