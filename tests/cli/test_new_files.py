"""`harness datasets new` on files as people have them, and `check` on what it wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from harness.cli.datasets import app
from harness.errors import UsageError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None:
        raise result.exception
    return result.output


def test_day_first_days_are_shown_by_new_and_check() -> None:
    days = pd.date_range("2024-01-01", periods=300).strftime("%d/%m/%Y")
    pd.DataFrame({"date": days, "y": np.sin(np.arange(300))}).to_csv("days.csv", index=False)
    said = "times in 'date' are read as %d/%m/%Y: '01/01/2024' is 1 January 2024"
    assert said in run("new", "days.csv")
    assert 'time_format = "%d/%m/%Y"' in Path("datasets/days.toml").read_text()
    assert said in run("check", "days")


def test_the_user_settles_what_is_ambiguous() -> None:
    days = [f"{day:02}/02/2024" for day in range(1, 13)]
    pd.DataFrame({"date": days, "y": range(12)}).to_csv("few.csv", index=False)
    with pytest.raises(UsageError, match="or as --time-format"):
        run("new", "few.csv")
    with pytest.raises(UsageError, match="12 rows: expected more"):  # day first: too few days, but days
        run("new", "few.csv", "--time-format", "%d/%m/%Y")


def test_check_says_what_order_repeats_and_gaps_cost() -> None:
    hours = pd.date_range("2023-03-01", periods=400, freq="h").delete([100, 101])
    frame = pd.DataFrame({"time": hours, "load": np.sin(np.arange(398.0))})
    pd.concat([frame, frame.iloc[[7, 9]]]).to_csv("dups.csv", index=False)
    with pytest.raises(UsageError, match="2 rows repeat the time of another row: expected --on-duplicates"):
        run("new", "dups.csv")
    run("new", "dups.csv", "--on-duplicates", "first")
    output = run("check", "dups")
    assert "note       2 rows that came after a later one are sorted by time" in output
    assert "note       2 rows of times that repeat are merged ([task] on_duplicates)" in output
    assert "windows of the train part left out: they span a gap in time ([task] max_gap_steps)" in output


def test_several_columns_of_one_time() -> None:
    hours = pd.date_range("2004-03-10", periods=300, freq="h")
    frame = pd.DataFrame({"Date": hours.strftime("%d/%m/%Y"), "Time": hours.strftime("%H.%M.%S"), "y": np.arange(300)})
    frame.to_csv("air.csv", index=False)
    run("new", "air.csv", "--time", "Date,Time")
    assert 'time = ["Date", "Time"]' in Path("datasets/air.toml").read_text()
    assert "valid" in run("check", "air")


def test_an_unnamed_index_of_times() -> None:
    hours = pd.date_range("2023-03-01", periods=400, freq="h")
    pd.DataFrame({"y": np.sin(np.arange(400.0))}, hours).to_parquet("plant.parquet")
    assert "time = time: it holds dates or times" in run("new", "plant.parquet")
    assert "valid" in run("check", "plant")


def test_a_wide_table() -> None:
    steps = {f"t{step}": np.random.default_rng(step).normal(size=120) for step in range(30)}
    pd.DataFrame({**steps, "class": [0.0, 1.0] * 60}).to_csv("wide.csv", index=False)
    assert "layout = wide: a sequence a row, with 30 steps from t0 to t29" in run("new", "wide.csv")
    assert "30 steps" in run("check", "wide")


def test_archives_and_pairs_of_ts_files() -> None:
    random = np.random.default_rng(0)
    np.savez("waves.npz", x=random.normal(size=(60, 20, 2)), y=np.array(["a", "b"] * 30))
    assert "60 sequences of 20 steps and 2 channels" in run("new", "waves.npz")
    assert "valid" in run("check", "waves")
    head = "@problemName toy\n@timeStamps false\n@classLabel true up down\n@data\n"
    lines = "".join(f"{n},{n + 1},{n + 2}:{'up' if n % 2 else 'down'}\n" for n in range(20))
    for part in ("TRAIN", "TEST"):
        Path(f"Toy_{part}.ts").write_text(head + lines)
    run("new", "Toy_TRAIN.ts", "--name", "toy")
    assert "valid" in run("check", "toy")
    Path("Toy_TEST.ts").unlink()
    with pytest.raises(UsageError, match=r"expected a pair of files beside each other"):
        run("new", "Toy_TRAIN.ts", "--name", "toy", "--force")


def test_options_that_mean_nothing_for_a_file_leave_the_config_alone() -> None:
    frame = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=300, freq="h"), "y": np.sin(np.arange(300))})
    frame.to_parquet("grid.parquet")
    np.savez("walk.npz", x=np.zeros((40, 5, 2)), y=np.arange(40) % 2)
    run("new", "grid.parquet")
    before = Path("datasets/grid.toml").read_text()
    wrong = (
        ("grid.parquet", "--separator", ";"),
        ("walk.npz", "--decimal", ","),
        ("walk.npz", "--on-duplicates", "mean"),
    )
    for file, option, value in wrong:
        with pytest.raises(UsageError, match=f"{option}: expected it only for"):
            run("new", file, option, value, "--force")
    assert Path("datasets/grid.toml").read_text() == before
    assert not Path("datasets/walk.toml").exists()


def test_a_class_of_text_beside_the_steps_of_a_row() -> None:
    steps = {f"t{step}": np.random.default_rng(step).normal(size=60) for step in range(8)}
    pd.DataFrame({**steps, "gesture": ["wave", "point"] * 30}).to_csv("wide.csv", index=False)
    assert "target = gesture: it stands beside the steps" in run("new", "wide.csv")
    assert "classes    2: point, wave" in run("check", "wide")


def test_gaps_of_arrays_are_said_and_filled() -> None:
    x = np.random.default_rng(0).normal(size=(40, 6, 2))
    x[3, 2, 0] = np.nan
    np.savez("walk.npz", x=x, y=np.arange(40) % 2)
    assert 'missing = "interpolate": 1 missing value' in run("new", "walk.npz")
    assert "walk: valid" in run("check", "walk")
