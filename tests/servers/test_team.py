"""docs/team.md, run: every command of it, against the real PostgreSQL, nginx, MLflow's basic auth, and S3 by moto."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import PAGE, PG_PASSWORD, Team, blocks, environment, program

PASSWORDS = ("s3/cr@t:pw", "s3%2Fcr%40t%3Apw", "a-long-password")


def test_every_block_of_the_page_is_run() -> None:
    """Read from the calls in this folder: a block that nobody names here would be a promise that nobody keeps."""
    calls = [
        node
        for file in (Path(__file__), Path(__file__).with_name("conftest.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args
    ]
    named = {
        call.args[0].value
        for call in calls
        if getattr(call.func, "attr", "") in ("run", "text", "mlflow", "nginx")
        and isinstance(call.args[0], ast.Constant)
    }
    assert named == set(blocks())
    unnamed = re.findall(r"^```(?:sh|ini|nginx|console|bash)$", PAGE.read_text(), re.MULTILINE)
    assert unnamed == []


def assert_complete(team: Team, trials: int, folder: Path | None = None, **access: str) -> None:
    """MLflow holds each trial of the journal once, and nothing that was written here holds a password."""
    home = folder or team.home
    code = (
        "import json; from harness.store import find_store; from harness.tracking.queries import read_sweep_scores\n"
        "store = find_store(); ids = [path.name for path in store.sweeps.iterdir()]\n"
        "print(json.dumps([row['trial_key'] for one in ids for row in read_sweep_scores(store, one)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=home, env=environment(**access), capture_output=True)
    keys = json.loads(done.stdout)
    assert len(keys) == len(set(keys)) == trials
    leaks = [
        str(path)
        for path in home.rglob("*")
        if path.is_file() and any(word.encode() in path.read_bytes() for word in PASSWORDS)
    ]
    assert leaks == []


def assert_without_passwords(team: Team) -> None:
    """What the server's databases hold has no password either, but its own table of users' hashes."""
    for database in ("mlflow",):
        dump = [program("pg_dump"), "-h", "127.0.0.1", "-p", team.ports["5432"], "-U", "postgres", database]
        done = subprocess.run(dump, env=environment(**PG_PASSWORD), capture_output=True, text=True, check=True)
        assert not any(word in done.stdout for word in PASSWORDS)


@pytest.mark.slow
def test_a_server_on_postgresql(team: Team) -> None:
    team.run("server-packages")
    with team.mlflow("server"):
        phrase = team.run("user")
        assert phrase.splitlines()[-1] == "nothing is wrong"
        assert_complete(team, 4, MLFLOW_TRACKING_URI=team.address("5000"))
    assert any((team.folder / "served" / "artifacts").rglob("model.keras"))
    assert_without_passwords(team)


@pytest.mark.slow
def test_a_path_behind_nginx(team: Team) -> None:
    with team.mlflow("prefix-server", "/team/mlflow"), team.nginx("nginx.conf"):
        phrase = team.run("prefix-user")
        assert team.address("8080", "/team/mlflow") in phrase.splitlines()[-1]
        assert_complete(team, 4, MLFLOW_TRACKING_URI=team.address("8080", "/team/mlflow"))
    assert_without_passwords(team)


@pytest.mark.slow
def test_users_with_passwords_and_files_in_s3(team: Team) -> None:
    team.run("auth-packages")
    team.run("auth-database", **PG_PASSWORD)
    (team.folder / "served" / "auth.ini").write_text(team.text("auth.ini"))
    with team.s3(), team.mlflow("auth-server"):
        team.run("auth-users")
        team.run("auth-user")
        ada: dict[str, Any] = {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "a-long-password-2"}
        assert_complete(team, 4, MLFLOW_TRACKING_URI=team.address("5000"), **ada)
        assert any(one.key.endswith("model.keras") for one in team.bucket.objects.all())
        nobody = subprocess.run(
            [sys.executable, "-c", "from harness.cli import main; main()", "models", "list"],
            cwd=team.home,
            env=environment(MLFLOW_TRACKING_URI=team.address("5000")),
            capture_output=True,
            text=True,
        )
        assert (nobody.returncode, nobody.stdout, nobody.stderr.count("\n")) == (1, "", 1)
        assert "MLFLOW_TRACKING_USERNAME" in nobody.stderr
        reads_only(team)
    assert_without_passwords(team)


def reads_only(team: Team) -> None:
    """Ben, who may read: refused once, with everything kept; then he may write, and nothing is missing."""
    ben = team.folder / "ben"
    (ben / "datasets").mkdir(parents=True)
    (ben / "datasets" / "sums.toml").write_text((team.home / "datasets" / "sums.toml").read_text())
    phrase = team.run("auth-reader", code=1, folder=ben)
    assert phrase.count("cannot be written to") == 1, phrase
    assert phrase.count("(403)") <= 2, phrase  # when it is refused, and once more at the end with the cure
    assert "harness doctor --sync" in phrase
    access = {"MLFLOW_TRACKING_USERNAME": "ben", "MLFLOW_TRACKING_PASSWORD": "a-long-password-3"}
    team.run("auth-grant")
    team.run("auth-sync", folder=ben)
    assert_complete(team, 4, ben, MLFLOW_TRACKING_URI=team.address("5000"), **access)


@pytest.mark.slow
def test_a_database_without_a_server(team: Team) -> None:
    phrase = team.run("direct")
    assert not any(word in phrase for word in PASSWORDS)
    address = f"postgresql://mlflow:s3%2Fcr%40t%3Apw@127.0.0.1:{team.ports['5432']}/mlflow"
    assert_complete(team, 4, MLFLOW_TRACKING_URI=address)
    assert any((team.home / "mlruns" / "artifacts").rglob("model.keras"))
    assert sorted(os.listdir(team.home)) == ["datasets", "mlruns"]
    assert not (team.home / "mlruns" / "mlflow.db").exists()
    started = time.monotonic()
    wrong = subprocess.run(
        [sys.executable, "-c", "from harness.cli import main; main()", "models", "list"],
        cwd=team.home,
        env=environment(MLFLOW_TRACKING_URI=address.replace("s3%2F", "s4%2F")),
        capture_output=True,
        text=True,
    )
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert "password authentication failed" in wrong.stderr
    assert "s4" not in wrong.stderr
    assert time.monotonic() - started < 60  # MLflow itself would try for 100 seconds
