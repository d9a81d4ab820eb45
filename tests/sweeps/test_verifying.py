"""Verdicts made again from MLflow alone, on a real sweep and on copies of it that were tampered with."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
import typer
from typer.testing import CliRunner

from harness.checks.verify import verify
from harness.cli.report import verify as command
from harness.errors import UsageError
from harness.store import Store


@pytest.fixture
def copy(swept, tmp_path):
    """The sweep's store, copied: what is changed there changes nothing here."""
    root = tmp_path / "mlruns"
    root.mkdir()
    with (
        closing(sqlite3.connect(swept.store.root / "mlflow.db")) as source,
        closing(sqlite3.connect(root / "mlflow.db")) as target,
    ):
        source.backup(target)
    shutil.copytree(swept.folder, root / "sweeps" / swept.folder.name)
    shutil.copytree(swept.store.artifacts, root / "artifacts")
    return Store(root, f"sqlite:///{root / 'mlflow.db'}")


@pytest.fixture
def change(copy):
    """Runs SQL in the copied store and says how many rows it changed."""

    def run(sql: str, *values: object) -> int:
        with closing(sqlite3.connect(copy.root / "mlflow.db")) as database, database:
            return database.execute(sql, values).rowcount

    return run


@pytest.fixture
def run_of(swept, copy):
    """The run of a trial, by its key."""

    def find(key: str) -> str:
        with closing(sqlite3.connect(copy.root / "mlflow.db")) as database:
            query = "SELECT run_uuid FROM tags WHERE key = 'trial_key' AND value = ?"
            return database.execute(query, [f"{swept.result.sweep_id}/{key}"]).fetchone()[0]

    return find


@pytest.fixture
def shell(copy, swept):
    app = typer.Typer()
    app.command()(command)
    return lambda *more: CliRunner().invoke(app, [swept.result.sweep_id, "--store", str(copy.root), *more])


SCORE = "UPDATE {} SET value = value + ? WHERE key = ? AND run_uuid = ?"


def test_a_sweep_agrees_with_its_own_store(swept) -> None:
    results = verify(swept.store, swept.result.sweep_id)
    assert [one.dataset for one in results] == ["tiny_adding", "tiny_waves"]
    for one, comparison in zip(results, swept.result.comparisons, strict=True):
        assert one.agrees
        assert one.decided
        assert one.journal
        assert one.compared > 100
        assert one.verdict.to_json() == comparison.verdict.to_json()


def test_without_the_journal_mlflow_alone_is_enough(swept, copy) -> None:
    shutil.rmtree(copy.sweeps)
    results = verify(copy, swept.result.sweep_id)
    assert [(one.agrees, one.journal) for one in results] == [(True, False)] * 2
    assert [one.verdict for one in results] == [one.verdict for one in verify(swept.store, swept.result.sweep_id)]


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("journal", [True, False])
def test_any_changed_test_score_is_found_and_its_run_named(copy, change, run_of, shell, swept, number, journal) -> None:
    key = f"tiny_waves/tiny_gru/r1/search/{number:04d}"
    for table in ("metrics", "latest_metrics"):
        assert change(SCORE.format(table), 1e-3, "score/test", run_of(key)) == 1
    if not journal:
        shutil.rmtree(copy.sweeps)
    adding, waves = verify(copy, swept.result.sweep_id)
    assert adding.agrees
    first = waves.disagreements[0]
    assert (first.what, first.run_id, first.place) == (f"{key} test", run_of(key), "trials.csv")
    assert first.found == pytest.approx(first.expected + 1e-3)
    named = {it.run_id for it in waves.disagreements if it.run_id}
    assert named == {run_of(key)}
    assert journal == (f"{key} test_score" in {it.what for it in waves.disagreements if it.place == "journal"})
    done = shell()
    assert done.exit_code == 1
    assert done.stdout.startswith("tiny_adding: agrees: ")
    assert f"(run {run_of(key)})" in done.stdout


def test_a_changed_selected_trial_changes_what_is_recomputed(copy, change, run_of, swept) -> None:
    comparison = swept.result.comparisons[1]
    key = str(comparison.families[0].selected.key)
    for table in ("metrics", "latest_metrics"):
        change(SCORE.format(table), 1.0, "score/test", run_of(key))
    waves = verify(copy, swept.result.sweep_id)[1]
    whats = {it.what for it in waves.disagreements if it.place == "verdict.json"}
    assert {"expected.tiny_lstm", "difference"} <= whats
    assert waves.verdict.expected["tiny_lstm"] > comparison.verdict.expected["tiny_lstm"]
    assert "metric tiny_lstm/test_score" in {it.what for it in waves.disagreements}


