"""The hook that watches SQLite files sees a raw open, here and in children, and no sound one."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

RAW_OPENS = sys.modules["raw_opens"]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "a journal?.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE events (x)")
        yield path


@pytest.fixture
def forget() -> Iterator[None]:
    """What these tests open raw is meant."""
    before = len(RAW_OPENS.found)
    yield
    del RAW_OPENS.found[before:]


@pytest.mark.usefixtures("forget")
@pytest.mark.parametrize("part", ["", "-wal", "-shm"])
def test_a_raw_open_beside_a_connection_fails(database: Path, part: str) -> None:
    with pytest.raises(RAW_OPENS.RawOpenError):
        database.with_name(database.name + part).open("rb")
    with pytest.raises(RAW_OPENS.RawOpenError):
        shutil.copy(database.with_name(database.name + part), database.with_name("copy"))


@pytest.mark.usefixtures("forget")
def test_a_connection_by_uri_is_known_too(database: Path) -> None:
    RAW_OPENS._known.clear()
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)), pytest.raises(RAW_OPENS.RawOpenError):
        database.read_bytes()


def test_without_a_connection_and_through_sqlite_files_may_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    sqlite3.connect(path).close()
    assert path.read_bytes() == b""
    with closing(sqlite3.connect(path)), closing(sqlite3.connect(path)):
        pass


def test_children_are_watched(tmp_path: Path) -> None:
    code = "import sqlite3; c = sqlite3.connect('j'); c.execute('CREATE TABLE t (x)'); open('j').close()"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "RawOpenError" in done.stderr
