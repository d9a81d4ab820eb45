"""Several datasets in one sweep: in whose order things come, and datasets that are looked at in their turn."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from harness.executors import Done, InProcessExecutor, Task
from harness.journal import EventKind, Journal
from harness.records import SealedScore, TrialRecord, TrialRequest, TrialStatus
from harness.sweeps import runner
from harness.sweeps.events import ComparisonFinished, Message
from harness.sweeps.runner import at_once, run_sweep
from harness.sweeps.trials import TASKS


class Formula(InProcessExecutor):
    """Answers trials by a formula; every other task is run."""

    def wait(self, timeout_seconds: float | None = None) -> list[Done]:
        task = self._task
        if task is None or task.function != TASKS["trial"]:
            return super().wait(timeout_seconds)
        self._task = None
        return [Done(task.id, scored(task))]


def scored(task: Task) -> dict[str, Any]:
    request = TrialRequest.from_json(task.arguments["request"])
    score = 1.0 + abs(math.log10(float(request.values["learning_rate"])) + 2) + request.seed % 100 / 1000
    record = TrialRecord(
        request.key, TrialStatus.COMPLETED, validation_score=score, validation_scores=(score,), epochs=1
    )
    return {"trial": record.to_json(), "sealed": SealedScore(request.key, score).to_json()}


def test_comparisons_overlap_and_keep_their_order(swept) -> None:
    with Journal.read(swept.folder) as journal:
        events = list(journal.events())
    first, second = swept.header.datasets
    of = {(event.kind, event.dataset): event.seq for event in reversed(events)}
    assert of[EventKind.ASKED, second] < of[EventKind.CHAMPION, first]
    for kind in (EventKind.DECIDED, EventKind.CHAMPION):
        assert of[kind, first] < of[kind, second]
    finished = [one.result.dataset for one in swept.spy.phrase if isinstance(one, ComparisonFinished)]
    assert finished[:2] == [first, second]  # other tests go on with it


@pytest.mark.parametrize(
    ("changes", "slots", "open_at_once"),
    [
        ({}, 2, 3),
        ({"trials": 20}, 500, 15),
        ({"trials": 20}, 100_000, 32),
        ({"oracle": "bayesian"}, 8, 6),
        ({"prune": True}, 8, 1),
        ({"minutes": 2.0, "trials": None}, 8, 1),
    ],
)
def test_how_many_are_open_follows_from_the_plan(toys, configs, changes: dict, slots: int, open_at_once: int) -> None:
    assert at_once(toys.header(configs, **changes), slots) == open_at_once


def test_a_dataset_that_cannot_be_looked_at_in_its_turn_stops_no_other(toys, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(runner, "LOOK_SECONDS", 0.0)
    configs = toys.write_project(tmp_path / "project")
    rows = tmp_path / "project" / "late.csv"
    config = f'name = "late"\n[source]\nkind = "csv"\npath = "{rows}"\n[task]\nkind = "forecast"\ntarget = ["y"]\n'
    (configs / "late.toml").write_text(f"{config}lookback_steps = 4\nhorizon_steps = 1\n")
    rows.write_text("y\nno number\n")
    names = ("tiny_waves", "late", "tiny_adding")
    header = toys.header(configs, datasets=names, trials=5, workers=1)
    store, heard = toys.store_in(tmp_path), list[Any]()
    with Formula() as executor:
        result = run_sweep(header, store, executor, heard.append, offline=True)
        assert [one.dataset for one in result.comparisons] == ["tiny_waves", "tiny_adding"]
        assert result.unfinished == {"late": "not begun"}
        assert any(isinstance(one, Message) and one.text.startswith("late: left for the next run") for one in heard)
        rows.write_text("\n".join(["y", *(f"{math.sin(row / 3):.6f}" for row in range(200))]) + "\n")
        again = run_sweep(header, store, executor, heard.append, resume=result.sweep_id, offline=True)
    assert not again.unfinished
    assert [one.dataset for one in again.comparisons] == list(names)
