"""A sweep while it runs: what it writes for whoever watches, and that nothing is left of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.executors import InProcessExecutor
from harness.records import Direction, Objective, Phase, TrialEpochs, TrialKey, TrialRequest
from harness.sweeps.events import FamilyProgress, Message, Progress, Step, SweepEvent
from harness.sweeps.live.observe import standing_in_mlflow, standing_of
from harness.sweeps.live.state import FILE, MOST_EVENTS, Live, Standing, read_standing
from harness.sweeps.results import Results
from harness.sweeps.runner import run_sweep
from harness.tracking.queries import read_sweep_scores

REQUEST = TrialRequest(TrialKey("waves", "gru", 1, Phase.SEARCH, 2), "gru", {}, 1, 30, 5)
PROGRESS = Progress("waves", Objective("mae", Direction.MIN), (FamilyProgress("gru", 1, 4, 1, 0, 0.5),), 12.0)


@pytest.fixture
def forwarded() -> list[TrialEpochs]:
    return []


@pytest.fixture
def live(tmp_path: Path, forwarded: list[TrialEpochs]) -> Live:
    return Live(tmp_path, lambda _: None, forwarded.append)


def test_what_is_written_reads_back(live: Live, tmp_path: Path, forwarded: list[TrialEpochs]) -> None:
    live(PROGRESS)
    live.began(REQUEST)
    live.heard(REQUEST, {"worker": "17 on here", "started_at": 3.0, "divisions": 1})
    live.heard(REQUEST, {"after": 0, "losses": [0.9, 0.8], "scores": [0.7, float("nan")]})
    for number in range(MOST_EVENTS + 5):
        live(Message(f"event {number}"))
    live.write()
    found = read_standing(tmp_path)
    assert found is not None
    assert (found.state, found.searches) == ("running", (PROGRESS,))
    (trial,) = found.running
    assert (trial.trial, trial.worker, trial.epochs, trial.of_epochs) == (str(REQUEST.key), "17 on here", 2, 30)
    assert (trial.train_loss, trial.validation) == (0.8, None)
    assert found.events[-1] == f"event {MOST_EVENTS + 4}"
    assert len(found.events) == MOST_EVENTS
    assert [(one.started_at, one.after, one.losses) for one in forwarded] == [(3.0, 0, (0.9, 0.8))]
    live.ended(REQUEST)
    live.heard(REQUEST, {"after": 2, "losses": [0.7], "scores": [0.6]})
    assert len(forwarded) == 1, "what comes late is of a trial that has ended"
    live.close()
    assert read_standing(tmp_path) is None


def test_of_several_divisions_no_curve_is_shown(live: Live, forwarded: list[TrialEpochs]) -> None:
    live.began(REQUEST)
    live.heard(REQUEST, {"worker": "17 on here", "started_at": 3.0, "divisions": 3})
    live.heard(REQUEST, {"after": 0, "losses": [0.9], "scores": [0.7]})
    assert forwarded == []


def test_steps_take_the_place_of_the_search_and_go(live: Live, tmp_path: Path) -> None:
    live(PROGRESS)
    live(Step("waves", "fresh seeds", 1, 2))
    live.write()
    found = read_standing(tmp_path)
    assert found is not None
    assert (found.searches, found.steps) == ((), (Step("waves", "fresh seeds", 1, 2),))
    live(Step("waves", "fresh seeds", 2, 2))
    live._written = 0.0
    live.write()
    assert read_standing(tmp_path).steps == ()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"sweep_id": "a"}', '{"sweep_id": 1, "state": [], "at": "x", "searches": 5}']
)
def test_a_file_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert read_standing(tmp_path) is None


def test_a_disk_that_takes_nothing_is_no_matter(tmp_path: Path) -> None:
    live = Live(tmp_path / "gone", lambda _: None, lambda _: None)
    live.write()
    live.close()


def test_a_sweep_is_seen_while_it_runs(toys, configs, tmp_path, monkeypatch) -> None:
    """Trials that tell of every epoch come to what they would have come to; every phase has its steps."""
    monkeypatch.setattr("harness.training.told.EVERY_SECONDS", 0.0)
    monkeypatch.setattr("harness.sweeps.live.state.EVERY_SECONDS", 0.0)
    header, store = toys.header(configs, datasets=("tiny_adding",), workers=1), toys.store_in(tmp_path)
    seen: list[SweepEvent] = []
    standings: list[Standing] = []
    partial: list[str] = []

    def watch(event: SweepEvent) -> None:
        seen.append(event)
        standings.append(standing_of(store, None))
        if isinstance(event, Progress) and not event.over and len(partial) < 9:
            (folder,) = store.sweeps.iterdir()
            from harness.journal import Journal

            with Journal.read(folder) as journal:
                result = Results(journal).sweep(folder.name, "")
            partial.append(result.unfinished.get("tiny_adding", ""))
            assert result.to_come in (("tiny_adding",), ())

    result = run_sweep(header, store, InProcessExecutor(), watch)
    searches = [search for one in standings for search in one.searches]
    assert {search.families[0].completed for search in searches} == {1, 2, 3}
    assert all(one.state == "running" for one in standings)
    steps = [(event.what, event.done, event.of) for event in seen if isinstance(event, Step)]
    assert steps == [
        *(("baselines", done, 1) for done in range(2)),
        *(("fresh seeds", done, 2) for done in range(3)),
        *(("export and verification", done, 2) for done in range(3)),
    ]
    assert any("tiny_gru 1 of 3 trials, best validation mse " in words for words in partial)
    assert all("test score" not in words or words.endswith("No test score is unsealed") for words in partial)
    assert not (store.sweeps / result.sweep_id / FILE).exists()
    assert standing_of(store, None).state == "finished"
    told = {row["trial_key"]: row["validation_score"] for row in read_sweep_scores(store, result.sweep_id)}
    assert len(told) == 8
    assert standing_in_mlflow(store, None).state == "finished"
    monkeypatch.setattr("harness.training.told.EVERY_SECONDS", 1e9)
    quiet = toys.store_in(tmp_path / "quiet")
    again = run_sweep(header, quiet, InProcessExecutor(), lambda _: None)
    other = {row["trial_key"]: row["validation_score"] for row in read_sweep_scores(quiet, again.sweep_id)}
    assert [*told.values()] == [*other.values()]
    assert json.dumps(result.comparisons[0].verdict.to_json()) == json.dumps(again.comparisons[0].verdict.to_json())
