"""What happened in a sweep, durable: an append-only list of events in SQLite.

The journal is the truth; oracles, MLflow's store and reports are made from it again. Every event is committed (write-
ahead log, `synchronous=FULL`) before anybody else is told; a commit waits for the disk, so events that come together
share one (`Journal.turn`). Test scores lie in a table of their own, which opens for a dataset only after its searches
closed.

While a sweep runs others may read: `Journal.read` opens read-only, and can neither write nor move the write-ahead log.
No descriptor of the file is ever opened but SQLite's own: closing any other would drop the locks that this process has
on it, and the next reader would take itself for the last one and remove the log (SQLite, "How To Corrupt", 2.2). A
journal that is closed is left in rollback mode: one file, which can be copied and read where nothing may be written.

Records are written as JSON here and read by whoever asks; it decides nothing and knows no library but sqlite3.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

from harness.databases import choose_journal_mode, has_no_place_for_log, open_read_only, set_journal_mode
from harness.disk import full_disk
from harness.errors import DamagedError, DiskError, HarnessError, JournalError, SealedError
from harness.records import SealedScore, TrialKey
from harness.records.serialization import Record
from harness.store import place_around

JOURNAL_NAME = "journal.db"
LOCK_NAME = "lock"
"""The file beside the journal that a command which writes it holds locked."""

FORMAT = 1

Payload: TypeAlias = Record | Mapping[str, Any]
"""What is written of an event: a record, or plain values and records by name."""

_BUSY_SECONDS = 30.0
"""How long a connection waits for another one's lock."""

_SETTLING_SECONDS = 2.0
"""How long closing waits for readers to leave, so that the journal can be one file again."""

_SCHEMA = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    dataset TEXT NOT NULL,
    trial_key TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE UNIQUE INDEX one_asking_and_one_ending ON events (kind, trial_key) WHERE trial_key != '';
CREATE TABLE sealed (trial_key TEXT PRIMARY KEY, dataset TEXT NOT NULL, payload TEXT NOT NULL);
"""

_INDEXES = (
    "CREATE INDEX IF NOT EXISTS newest ON events (kind, dataset, seq)",
    "CREATE INDEX IF NOT EXISTS scores ON sealed (dataset)",
)
"""What makes looking at one dataset as quick among a thousand; journals of earlier versions have none."""


class EventKind(StrEnum):
    """What can happen."""

    PLANNED = "planned"
    """The sweep began; payload: plan, configs, versions."""
    OPENED = "opened"
    """A comparison began; payload: facts of the data, objective, season."""
    ASKED = "asked"
    """An oracle (or a seed repeat) gave a trial; payload: the `TrialRequest`."""
    ENDED = "ended"
    """A trial ended, and its oracle is told in this order; payload: the `TrialRecord`."""
    CLOSED = "closed"
    """The last search of a dataset closed; its test scores may be read from here on."""
    EXTENDED = "extended"
    """A dataset is searched on with more replicates; payload: `replicates`, how many of each family, and `why`. It
    undoes `closed`, `decided`, `champion` and `finished`."""
    CHANGED = "changed"
    """What the sweep is changed: it was extended, or the user accepted what had changed underneath; payload: `header`,
    from here on, `what` differs, a line each, and `why`."""
    BASELINES = "baselines"
    """The baselines were scored; payload: their scores."""
    DECIDED = "decided"
    """A verdict was made; payload: the `Verdict`."""
    CHAMPION = "champion"
    """A champion was registered and verified; payload: the `ChampionInfo`."""
    EXPLAINED = "explained"
    """The selected networks were looked into; payload: the `Explanation`. A later one takes its place."""
    FAMILY_FAILED = "family_failed"
    """A family came to no result and is left out of its comparison, which goes on; payload: `family`, `why`."""
    COMPARISON_FAILED = "gave_up"
    """A comparison stopped; payload: why."""
    FINISHED = "finished"
    """All comparisons are over, their report is written, and MLflow, unless it was left alone, holds them."""


_UNDONE_BY_MORE = (EventKind.CLOSED, EventKind.DECIDED, EventKind.CHAMPION, EventKind.EXPLAINED, EventKind.FINISHED)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        seq: Its number, from 1, in the order things happened.
        at: Seconds since 1970.
        kind: What happened.
        dataset: Which dataset it concerns; empty for the whole sweep.
        trial_key: Which trial it concerns, as text; empty for none.
        payload: The rest, as plain values.
    """

    seq: int
    at: float
    kind: EventKind
    dataset: str
    trial_key: str
    payload: Mapping[str, Any]


