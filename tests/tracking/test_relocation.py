"""A store that was moved or copied is read as it holds where it stands; whoever writes first rewrites its locations."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from harness.errors import StoreError
from harness.store import RECORD, Store
from harness.tracking.client import connect, place_left
from harness.tracking.queries import read_comparisons
from harness.tracking.registry import move_alias, resolve
from harness.tracking.relocation import COLUMNS, SCHEMAS, Hold
from harness.tracking.repair import dangling_aliases

BORN = Path("/srv/example")
"""Where the store was made; hardly any machine has such a folder."""

Tree = dict[str, tuple[int, int]]


def tree(folder: Path) -> Tree:
    """Every file with its size and the time that it was written at.

    The index of a log, which holds nothing, is left out: the first reader after a kill makes it anew.
    """
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("-shm")]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def locations(store: Store) -> dict[str, set[str]]:
    """What stands in each column that holds locations."""
    with closing(sqlite3.connect(store.root / "mlflow.db")) as database:
        return {
            f"{table}.{column}": {row[0] for row in database.execute(f"SELECT {column} FROM {table}") if row[0]}
            for table, column, which in COLUMNS
            if not which
        }


def store_at(project: Path) -> Store:
    return Store(project / "mlruns", f"sqlite:///{project / 'mlruns' / 'mlflow.db'}")


@pytest.fixture
def moved(tmp_path: Path, unpack_example: Callable[[Path], Path]) -> Store:
    # A folder name with spaces, an umlaut and a number sign: locations are addresses.
    return store_at(unpack_example(tmp_path / "mein löwe #1"))


def test_reading_gives_what_is_here_and_writes_nothing(moved: Store) -> None:
    before = tree(moved.root)
    assert resolve(moved, "waves").path.is_relative_to(moved.root)
    assert dangling_aliases(moved) == []
    sweep_id = next(moved.sweeps.glob("first-*")).name
    (sums, waves) = read_comparisons(moved, sweep_id, lambda place: place == "verdict.json")
    assert sums.files
    assert waves.files
    assert place_left(moved) == BORN / "mlruns"
    assert tree(moved.root) == before


def test_the_first_who_writes_has_all_locations_lead_here(moved: Store, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(BORN)
    move_alias(moved, "sums", "1", "candidate")
    phrase = capsys.readouterr().err
    assert phrase.count("\n") == 1
    assert phrase.startswith(f"{moved.root}: the store stood at {BORN}/mlruns; ")
    artifacts = moved.artifacts.as_uri()
    for column, found in locations(moved).items():
        assert found, column
        assert all(one.startswith((artifacts, str(moved.root))) for one in found), column
    run = next(iter(connect(moved).search_runs(["1"])))
    connect(moved).log_text(run.info.run_id, "a note", "note.txt")
    assert list(moved.artifacts.rglob("note.txt"))
    assert capsys.readouterr().err == ""
    assert tree(BORN) == before
    assert place_left(moved) is None


def test_a_copy_leaves_its_original_alone(moved: Store, tmp_path: Path) -> None:
    connect(moved)
    # By another program: this one has a connection to the database.
    subprocess.run(["cp", "-r", moved.root.parent, tmp_path / "copy"], check=True)
    copy, before = store_at(tmp_path / "copy"), tree(moved.root)
    for store in (copy, moved):  # from now on each is a store of its own
        connect(store).log_text(next(iter(connect(store).search_runs(["1"]))).info.run_id, "a note", "note.txt")
        assert resolve(store, "sums").path.is_relative_to(store.root)
        if store is copy:
            assert {path: tree(moved.root)[path] for path in before if "mlflow." not in path} == {
                path: state for path, state in before.items() if "mlflow." not in path
            }
            assert not list(moved.artifacts.rglob("note.txt"))
    assert place_left(moved) is None
    assert place_left(copy) is None


def test_a_store_that_moves_twice(moved: Store, tmp_path: Path) -> None:
    connect(moved)
    again = store_at(tmp_path / "again")
    shutil.move(moved.root.parent, again.root.parent)
    assert resolve(again, "sums").path.is_relative_to(again.root)
    connect(again)
    assert all(one.startswith(again.artifacts.as_uri()) for one in locations(again)["runs.artifact_uri"])


def test_locations_of_others_stay(moved: Store) -> None:
    theirs = ["s3://bucket/srv/example/mlruns", "file:///srv/example/other", "file:///srv/elsewhere/artifacts/theirs"]
    with closing(sqlite3.connect(moved.root / "mlflow.db")) as database, database:
        for number, place in enumerate(theirs):
            database.execute(
                "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, workspace) "
                "VALUES (?, ?, ?, 'active', 'default')",
                [100 + number, f"theirs {number}", place],
            )
    connect(moved)
    assert set(theirs) <= locations(moved)["experiments.artifact_location"]


def test_a_database_that_is_shared_keeps_the_other_store(moved: Store, tmp_path: Path) -> None:
    connect(moved)
    guest = Store(tmp_path / "guest" / "mlruns", moved.tracking_uri)
    experiment = connect(guest).experiment("guest")
    before = locations(moved)
    connect(moved)
    connect(guest)
    assert locations(moved) == before
    assert connect(moved).get_experiment(experiment).artifact_location == (guest.artifacts / "guest").as_uri()


def execute(store: Store, statement: str) -> None:
    with closing(sqlite3.connect(store.root / "mlflow.db")) as database, database:
        database.execute(statement)


@pytest.mark.parametrize("create", [True, False])
def test_an_unknown_schema_is_refused(moved: Store, create: bool) -> None:
    execute(moved, "UPDATE alembic_version SET version_num = 'f00'")
    before = locations(moved)
    with pytest.raises(StoreError, match=r"MLflow's schema f00 .* move it back to /srv/example/mlruns") as refused:
        connect(moved, create=create)
    assert "\n" not in str(refused.value)
    assert locations(moved) == before
    assert not (moved.root / RECORD).exists()


def test_what_fails_midway_changes_nothing(moved: Store) -> None:
    before = locations(moved)
    execute(
        moved, "CREATE TRIGGER full BEFORE UPDATE ON model_versions BEGIN SELECT RAISE(ABORT, 'database is full'); END"
    )
    with pytest.raises(StoreError, match="database is full"):
        connect(moved)
    assert locations(moved) == before
    execute(moved, "DROP TRIGGER full")
    connect(moved)
    assert place_left(moved) is None


def test_a_store_in_use_at_its_former_place_is_left_there(moved: Store) -> None:
    at_the_other_mount = Hold(moved.root)
    at_the_other_mount.share()
    before = locations(moved)
    with pytest.raises(StoreError, match="another command still writes to it there"):
        connect(moved)
    assert locations(moved) == before
    assert resolve(moved, "sums").path.is_relative_to(moved.root)
    del at_the_other_mount
    connect(moved)
    assert place_left(moved) is None


def test_the_columns_are_those_of_this_mlflow(tmp_path: Path) -> None:
    """A newer MLflow is looked at before its schema is added to the known ones."""
    store = store_at(tmp_path)
    connect(store)
    with closing(sqlite3.connect(store.root / "mlflow.db")) as database:
        (version,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {
            (table, row[1])
            for table in tables
            for row in database.execute(f"PRAGMA table_info({table})")
            if any(word in row[1] for word in ("location", "uri", "path", "artifact_root")) or row[1] == "source"
        }
    assert version in SCHEMAS
    of_no_store = {
        ("evaluation_dataset_records", "source"),  # what a record was made of
        ("mcp_server_versions", "source"),  # where a server's program is had
        ("workspaces", "default_artifact_root"),  # settings of a server with workspaces
        ("workspaces", "trace_archival_location"),
    }
    assert columns - of_no_store == {(table, column) for table, column, which in SCHEMAS[version] if not which}
