"""Trials too many to be runs: MLflow has the comparisons' runs alone, with a table that says what runs would."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.checks.verify import verify
from harness.journal import Journal
from harness.sweeps import plan
from harness.sweeps.mlflow_sync import MlflowSync
from harness.tracking import read_sweep_scores
from harness.tracking.repair import recorded_runs


def test_the_table_says_what_runs_would_and_is_verified(swept, toys, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(plan, "MOST_RUNS", 5)
    store, sweep_id = toys.store_in(tmp_path), swept.folder.name
    shutil.copytree(swept.folder, store.sweeps / sweep_id)
    with Journal.read(store.sweeps / sweep_id) as journal, MlflowSync(store, swept.header, journal.path.parent) as sync:
        assert sync.follow(journal.seq, lambda: None)
    runs = recorded_runs(store, sweep_id)
    assert sorted(run.dataset for run in runs) == sorted(swept.header.datasets)
    assert all(run.tabled and not run.trial_key for run in runs)

    def without_runs(rows: list[dict]) -> list[dict]:
        return [{key: value for key, value in row.items() if key != "run_id"} for row in rows]

    rows = without_runs(read_sweep_scores(store, sweep_id))
    assert rows == without_runs(read_sweep_scores(swept.store, sweep_id))
    assert all(one.decided and one.agrees for one in verify(store, sweep_id))


@pytest.mark.parametrize(
    ("changes", "table"),
    [({"trials": 1249}, False), ({"trials": 5000}, True), ({"trials": None, "minutes": 500.0}, False)],
)
def test_it_follows_from_the_plan(toys, configs, changes: dict, table: bool) -> None:
    assert plan.trials_as_table(toys.header(configs, **changes)) is table