class Journal:
    """A sweep's journal, opened. A context manager; used from one thread.

    Args:
        path: Its file.
        connection: An open connection to it.
        writable: Whether events may be appended.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, *, writable: bool = True) -> None:
        self.path = path
        self._connection = connection
        self._writable = writable
        self._in_turn = False

    @classmethod
    def create(cls, folder: Path, plan: Payload) -> Journal:
        """A new journal in `folder`, whose first event is `planned`.

        It appears whole: no other process ever sees one without its plan.

        Raises:
            JournalError: The folder holds one already, or cannot be written.
            DiskError: The disk is full.
        """
        path = folder / JOURNAL_NAME
        if path.exists():
            raise JournalError(f"{path}: exists already; expected a new sweep's folder")
        temporary = folder / f"{JOURNAL_NAME}.{os.getpid()}.new"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(temporary)
            connection.executescript(f"{_SCHEMA}PRAGMA user_version = {FORMAT};")
            _make_indexes(connection)
            _insert(connection, EventKind.PLANNED, "", "", plan)
            connection.commit()
            connection.close()
            temporary.replace(path)
        except (OSError, sqlite3.Error) as error:
            raise _failed(f"{path}: cannot be written", error, path) from error
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> Journal:
        """The journal in `folder`, to append to. Its caller holds the folder's lock.

        Raises:
            JournalError: There is none, it is damaged, or another version of this package wrote it.
            DiskError: The disk is full.
        """
        cls.read(folder).close()  # what is damaged is refused before anything can write to it
        path = folder / JOURNAL_NAME
        try:
            choose_journal_mode(path)
            connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
            connection.execute("PRAGMA synchronous = FULL")
            with suppress(sqlite3.OperationalError):  # a full disk, a reader: it is slower without them
                _make_indexes(connection)
        except sqlite3.Error as error:
            raise _failed(f"{path}: cannot be opened", error, path) from error
        return cls(path, connection)

    @classmethod
    def read(cls, folder: Path) -> Journal:
        """The journal in `folder`, to read: also while a sweep writes it, and where nothing may be written.

        Raises:
            JournalError: There is none, it is damaged, another version of this package wrote it, or a sweep that runs
                keeps what is newest in a log that cannot be read here.
            DiskError: The disk is full, here and where temporary files are.
        """
        path = folder / JOURNAL_NAME
        if not path.is_file():
            raise JournalError(f"{path}: no journal; expected the folder of a sweep")
        if path.stat().st_size == 0:
            raise _damaged(path, "it is empty")  # to SQLite that would be an empty database
        try:
            connection = _read_only(path)
        except (OSError, sqlite3.OperationalError) as error:
            raise _failed(f"{path}: cannot be read", error, path) from error
        except sqlite3.DatabaseError as error:
            raise _damaged(path, str(error)) from error
        return cls(path, connection, writable=False)

    def append(
        self,
        kind: EventKind,
        payload: Payload,
        *,
        dataset: str = "",
        key: TrialKey | None = None,
        sealed: Payload | None = None,
    ) -> None:
        """Commit one event, and the sealed score of its trial, both or neither; within a turn, at its end.

        Raises:
            JournalError: A trial was asked for or ended a second time, or it cannot be written.
            DiskError: The disk is full.
        """
        name = key.dataset if key else dataset
        with self._failing(f"{kind.value} {key or dataset or 'sweep'}"):
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("SAVEPOINT event")
            try:
                _insert(self._connection, kind, name, str(key) if key else "", payload)
                if sealed:
                    self._connection.execute("INSERT INTO sealed VALUES (?, ?, ?)", (str(key), name, _json(sealed)))
                self._connection.execute("RELEASE event")
            except BaseException:
                self._undo("ROLLBACK TO event" if self._in_turn else "ROLLBACK")
                raise
            if not self._in_turn:
                self._commit()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Commit all that is appended within in one transaction: what is to be told to others comes after it.

        Where the block is left by an error, what was appended before it is kept.

        Raises:
            JournalError: It cannot be written.
            DiskError: The disk is full.
        """
        self._in_turn = True
        try:
            yield
        finally:
            self._in_turn = False
            if self._connection.in_transaction:
                with self._failing("a turn"):
                    self._commit()

    def _commit(self) -> None:
        try:
            self._connection.execute("COMMIT")
        except BaseException:
            self._undo("ROLLBACK")
            raise

    def _undo(self, how: str) -> None:
        if self._connection.in_transaction:  # SQLite itself undoes all of it where the disk is full
            self._connection.execute(how)

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _failed(f"{self.path}: {what}", error, self.path) from error

    def events(self, *kinds: EventKind, dataset: str | None = None, after: int = 0) -> Iterator[Event]:
        """Events in the order they happened, of these kinds (all when none is named) and this dataset.

        Args:
            kinds: What happened.
            dataset: To which dataset; to any when None.
            after: Number of an event; only later ones are given.

        Raises:
            DamagedError: One of them cannot be read.
            JournalError: The file cannot be read now.
        """
        return self._select("ORDER BY seq", kinds, dataset, after)

    def has(self, kind: EventKind, dataset: str = "") -> bool:
        """Whether this has happened, to this dataset, and was not undone since by more replicates."""
        return self.last(kind, dataset) is not None

    def last(self, kind: EventKind, dataset: str | None = "") -> Event | None:
        """The newest event of a kind, of this dataset (of any when None).

        None when it has not happened, and when more replicates have undone it since.
        """
        newest = next(self._select("ORDER BY seq DESC LIMIT 1", [kind], dataset), None)
        more = self.last(EventKind.EXTENDED, dataset or None) if newest and kind in _UNDONE_BY_MORE else None
        return None if newest and more and more.seq > newest.seq else newest

    def _select(self, order: str, kinds: Sequence[EventKind], dataset: str | None, after: int = 0) -> Iterator[Event]:
        # As bytes: SQLite's module calls text that is no UTF-8 an error of operation, and prints all of it.
        query = "SELECT seq, at, kind, dataset, trial_key, CAST(payload AS BLOB) FROM events WHERE seq > ?"
        query += f" AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        query += "" if dataset is None else " AND dataset = ?"
        values = [after, *(kind.value for kind in kinds), *([] if dataset is None else [dataset])]
        for seq, at, kind, name, key, payload in self._rows(f"{query} {order}", values):
            try:
                event = Event(seq, at, EventKind(kind), name, key, json.loads(payload))
            except ValueError as error:  # pages that SQLite finds in order, with other bytes in them
                raise _damaged(self.path, f"event {seq}: {error}") from error
            yield event

    def _rows(self, query: str, values: Sequence[object]) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._connection.execute(query, values)
        except sqlite3.OperationalError as error:  # a lock, a full disk: the journal may be sound
            raise _failed(f"{self.path}: cannot be read", error, self.path) from error
        except sqlite3.DatabaseError as error:
            raise _damaged(self.path, str(error)) from error

    @property
    def seq(self) -> int:
        """Number of the last event."""
        (last,) = next(self._rows("SELECT max(seq) FROM events", []))
        return int(last)

    @property
    def plan(self) -> Mapping[str, Any]:
        """What the sweep is: the payload of the first event, or what it was changed to since.

        Files that moved along with the store are named where they lie now.
        """
        changed = self.last(EventKind.CHANGED)
        plan: Mapping[str, Any] = changed.payload["header"] if changed else next(self.events(EventKind.PLANNED)).payload
        place = place_around(self.path)
        return place.files(plan) if place else plan

    @property
    def changes(self) -> list[str]:
        """What was changed since the sweep began, a line each with why."""
        changed = [event.payload for event in self.events(EventKind.CHANGED)]
        return [f"{payload['why']}: {line}" for payload in changed for line in payload["what"]]

    def unseal(self, dataset: str) -> dict[str, float]:
        """Test scores of a dataset's trials, by the key's text.

        Raises:
            SealedError: The dataset's searches have not closed.
            DamagedError: A stored score cannot be read.
        """
        return {key: score.test_score for key, score in self.unsealed(dataset).items()}

    def unsealed(self, dataset: str) -> dict[str, SealedScore]:
        """All that was sealed of a dataset's trials, by the key's text.

        Raises:
            SealedError: The dataset's searches have not closed.
            DamagedError: A stored score cannot be read.
        """
        if not self.has(EventKind.CLOSED, dataset):
            raise SealedError(f"{dataset}: test scores stay sealed until the last search of the dataset has closed")
        scores = []
        for (payload,) in self._rows("SELECT CAST(payload AS BLOB) FROM sealed WHERE dataset = ?", [dataset]):
            try:
                scores.append(SealedScore.from_json(json.loads(payload)))
            except ValueError as error:
                raise _damaged(self.path, f"a test score of {dataset}: {error}") from error
        return {str(score.key): score for score in scores}

    def close(self) -> None:
        """Close the file; everything appended is on the disk already.

        One that was written is left in rollback mode, unless somebody reads it just then.
        """
        if self._writable:
            with suppress(sqlite3.Error):  # a reader, a full disk: the log stays, with all that it holds
                self._connection.execute("PRAGMA busy_timeout = 0")
                set_journal_mode(self._connection, "DELETE", _SETTLING_SECONDS)
        self._connection.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _make_indexes(connection: sqlite3.Connection) -> None:
    for statement in _INDEXES:
        connection.execute(statement)


