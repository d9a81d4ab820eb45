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
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.databases import choose_journal_mode, may_write
from harness.disk import full_disk
from harness.errors import AccessError, StoreError
from harness.store import DATABASES, Store, database_path, database_uri, hide_passwords_in
from harness.tracking.relocation import Hold, elsewhere, readable, settle

ANSWER_SECONDS = 4
"""How long a server may take to answer when it is asked for the first time."""

TURN_SECONDS = 600
"""How long a command waits for others that open the same database: on a busy machine each takes seconds."""

_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}

_DRIVERS = {
    "postgresql": ('"lstm-gru-harness[postgres]"', "postgresql"),
    "mysql": ("pymysql", "mysql+pymysql"),
    "mssql": ("pyodbc", "mssql+pyodbc"),
}
"""What brings a driver for each kind of database, and how an address then begins."""

_REFUSED = {
    401: "the server does not know who asks (401): give it a user's name and password in MLFLOW_TRACKING_USERNAME and "
    "MLFLOW_TRACKING_PASSWORD",
    403: "the server says that this user may not do this (403): ask who runs it for the permission",
}
"""What to do where a server refuses, by its answer's status."""

KIND_TAG = {"mlflow.experimentKind": "custom_model_development"}

_CHATTER = ("mlflow.store", "mlflow.tracking", "mlflow.models", "mlflow.utils", "alembic")

_DATABASE_ERRORS = re.compile(r"\(\w+\.(?:\w+\.)*\w*Error\) (.{1,300})")

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
        uri: The address that is asked: the store's own, or that of a copy that can be read (`relocation`).
    """

    def __init__(self, store: Store, client: Any, uri: str = "", hold: Hold | None = None) -> None:
        self.store, self.uri = store, uri or store.tracking_uri
        self._client = client
        self._hold = hold  # for as long as this client writes, the store stays where it is

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
            # With a database's address artifacts would fall into ./mlruns of whatever folder one stands in.
            place = (self.store.artifacts / name).as_uri() if self.store.keeps_files else None
            try:
                return str(self.create_experiment(name, artifact_location=place, tags=KIND_TAG))
            except StoreError:
                # Another sweep of this name, started at the same instant, was quicker.
                if (found := self.get_experiment_by_name(name)) is None:
                    raise
        if found.lifecycle_stage == "deleted":
            self.restore_experiment(found.experiment_id)
        return str(found.experiment_id)


def connect(store: Store, *, create: bool = True) -> Connection:
    """Open MLflow's store.

    A local one is made if it is not there, by one process at a time; one that was moved is made to hold where it stands
    (`relocation`). A server has `ANSWER_SECONDS` to answer.

    Args:
        store: Which store.
        create: Whether a local store that does not exist is made. False is for those who only read: what they are given
            may be a copy.

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


