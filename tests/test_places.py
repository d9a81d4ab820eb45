"""What was recorded at a store's former place, read where it stands now."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from harness.errors import StoreError
from harness.journal import Journal
from harness.store import Place, place_of, remember

OLD, NEW = Path("/old/p/mlruns"), Path("/new/q/store")


@pytest.mark.parametrize(
    ("recorded", "now"),
    [
        ("file:///old/p/mlruns/artifacts/x/1", "file:///new/q/store/artifacts/x/1"),
        ("/old/p/mlruns/0", "/new/q/store/0"),
        ("file:///old/p/mlruns", "file:///new/q/store"),
        ("file:///old/p/mlruns/artifacts/mein%20l%C3%B6we", "file:///new/q/store/artifacts/mein%20l%C3%B6we"),
        ("file:///old/p/mlruns-2/artifacts/x", "file:///old/p/mlruns-2/artifacts/x"),
        ("file:///old/p/other", "file:///old/p/other"),
        ("file://host/old/p/mlruns/0", "file://host/old/p/mlruns/0"),
        ("s3://bucket/old/p/mlruns/0", "s3://bucket/old/p/mlruns/0"),
        ("mlflow-artifacts:/old/p/mlruns/0", "mlflow-artifacts:/old/p/mlruns/0"),
        ("models:/m-1", "models:/m-1"),
        ("file:///new/q/store/artifacts/x", "file:///new/q/store/artifacts/x"),
        ("", ""),
    ],
)
def test_only_locations_below_the_former_place_change(recorded: str, now: str) -> None:
    assert Place(NEW, (OLD,)).location(recorded) == now
    assert Place(NEW, (OLD,)).location(now) == now


@pytest.mark.parametrize(
    ("former", "here", "recorded", "now"),
    [
        ("/p/mlruns", "/p/mlruns/old/mlruns", "/p/mlruns/0", "/p/mlruns/old/mlruns/0"),
        ("/p/mlruns", "/p/mlruns/old/mlruns", "/p/mlruns/old/mlruns/0", "/p/mlruns/old/mlruns/0"),
        ("/p/mlruns/old/mlruns", "/p/mlruns", "/p/mlruns/old/mlruns/0", "/p/mlruns/0"),
        ("/p/mlruns/old/mlruns", "/p/mlruns", "/p/mlruns/0", "/p/mlruns/0"),
    ],
)
def test_a_store_inside_its_former_place(former: str, here: str, recorded: str, now: str) -> None:
    assert Place(Path(here), (Path(former),)).location(recorded) == now


def test_files_are_looked_for_where_the_project_is_now(tmp_path: Path) -> None:
    for name in ("here/data.csv", "here/loader.py", "here/mlruns/data/x.npz", "was/data.csv", "was/only.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    was, here = str(tmp_path / "was"), str(tmp_path / "here")
    place = Place(tmp_path / "here" / "mlruns", (tmp_path / "was" / "mlruns",))
    config = {
        "title": f"{was}/data.csv is what this is about",
        "source": {"path": f"{was}/data.csv", "loader": f"{was}/loader.py:rows", "train": f"{was}/mlruns/data/x.npz"},
        "others": [f"{was}/only.csv", "/srv/shared.csv", "data:x.csv", 3, None],
    }
    assert place.files(config) == {
        "title": config["title"],
        "source": {
            "path": f"{here}/data.csv",
            "loader": f"{here}/loader.py:rows",
            "train": f"{here}/mlruns/data/x.npz",
        },
        "others": [f"{was}/only.csv", "/srv/shared.csv", "data:x.csv", 3, None],
    }


def test_places_are_remembered(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        remember(place_of(tmp_path / name)) if (tmp_path / name).exists() else (tmp_path / name).mkdir()
        remember(place_of(tmp_path / name))
        if name != "c":
            (tmp_path / name).joinpath("places.json").rename(tmp_path / "kept.json")
            following = tmp_path / chr(ord(name) + 1)
            following.mkdir()
            (tmp_path / "kept.json").rename(following / "places.json")
    assert place_of(tmp_path / "c").former == (tmp_path / "a", tmp_path / "b")
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["places.json"]


def test_one_folder_by_two_names_is_one_place(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    remember(place_of(tmp_path / "a"))
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert place_of(tmp_path / "link").former == ()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"roots": 3}', "\0"])
def test_a_damaged_record_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "places.json").write_text(text)
    with pytest.raises(StoreError, match=r"places\.json: cannot be read"):
        place_of(tmp_path)


@pytest.fixture
def moved(tmp_path: Path, unpack_example: Callable[[Path], Path]) -> Path:
    return unpack_example(tmp_path) / "mlruns"


def test_a_store_of_0_1_0_says_where_it_was_made(moved: Path) -> None:
    assert place_of(moved) == Place(moved, (Path("/srv/example/mlruns"),))


def test_without_a_database_champions_say_where_it_was_made(moved: Path) -> None:
    for file in moved.glob("mlflow.*"):
        file.unlink()
    assert place_of(moved).former == (Path("/srv/example/mlruns"),)
    remember(place_of(moved))
    assert place_of(moved).former == (Path("/srv/example/mlruns"),)


def test_a_journal_names_data_where_it_lies_now(moved: Path) -> None:
    with Journal.read(next(moved.glob("sweeps/first-*"))) as journal:
        assert journal.plan["datasets"]["waves"]["source"]["path"] == str(moved.parent / "datasets" / "waves.csv")


def test_another_store_in_the_same_database_is_none_of_ours(moved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "mlruns"
    other.mkdir(parents=True)
    with closing(sqlite3.connect(moved / "mlflow.db")) as database, database:
        database.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, workspace) "
            "VALUES (9, 'theirs', ?, 'active', 'default')",
            [(other / "artifacts" / "theirs").as_uri()],
        )
    assert place_of(moved).former == (Path("/srv/example/mlruns"),)
    assert place_of(other, moved / "mlflow.db").former == ()
    assert json.dumps([str(one) for one in place_of(moved, moved / "mlflow.db").former]) == '["/srv/example/mlruns"]'
