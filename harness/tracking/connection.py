"""One way into MLflow's store: opens it quickly, quietly and once, or says in one line why it cannot.

Every error of MLflow's, of its database or of the network leaves here as a `StoreError`.
Knows nothing of runs.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import sqlite3
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.errors import StoreError
from harness.store import Store, database_path

ANSWER_SECONDS = 4
"""How long a server may take to answer when it is asked for the first time."""

_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}

_KIND_TAG = {"mlflow.experimentKind": "custom_model_development"}

_CHATTER = ("mlflow.store", "mlflow.tracking", "mlflow.models", "mlflow.utils", "alembic")

_DATABASE_SAID = re.compile(r"\(\w+\.(?:\w+\.)*\w*Error\) (.{1,300})")

_ENVIRONMENT = {
    # The user's data stays the user's: no address is called that the user did not name.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # A client of a server prints two lines on standard output at the end of each run.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # MLflow would wait two minutes for an answer, and ask seven times again; what failed is written later anyway.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}


class Connection:
    """MLflow's client on one store: its methods, with every failure turned into a `StoreError`.

    Attributes:
        store: The store it is connected to.
    """

    def __init__(self, store: Store, client: Any) -> None:
        self.store = store
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*arguments: Any, **named: Any) -> Any:
            with translating(self.store):
                return method(*arguments, **named)

        return call

    def experiment(self, name: str) -> str:
        """The id of the experiment of this name: made if missing, taken back if deleted in the UI."""
        found = self.get_experiment_by_name(name)
        if found is None:
            return self._create_experiment(name)
        if found.lifecycle_stage == "deleted":
            self.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _create_experiment(self, name: str) -> str:
        # With a plain sqlite address artifacts would fall into ./mlruns of whatever folder one stands in.
        place = (self.store.artifacts / name).as_uri() if self.store.local else None
        try:
            return str(self.create_experiment(name, artifact_location=place, tags=_KIND_TAG))
        except StoreError:
            # Another sweep of this name, started at the same instant, was quicker.
            if (found := self.get_experiment_by_name(name)) is None:
                raise
            return str(found.experiment_id)


def connect(store: Store, *, create: bool = True) -> Connection:
    """Open MLflow's store.

    A local one is made if it is not there, by one process at a time. A server has `ANSWER_SECONDS` to answer.

    Args:
        store: Which store.
        create: Whether a local store that does not exist is made.

    Raises:
        StoreError: The store cannot be opened, or there is none and `create` is false.
    """
    prepare_environment()
    quieten()
    _import_client()
    if store.local:
        return _connect_to_file(store, create=create)
    _reach_database(store)
    return _ask(store)


def prepare_environment(environment: Any = os.environ) -> None:
    """Switch off what MLflow would send or print unasked, unless the user has set it."""
    for name, value in _ENVIRONMENT.items():
        environment.setdefault(name, value)


def quieten() -> None:
    """Keep MLflow's and alembic's progress messages off the screen; their warnings stay."""
    for name in _CHATTER:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It prints a database's every failure with a traceback of sixty lines; here it is raised, and said in one.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def translating(store: Store) -> Iterator[None]:
    """Turn what MLflow, its database or the network raise into a `StoreError` of one line."""
    import requests
    import sqlalchemy.exc
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, requests.RequestException, sqlalchemy.exc.SQLAlchemyError, OSError) as error:
        raise StoreError(f"{shown(store.tracking_uri)}: {_one_line(error)}") from error


def shown(uri: str) -> str:
    """A store's address without the password that it may hold."""
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", uri)


def database_file(store: Store) -> Path:
    """The file of a local store's database."""
    return database_path(store.tracking_uri)


def _connect_to_file(store: Store, *, create: bool) -> Connection:
    file = database_file(store)
    if not create and not file.is_file():
        raise StoreError(f"{file}: expected MLflow's database, got nothing there; no sweep has run in this store yet")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        store.root.mkdir(parents=True, exist_ok=True)
        with _alone(file.with_suffix(".lock")):
            _use_write_ahead_log(file)
            return _ask(store)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{file}: {_one_line(error)}; expected MLflow's database or a place to make it") from error


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    # Of three processes that open one fresh database at once two die with `duplicate column name`. A locked
    # SQLite file is a lock on every platform, and the system lets go of it when its holder is killed.
    with contextlib.closing(sqlite3.connect(lock, timeout=60, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield


def _use_write_ahead_log(file: Path) -> None:
    # The mode stays with the file. MLflow commits six times a trial; with a rollback journal each commit
    # waits for the disk three times or more (113 ms a trial on a busy disk, 31 ms with the log), and readers
    # wait for writers.
    with contextlib.closing(sqlite3.connect(file, timeout=60)) as database:
        database.execute("PRAGMA journal_mode=WAL")


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Hold back what MLflow's modules warn of while they load: their own types and dependencies, not the user's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _import_client() -> Any:
    with without_warnings():
        from mlflow.tracking import MlflowClient

    return MlflowClient


def _ask(store: Store) -> Connection:
    if store.local:
        # MLflow's own experiment gets a folder below the current one else, whose quotes break its SQL.
        settings = {"_MLFLOW_SERVER_ARTIFACT_ROOT": store.artifacts.as_uri()}
    else:
        settings = {"MLFLOW_HTTP_REQUEST_TIMEOUT": str(ANSWER_SECONDS), "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    with _environment(settings), translating(store):
        client = _import_client()(tracking_uri=store.tracking_uri, registry_uri=store.tracking_uri)
        client.search_experiments(max_results=1)
    return Connection(store, client)


def _reach_database(store: Store) -> None:
    # MLflow tries a database that does not answer ten times, for 100 seconds.
    parts = urlsplit(store.tracking_uri)
    port = parts.port or _DATABASE_PORTS.get(parts.scheme.split("+")[0])
    if parts.scheme in ("http", "https") or port is None or parts.hostname is None:
        return
    try:
        socket.create_connection((parts.hostname, port), timeout=ANSWER_SECONDS).close()
    except OSError as error:
        raise StoreError(f"{shown(store.tracking_uri)}: no answer from {parts.hostname}:{port} ({error})") from error


@contextlib.contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _one_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[0] if lines else type(error).__name__
    # The first line may be SQLAlchemy's advice; what the database said stands behind the name of its error.
    if said := next((found for text in lines if (found := _DATABASE_SAID.search(text))), None):
        return said[1]
    if cause := re.search(r"Caused by \w+\([\"'](?:[^:]*: )?(.*)[\"']\)\)$", line):
        return f"no answer ({cause[1]})"
    return line[:500]
