"""The address of a store's database, whatever the folder is called."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from harness.store import database_path, database_uri, find_store
from harness.tracking import connect

ODD = [
    *(
        "a blank",
        "quote'",
        'double"',
        "both'\"",
        "comma,",
        "semi;colon",
        "a=b",
        "20%25 of %41",
        "hash#tag",
        "why?",
        "a&b",
    ),
    *("back\\slash", "$HOME", "new\nline", "tab\t", "é", "é", "😀", "-dash", "[x]*", "co:lon", "a@b", "l" * 200, "?%"),
]


@pytest.mark.parametrize("name", ODD)
def test_an_address_means_its_file(tmp_path: Path, name: str) -> None:
    store = find_store(tmp_path / name, environment={})
    file = tmp_path / name / "mlflow.db"
    assert sqlalchemy.make_url(store.tracking_uri).database == str(file)
    assert database_path(store.tracking_uri) == database_path(f"{store.tracking_uri}?timeout=9") == file
    assert store.local


def test_an_address_without_marks_stays_as_it_was() -> None:
    assert database_uri(Path("/srv/example/mlruns/mlflow.db")) == "sqlite:////srv/example/mlruns/mlflow.db"


def test_mlflow_writes_into_an_odd_folder_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "a b'c\"d,e;f=g%20h#i?j&k\\l$m\n[q]*:@~é é 😀"
    root.mkdir()
    monkeypatch.chdir(root)
    client = connect(find_store(environment={}))
    experiment = client.get_experiment(client.experiment("x"))
    assert experiment.artifact_location == (root / "mlruns" / "artifacts" / "x").as_uri()
    assert list(tmp_path.iterdir()) == [root]
    assert [path.name for path in root.iterdir()] == ["mlruns"]
    assert (root / "mlruns" / "mlflow.db").stat().st_size > 100_000