@pytest.mark.parametrize("table", ["metrics", "latest_metrics"])
def test_a_score_changed_in_one_of_mlflows_two_tables_only(copy, change, run_of, swept, table) -> None:
    key = "tiny_adding/tiny_lstm/r1/search/0002"
    assert change(SCORE.format(table), 0.25, "score/test", run_of(key)) == 1
    adding = verify(copy, swept.result.sweep_id)[0]
    assert adding.disagreements[0].what == f"{key} test_score"
    assert adding.disagreements[0].run_id == run_of(key)


def test_confirmations_are_checked_too(copy, change, run_of, swept) -> None:
    key = "tiny_adding/tiny_gru/r1/confirmation/0001"
    for table in ("metrics", "latest_metrics"):
        change(SCORE.format(table), 0.25, "score/test", run_of(key))
    shutil.rmtree(copy.sweeps)
    (only,) = verify(copy, swept.result.sweep_id)[0].disagreements
    assert only.what == "metric tiny_gru/fresh_seeds_mean"


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("UPDATE tags SET value = 'max' WHERE key = 'direction'", "expected"),
        ("UPDATE tags SET value = 'bayesian' WHERE key = 'oracle'", "method"),
        ("UPDATE tags SET value = 'sideways' WHERE key = 'direction'", "cannot be made again"),
        ("UPDATE tags SET value = 'somebody' WHERE key = 'verdict'", "tag verdict"),
        (
            "UPDATE latest_metrics SET value = value * 2 WHERE key = 'verdict/equivalence_margin'",
            "metric verdict/equivalence_margin",
        ),
        ("UPDATE latest_metrics SET value = 1e-6 WHERE key LIKE 'baseline/%'", "recommendation."),
        ("UPDATE runs SET lifecycle_stage = 'deleted' WHERE name LIKE '% r1 002'", "tiny_lstm/r1/search/0002"),
    ],
)
def test_what_else_a_verdict_is_made_from(copy, change, swept, sql, what) -> None:
    assert change(sql) >= 2
    for one in verify(copy, swept.result.sweep_id):
        assert any(what in it.what for it in one.disagreements)


def test_a_store_with_the_keys_of_before_is_read_as_well(copy, change, swept) -> None:
    before = {
        "arms": "families",
        "withheld_because": "reasons_to_abstain",
        "qualified_because": "warnings",
        "regret": "worst_case_excess_error",
        "verdict/region": "verdict/equivalence_margin",
        "verdict/lower_loss": "verdict/error_reduction",
        "tiny_gru/expected_test": "tiny_gru/expected_test_score",
        "tiny_gru/confirmation_mean": "tiny_gru/fresh_seeds_mean",
        "tiny_gru/published_test_score": "tiny_gru/held_out_test_score",
    }
    for table in ("tags", "metrics", "latest_metrics"):
        for old, new in before.items():
            change(f"UPDATE {table} SET key = ? WHERE key = ?", old, new)
    for configs in copy.root.glob("artifacts/*/*/artifacts/configs"):
        configs.rename(configs.with_name("cards"))
    shutil.rmtree(copy.sweeps)  # all is made again from MLflow alone
    assert [one.disagreements for one in verify(copy, swept.result.sweep_id)] == [[], []]


def test_a_missing_parent_run_is_a_difference_only_where_the_journal_has_decided(copy, change, swept) -> None:
    change("UPDATE runs SET lifecycle_stage = 'deleted' WHERE name LIKE 'tiny_waves: %'")
    waves = verify(copy, swept.result.sweep_id)[1]
    assert [(it.what, it.found, it.place) for it in waves.disagreements] == [("verdict", None, "journal")]


def test_a_comparison_that_is_not_over_has_nothing_to_verify(copy, change, swept, shell) -> None:
    shutil.rmtree(copy.sweeps)
    change("UPDATE runs SET status = 'RUNNING' WHERE name LIKE 'tiny_waves: %'")
    assert not verify(copy, swept.result.sweep_id)[1].decided
    done = shell()
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1] == "tiny_waves: not decided yet, nothing to verify"


def test_as_json(shell) -> None:
    done = shell("--json")
    assert done.exit_code == 0
    adding, _ = json.loads(done.stdout)
    assert (adding["dataset"], adding["agrees"], adding["disagreements"]) == ("tiny_adding", True, [])
    assert adding["verdict"]["dataset"] == "tiny_adding"


def test_an_unknown_sweep(swept, copy) -> None:
    with pytest.raises(UsageError, match=f"Did you mean {swept.result.sweep_id}"):
        verify(copy, swept.result.sweep_id[:-1])
