"""`harness explain` on a real sweep: what is found is in the journal, the report and MLflow, and is found again."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.checks.verify import verify
from harness.cli.app import app
from harness.errors import UsageError
from harness.executors import PoolExecutor
from harness.journal import EventKind, Journal
from harness.records import Explanation
from harness.sweeps.explain import explain
from harness.tracking import connect
from harness.tracking.naming import COMPARISON_KEY, TRIAL_KEY


@pytest.fixture(scope="module")
def explained(swept, tmp_path_factory: pytest.TempPathFactory):
    store = swept.copied_to(tmp_path_factory.mktemp("explained"))
    # In a process of its own: MLflow's client remembers for each run where its artifacts were.
    command = [sys.executable, "-c", "from harness.cli import main; main()", "explain", swept.result.sweep_id]
    command += ["tiny_adding", "--store", str(store.root), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    with PoolExecutor(1) as executor:
        yield store, Explanation.from_json(json.loads(done.stdout)[0]), executor


def _unasked(*_):
    raise AssertionError("nothing should have been run")


def test_each_arm_and_a_plain_network_are_looked_into(explained, swept) -> None:
    _, found, _ = explained
    assert [(cell.name, cell.reference) for cell in found.cells] == [
        ("tiny_lstm", False),
        ("tiny_gru", False),
        ("rnn", True),
    ]
    assert [[gate.gate for gate in cell.gates] for cell in found.cells] == [
        ["input", "forget", "output"],
        ["update", "reset"],
        [],
    ]
    selected = {family.family.name: family for family in swept.result.comparisons[0].families}
    for cell in found.cells[:2]:
        assert cell.trial == str(selected[cell.name].selected.key)
        assert cell.validation_score == selected[cell.name].validation_score
    for cell in found.cells:
        for reach in (cell.before, cell.after):
            assert len(reach.relative.median) == 5  # from 6 steps
            assert reach.relative.median[0] == 1
            assert reach.norm > 0
        assert cell.before.relative.median != cell.after.relative.median
        for gate in cell.gates:
            assert len(gate.by_step.median) == 6
            assert all(0 < value < 1 for value in gate.by_step.median)


def test_it_is_kept_and_not_done_again(explained, swept) -> None:
    store, found, _ = explained
    executor = type("Engine", (), {"submit": _unasked, "wait": _unasked})()
    assert explain(store, swept.result.sweep_id, ["tiny_adding"], executor, _unasked) == [found]
    with Journal.open(store.sweeps / swept.result.sweep_id) as journal:
        (event,) = journal.events(EventKind.EXPLAINED)
    assert Explanation.from_json(event.payload) == found


def test_mlflow_holds_the_half_lives_and_the_figures(explained, swept) -> None:
    store, found, _ = explained
    client = connect(store)
    experiment = client.get_experiment_by_name("tiny")
    runs = client.search_runs([experiment.experiment_id], max_results=100)
    parent = next(run for run in runs if run.data.tags.get(COMPARISON_KEY, "").endswith("/tiny_adding"))
    for cell in found.cells:
        for moment, name in ((cell.after, ""), (cell.before, "_untrained")):
            value = parent.data.metrics[f"{cell.name}/gradient_half_life_steps{name}"]
            assert value == (moment.half_life_steps or 4.0)
    run = next(run for run in runs if run.data.tags.get(TRIAL_KEY, "").endswith(found.cells[0].trial))
    assert "gradient_half_life_steps" in run.data.metrics
    (folder,) = store.artifacts.glob(f"*/{parent.info.run_id}/artifacts")
    files = {str(file.relative_to(folder)) for file in folder.rglob("*")}
    assert {"explanation.json", "report.html", "ledger.json", "environment.json", "learning_curves.csv"} <= files
    assert {"figures/gradients-before.svg", "figures/gradients-after.svg", "figures/gates-1.svg"} <= files
    assert "figures/gates-3.svg" not in files


def test_the_report_shows_it_and_the_verdict_still_verifies(explained, swept) -> None:
    store, _, _ = explained
    page = (store.sweeps / swept.result.sweep_id / "report.html").read_text(encoding="utf-8")
    assert "Gradients after training against the distance in steps" in page
    assert "Gates of tiny_gru" in page
    assert [one.agrees for one in verify(store, swept.result.sweep_id)] == [True, True]


def test_weights_that_are_gone_are_trained_again_and_give_the_same(explained, swept) -> None:
    store, found, executor = explained
    for file in (store.sweeps / swept.result.sweep_id / "weights" / "tiny_adding").iterdir():
        file.unlink()
    (again,) = explain(store, swept.result.sweep_id, ["tiny_adding"], executor, lambda _: None, again=True)
    assert again == found


def test_what_cannot_be_looked_into_is_said(explained, swept) -> None:
    store, _, executor = explained
    with pytest.raises(UsageError, match=r"has no dataset 'tiny_addin'\. Did you mean tiny_adding"):
        explain(store, swept.result.sweep_id, ["tiny_addin"], executor, _unasked)
    with pytest.raises(UsageError, match="unknown sweep 'none'"):
        explain(store, "none", [], executor, _unasked)


def test_the_command_says_it_in_any_width(explained, swept) -> None:
    store, found, _ = explained
    arguments = ["explain", swept.result.sweep_id, "tiny_adding", "--store", str(store.root)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"tiny_adding: {found.sequences} sequences of the validation part\n")
    assert "rnn (reference): the gradient halves in" in " ".join(result.stdout.split())
    assert max(map(len, result.stdout.splitlines())) <= 80
    plain = CliRunner().invoke(app, [*arguments, "--json"])
    assert Explanation.from_json(json.loads(plain.stdout)[0]) == found


def test_a_dataset_that_is_not_decided(explained, swept, tmp_path: Path) -> None:
    store, _, executor = explained
    with Journal.open(store.sweeps / swept.result.sweep_id) as journal:
        plan = journal.plan
    other = replace(store, root=tmp_path)
    Journal.create(other.sweeps / "new", plan).close()
    with pytest.raises(UsageError, match="new: tiny_waves is not decided yet"):
        explain(other, "new", ["tiny_waves"], executor, _unasked)
    with pytest.raises(UsageError, match="new: no dataset is decided yet"):
        explain(other, None, [], executor, _unasked)


def test_the_doctor_writes_what_mlflow_lacks_of_it(explained, swept) -> None:
    store, found, _ = explained
    with closing(sqlite3.connect(store.root / "mlflow.db")) as database, database:
        for table in ("metrics", "latest_metrics"):
            database.execute(f"DELETE FROM {table} WHERE key LIKE '%gradient_half_life_steps%'")
    database.close()
    arguments = ["doctor", swept.result.sweep_id, "--store", str(store.root)]
    told = CliRunner().invoke(app, [*arguments, "--dry-run"])
    assert (told.exit_code, "lacks what `harness explain` found of tiny_adding" in told.stdout) == (1, True)
    repaired = CliRunner().invoke(app, [*arguments, "--sync"])
    assert (repaired.exit_code, repaired.stdout.count("repaired")) == (0, 1), repaired.output
    client = connect(store)
    runs = client.search_runs([client.get_experiment_by_name("tiny").experiment_id], max_results=100)
    parent = next(run for run in runs if run.data.tags.get(COMPARISON_KEY, "").endswith("/tiny_adding"))
    assert {f"{cell.name}/gradient_half_life_steps" for cell in found.cells} <= parent.data.metrics.keys()
    assert CliRunner().invoke(app, arguments).stdout == "nothing is wrong\n"
