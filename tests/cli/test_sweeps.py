"""`harness sweeps`: listing, showing and removing, on a sweep that was really run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.sweeps.folders import lock


@pytest.fixture
def copied(first_day, tmp_path, monkeypatch) -> Path:
    """The store of the first day, without MLflow's part, as this test's own."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(first_day.folder / "mlruns" / "sweeps", tmp_path / "mlruns" / "sweeps")
    return tmp_path / "mlruns"


def test_list_has_a_line_a_sweep(first_day, copied, command) -> None:
    ran = command("sweeps", "list")
    assert (ran.code, ran.err) == (0, "")
    (line,) = ran.out.splitlines()
    assert line.startswith(f"{first_day.sweep_id}  ")
    assert "  finished  lstm vs gru  6 trials, 2 retrainings  my: " in line


def test_list_as_json_and_an_empty_store(first_day, copied, command) -> None:
    (plain,) = json.loads(command("sweeps", "list", "--json").out)
    assert (plain["sweep_id"], plain["state"], plain["datasets"]) == (first_day.sweep_id, "finished", ["my"])
    ran = command("sweeps", "list", "--store", "elsewhere")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.endswith(
        "no sweep in " + str(Path("elsewhere").absolute() / "sweeps") + " yet; start one with `harness sweep DATASET`\n"
    )
    assert json.loads(command("sweeps", "list", "--store", "elsewhere", "--json").out) == []
    assert not Path("elsewhere").exists()


def test_a_damaged_sweep_stays_in_the_list_with_its_error(first_day, copied, command) -> None:
    for file in (copied / "sweeps" / first_day.sweep_id).glob("journal.db*"):
        file.write_bytes(b"not a database")
    ran = command("sweeps", "list")
    assert ran.code == 0
    assert ran.out.startswith(f"{first_day.sweep_id}  damaged: ")
    shown = command("sweeps", "show")
    assert (shown.code, shown.err.count("\n")) == (1, 1)


def test_show_tells_the_plan_and_the_versions(first_day, copied, command) -> None:
    lines = command("sweeps", "show").out.splitlines()
    assert lines[0].startswith(first_day.sweep_id)
    assert f"folder: {copied / 'sweeps' / first_day.sweep_id}" in lines
    assert "trials: 3" in lines
    assert "families: lstm, gru" in lines
    assert any(line.startswith("keras-tuner 1.") for line in lines)
    plain = json.loads(command("sweeps", "show", first_day.sweep_id, "--json").out)
    assert plain["header"]["plan"]["seed"] == 1


def test_show_offers_near_ids(first_day, copied, command) -> None:
    ran = command("sweeps", "show", first_day.sweep_id[:-1])
    assert ran.code == 2
    assert ran.err.endswith(f"Did you mean {first_day.sweep_id}?\n")


def test_remove_asks_and_keeps_when_nobody_answers(first_day, copied, command, monkeypatch) -> None:
    folder = copied / "sweeps" / first_day.sweep_id
    with open("/dev/null") as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        ran = command("sweeps", "remove", first_day.sweep_id)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[-1] == "harness: no answer; --yes removes it without asking"
    assert folder.is_dir()


def test_remove_keeps_on_no_and_removes_on_yes(first_day, run, copied) -> None:
    folder = copied / "sweeps" / first_day.sweep_id
    ran = run(copied.parent, "sweeps", "remove", first_day.sweep_id, typed="n\n")
    assert (ran.code, folder.is_dir()) == (1, True)
    ran = run(copied.parent, "sweeps", "remove", first_day.sweep_id, typed="y\n")
    assert (ran.code, ran.out, folder.exists()) == (0, f"removed {folder}\n", False)


def test_remove_says_what_goes_and_what_stays(first_day, run, copied) -> None:
    told = run(copied.parent, "sweeps", "remove", first_day.sweep_id, typed="n\n").err.splitlines()
    assert told[0].startswith(f"{first_day.sweep_id}  ")
    assert told[1].startswith(f"  goes: {copied / 'sweeps' / first_day.sweep_id}, ")
    assert told[2] == "  stays in MLflow: its runs; no model"  # this store has no MLflow database


def test_remove_as_json_and_by_its_old_name(first_day, copied, command) -> None:
    folder = copied / "sweeps" / first_day.sweep_id
    files = sum(path.is_file() for path in folder.rglob("*"))
    plain = json.loads(command("sweeps", "rm", first_day.sweep_id, "--yes", "--json").out)
    assert plain.pop("bytes") > 10_000
    assert plain == {"sweep_id": first_day.sweep_id, "removed": str(folder), "files": files}
    assert not folder.exists()


def test_remove_is_refused_while_the_sweep_runs(first_day, copied, command) -> None:
    with lock(copied / "sweeps" / first_day.sweep_id):
        ran = command("sweeps", "remove", first_day.sweep_id, "--yes")
    assert (ran.code, ran.out) == (2, "")
    assert "another command is running this sweep" in ran.err


def test_remove_is_refused_where_an_alias_points_to_a_model_of_it(first_day, command, monkeypatch) -> None:
    monkeypatch.chdir(first_day.folder)
    ran = command("sweeps", "remove", first_day.sweep_id, "--yes")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"harness: {first_day.sweep_id}: models:/my@")
    assert "harness models promote" in ran.err
    assert (first_day.folder / "mlruns" / "sweeps" / first_day.sweep_id).is_dir()


def test_remove_of_an_unknown_sweep_is_wrong_use(copied, command) -> None:
    assert command("sweeps", "remove", "nobody", "--yes").code == 2
