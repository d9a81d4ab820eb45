"""What a search may spend and how it ends: minutes, failures, killed workers, seeds; with toy trials and real ones."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace

import pytest

import harness.executors
from harness.cli import main
from harness.executors import Done, InProcessExecutor, Task
from harness.journal import EventKind, Journal
from harness.notes import Note
from harness.records import Direction, FailureKind, Objective, SealedScore, TrialRecord, TrialRequest, TrialStatus
from harness.search import Scheduler
from harness.sweeps.events import SweepStarted
from harness.sweeps.plan import search_settings
from harness.sweeps.prepare import inspect
from harness.sweeps.results import Results, rows_of
from harness.sweeps.runner import run_sweep
from harness.sweeps.trials import ComparisonFailed, TrialRunner, TrialSpec, run_searches
from harness.tracking.queries import read_sweep_scores

OBJECTIVE = Objective("mse", Direction.MIN)


def good(request: TrialRequest) -> Done:
    record = TrialRecord(request.key, TrialStatus.COMPLETED, float(request.values["learning_rate"]), best_epoch=1)
    return Done("", {"trial": record.to_json(), "sealed": SealedScore(request.key, 1.0).to_json()})


@dataclass
class ToyEngine:
    """Two slots whose trials last a moment each, the later ones shorter, so that they end out of order."""

    answer: Callable[[TrialRequest], Done] = good
    seconds: float = 0.02
    slots: int = 2
    preferred_group: str = ""
    submitted: list[str] = field(default_factory=list)
    running: list[tuple[float, Task]] = field(default_factory=list)
    began: float = 0.0
    ended: float = 0.0

    @property
    def free(self) -> int:
        return self.slots - len(self.running)

    def submit(self, task: Task) -> None:
        self.began = self.began or time.monotonic()
        self.submitted.append(task.id)
        lasts = self.seconds * (2 if len(self.submitted) % 3 == 0 else 1)
        self.running.append((time.monotonic() + lasts, task))

    def wait(self, timeout_seconds: float | None = None) -> list[Done]:
        if not self.running:
            return []
        first = min(self.running, key=lambda one: one[0])
        self.running.remove(first)
        time.sleep(max(0.0, first[0] - time.monotonic()))
        self.ended = time.monotonic()
        request: TrialRequest = first[1].arguments["request"]
        return [replace(self.answer(request), task_id=first[1].id)]

    def notes(self) -> list[Note]:
        return []


@pytest.fixture
def search(configs, toys, tmp_path):
    """Runs one dataset's searches on an engine, in a journal of its own; returns what they came to."""

    def run(executor, name="tiny_adding", **changes):
        header = toys.header(configs, **changes)
        found = inspect(header)[name]
        settings = search_settings(header, executor.slots)
        scheduler = Scheduler(name, header.families, header.spaces, found.objective, settings)
        spec = TrialSpec(header.datasets[name], dict(header.spaces), found.facts.digest, tmp_path / "weights")
        folder = tmp_path / f"sweep-{len(list(tmp_path.iterdir()))}"
        with Journal.create(folder, header.to_json()) as journal:
            runner = TrialRunner(executor, journal, spec, lambda: None)
            run_searches(scheduler, runner, lambda _: None, settings.budget.seconds)
            pairs = Results(journal).trials(name)
            return pairs, journal.unseal(name), rows_of(pairs, journal.unseal(name), header.families)

    return run


def test_minutes_end_on_complete_pairs(search) -> None:
    executor = ToyEngine()
    pairs, _, rows = search(executor, minutes=0.05, trials=None, replicates=2)  # 3 s, half of it for this dataset
    assert 1.4 < executor.ended - executor.began < 30  # a busy machine may end a trial late
    counts = Counter((record.key.replicate, record.key.family) for _, record in pairs)
    for replicate in (1, 2):
        assert counts[replicate, "tiny_lstm"] == counts[replicate, "tiny_gru"] > 2
    assert len(rows) == len(pairs)


def test_minutes_too_short_for_anything_still_give_a_pair(search) -> None:
    pairs, _, _ = search(ToyEngine(seconds=0.1), minutes=0.0001, trials=None)
    assert Counter(record.key.family for _, record in pairs) == {"tiny_lstm": 1, "tiny_gru": 1}


def test_a_trial_whose_worker_is_killed_is_tried_once_more(search) -> None:
    lives = Counter()

    def killed_at_first(request: TrialRequest) -> Done:
        lives[str(request.key)] += 1
        if request.key.number == 2 and lives[str(request.key)] == 1:
            return Done("", failure=FailureKind.KILLED, message="its worker was killed")
        return good(request)

    executor = ToyEngine(killed_at_first)
    pairs, _, _ = search(executor)
    assert {record.status for _, record in pairs} == {TrialStatus.COMPLETED}
    assert Counter(task.split("#")[1] for task in executor.submitted) == {"1": 6, "2": 2}


def test_a_trial_that_is_killed_twice_has_failed_and_another_takes_its_place(search) -> None:
    def always_killed(request: TrialRequest) -> Done:
        if str(request.key).endswith("tiny_gru/r1/search/0002"):
            return Done("", failure=FailureKind.KILLED, message="its worker was killed")
        return good(request)

    executor = ToyEngine(always_killed)
    pairs, _, _ = search(executor)
    (failed,) = [record for _, record in pairs if record.status is TrialStatus.FAILED]
    assert (failed.key.family, failed.key.number, failed.failure) == ("tiny_gru", 2, FailureKind.KILLED)
    assert sum(task.startswith("tiny_adding/tiny_gru/r1/search/0002") for task in executor.submitted) == 2
    completed = Counter(record.key.family for _, record in pairs if record.status is TrialStatus.COMPLETED)
    assert completed == {"tiny_lstm": 3, "tiny_gru": 3}


