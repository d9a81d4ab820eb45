"""MLflow that is away: down at the start, gone in the middle, answering with errors, locked, or left alone."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from harness.errors import StoreError
from harness.executors import InProcessExecutor, PoolExecutor
from harness.journal import EventKind, Journal
from harness.store import Store
from harness.sweeps.events import Message, Progress
from harness.sweeps.folders import find_unfinished, sweep_ids
from harness.sweeps.runner import run_sweep, synchronise
from harness.tracking.queries import read_sweep_scores
from harness.tracking.server import free_port


class Server:
    """A real `mlflow server` on loopback, which can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port(None)
        self.uri = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        store = f"sqlite:///{self._folder / 'mlflow.db'}"
        places = ["--backend-store-uri", store, "--artifacts-destination", str(self._folder / "artifacts")]
        address = ["--host", "127.0.0.1", "--port", str(self._port), "--workers", "1"]
        command = [str(Path(sys.executable).parent / "mlflow"), "server", *places, *address]
        self._process = subprocess.Popen(
            command, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def wait(self) -> None:
        from urllib.request import urlopen

        for _ in range(1500):
            try:
                urlopen(f"{self.uri}/health", timeout=2).close()
                return
            except OSError:
                time.sleep(0.3)
        raise AssertionError("mlflow server did not begin")

    def stop(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path)
    one.wait()
    yield one
    one.stop()


def notes(phrase: list[object]) -> list[str]:
    return [one.text for one in phrase if isinstance(one, Message)]


@pytest.mark.slow
def test_a_server_gone_in_the_middle_gets_everything_when_it_is_back(
    toys, configs, tmp_path: Path, server: Server
) -> None:
    store, phrase = Store(tmp_path / "mlruns", server.uri), list[object]()
    stopped = threading.Event()

    def listen(one: object) -> None:
        phrase.append(one)
        if isinstance(one, Progress) and sum(family.completed for family in one.families) >= 2 and not stopped.is_set():
            server.stop()
            stopped.set()
        if isinstance(one, Message) and "MLflow is away" in one.text:
            server.start()

    header = toys.header(configs, datasets=("tiny_adding",), trials=6)
    with PoolExecutor(2, threads_per_worker=1) as executor:
        result = run_sweep(header, store, executor, listen)
        if result.behind:  # a busy machine starts the server slowly
            server.wait()
            result = synchronise(store, result.sweep_id, executor, listen)
    assert (result.behind, result.unfinished) == ("", {})
    assert any("trials go on, and the journal keeps them" in text for text in notes(phrase))
    assert_complete(store, result.sweep_id, trials=14)
    assert result.comparisons[0].champion is not None


@pytest.mark.slow
def test_a_server_gone_while_the_champion_is_registered_leaves_the_sweep_to_be_gone_on_with(
    toys, configs, tmp_path: Path, server: Server
) -> None:
    """All runs are in MLflow by then, so the server's return alone does not make the sweep complete."""
    store, phrase = Store(tmp_path / "mlruns", server.uri), list[object]()

    def listen(one: object) -> None:
        phrase.append(one)
        if (
            isinstance(one, Message)
            and "exporting the selected model" in one.text
            and not said_of("not registered yet")
        ):
            server.stop()
        if isinstance(one, Message) and "not registered yet" in one.text and said_of("not registered yet") == 2:
            server.start()
            server.wait()

    def said_of(what: str) -> int:
        return sum(what in text for text in notes(phrase))

    header = toys.header(configs, datasets=("tiny_adding",), trials=2, confirmations=0)
    with PoolExecutor(2, threads_per_worker=1) as executor:
        result = run_sweep(header, store, executor, listen)
        assert (result.behind, said_of("not registered yet")) == ("champions not registered: tiny_adding", 2)
        assert find_unfinished(store, header) == result.sweep_id
        result = run_sweep(header, store, executor, listen, resume=result.sweep_id)
    assert (result.behind, result.unfinished) == ("", {})
    assert result.comparisons[0].champion is not None
    assert find_unfinished(store, header) is None
    assert_complete(store, result.sweep_id, trials=4)


def assert_complete(store: Store, sweep_id: str, trials: int) -> None:
    rows = read_sweep_scores(store, sweep_id)
    with Journal.open(store.sweeps / sweep_id) as journal:
        ended = sorted(event.trial_key for event in journal.events(EventKind.ENDED))
        scores = journal.unseal("tiny_adding")
    assert sorted(row["trial_key"].removeprefix(f"{sweep_id}/") for row in rows) == ended
    assert len(ended) == trials
    assert {row["trial_key"].removeprefix(f"{sweep_id}/"): row["test_score"] for row in rows} == scores


class Slow(BaseHTTPRequestHandler):
    """Stands before a real server, and holds each request until its gate is open, at most for `LONGEST_SECONDS`."""

    LONGEST_SECONDS = 20.0
    behind = ""
    gate = threading.Event()
    held: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self._forward()

    def do_POST(self) -> None:
        self._forward()

    def do_PATCH(self) -> None:
        self._forward()

    def do_PUT(self) -> None:
        self._forward()

    def do_DELETE(self) -> None:
        self._forward()

    def _forward(self) -> None:
        from urllib.error import HTTPError
        from urllib.request import Request, urlopen

        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if not self.gate.is_set():
            self.gate.wait(self.LONGEST_SECONDS)
            self.held.append(self.path)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        request = Request(f"{self.behind}{self.path}", body or None, headers, method=self.command)
        try:
            with urlopen(request, timeout=60) as answer:
                code, kind, content = answer.status, answer.headers.get("content-type", ""), answer.read()
        except HTTPError as error:
            code, kind, content = error.code, error.headers.get("content-type", ""), error.read()
        self.send_response(code)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def slow_server(server: Server) -> Iterator[str]:
    Slow.behind, Slow.held = server.uri, []
    Slow.gate.set()
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as before:
        thread = threading.Thread(target=before.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{before.server_port}"
        Slow.gate.set()
        before.shutdown()
        thread.join()


@pytest.mark.slow
def test_no_trial_waits_for_a_server_that_takes_long_to_answer(toys, configs, tmp_path: Path, slow_server: str) -> None:
    """While a search runs an answer takes up to 20 s: waiting for one a trial would take minutes."""
    store, phrase, answered = Store(tmp_path / "mlruns", slow_server), list[object](), list[int]()

    def listen(one: object) -> None:
        phrase.append(one)
        if isinstance(one, Progress) and one.over:
            answered.append(len(Slow.held))
            Slow.gate.set()
        elif isinstance(one, Progress):
            Slow.gate.clear()

    header = toys.header(configs, datasets=("tiny_adding",), trials=8)
    with PoolExecutor(2, threads_per_worker=1) as executor:
        result = run_sweep(header, store, executor, listen)
    assert answered[0] < 8
    assert Slow.held, "nothing was asked of the server while the search ran"
    assert not any("MLflow is away" in text for text in notes(phrase))
    assert (result.behind, result.unfinished) == ("", {})
    assert_complete(store, result.sweep_id, trials=18)


class Answering(BaseHTTPRequestHandler):
    """Answers the first request of a client's connecting, and everything else with 500."""

    empty: ClassVar[tuple[str, ...]] = ("experiments/search",)

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        name = {"get-by-name": {"experiment": {"experiment_id": "1", "name": "tiny", "lifecycle_stage": "active"}}}
        known = next((body for part, body in name.items() if part in self.path), {})
        ok = known or any(part in self.path for part in self.empty)
        text = (
            json.dumps(known).encode() if ok else b'{"error_code": "INTERNAL_ERROR", "message": "the disk is on fire"}'
        )
        self.send_response(200 if ok else 500)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def broken_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_a_server_that_answers_with_errors_stops_no_trial_and_sync_writes_later(
    toys, configs, tmp_path: Path, broken_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.sweeps.mlflow_sync.AWAY_SECONDS", 2.0)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away, phrase = Store(tmp_path / "mlruns", broken_server), list[object]()
    with PoolExecutor(2, threads_per_worker=1) as executor:
        result = run_sweep(toys.header(configs, datasets=("tiny_adding",)), away, executor, phrase.append)
        assert "500 error" in result.behind
        assert len(result.comparisons) == 1  # decided all the same
        assert any("MLflow is away (" in text and "500 error" in text for text in notes(phrase))
        back = Store(away.root, f"sqlite:///{away.root / 'mlflow.db'}")
        with Journal.open(back.sweeps / result.sweep_id) as journal:
            assert not journal.has(EventKind.FINISHED)
        result = synchronise(back, result.sweep_id, executor, phrase.append)
    assert (result.behind, result.unfinished) == ("", {})
    assert result.comparisons[0].champion is not None
    assert_complete(back, result.sweep_id, trials=8)


class Refusing(Answering):
    """Lets everybody read, and answers everything that writes with 403, as MLflow's basic auth does."""

    empty: ClassVar[tuple[str, ...]] = ("experiments/search", "runs/search")
    refused: ClassVar[list[str]] = []

    def _answer(self) -> None:
        if any(f"/{word}" in self.path for word in ("get", "search", "list")):
            super()._answer()
            return
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.refused.append(self.path)
        self.send_response(403)
        self.send_header("content-length", "17")
        self.end_headers()
        self.wfile.write(b"Permission denied")


def test_a_user_who_may_not_write_is_told_once_and_keeps_everything(
    toys, configs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.sweeps.mlflow_sync.AWAY_SECONDS", 600.0)  # which is not waited for
    phrase = list[object]()
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server, InProcessExecutor() as executor:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        store = Store(tmp_path / "mlruns", f"http://127.0.0.1:{server.server_port}")
        header = toys.header(configs, datasets=("tiny_adding",), trials=2, confirmations=0)
        result = run_sweep(header, store, executor, phrase.append)
        server.shutdown()
        thread.join()
    assert Refusing.refused != []
    assert [text for text in notes(phrase) if "403" in text or "MLflow" in text] == [
        f"MLflow cannot be written to ({result.behind}): trials go on, and the journal keeps them"
    ]
    assert "this user may not do this (403)" in result.behind
    with Journal.open(store.sweeps / result.sweep_id) as journal:
        assert len(list(journal.events(EventKind.ENDED))) == 4
        assert journal.has(EventKind.DECIDED, "tiny_adding")
        assert not journal.has(EventKind.FINISHED)


def test_offline_leaves_mlflow_alone_and_sync_writes_later(toys, configs, tmp_path: Path) -> None:
    nowhere = Store(tmp_path / "mlruns", "http://127.0.0.1:1")
    header = toys.header(configs, datasets=("tiny_adding",), trials=2, confirmations=0)
    with PoolExecutor(2, threads_per_worker=1) as executor:
        with pytest.raises(StoreError, match=r"no answer"):
            run_sweep(header, nowhere, executor, lambda _: None)
        assert sweep_ids(nowhere) == []
        result = run_sweep(header, nowhere, executor, lambda _: None, offline=True)
        assert result.behind == "it was left alone"
        back = toys.store_in(tmp_path)
        assert not (back.root / "mlflow.db").exists()
        result = synchronise(back, result.sweep_id, executor, lambda _: None)
    assert result.behind == ""
    assert_complete(back, result.sweep_id, trials=4)


@pytest.mark.slow
def test_a_database_that_another_process_locks_is_waited_for_and_said(
    toys, configs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, phrase = toys.store_in(tmp_path), list[object]()
    held: list[sqlite3.Connection] = []

    def listen(one: object) -> None:
        phrase.append(one)
        if isinstance(one, Progress) and not held and sum(family.completed for family in one.families) == 1:
            held.append(sqlite3.connect(store.root / "mlflow.db", isolation_level=None, check_same_thread=False))
            held[0].execute("BEGIN IMMEDIATE")
        if held and isinstance(one, Message) and "MLflow is away" in one.text:
            held[0].execute("ROLLBACK")

    header = toys.header(configs, datasets=("tiny_adding",), trials=3, confirmations=0)
    with InProcessExecutor() as executor:
        result = run_sweep(header, store, executor, listen)
    held[0].close()
    assert (result.behind, result.unfinished) == ("", {})
    assert any(re.search(r"MLflow is away \(.*database is locked", text) for text in notes(phrase))
    assert any("MLflow is back" in text for text in notes(phrase))
    assert capsys.readouterr() == ("", "")
    assert_complete(store, result.sweep_id, trials=6)
