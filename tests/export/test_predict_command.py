"""`harness predict`, called as a user does."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from harness.cli.predict import predict
from harness.errors import DataError, ExportError, HarnessError, UsageError
from harness.export import load

APP = typer.Typer()
APP.command()(predict)


def _run(*arguments: object) -> Any:
    return CliRunner().invoke(APP, [str(argument) for argument in arguments])


def _table(result: Any) -> pd.DataFrame:
    assert result.exception is None, result.exception
    return pd.read_csv(io.StringIO(result.stdout))


def _refusal(*arguments: object) -> HarnessError:
    result = _run(*arguments)
    assert isinstance(result.exception, HarnessError), result.exception
    assert "\n" not in str(result.exception)
    assert result.stdout == ""
    return result.exception


def test_a_series_goes_on(forecast: Any) -> None:
    table = _table(_run(forecast.folder, forecast.data))
    assert list(table.columns) == ["time", "demand"]
    assert table["time"].tolist() == [f"2024-01-11T{hour:02d}:00:00Z" for hour in range(4)]
    expected = load(forecast.folder).predict_frame(pd.read_csv(forecast.data))
    assert table["demand"].to_numpy(np.float32) == pytest.approx(expected["demand"].to_numpy(), rel=1e-7)


def test_every_format_holds_the_same(forecast: Any, tmp_path: Path) -> None:
    frame = pd.read_csv(forecast.data)
    frame.to_parquet(tmp_path / "in.parquet")
    x = frame[["demand", "temperature", "holiday"]].to_numpy(float)[-12:]
    np.savez(tmp_path / "in.npz", x=np.stack([x, x + 1]))
    assert _run(forecast.folder, forecast.data, "--output", tmp_path / "a.csv").stdout == ""
    _run(forecast.folder, tmp_path / "in.parquet", "-o", tmp_path / "b.parquet")
    _run(forecast.folder, tmp_path / "in.npz", "-o", tmp_path / "c.npz")
    a, b = pd.read_csv(tmp_path / "a.csv"), pd.read_parquet(tmp_path / "b.parquet")
    assert a["time"].tolist() == b["time"].tolist()
    demand = b["demand"].to_numpy()
    assert a["demand"].to_numpy(np.float32) == pytest.approx(demand, rel=1e-7)
    with np.load(tmp_path / "c.npz", allow_pickle=False) as archive:
        assert archive["prediction"].shape == (2, 4, 1)
        assert archive["prediction"][0, :, 0] == pytest.approx(demand, rel=1e-6)


def test_several_sequences_are_numbered(forecast: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", x=np.ones((2, 12, 3)))
    table = _table(_run(forecast.folder, tmp_path / "in.npz"))
    assert table["sequence"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert table["step"].tolist() == [1, 2, 3, 4] * 2


def test_classes_come_with_probabilities(classify: Any, tmp_path: Path) -> None:
    table = _table(_run(classify.folder, classify.data))
    assert list(table.columns) == ["word", "class", "p(no)", "p(perhaps)", "p(yes)"]
    assert len(table) == 60
    assert table[["p(no)", "p(perhaps)", "p(yes)"]].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    np.savez(tmp_path / "in.npz", x=np.ones((2, 9, 2)), lengths=np.array([9, 4]))
    records = json.loads(_run(classify.folder, tmp_path / "in.npz", "--json").stdout)
    assert [record["sequence"] for record in records] == [0, 1]
    assert set(records[0]) == {"sequence", "class", "p(no)", "p(perhaps)", "p(yes)"}
    _run(classify.folder, tmp_path / "in.npz", "--output", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as archive:
        assert archive["classes"].tolist() == ["no", "perhaps", "yes"]
        assert archive["class"].tolist() == [record["class"] for record in records]


def test_numbers_have_the_targets_name(regress: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", x=np.ones((3, 12, 2)))
    table = _table(_run(regress.folder, tmp_path / "in.npz"))
    assert list(table.columns) == ["sequence", "y"]
    assert len(table) == 3


def test_the_test_part_and_its_score(built: Any) -> None:
    result = _run(built.folder, "--test")
    assert result.exception is None
    score = built.plain["test_score"]
    assert f"logged {score:.8g}" in result.stderr
    assert len([line for line in result.stderr.splitlines() if line.strip()]) == 2  # beside it, which model it was
    assert len(pd.read_csv(io.StringIO(result.stdout))) > 0


def test_a_score_that_is_another_one_fails(forecast: Any, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "c"
    shutil.copytree(forecast.folder, folder)
    champion = json.loads((folder / "champion.json").read_text())
    (folder / "champion.json").write_text(json.dumps({**champion, "test_score": 1.0}))
    result = _run(folder, "--test")
    assert isinstance(result.exception, ExportError)
    assert "expected the logged 1.0" in str(result.exception)


@pytest.mark.parametrize(
    ("edit", "phrase"),
    [
        (lambda frame: frame.drop(columns="temperature"), "has no column 'temperature'"),
        (
            lambda frame: frame.rename(columns={"temperature": "Temperatur"}),
            r"has no column 'temperature' \(\[task\] features\). Did you mean Temperatur\?",
        ),
        (lambda frame: frame.tail(11), "has 11 rows: expected at least 12, the model's lookback"),
        (
            lambda frame: frame.assign(demand=frame["demand"].where(frame.index != 235)),
            "column 'demand', row 236: missing value",
        ),
        (
            lambda frame: frame.assign(demand=frame["demand"].astype(object).where(frame.index != 235, "much")),
            "column 'demand', row 236: 'much': expected a number",
        ),
        (lambda frame: frame.assign(demand=np.inf), "expected a finite number"),
        (lambda frame: frame.assign(time="soon"), "column 'time', row 229: 'soon': expected a time"),
        (lambda frame: frame.head(0), "has no rows"),
        (lambda frame: pd.concat([frame, frame.tail(1)]), "expected the rows in time order, each time once"),
    ],
)
def test_tables_that_do_not_fit_a_forecast(forecast: Any, tmp_path: Path, edit: Any, phrase: str) -> None:
    edit(pd.read_csv(forecast.data)).to_csv(tmp_path / "in.csv", index=False)
    error = _refusal(forecast.folder, tmp_path / "in.csv")
    assert isinstance(error, DataError)
    assert error.exit_code == 2
    assert error.args[0].startswith(str(tmp_path / "in.csv"))
    with pytest.raises(DataError, match=phrase):
        raise error


@pytest.mark.parametrize(
    "edit",
    [
        lambda frame: frame[list(reversed(frame.columns))],
        lambda frame: frame.assign(more=1, words="x"),
        lambda frame: frame.reset_index(),
        lambda frame: frame.tail(12),
        lambda frame: frame.iloc[::-1],
        lambda frame: frame.assign(demand=frame["demand"].astype(object)),
    ],
    ids=[
        "another order",
        "further columns",
        "an index",
        "no more than the lookback",
        "the last first",
        "written otherwise",
    ],
)
def test_what_a_table_holds_besides_does_not_matter(forecast: Any, tmp_path: Path, edit: Any) -> None:
    expected = pd.read_csv(io.StringIO(_run(forecast.folder, str(forecast.data)).stdout))
    edit(pd.read_csv(forecast.data)).to_csv(tmp_path / "in.csv", index=False, encoding="utf-8-sig")
    phrase = pd.read_csv(io.StringIO(_run(forecast.folder, str(tmp_path / "in.csv")).stdout))
    pd.testing.assert_frame_equal(phrase, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("arrays", "phrase"),
    [
        ({"x": np.ones((2, 9, 5))}, "5 channels: expected 2: a, b"),
        ({"x": np.ones((2, 9))}, "x has shape"),
        ({"y": np.ones((2, 9, 2))}, "has no array 'x'"),
        ({"x": np.ones((2, 9, 2)), "lengths": np.array([0, 9])}, "lengths"),
        ({"x": np.full((2, 9, 2), np.nan)}, r"x\[0\] has no value: expected one step at least"),
        ({"x": np.array([[["a", "b"]]])}, "expected numbers"),
    ],
)
def test_arrays_that_do_not_fit(classify: Any, tmp_path: Path, arrays: Any, phrase: str) -> None:
    np.savez(tmp_path / "in.npz", **arrays)
    with pytest.raises(DataError, match=phrase):
        raise _refusal(classify.folder, tmp_path / "in.npz")


def test_tables_that_do_not_fit_sequences(classify: Any, tmp_path: Path) -> None:
    pd.read_csv(classify.data).rename(columns={"word": "words"}).to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(DataError, match=r"has no column 'word' \(\[task\] id\). Did you mean words\?"):
        raise _refusal(classify.folder, tmp_path / "in.csv")


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        ((), "expected either INPUT or --test"),
        (("in.csv", "--test"), "expected either INPUT or --test"),
        (("none.csv",), "none.csv: no such file"),
        (
            ("in.png",),
            "in.png: expected a file that ends in .csv, .tsv, .dat, .data, .parquet, .pq, .xlsx, .arff, .tsf, .jsonl, "
            ".ndjson, .npz",
        ),
        (("in.csv", "--output", "out.xlsx"), "--output out.xlsx: expected a file that ends in .csv, .parquet or .npz"),
        (("in.csv", "--output", "no/out.csv"), "--output no/out.csv: the folder no does not exist"),
        (("in.csv", "--output", "/tmp/.csv"), "--output /tmp/.csv: expected a file that ends in"),
    ],
)
def test_wrong_use(
    forecast: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], phrase: str
) -> None:
    monkeypatch.chdir(tmp_path)
    error = _refusal(forecast.folder, *arguments)
    assert isinstance(error, UsageError)
    assert phrase in str(error)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_model_leaves_no_store_behind(forecast: Any, tmp_path: Path) -> None:
    error = _refusal("vic_elek", forecast.data, "--store", tmp_path / "m")
    assert "no sweep has run in this store yet" in str(error)
    assert list(tmp_path.iterdir()) == []


def test_a_progress_bar_comes_after_two_seconds_only(
    classify: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from harness.cli import predict as command

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    np.savez(tmp_path / "in.npz", x=np.ones((600, 9, 2)))
    assert command.WAIT_SECONDS == 2
    monkeypatch.setattr(command, "WAIT_SECONDS", 1e9)
    quick = _run(classify.folder, tmp_path / "in.npz")
    assert quick.stderr == f"{classify.folder} (gru)\n"
    monkeypatch.setattr(command, "WAIT_SECONDS", 0)
    waited = _run(classify.folder, tmp_path / "in.npz")
    assert waited.stdout == quick.stdout
    assert len(_table(waited)) == 600
    assert "predicting" in waited.stderr
    assert "43%" in waited.stderr  # 256 of 600
    assert "reading" in _run(classify.folder, classify.data).stderr


def test_nothing_is_printed_of_a_file_whose_last_row_is_wrong(classify: Any, tmp_path: Path) -> None:
    x = np.ones((600, 9, 2))
    x[599, 8, 1] = np.nan
    np.savez(tmp_path / "in.npz", x=x)
    error = _refusal(classify.folder, tmp_path / "in.npz", "-o", tmp_path / "out.csv")
    assert "x[599], channel 'channel_2', step 9: missing value" in str(error)
    assert [path.name for path in tmp_path.iterdir()] == ["in.npz"]
    _refusal(classify.folder, tmp_path / "in.npz")