def test_an_arm_that_only_fails_gives_up_after_five_and_says_why(search) -> None:
    executor = ToyEngine(lambda request: good(request) if "lstm" in request.family else broken())

    def broken() -> Done:
        return Done("", failure=FailureKind.BUG, message="ValueError: no such layer")

    with pytest.raises(
        ComparisonFailed,
        match=r"^tiny_gru: its first trials all failed the same way \(bug\): ValueError: no such layer; tiny_lstm is l",
    ):
        search(executor, trials=20)
    assert sum("tiny_gru" in task for task in executor.submitted) <= 7


def test_an_arm_that_fails_in_many_ways_says_the_last(search) -> None:
    def diverged(request: TrialRequest) -> Done:
        return Done("", failure=FailureKind.DIVERGED, message=f"loss {'abcdefghi'[request.key.number]}")

    with pytest.raises(
        ComparisonFailed, match=r"^tiny_lstm: none of its trials completed; the last: loss [b-i]; tiny_gru: "
    ):
        search(ToyEngine(diverged, seconds=0))


def values_of(pairs, family: str) -> list[dict]:
    return [dict(request.values) for request, _ in pairs if request.key.family == family]


def test_a_family_against_itself_is_two_different_searches(search) -> None:
    pairs, _, _ = search(ToyEngine(seconds=0), families=("tiny_gru", "tiny_gru"), trials=6)
    one, other = values_of(pairs, "tiny_gru-1"), values_of(pairs, "tiny_gru-2")
    assert len(one) == len(other) == 6
    assert not [values for values in one if values in other]
    assert len({request.seed for request, _ in pairs}) == 12


def test_the_same_seed_gives_the_same_trials_and_scores_and_another_seed_others(search) -> None:
    with InProcessExecutor() as executor:
        first, first_scores, _ = search(executor, trials=2)
        again, again_scores, _ = search(executor, trials=2)
        other, _, _ = search(executor, trials=2, seed=6)
    assert [request for request, _ in first] == [request for request, _ in again]
    assert first_scores == pytest.approx(again_scores, rel=1e-5)
    scores = [record.validation_score for _, record in first]
    assert scores == pytest.approx([record.validation_score for _, record in again], rel=1e-5)
    for family in ("tiny_lstm", "tiny_gru"):
        assert not [values for values in values_of(first, family) if values in values_of(other, family)]


HOPELESS = """
name = "{family}"
layer = "GRU"
[hyperparameters.units]
type = "Choice"
values = [2, 3]
[hyperparameters.dropout]
type = "Float"
min_value = 0.0
max_value = 0.3
[hyperparameters.optimizer]
type = "Fixed"
value = "sgd"
[hyperparameters.learning_rate]
type = "Fixed"
value = 1e30
[hyperparameters.clip_norm]
type = "Fixed"
value = 1e30
"""


def test_a_family_that_always_diverges_fails_in_one_line(write_project, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(harness.executors, "PoolExecutor", lambda *_: InProcessExecutor())
    write_project(tmp_path / "cards")
    for family in ("hopeless", "forlorn"):
        (tmp_path / "cards" / f"{family}.toml").write_text(HOPELESS.format(family=family))
    command = ["sweep", "tiny_adding", "--cards", "cards", "--family", "hopeless", "--family", "forlorn"]
    with pytest.raises(SystemExit) as left:
        main([*command, "--trials", "6", "--epochs", "2"])
    assert left.value.code == 1
    phrase = capsys.readouterr()
    (line,) = [line for line in phrase.err.splitlines() if "failed: " in line]
    assert line.startswith("tiny_adding: failed: ")
    assert "expected finite numbers" in line
    assert "Not finished:" in phrase.out
    with pytest.raises(SystemExit) as left:
        main(["report"])
    assert left.value.code == 2
    assert "no comparison is finished; tiny_adding: failed: " in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["sweeps", "list"])
    assert capsys.readouterr().out.endswith("  tiny_adding: failed\n")


def test_a_dataset_that_cannot_go_on_stops_alone(write_project, toys, tmp_path) -> None:
    """Its file changes after the sweep looked at it, so that none of its trials can begin."""
    configs = write_project(tmp_path / "cards")
    header = toys.header(configs, datasets=("tiny_waves", "tiny_adding"), trials=5, epochs=1, confirmations=0)

    def spoil(phrase: object) -> None:
        if isinstance(phrase, SweepStarted):
            text = (configs / "waves.csv").read_text()
            (configs / "waves.csv").write_text(text.replace("2024-01-05 10:00,", "2024-01-05 10:00,1"))

    with InProcessExecutor() as executor:
        result = run_sweep(header, toys.store_in(tmp_path), executor, spoil)
    assert list(result.unfinished) == ["tiny_waves"]
    assert "digest" in result.unfinished["tiny_waves"]
    assert "\n" not in result.unfinished["tiny_waves"]
    (comparison,) = result.comparisons
    assert comparison.dataset == "tiny_adding"
    assert comparison.champion is not None
    store = toys.store_in(tmp_path)
    with Journal.open(store.sweeps / result.sweep_id) as journal:
        ended = [f"{result.sweep_id}/{event.trial_key}" for event in journal.events(EventKind.ENDED)]
    assert Counter(row["trial_key"] for row in read_sweep_scores(store, result.sweep_id)) == Counter(ended)
    with closing(sqlite3.connect(store.root / "mlflow.db")) as database, database:
        parents = database.execute("SELECT name, status FROM runs WHERE name LIKE 'tiny%:%' ORDER BY name").fetchall()
    assert [status for _, status in parents] == ["FINISHED", "FAILED"]
    assert parents[1][0] == "tiny_waves: failed"
