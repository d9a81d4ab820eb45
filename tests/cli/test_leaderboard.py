"""`harness leaderboard`: all verdicts of a store, and of several, on sweeps that were really run."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from harness.records import Leaderboard
from harness.sweeps.folders import new_id


@pytest.fixture
def stores(first_day, tmp_path, monkeypatch) -> Path:
    """Two stores: the first day's sweep twice in one, and a copy of one of them beside a damaged one in the other."""
    monkeypatch.chdir(tmp_path)
    once = first_day.folder / "mlruns" / "sweeps" / first_day.sweep_id
    for place in (first_day.sweep_id, new_id("my")):
        shutil.copytree(once, tmp_path / "mlruns" / "sweeps" / place)
    shutil.copytree(once, tmp_path / "other" / "sweeps" / first_day.sweep_id)
    damaged = tmp_path / "other" / "sweeps" / new_id("damaged")
    damaged.mkdir()
    (damaged / "journal.db").write_bytes(b"no journal")
    return tmp_path


def test_a_row_for_each_verdict_with_the_journal_s_own_numbers(first_day, stores, command) -> None:
    report = json.loads(command("report", first_day.sweep_id, "--json").out)
    verdict, answer = report["verdicts"]["my"], report["verdicts"]["my"]["recommendation"]
    ran = command("leaderboard", "--json")
    assert (ran.code, ran.err) == (0, "")
    rows = json.loads(ran.out)["rows"]
    assert [row["dataset"] for row in rows] == ["my", "my"]
    (row,) = (row for row in rows if row["sweep_id"] == first_day.sweep_id)
    assert (row["family"], row["probability"], row["regret"]) == tuple(
        answer[key] for key in ("family", "probability", "regret")
    )
    assert row["score"] == answer["scores"][answer["family"]]
    assert row["trials"] == min(verdict["completed"].values())
    assert row["model"] == "my/1"
    assert Leaderboard.from_json({"rows": rows, "unread": {}}).to_json()["rows"] == rows


def test_a_sweep_in_two_stores_counts_once_and_a_damaged_one_is_named(first_day, stores, command) -> None:
    ran = command("leaderboard", "--store", "mlruns", "--store", "other", "--csv")
    assert ran.code == 0
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert sorted(row["store"] for row in rows) == [str(stores / "mlruns")] * 2
    assert rows[0]["families"] == "lstm gru"
    assert rows[0]["decided_at"].endswith("Z")
    assert ran.err.startswith("not shown: damaged-")
    assert ran.err.count("\n") == 1


def test_a_page_that_loads_nothing(first_day, stores, command) -> None:
    ran = command("leaderboard", "--html", "board.html")
    assert ran.err == "wrote board.html\n"
    page = Path("board.html").read_text()
    assert page.count('<th scope="row">my</th>') == 2
    assert "default-src 'none'" in page
    assert "http" not in page.replace('http-equiv="Content', "")


def test_a_run_of_mlflow_holds_it(first_day, stores, command) -> None:
    ran = command("leaderboard", "my", "--mlflow")
    assert ran.code == 0
    client = MlflowClient(f"sqlite:///{stores / 'mlruns' / 'mlflow.db'}")
    run = client.get_run(ran.err.split()[-1])
    assert run.data.metrics == {"verdicts": 2}
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["leaderboard.csv", "leaderboard.html"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mine"], "harness: no verdict on 'mine'. Known: my"),
        (["--csv", "--json"], "harness: --csv and --json: expected one of them"),
        (["--store", "nowhere"], "expected a folder with sweeps, got none there"),
        (["--html", "nowhere/board.html"], "harness: --html nowhere/board.html: "),
        (["--store", "mlruns", "--store", "other", "--mlflow"], "harness: --mlflow: expected one --store"),
    ],
)
def test_wrong_uses_are_one_line(stores, command, words: list[str], message: str) -> None:
    ran = command("leaderboard", *words)
    assert ran.code == 2
    assert message in ran.err.splitlines()[-1]


def test_a_store_without_verdicts_says_so(tmp_path, monkeypatch, command) -> None:
    monkeypatch.chdir(tmp_path)
    ran = command("leaderboard")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.endswith("sweeps yet\n")
    assert not Path("mlruns").exists()