def _insert(connection: sqlite3.Connection, kind: EventKind, dataset: str, key: str, payload: Payload) -> None:
    row = (time.time(), kind.value, dataset, key, _json(payload))
    connection.execute("INSERT INTO events (at, kind, dataset, trial_key, payload) VALUES (?, ?, ?, ?, ?)", row)


def _json(payload: Payload) -> str:
    return json.dumps(payload, allow_nan=False, default=lambda record: record.to_json())


def held(folder: Path) -> bool:
    """Whether a command that writes this sweep's journal is running. Writes nothing itself."""
    try:
        handle = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # nobody ever held it, or nobody but its owner may know
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _read_only(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, to a journal that is whole.

    Raises:
        JournalError: It is damaged, of another format, or running and unreadable here.
        sqlite3.Error: It cannot be read.
        OSError: It cannot be copied.
    """
    running = held(path.parent)
    try:
        connection = open_read_only(path, copy=not running)
    except sqlite3.OperationalError as error:
        if not running or not has_no_place_for_log(error) or full_disk(error, path.parent):
            raise
        raise JournalError(
            f"{path}: a command is running this sweep; in a folder without write access wait for its end"
        ) from error
    try:
        _check(path, connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(path: Path, connection: sqlite3.Connection) -> None:
    (check,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if check != "ok":
        raise _damaged(path, check)
    if found != FORMAT:
        raise JournalError(f"{path}: format {found}, expected {FORMAT}; use the version that wrote it")
    (planned,) = connection.execute("SELECT count(*) FROM events WHERE kind = ?", [EventKind.PLANNED.value]).fetchone()
    if not planned:
        raise _damaged(path, "its first event is missing")


def _failed(what: str, error: OSError | sqlite3.Error, path: Path) -> HarnessError:
    """A `DiskError` where the disk is full, which says nothing of the journal; else a `JournalError`."""
    if full := full_disk(error, path.parent):
        return DiskError(f"{what}: {full}")
    return JournalError(f"{what}: {getattr(error, 'strerror', None) or error}")


def _damaged(path: Path, what: str) -> DamagedError:
    return DamagedError(f"{path}: damaged ({what}); it is left as it is: restore it from a copy, or start a new sweep")