def pages(search: Callable[..., Any], *what: Any, **how: Any) -> Iterator[Any]:
    """All that one of the client's searches finds, page after page."""
    token: str | None = None
    while True:
        page = search(*what, **how, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def registered_models(client: Connection) -> dict[str, Any]:
    """All registered models by name."""
    return {model.name: model for model in pages(client.search_registered_models)}


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
    """Turn what MLflow, its database, its files' storage or the network raise into a `StoreError` of one line."""
    try:
        yield
    except _foreign_errors() as error:
        if advice := _REFUSED.get(_http_status(error) or 0):
            raise AccessError(f"{store.address}: {advice}") from error
        folder = database_file(store).parent if store.local else None
        phrase = full_disk(error, folder) or hide_passwords_in(_one_line(error), store.tracking_uri)
        raise StoreError(f"{store.address}: {phrase}") from error
    except ModuleNotFoundError as error:
        cure = f"needs {error.name}, which is not installed: `pip install {error.name}`"
        raise StoreError(f"{store.address}: {cure}") from error


def database_file(store: Store) -> Path:
    """The file of a local store's database."""
    return database_path(store.tracking_uri)


def to_be_made(store: Store) -> bool:
    """Whether a local store's database is still to be made, in a folder where it can be: nobody has anything in it."""
    file = database_file(store) if store.local else None
    if file is None or file.exists():
        return False
    near = next(folder for folder in file.absolute().parents if folder.exists())
    return near.is_dir() and os.access(near, os.W_OK | os.X_OK)


def place_left(store: Store) -> Path | None:
    """The folder that a local store stood at and that MLflow still leads to; None where it leads to where it stands."""
    file = database_file(store)
    if not store.local or not file.is_file():
        return None
    try:
        return elsewhere(store.root, file)
    except (sqlite3.Error, OSError):  # which is said where the database is needed
        return None


def _connect_to_file(store: Store, *, create: bool) -> Connection:
    file = database_file(store)
    if not create and not file.is_file():
        raise StoreError(f"{file}: expected MLflow's database, got nothing there; no sweep has run in this store yet")
    try:
        if not create and (copy := readable(store.root, file)) != file:
            return _ask(store, database_uri(copy))
        if file.is_file() and not may_write(file):
            raise StoreError(f"{file}: you may not write it; commands that only read work")
        file.parent.mkdir(parents=True, exist_ok=True)
        store.root.mkdir(parents=True, exist_ok=True)
        with _alone(file.with_suffix(".lock")):
            # The mode stays with the file. MLflow commits six times a trial; with a rollback journal each commit
            # waits for the disk three times or more (113 ms a trial on a busy disk, 31 ms with the log), and readers
            # wait for writers.
            choose_journal_mode(file)
            return _ask(store, hold=settle(store.root, file) if create else None)
    except (sqlite3.Error, OSError) as error:
        why = full_disk(error, file.parent) or f"{_one_line(error)}; expected MLflow's database or a place to make it"
        raise StoreError(f"{file}: {why}") from error


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    # Of three processes that open one fresh database at once two die with `duplicate column name`. A locked
    # SQLite file is a lock on every platform, and the system lets go of it when its holder is killed.
    with contextlib.closing(sqlite3.connect(lock, timeout=TURN_SECONDS, isolation_level=None)) as holder:
        try:
            holder.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            # On a disk without room for a lock nobody makes a database either; one that is there can be read.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
                raise
        yield


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


def _ask(store: Store, address: str | None = None, hold: Hold | None = None) -> Connection:
    if store.local:
        # MLflow's own experiment gets a folder below the current one else, whose quotes break its SQL.
        settings = {"_MLFLOW_SERVER_ARTIFACT_ROOT": store.artifacts.as_uri()}
    else:
        settings = {"MLFLOW_HTTP_REQUEST_TIMEOUT": str(ANSWER_SECONDS), "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    with _environment(settings), translating(store):
        uri = address or store.tracking_uri
        client = _import_client()(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
    # MLflow keeps for the whole process where a run's artifacts are, by the run's id alone. A copied store has the same
    # runs at another place: without this they would be written where the first store stands.
    from mlflow.tracking._tracking_service import utils

    utils._artifact_repos_cache.clear()
    return Connection(store, client, uri, hold)


def _reach_database(store: Store) -> None:
    """Ask a database once: MLflow tries ten times, for 100 seconds, also where a password is wrong."""
    kind = store.tracking_uri.partition(":")[0].partition("+")[0]
    if kind not in DATABASES:
        return
    from sqlalchemy.engine import create_engine, make_url
    from sqlalchemy.pool import NullPool

    with translating(store):
        url = make_url(store.tracking_uri)
        host, port = url.host, url.port or _DATABASE_PORTS[kind]
        try:
            url.get_dialect().import_dbapi()
            if host is not None:  # a driver would wait for minutes
                socket.create_connection((host, port), timeout=ANSWER_SECONDS).close()
        except ImportError as error:
            package, address = _DRIVERS[kind]
            raise StoreError(
                f"{store.address}: the database's driver is not installed ({error}): `pip install {package}`, and "
                f"address it as {address}://…"
            ) from None
        except OSError as error:
            raise StoreError(f"{store.address}: no answer from {host}:{port} ({error})") from error
        create_engine(url, poolclass=NullPool).connect().close()


def _http_status(error: Exception) -> int | None:
    """The status that a server answered with, where an error tells it."""
    from mlflow.exceptions import MlflowException

    if isinstance(error, MlflowException):
        return int(error.get_http_status_code())
    return getattr(getattr(error, "response", None), "status_code", None)


def _foreign_errors() -> tuple[type[Exception], ...]:
    """What MLflow, its database, the network, and S3's client where one is loaded, raise."""
    import requests
    import sqlalchemy.exc
    from mlflow.exceptions import MlflowException

    s3 = sys.modules.get("botocore.exceptions")
    storage = (s3.BotoCoreError, s3.ClientError) if s3 else ()
    return (MlflowException, requests.RequestException, sqlalchemy.exc.SQLAlchemyError, OSError, *storage)


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
    if phrase := next((found for text in lines if (found := _DATABASE_ERRORS.search(text))), None):
        return phrase[1]
    if cause := re.search(r"Caused by \w+\([\"'](?:[^:]*: )?(.*)[\"']\)\)$", line):
        return f"no answer ({cause[1]})"
    return line[:500]
