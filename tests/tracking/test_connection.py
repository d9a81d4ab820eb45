"""Opening MLflow's store: quickly, quietly, once; or saying in one line why not."""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.errors import AccessError, StoreError
from harness.store import Store
from harness.tracking.client import connect, prepare_environment, translating


def test_a_local_store_is_made_where_it_is_to_be(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    root = tmp_path / "a" / "mlruns"
    client = connect(Store(root, f"sqlite:///{root / 'mlflow.db'}"))
    number = client.experiment("nightly")
    assert client.experiment("nightly") == number
    assert client.get_experiment(number).artifact_location == (root / "artifacts" / "nightly").as_uri()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert capfd.readouterr() == ("", "")
    with closing(sqlite3.connect(root / "mlflow.db")) as database, database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


def test_processes_that_start_at_once_all_get_in(tmp_path: Path) -> None:
    # Without a lock all but one die with `duplicate column name`.
    code = (
        "import sys; from pathlib import Path; from harness.store import Store\n"
        "from harness.tracking.client import connect\n"
        "root = Path(sys.argv[1]); print(connect(Store(root, f'sqlite:///{root}/mlflow.db')).experiment('x'))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "m")], stdout=subprocess.PIPE) for _ in range(2)
    ]
    assert [process.communicate()[0].strip() for process in processes] == [b"1"] * 2


def test_a_store_that_is_not_there_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no sweep has run in this store yet"):
        connect(Store(tmp_path / "m", f"sqlite:///{tmp_path}/m/mlflow.db"), create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("hello " * 1000)
    started = time.monotonic()
    with pytest.raises(StoreError, match=r"mlflow.db: file is not a database; expected MLflow's database"):
        connect(Store(tmp_path, f"sqlite:///{tmp_path}/mlflow.db"))
    assert time.monotonic() - started < 5  # MLflow itself would try for 100 seconds


@pytest.mark.parametrize(
    ("uri", "phrase"),
    [
        ("http://127.0.0.1:{closed}", "no answer"),
        ("http://no-such-host.invalid:5000", "no answer"),
        ("postgresql://me:secret@127.0.0.1:{closed}/mlflow", r"//\*\*\*@127.0.0.1:\d+/mlflow: no answer"),
        ("http://127.0.0.1:{silent}", "no answer .*timed out"),
    ],
)
def test_a_server_that_does_not_answer_is_named_within_ten_seconds(tmp_path: Path, uri: str, phrase: str) -> None:
    with socket.socket() as closed, socket.socket() as silent:
        closed.bind(("127.0.0.1", 0))
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        ports = {"closed": closed.getsockname()[1], "silent": silent.getsockname()[1]}
        before, started = dict(os.environ), time.monotonic()
        with pytest.raises(StoreError, match=phrase) as caught:
            connect(Store(tmp_path, uri.format(**ports)))
    assert time.monotonic() - started < 10
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert {name: value for name, value in os.environ.items() if "REQUEST" in name} == {
        name: value for name, value in before.items() if "REQUEST" in name
    }


def test_failures_inside_calls_become_store_errors(store: Store) -> None:
    with pytest.raises(StoreError, match="no-such-run"):
        connect(store).get_run("no-such-run")


def test_nothing_is_sent_that_the_user_did_not_ask_for() -> None:
    environment = {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "true"}
    prepare_environment(environment)
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environment["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] == "true"  # the user's word goes first


def test_mlflows_chatter_is_quiet_and_its_warnings_are_not(store: Store) -> None:
    connect(store)
    assert logging.getLogger("alembic.runtime").getEffectiveLevel() == logging.WARNING


@pytest.mark.parametrize(
    ("uri", "cure"),
    [
        ("postgresql://me:secret@127.0.0.1:1/d", 'pip install "lstm-gru-harness[postgres]"'),
        ("postgresql+psycopg2://me:secret@127.0.0.1:1/d", 'pip install "lstm-gru-harness[postgres]"'),
        ("mysql://me:secret@127.0.0.1:1/d", "pip install pymysql"),
        ("mssql+pyodbc://me:secret@127.0.0.1:1/d", "pip install pyodbc"),
        ("postgresql+nosuch://me:secret@127.0.0.1:1/d", "nosuch"),
    ],
)
def test_a_database_without_its_driver_is_one_line_in_every_command(
    tmp_path: Path, uri: str, cure: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.cli import main

    for name in ("psycopg", "psycopg2", "pymysql", "MySQLdb", "pyodbc"):
        monkeypatch.setitem(sys.modules, name, None)  # as where it is not installed
    for command in (
        ["models", "list"],
        ["models", "show", "x"],
        ["predict", "x", "--test"],
        ["export", "x"],
        ["serve", "x"],
    ):
        with pytest.raises(SystemExit) as end:
            main([*command, "--tracking-uri", uri, "--store", str(tmp_path / "mlruns")])
        out, err = capsys.readouterr()
        assert (end.value.code, out, err.count("\n")) == (1, "", 1), (command, out, err)
        assert cure in err
        assert "secret" not in err


class Refusing(BaseHTTPRequestHandler):
    """Answers everything with one status, as MLflow's basic auth does."""

    status = 401

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        text = b"Permission denied" if self.status == 403 else b"You are not authenticated. Please see https://x"
        self.send_response(self.status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(("status", "cure"), [(401, "MLFLOW_TRACKING_USERNAME"), (403, "ask who runs it")])
def test_a_server_that_refuses_says_what_to_do(
    tmp_path: Path, status: int, cure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Refusing, "status", status)
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with pytest.raises(AccessError, match=rf"\({status}\).*{cure}") as caught:
            connect(Store(tmp_path, f"http://me:pa:ss@127.0.0.1:{server.server_port}"))
        server.shutdown()
        thread.join()
    assert "pa:ss" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_package_that_the_storage_of_files_needs_is_named(store: Store) -> None:
    with (
        pytest.raises(StoreError, match=r"needs adlfs, which is not installed: `pip install adlfs`"),
        translating(store),
    ):
        raise ModuleNotFoundError("No module named 'adlfs'", name="adlfs")


OF_MLFLOW_2_14 = "4465047574b1"
"""The revision of its database's tables."""


def test_a_database_of_an_old_mlflow_is_opened_and_keeps_what_it_holds(tmp_path: Path) -> None:
    import sqlalchemy
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    executor = sqlalchemy.create_engine(uri)
    Base.metadata.create_all(executor)
    command.upgrade(_get_alembic_config(uri), OF_MLFLOW_2_14)
    with executor.begin() as database:
        database.exec_driver_sql("INSERT INTO experiments (name, lifecycle_stage) VALUES ('old', 'active')")
    executor.dispose()
    assert connect(Store(tmp_path, uri), create=False).get_experiment_by_name("old") is not None
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchone() != (OF_MLFLOW_2_14,)


def test_a_database_of_a_later_mlflow_is_refused_in_one_line_and_left_alone(store: Store) -> None:
    with closing(sqlite3.connect(store.root / "mlflow.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        database.commit()
    for create in (False, True):
        with pytest.raises(StoreError, match="ffffffffffff") as caught:
            connect(store, create=create)
        assert "\n" not in str(caught.value)
    with closing(sqlite3.connect(store.root / "mlflow.db")) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchone() == ("ffffffffffff",)
