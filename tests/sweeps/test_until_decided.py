"""Real sweeps that add replicates until they are decided: where they stop, that they resume, that they verify."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.checks.verify import verify
from harness.config import make_plan
from harness.errors import SealedError, UsageError
from harness.executors import InProcessExecutor
from harness.journal import EventKind, Journal
from harness.records import Outcome, SealedScore, TrialKey
from harness.sweeps.events import Message
from harness.sweeps.runner import run_sweep

PLAN = {"datasets": ("tiny_adding",), "trials": 3, "epochs": 1, "confirmations": 0, "until_decided": True, "seed": 7}
DEAD = """
name = "dead"
layer = "LSTM"
[hyperparameters.units]
type = "Choice"
values = [2, 3]
[hyperparameters.learning_rate]
type = "Float"
min_value = 20.0
max_value = 30.0
[hyperparameters.dropout]
type = "Float"
min_value = 0.0
max_value = 0.3
"""


@pytest.fixture(scope="module")
def alike(configs, toys, tmp_path_factory):
    """A family against itself, which has no winner, to its end."""
    header = toys.header(configs, **PLAN, families=("tiny_gru", "tiny_gru"))
    store, phrase = toys.store_in(tmp_path_factory.mktemp("alike")), []
    with InProcessExecutor() as executor:
        return header, store, run_sweep(header, store, executor, phrase.append), phrase


def test_a_family_against_itself_is_searched_to_the_last_analysis(alike) -> None:
    _, store, result, phrase = alike
    (comparison,) = result.comparisons
    assert comparison.verdict.outcome is Outcome.UNDECIDED
    assert max(row.replicate for row in comparison.rows) == 10
    assert [note.text for note in phrase if isinstance(note, Message) and "continuing to" in note.text] == [
        f"tiny_adding: undecided at {count}; continuing to {following}"
        for count, following in (("1 replicate", 2), *((f"{so_far} replicates", so_far + 1) for so_far in range(2, 10)))
    ]
    assert "interim analysis 10 of at most 10, at 10 replicates" in comparison.verdict.method
    with Journal.open(store.sweeps / result.sweep_id) as journal:
        assert [event.payload["replicates"] for event in journal.events(EventKind.EXTENDED)] == [*range(2, 11)]
        assert len(list(journal.events(EventKind.CLOSED))) == 10
        assert len(list(journal.events(EventKind.BASELINES))) == 1


def test_mlflow_alone_gives_the_verdict_again(alike) -> None:
    _, store, result, _ = alike
    (verified,) = verify(store, result.sweep_id)
    assert verified.agrees, verified.disagreements
    assert verified.verdict == result.comparisons[0].verdict


@pytest.mark.slow
def test_a_sweep_cut_short_within_the_second_look_comes_to_the_same_end(alike, toys, tmp_path: Path) -> None:
    header, old, whole, _ = alike
    store = toys.store_in(tmp_path)
    with (
        Journal.open(old.sweeps / whole.sweep_id) as journal,
        Journal.create(store.sweeps / whole.sweep_id, journal.plan) as cut,
    ):
        sealed, events = journal.unseal("tiny_adding"), list(journal.events())[1:]
        second = next(i for i, event in enumerate(events) if event.kind is EventKind.EXTENDED)
        for event in events[: second + 4]:
            key = TrialKey.parse(event.trial_key) if event.trial_key else None
            ended = event.kind is EventKind.ENDED and event.trial_key in sealed
            score = SealedScore(key, sealed[event.trial_key]) if key and ended else None
            cut.append(event.kind, event.payload, dataset=event.dataset, key=key, sealed=score)
        with pytest.raises(SealedError):  # searched on, so sealed again
            cut.unseal("tiny_adding")
    with InProcessExecutor() as executor:
        again = run_sweep(header, store, executor, lambda _: None, resume=whole.sweep_id)
    assert again.comparisons[0].values == whole.comparisons[0].values
    assert again.comparisons[0].verdict.method == whole.comparisons[0].verdict.method


@pytest.mark.slow
def test_a_clear_difference_is_decided_at_the_first_look(configs, toys, tmp_path: Path) -> None:
    (configs / "dead.toml").write_text(DEAD)
    header = toys.header(configs, **PLAN, families=("dead", "tiny_gru"))
    store = toys.store_in(tmp_path)
    with InProcessExecutor() as executor:
        (comparison,) = run_sweep(header, store, executor, lambda _: None).comparisons
    assert (comparison.verdict.outcome, comparison.verdict.family) == (Outcome.WINNER, "tiny_gru")
    assert max(row.replicate for row in comparison.rows) < 10
    assert verify(store, next(store.sweeps.iterdir()).name)[0].agrees


def test_replicates_beside_until_decided_are_refused() -> None:
    with pytest.raises(
        UsageError,
        match="--replicates = 4: expected none beside until_decided, which adds replicates one at a time",
    ):
        make_plan({"datasets": ("x",), "until_decided": True, "replicates": 4})
