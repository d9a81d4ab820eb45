"""A real sweep, end to end: worker processes, journal, MLflow, verdicts, champions."""

from __future__ import annotations

import dataclasses
import math
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from harness import export
from harness.data import load_dataset
from harness.errors import DataError, UsageError
from harness.executors import InProcessExecutor
from harness.journal import EventKind, Journal
from harness.metrics import METRICS
from harness.records import Outcome, Phase, SealedScore, TrialKey, TrialRequest, TrialStatus
from harness.sweeps.folders import find_unfinished, lock, sweep_ids
from harness.sweeps.results import Results, rows_of
from harness.sweeps.runner import run_sweep
from harness.tracking.queries import read_sweep_scores


def trials_of(swept, dataset=None):
    with Journal.open(swept.folder) as journal:
        return {event.trial_key: event for event in journal.events(EventKind.ENDED, dataset=dataset)}


def test_each_family_completes_its_budget_on_each_dataset(swept) -> None:
    keys = [TrialKey.parse(key) for key in trials_of(swept)]
    searched = Counter((key.dataset, key.family) for key in keys if key.phase is Phase.SEARCH)
    assert searched == {(d, a): 3 for d in ("tiny_adding", "tiny_waves") for a in ("tiny_lstm", "tiny_gru")}
    confirmed = Counter((key.dataset, key.family) for key in keys if key.phase is Phase.SEED_REPEAT)
    assert set(confirmed.values()) == {1}
    for comparison in swept.result.comparisons:
        assert {family.usage.completed for family in comparison.families} == {3}


def test_at_no_instant_do_the_families_differ_by_more_than_the_workers(swept) -> None:
    with Journal.open(swept.folder) as journal:
        for dataset in swept.header.datasets:
            started = Counter({family.name: 0 for family in swept.header.families})
            for event in journal.events(EventKind.ASKED, dataset=dataset):
                key = TrialKey.parse(event.trial_key)
                if key.phase is Phase.SEARCH:
                    started[key.family] += 1
                    assert max(started.values()) - min(started.values()) <= 2


def test_no_test_score_is_seen_before_the_last_search_has_closed(swept) -> None:
    assert swept.spy.interim_replicates >= 8
    assert swept.spy.leaks == []


def test_the_spy_would_see_a_leak(swept, toys) -> None:
    (score, *_) = swept.result.comparisons[0].scores.values()

    assert score in toys.floats_in({"deep": [{"er": (score,)}]})


def test_every_trial_of_the_journal_is_exactly_one_run_in_mlflow(swept) -> None:
    rows = read_sweep_scores(swept.store, swept.result.sweep_id)
    keys = [row["trial_key"].removeprefix(f"{swept.result.sweep_id}/") for row in rows]
    assert sorted(keys) == sorted(trials_of(swept))
    scores = {key: score for c in swept.result.comparisons for key, score in c.scores.items()}
    for row in rows:
        assert row["test_score"] == scores[row["trial_key"].removeprefix(f"{swept.result.sweep_id}/")]
        assert row["status"] == "completed"


def test_projecting_twice_changes_nothing(swept) -> None:
    def content() -> list[str]:
        with closing(sqlite3.connect(swept.store.root / "mlflow.db")) as database, database:
            tables = ("runs", "tags", "metrics", "latest_metrics", "params", "inputs", "datasets", "experiments")
            return [repr(sorted(database.execute(f"SELECT * FROM {table}"), key=repr)) for table in tables]

    before = content()
    with InProcessExecutor() as executor:
        again = run_sweep(swept.header, swept.store, executor, swept.spy, resume=swept.result.sweep_id)
    assert content() == before
    assert again == swept.result


def test_verdicts_say_what_the_table_says(swept) -> None:
    for comparison in swept.result.comparisons:
        assert comparison.verdict.outcome in Outcome
        assert comparison.verdict.completed == {"tiny_lstm": 3, "tiny_gru": 3}
        for row in comparison.rows:
            key = TrialKey(row.dataset, row.family, row.replicate, Phase.SEARCH, row.trial)
            assert row.test == comparison.scores[str(key)]
        assert all(math.isfinite(baseline.test_score) for baseline in comparison.baselines)


def test_a_champion_is_selected_by_validation_and_gives_its_test_score_again(swept) -> None:
    for comparison in swept.result.comparisons:
        champion = comparison.champion
        assert champion is not None
        mine = [r for r in comparison.trials if r.key.family == champion.arm]
        best = min(mine, key=lambda record: (record.validation_score, record.key.number))
        assert champion.trial == str(best.key)
        part = load_dataset(swept.header.datasets[comparison.dataset]).test.open()
        again = export.load(comparison.dataset, store=swept.store).predict(part.x, part.lengths)
        score = METRICS[comparison.objective.metric].score(part.y, np.asarray(again))
        assert score == pytest.approx(champion.test_score, rel=1e-5)
        assert champion.test_score == comparison.scores[champion.trial]


