"""What a crash can leave is found, repaired and then gone; what is sound is left alone."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from harness.checks.doctor import examine
from harness.cli import main
from harness.executors import PoolExecutor, Task
from harness.executors.worker import orphans
from harness.export import load
from harness.export.verification import score_again
from harness.store import Store
from harness.sweeps.folders import lock
from harness.tracking import connect, resolve
from harness.tracking.queries import read_sweep_scores
from harness.tracking.registry import registered_versions
from harness.tracking.repair import recorded_runs, stray_servers
from harness.tracking.server import server_command


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests' killed servers left in the common folder is nothing that this store has wrong."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("temporary")))


@pytest.fixture
def spoilt(swept, tmp_path: Path) -> Store:
    """A copy of the finished sweep's store, to be spoilt."""
    return swept.copied_to(tmp_path)


def execute(store: Store, statement: str, *values: object) -> int:
    with closing(sqlite3.connect(store.root / "mlflow.db")) as database, database:
        changed = database.execute(statement, values).rowcount
    database.close()
    return changed


def doctor(store: Store, capsys, *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main(["doctor", "--store", str(store.root), *arguments])
    return int(left.value.code or 0), capsys.readouterr().out


def test_a_sound_store_has_nothing_wrong(swept, capsys) -> None:
    assert list(examine(swept.store)) == []
    assert doctor(swept.store, capsys) == (0, "nothing is wrong\n")


def test_a_store_that_was_never_used_has_nothing_wrong(tmp_path: Path, capsys) -> None:
    assert doctor(Store(tmp_path / "none", ""), capsys) == (0, "nothing is wrong\n")
    assert not (tmp_path / "none").exists()


def test_leftovers_are_removed(swept, spoilt, capsys) -> None:
    folder = spoilt.sweeps / swept.result.sweep_id
    weights = folder / "weights" / "tiny_waves"
    weights.mkdir(parents=True, exist_ok=True)
    needed = sorted(weights.iterdir())
    (weights / "tiny_waves__tiny_gru__r1__search__0099.npz").write_bytes(b"x" * 1000)
    unborn = spoilt.sweeps / "tiny-20260101-000000"
    unborn.mkdir()
    (unborn / "lock").touch()
    (unborn / "journal.db.77.new").touch()

    code, phrase = doctor(spoilt, capsys, "--dry-run")
    assert code == 1
    assert phrase.count("\n") == 2
    assert unborn.exists()
    code, phrase = doctor(spoilt, capsys)
    assert code == 0
    assert f"{unborn.name}: a folder without a journal: repaired\n" in phrase
    assert f"{folder.name}: 1 file of weights that nobody needs, 0.0 MB: repaired\n" in phrase
    assert not unborn.exists()
    assert sorted(weights.iterdir()) == needed
    assert doctor(spoilt, capsys) == (0, "nothing is wrong\n")


def test_what_mlflow_lacks_is_written_by_sync_and_strangers_are_deleted(swept, spoilt, capsys) -> None:
    sweep_id = swept.result.sweep_id
    runs = recorded_runs(spoilt, sweep_id)
    lost, unended, strange = [run for run in runs if run.trial_key][:3]
    client = connect(spoilt)
    client.delete_run(lost.run_id)
    execute(spoilt, "UPDATE runs SET status = 'RUNNING', end_time = NULL WHERE run_uuid = ?", unended.run_id)
    key = f"{sweep_id}/{strange.trial_key[:-4]}0099"
    copy = client.create_run(
        "1", tags={"trial_key": key, "sweep_id": sweep_id, "dataset": strange.dataset, "phase": "search"}
    )

    code, phrase = doctor(spoilt, capsys)
    assert code == 1
    assert f"MLflow lacks 2 of its {len(runs) - 2} trials: `harness doctor --sync {sweep_id}` writes what" in phrase
    assert "1 run of trials that its journal does not know: repaired" in phrase
    assert client.get_run(copy.info.run_id).info.lifecycle_stage == "deleted"
    code, phrase = doctor(spoilt, capsys, "--sync", sweep_id)
    assert (code, phrase.count("repaired")) == (0, 1)
    before = {row["trial_key"]: (row["test_score"], row["values"]) for row in read_sweep_scores(swept.store, sweep_id)}
    after = {row["trial_key"]: (row["test_score"], row["values"]) for row in read_sweep_scores(spoilt, sweep_id)}
    assert after == before
    assert doctor(spoilt, capsys) == (0, "nothing is wrong\n")


@pytest.mark.slow
def test_a_lost_database_comes_again_with_its_champions(swept, spoilt, capsys) -> None:
    sweep_id, champions = swept.result.sweep_id, [one.champion for one in swept.result.comparisons]
    folder = spoilt.sweeps / sweep_id
    for path in (*spoilt.root.glob("mlflow.db*"), spoilt.root / "artifacts"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    kept = (folder / "champions" / champions[0].name / "model.keras").stat().st_mtime_ns
    shutil.rmtree(folder / "champions" / champions[1].name)  # built again from the weights that are kept

    code, phrase = doctor(spoilt, capsys)
    assert (code, phrase.count("\n")) == (1, 1)
    assert f"{sweep_id}: MLflow holds nothing of it: `harness doctor --sync {sweep_id}` writes it\n" in phrase
    code, phrase = doctor(spoilt, capsys, "--sync")
    assert (code, phrase.count("repaired")) == (0, 1)
    assert (folder / "champions" / champions[0].name / "model.keras").stat().st_mtime_ns == kept
    for was in champions:
        found = load(f"{was.name}@{was.alias}", spoilt)
        assert found.description.trial == was.trial
        assert resolve(spoilt, was.name).path.is_relative_to(spoilt.root)
        assert score_again(found) == pytest.approx(was.test_score, rel=1e-5)
    before = {row["trial_key"]: (row["test_score"], row["values"]) for row in read_sweep_scores(swept.store, sweep_id)}
    after = {row["trial_key"]: (row["test_score"], row["values"]) for row in read_sweep_scores(spoilt, sweep_id)}
    assert after == before
    assert doctor(spoilt, capsys) == (0, "nothing is wrong\n")

    shutil.rmtree(resolve(spoilt, champions[0].name).path)
    code, phrase = doctor(spoilt, capsys)
    assert code == 1
    assert f"{sweep_id}: MLflow lacks the champion of {champions[0].name}: `harness doctor --sync" in phrase
    assert doctor(spoilt, capsys, "--sync", sweep_id)[0] == 0
    assert resolve(spoilt, champions[0].name).version == "1"
    assert doctor(spoilt, capsys) == (0, "nothing is wrong\n")


def test_a_champion_that_cannot_be_proved_is_not_registered_again(swept, spoilt, capsys) -> None:
    was = swept.result.comparisons[0].champion
    connect(spoilt).delete_registered_model(was.name)
    (spoilt.sweeps / swept.result.sweep_id / "champions" / was.name / "model.keras").write_bytes(b"garbage")
    code, phrase = doctor(spoilt, capsys, "--sync")
    assert (code, phrase.count("\n")) == (1, 1)
    assert f"not repaired: the champion of {was.name} is not registered again: " in phrase
    assert "where that folder is damaged remove it, and it is built again" in phrase
    assert was.name not in {version.name for version in registered_versions(spoilt)}


def test_a_logged_model_that_nothing_uses_is_deleted(swept, spoilt, capsys) -> None:
    sweep_id, was = swept.result.sweep_id, swept.result.comparisons[0].champion
    client = connect(spoilt)
    experiment = client.get_experiment_by_name(swept.header.plan.name).experiment_id
    before = {model.model_id for model in client.search_logged_models([experiment])}

    def logged(trial: str) -> str:
        tags = {"sweep_id": sweep_id, "trial_key": f"{sweep_id}/{trial}"}
        return str(client.create_logged_model(experiment, was.name, tags=tags).model_id)

    replaced, refitting = logged(f"{was.trial[:-4]}0099"), logged(f"{was.trial}/refit")
    older = logged(f"{was.trial[:-4]}0098")  # a champion that another one has replaced: its version stays
    source = client.get_logged_model(older).artifact_location
    client.create_model_version(was.name, source=source, tags={"sweep_id": sweep_id})
    code, phrase = doctor(spoilt, capsys, "--dry-run")
    assert (code, phrase.count("\n")) == (1, 1)
    assert f"{sweep_id}: 1 logged model that no version is made of: {replaced}: `harness doctor` deletes them" in phrase
    assert doctor(spoilt, capsys)[0] == 0
    left = {model.model_id for model in client.search_logged_models([experiment])}
    assert left == {*before, refitting, older}
    assert len(before) == 2
    assert doctor(spoilt, capsys) == (0, "nothing is wrong\n")


def test_runs_left_running_are_marked_unless_a_command_works_on_them(swept, spoilt, capsys) -> None:
    folder = spoilt.sweeps / swept.result.sweep_id
    assert execute(spoilt, "UPDATE runs SET status = 'RUNNING' WHERE name LIKE '%:%'") == 2
    with lock(folder):
        assert doctor(spoilt, capsys) == (0, "nothing is wrong\n")
    code, phrase = doctor(spoilt, capsys, folder.name)
    assert code == 0
    assert "left running in MLflow, though nothing works on it: " in phrase
    assert {run.status for run in recorded_runs(spoilt, folder.name) if not run.trial_key} == {"KILLED"}


def test_an_alias_without_its_model_is_removed(swept, spoilt, capsys) -> None:
    champion = swept.result.comparisons[0].champion
    elsewhere = swept.store.root
    execute(
        spoilt,
        "UPDATE logged_models SET artifact_location = replace(artifact_location, ?, '/nowhere')",
        str(elsewhere),
    )
    execute(
        spoilt, "UPDATE model_versions SET storage_location = replace(storage_location, ?, '/nowhere')", elsewhere.name
    )
    code, phrase = doctor(spoilt, capsys)
    assert code == 1  # since the sweep keeps the champion, `--sync` can put it back
    assert f"{swept.result.sweep_id}: MLflow lacks the champion of {champion.name}, the champion of " in phrase
    assert re.search(f"models: {champion.name}@{champion.alias} leads to nothing: .*: repaired\n", phrase)
    assert connect(spoilt).get_registered_model(champion.name).aliases == {}


def test_a_damaged_journal_is_said_and_left(swept, spoilt, capsys) -> None:
    journal = spoilt.sweeps / swept.result.sweep_id / "journal.db"
    garbage = b"garbage " * 1000
    journal.write_bytes(garbage)
    code, phrase = doctor(spoilt, capsys)
    assert code == 1
    assert "restore the journal from a copy, or remove the sweep" in phrase
    assert journal.read_bytes() == garbage


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell no name")
def test_a_worker_without_a_parent_is_found_and_ended(swept, capsys) -> None:
    naming = "import ctypes, time; ctypes.CDLL(None).prctl(15, b'harness-1234567', 0, 0, 0); print(1, flush=True)"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{naming}; time.sleep(60)"], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert process.stdout
        process.stdout.readline()
        assert process.pid in orphans()
        code, phrase = doctor(swept.store, capsys)
        assert (code, "without a parent" in phrase) == (0, True)
        assert process.wait(10) == -9
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_worker_with_its_parent_is_no_orphan() -> None:
    with PoolExecutor(1) as executor:
        executor.submit(Task("t", "os:getcwd", {}))
        executor.wait(timeout_seconds=60)
        workers = [child for child in psutil.Process().children() if child.name() == f"harness-{os.getpid()}"[:15]]
        assert workers
        assert not set(orphans()) & {worker.pid for worker in workers}


def test_a_server_that_is_away_is_said(tmp_path: Path, capsys) -> None:
    code, phrase = doctor(Store(tmp_path / "none", ""), capsys, "--tracking-uri", "http://127.0.0.1:1")
    assert code == 1
    assert "store: MLflow cannot be read: http://127.0.0.1:1: no answer (" in phrase


def test_an_unknown_sweep_is_refused(swept, capsys) -> None:
    code, _ = doctor(swept.store, capsys, "nobody")
    assert code == 2


STARTER = """
import subprocess, sys, tempfile, time
with tempfile.TemporaryFile() as log:
    server = subprocess.Popen(sys.argv[1:], stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    print(server.pid, flush=True)
    time.sleep(120)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_server_is_a_stray_once_its_starter_is_gone(swept, tmp_path: Path, capsys, monkeypatch) -> None:
    """As versions before 0.2 started them: without a supervisor."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / "harness-0123abcd"
    (folder / "model").mkdir(parents=True)
    words = ["models", "serve", "--model-uri", str(folder / "model"), "--env-manager", "local"]
    command = [*server_command(words), "--host", "127.0.0.1", "--port", "5999"]
    starter = subprocess.Popen([sys.executable, "-c", STARTER, *command], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    server = psutil.Process(int(starter.stdout.readline()))
    try:
        while server.cmdline()[1:] != command[1:]:  # until it has become the other program
            time.sleep(0.01)
        assert stray_servers() == []
        starter.kill()
        starter.communicate()
        (found,) = stray_servers()
        assert (server.pid in found.processes, found.address, found.folder) == (True, "127.0.0.1:5999", folder)
        phrase = f"MLflow's server at 127.0.0.1:5999 without the command that started it: {server.pid}"
        code, text = doctor(swept.store, capsys, "--dry-run")
        assert (code, phrase in text, server.is_running()) == (1, True, True)
        code, text = doctor(swept.store, capsys)
        assert (code, f"{phrase}: repaired" in text) == (0, True)
        assert not server.is_running()
        assert not folder.exists()
        assert stray_servers() == []
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            server.kill()


def test_a_server_that_others_started_is_no_stray(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{tmp_path}/m.db"]
    starter = subprocess.Popen([sys.executable, "-c", STARTER, *command], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    server = psutil.Process(int(starter.stdout.readline()))
    try:
        starter.kill()
        starter.communicate()
        assert stray_servers() == []
    finally:
        server.kill()


def test_the_folder_of_a_server_that_is_gone_is_removed(swept, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ours, fresh, strange = (tmp_path / f"harness-{name}" for name in ("ours", "fresh", "strange"))
    for folder, module in ((ours, "harness.export.scoring"), (fresh, "harness.export.scoring"), (strange, "mine")):
        (folder / "model").mkdir(parents=True)
        (folder / "model" / "MLmodel").write_text(f"flavors:\n  python_function:\n    loader_module: {module}\n")
    hour_ago = time.time() - 3600
    for folder in (ours, strange):
        os.utime(folder, (hour_ago, hour_ago))
    assert doctor(swept.store, capsys) == (0, f"processes: {ours}: left by a server that is gone: repaired\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["harness-fresh", "harness-strange"]
