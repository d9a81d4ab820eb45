"""SQLite on network file systems and in folders that one may only read."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from harness.databases import choose_journal_mode, copy_database, may_write, open_read_only, write_ahead_log_works

MOUNTS = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 0:40 / /home rw,relatime shared:2 - nfs4 server:/home rw,vers=4.2
23 22 8:2 / /home/ann/my\\040disk rw - xfs /dev/sdb1 rw
24 21 0:41 / /data rw - ext4 /dev/sdc1 rw
25 21 0:42 / /data rw - fuse.sshfs ann@server:/data rw
26 21 0:43 / /over rw - fuse.fuse-overlayfs overlay rw
27 21 0:44 / /share rw master:3 propagate_from:4 - cifs //server/share rw
28 21 0:45 / /win rw - 9p C: rw
29 21 0:46 / /lustre rw - lustre mgs:/fs rw
garbage
"""


@pytest.mark.parametrize(
    ("folder", "works"),
    [
        ("/srv/x", True),
        ("/home", False),
        ("/home/ann/project/mlruns", False),
        ("/home/ann/my disk/mlruns", True),
        ("/homely", True),
        ("/data/x", False),
        ("/over/x", True),
        ("/share/x", False),
        ("/win/x", False),
        ("/lustre/x", False),
    ],
)
def test_log_works_on_local_file_systems_only(tmp_path: Path, folder: str, works: bool) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    assert write_ahead_log_works(Path(folder), tmp_path / "mountinfo") is works


def test_without_a_list_of_mounts_all_is_local(tmp_path: Path) -> None:
    assert write_ahead_log_works(tmp_path, tmp_path / "none")


def mode_of(file: Path) -> str:
    with closing(sqlite3.connect(file)) as database:
        return str(database.execute("PRAGMA journal_mode").fetchone()[0])


def test_database_leaves_its_log_on_a_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "some.db"
    choose_journal_mode(file)
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE t (x)")
    assert mode_of(file) == "wal"
    (tmp_path / "mountinfo").write_text(f"9 1 0:9 / {os.path.realpath(tmp_path)} rw - nfs4 server:/x rw\n")
    # pytest's folder lies on no network: the list of mounts is the only thing that is another one.
    monkeypatch.setattr(write_ahead_log_works, "__defaults__", (tmp_path / "mountinfo",))
    choose_journal_mode(file)
    assert mode_of(file) == "delete"


@contextmanager
def nobody() -> Iterator[None]:
    """As a user who may not write what root's tests wrote; anybody else's folders lose their write permission."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        yield


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may read."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    made.chmod(0o755)
    shutil.rmtree(made)


def killed(folder: Path, *, log: bool) -> Path:
    """A database with a row, in write-ahead mode, as a killed program leaves it, or as one that ended does."""
    made = folder / "made.db"
    with closing(sqlite3.connect(made, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE t (x)")
        database.execute("INSERT INTO t VALUES (7)")
        if log:
            with closing(sqlite3.connect(folder / "left.db")) as copy:
                copy.execute("PRAGMA journal_mode = WAL")
            for end in ("", "-wal"):
                os.system(f"cp '{made}{end}' '{folder / 'left.db'}{end}'")  # no descriptor of ours
    if not log:
        made.rename(folder / "left.db")
    for path in folder.glob("made.db*"):
        path.unlink()
    return folder / "left.db"


@pytest.mark.parametrize("log", [False, True])
def test_database_is_read_where_nothing_may_be_written(folder: Path, log: bool) -> None:
    file = killed(folder, log=log)
    before = {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir()}
    folder.chmod(0o555)
    with nobody():
        assert not may_write(file)
        with pytest.raises(sqlite3.OperationalError), closing(sqlite3.connect(file)) as database:
            database.execute("INSERT INTO t VALUES (8)")
        with closing(open_read_only(file)) as database:
            assert database.execute("SELECT x FROM t").fetchall() == [(7,)]
    assert {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir()} == before


def test_copy_holds_what_is_in_the_log(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "some.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE t (x)")
        database.execute("INSERT INTO t VALUES (7)")
        copy_database(tmp_path / "some.db", tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT x FROM t").fetchall() == [(7,)]


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "some.db").write_text("no database" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        open_read_only(tmp_path / "some.db")
    with pytest.raises((sqlite3.Error, OSError)):
        open_read_only(tmp_path / "none.db")