def test_nothing_on_the_disk_is_a_pickle(swept) -> None:
    files = [path for path in swept.store.root.rglob("*") if path.is_file()]
    assert any(path.suffix == ".keras" for path in files)
    assert not [path for path in files if path.suffix in (".pkl", ".pickle", ".joblib", ".cloudpickle")]
    # Of all trials the selected ones keep their weights: one an arm and dataset.
    weights = {path.name for path in files if path.suffix == ".npz" and "weights" in path.parts}
    selected = [family.selected.key for one in swept.result.comparisons for family in one.families]
    assert weights == {f"{str(key).replace('/', '__')}.npz" for key in selected}


def test_a_finished_sweep_is_not_gone_on_with(swept) -> None:
    assert find_unfinished(swept.store, swept.header) is None
    assert sweep_ids(swept.store) == [swept.result.sweep_id]


def test_a_journal_cut_short_is_gone_on_with_and_gives_the_same(swept, toys, tmp_path: Path) -> None:
    """The journal as a kill between two trials leaves it: half the first dataset's trials, one of them running."""

    store = toys.store_in(tmp_path)
    folder = store.sweeps / swept.result.sweep_id
    with Journal.open(swept.folder) as whole, Journal.create(folder, whole.plan) as cut:
        sealed = whole.unseal("tiny_adding")
        for event in list(whole.events())[1:9]:
            key = TrialKey.parse(event.trial_key) if event.trial_key else None
            score = None
            if event.kind is EventKind.ENDED and key:
                score = SealedScore(key, sealed[event.trial_key])
            cut.append(event.kind, event.payload, dataset=event.dataset, key=key, sealed=score)
        ended = {event.trial_key for event in cut.events(EventKind.ENDED)}
        asked = {event.trial_key for event in cut.events(EventKind.ASKED)}
    assert ended
    assert asked - ended
    assert find_unfinished(store, swept.header) == swept.result.sweep_id
    with InProcessExecutor() as executor:
        result = run_sweep(swept.header, store, executor, lambda _: None, resume=swept.result.sweep_id)
    for mine, theirs in zip(result.comparisons, swept.result.comparisons, strict=True):
        assert mine.values == theirs.values
        assert mine.scores.keys() == theirs.scores.keys()
        for key, score in mine.scores.items():
            assert score == pytest.approx(theirs.scores[key], rel=1e-5)


def test_two_commands_on_one_sweep_are_one_too_many(swept) -> None:
    with (
        lock(swept.folder),
        InProcessExecutor() as executor,
        pytest.raises(UsageError, match="another command is running this sweep"),
    ):
        run_sweep(swept.header, swept.store, executor, lambda _: None, resume=swept.result.sweep_id)


def test_data_that_changed_underneath_is_refused_before_anything_is_written(swept, toys, tmp_path: Path) -> None:

    other = toys.write_project(tmp_path / "other")
    text = (other / "waves.csv").read_text()
    (other / "waves.csv").write_text(text.replace("2024-01-05 10:00,", "2024-01-05 10:00,1"))
    header = toys.header(other)
    mine = dataclasses.replace(
        swept.header, datasets={**swept.header.datasets, "tiny_waves": header.datasets["tiny_waves"]}
    )
    events = len(trials_of(swept))
    with InProcessExecutor() as executor, pytest.raises((DataError, UsageError), match=r"tiny|plan or cards"):
        run_sweep(mine, swept.store, executor, lambda _: None, resume=swept.result.sweep_id)
    assert len(trials_of(swept)) == events


def test_bad_data_leaves_nothing_behind(toys, tmp_path: Path) -> None:

    broken = toys.write_project(tmp_path / "broken")
    (broken / "waves.csv").write_text("at,pressure\n2024-01-01,1\n")
    store = toys.store_in(tmp_path)
    with InProcessExecutor() as executor, pytest.raises(DataError, match="level"):
        run_sweep(toys.header(broken), store, executor, lambda _: None)
    assert not store.root.exists()


def test_rows_of_a_sweep_cut_short_are_complete_pairs(swept) -> None:
    with Journal.open(swept.folder) as journal:
        pairs = Results(journal).trials("tiny_adding")
        scores = journal.unseal("tiny_adding")
        short = [pair for pair in pairs if not (pair[0].key.family == "tiny_gru" and pair[0].key.number == 3)]
        rows = rows_of(short, scores, swept.header.families)
    done = Counter(row.family for row in rows if row.status is TrialStatus.COMPLETED)
    assert done == {"tiny_lstm": 2, "tiny_gru": 2}


def test_seeds_of_trials_are_all_different_but_fresh_ones_are_common_to_the_families(swept) -> None:
    with Journal.open(swept.folder) as journal:
        requests = [TrialRequest.from_json(event.payload) for event in journal.events(EventKind.ASKED)]
    searched = {one.seed for one in requests if one.key.phase is Phase.SEARCH}
    assert len(searched) == sum(one.key.phase is Phase.SEARCH for one in requests)
    fresh = {(one.key.family, one.key.number): one.seed for one in requests if one.key.phase is Phase.SEED_REPEAT}
    by_family = [
        {n: seed for (name, n), seed in fresh.items() if name == family} for family in ("tiny_lstm", "tiny_gru")
    ]
    assert by_family[0] == by_family[1]
    assert len(set(by_family[0].values())) == len(by_family[0]) > 0
    assert not searched & set(by_family[0].values())
