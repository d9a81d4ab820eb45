"""MLflow's server on a local store, and `harness ui` around it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import typer
from typer.testing import CliRunner

from harness.cli.serve import ui
from harness.errors import StoreError, UsageError
from harness.records import DataFacts
from harness.store import Store
from harness.tracking import RunWriter, connect
from harness.tracking.server import free_port, serving

APP = typer.Typer()
APP.command()(ui)


@pytest.fixture
def filled(store: Store, facts: DataFacts, make_pair: Callable[..., Any]) -> Store:
    writer = RunWriter(store, "s1", "nightly")
    writer.comparison_started("toy", facts, {})
    writer.trials([make_pair("lstm", 1), make_pair("gru", 1)])
    return store


def test_the_wanted_port_or_the_next_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"--port {number}: expected a free port, got one that is taken"):
            free_port(number)
        assert free_port(None) != number
    assert free_port(number) == number


def test_two_processes_that_ask_at_once_are_told_two_ports() -> None:
    command = [
        sys.executable,
        "-c",
        "from harness.tracking.server import free_port; print(free_port(None), flush=True); input()",
    ]
    others = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    ports = [other.stdout.readline() for other in others if other.stdout]
    for other in others:
        other.communicate("\n", timeout=60)
    assert ports[0] != ports[1]


def listening_at(process: int) -> set[str]:
    """The addresses that a process and all below it listen at."""
    parent = psutil.Process(process)
    sockets = [one for each in (parent, *parent.children(recursive=True)) for one in each.net_connections("all")]
    return {one.laddr.ip for one in sockets if one.status == psutil.CONN_LISTEN}


def test_the_command_shows_the_training_runs_and_ends_with_all_it_started(filled: Store, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    command = [sys.executable, "-c", "from harness.cli import main; main()"]
    command += ["ui", "--no-open", "--store", str(filled.root)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path / "here"
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    root, _, route = address.partition("/#/")
    assert route == "experiments/1/runs?workflowType=machine_learning&viewStateShareKey=verdicts"
    assert root.startswith("http://127.0.0.1:")
    question = urllib.request.Request(
        f"{root}/api/2.0/mlflow/runs/search",
        json.dumps({"experiment_ids": ["1"]}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(question) as answer:
        names = {run["info"]["run_name"] for run in json.load(answer)["runs"]}
    assert names == {"toy: searching", "lstm r1 001", "gru r1 001"}
    with urllib.request.urlopen(root) as answer:
        assert b"<html" in answer.read()
    family = psutil.Process(process.pid).children(recursive=True)
    assert family
    assert listening_at(process.pid) == {"127.0.0.1"}
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert errors.splitlines()[-1] == "closed"
    assert "Traceback" not in errors
    assert not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert list((tmp_path / "here").iterdir()) == []


def started(store: Store) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    command = [sys.executable, "-c", "from harness.cli import main; main()", "ui", "--no-open", "--store"]
    process = subprocess.Popen([*command, str(store.root)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("http://")
    return process, psutil.Process(process.pid).children(recursive=True)


def test_nothing_stays_of_a_command_that_is_killed(filled: Store) -> None:
    process, family = started(filled)
    assert len(family) >= 3  # the supervisor, MLflow's command, its server
    process.kill()
    process.communicate()
    assert psutil.wait_procs(family, timeout=20)[1] == []


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 0), (signal.SIGTERM, 0), (None, 141)])
def test_nothing_stays_when_terminal_service_or_pipe_end(number: int | None, code: int, filled: Store) -> None:
    process, family = started(filled)
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        if number is None:
            process.stdout.close()
        else:
            process.send_signal(number)
        assert process.wait(30) == code
        assert "Traceback" not in process.stderr.read()
    assert [one for one in family if one.is_running()] == []


@pytest.mark.slow
def test_a_server_whose_supervisor_is_killed_is_ended_and_said(filled: Store) -> None:
    process, family = started(filled)
    family[0].kill()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "MLflow's server ended with code -9" in errors.splitlines()[-1]
    assert psutil.wait_procs(family, timeout=10)[1] == []


@pytest.mark.slow
def test_a_server_that_cannot_start_says_why(filled: Store) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with (
            pytest.raises(StoreError, match="MLflow's server ended with code"),
            serving(filled, taken.getsockname()[1]),
        ):
            pass


def _refusal(*arguments: str) -> UsageError:
    error = CliRunner().invoke(APP, list(arguments)).exception
    assert isinstance(error, UsageError)
    return error


def test_a_store_without_a_sweep(store: Store, tmp_path: Path) -> None:
    missing = _refusal("--no-open", "--store", str(tmp_path / "none"))
    assert "holds no sweep yet, there is no mlflow.db; run `harness sweep` first" in str(missing)
    assert not (tmp_path / "none").exists()
    assert "holds no sweep yet; run `harness sweep` first" in str(_refusal("--no-open", "--store", str(store.root)))


def test_a_server_elsewhere_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(APP, ["--no-open", "--tracking-uri", "http://me:secret@mlflow.example:5000"])
    assert result.stdout == "http://mlflow.example:5000\n"


@pytest.mark.slow
def test_everything_through_a_real_server(
    empty_database: Path,
    tmp_path: Path,
    facts: DataFacts,
    make_pair: Callable[..., Any],
    make_result: Callable[..., Any],
) -> None:
    """A tracking server that keeps the artifacts itself, as teams run them."""
    import numpy as np

    from harness.records import Phase
    from harness.tracking import move_alias, read_sweep_scores, register, resolve

    there, here = tmp_path / "server", tmp_path / "client"
    there.mkdir()
    port = free_port(None)
    uri = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-P",
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    command += ["--backend-store-uri", f"sqlite:///{there}/m.db", "--artifacts-destination", str(there / "artifacts")]
    quiet = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (there / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=there, env=quiet, start_new_session=True)
    try:
        _wait_for(uri)
        store = Store(here, uri)
        pairs = [make_pair("lstm", 1), make_pair("gru", 1), make_pair("gru", 1, phase=Phase.SEED_REPEAT)]
        champion = tmp_path / "champion"
        champion.mkdir()
        (champion / "model.keras").write_bytes(b"the network")
        np.savez(champion / "example.npz", x=np.ones((2, 5, 2)))
        description = {
            "name": "toy",
            "sweep_id": "s1",
            "trial": "toy/gru/r1/search/0001",
            "family": "gru",
            "arm": "gru",
            "metric": "mae",
            "test_score": 0.5,
            "values": {},
            "inputs": {"x": [-1, 5, 2]},
            "output": [-1, 1],
            "requirements": ["keras==3.15.1"],
        }
        (champion / "champion.json").write_text(json.dumps(description))
        for _ in range(2):
            writer = RunWriter(store, "s1", "nightly")
            writer.comparison_started("toy", facts, {})
            writer.trials(pairs)
            registered = register(store, champion, {"verdict": "winner"})
            writer.conclude(make_result(pairs), {"report.html": "<p>ü</p>"})
            writer.close("gru wins")
        move_alias(store, "toy", registered.version, "champion")
        assert registered.version == "1"
        found = resolve(store, "toy")
        assert found.path == registered.path
        assert found.path.is_relative_to(here)  # downloaded once
        assert (found.path / "data/model.keras").read_bytes() == b"the network"
        assert json.loads((found.path / "champion.json").read_text()) == description
        rows = read_sweep_scores(store, "s1")
        assert [(row["trial_key"], row["test_score"]) for row in rows] == [
            ("s1/toy/gru/r1/confirmation/0001", 0.51),
            ("s1/toy/gru/r1/search/0001", 0.51),
            ("s1/toy/lstm/r1/search/0001", 0.51),
        ]
        client = connect(store)
        runs = client.search_runs([writer.experiment_id])
        parent = next(run for run in runs if run.info.run_name == "toy: gru wins")
        assert [file.path for file in client.list_artifacts(parent.info.run_id)] == ["report.html"]
    finally:
        for one in psutil.Process(server.pid).children(recursive=True):
            one.terminate()
        server.terminate()
        server.wait(10)


def _wait_for(uri: str) -> None:
    import time

    for _ in range(300):
        try:
            urllib.request.urlopen(f"{uri}/health").close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server did not start")
