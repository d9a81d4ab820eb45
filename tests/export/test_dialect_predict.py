"""`predict` reads a file as the champion's training data was written, or as its options say."""

from __future__ import annotations

import gzip
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from harness.cli.predict import predict
from harness.errors import HarnessError
from harness.export import load
from harness.export.artifact import read_description
from harness.export.inputs.batches import batch_of_frame, read_input
from harness.export.streaming import read_portions

APP = typer.Typer()
APP.command()(predict)


def run(*arguments: object) -> pd.DataFrame:
    result = CliRunner().invoke(APP, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return pd.read_csv(io.StringIO(result.stdout), dtype=str)


def european(frame: pd.DataFrame) -> str:
    return "Bericht\n" + frame.to_csv(index=False, header=False, sep=";", decimal=",", na_rep="-")


@pytest.fixture(scope="module")
def series(forecast: Any) -> pd.DataFrame:
    """What the champion was trained on, and the rows of another site."""
    frame = pd.read_csv(forecast.data)
    frame["temperature"] = frame["temperature"].round(3)
    frame.loc[235, "temperature"] = np.nan
    return pd.concat([frame.assign(site="007"), frame.assign(site="7", demand=1.5)], ignore_index=True)


@pytest.fixture(scope="module")
def built(series: pd.DataFrame, forecast: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The champion, as if it had been trained on a file of another dialect."""
    folder = tmp_path_factory.mktemp("european")
    shutil.copytree(forecast.folder, folder / "champion")
    (folder / "load.txt.gz").write_bytes(gzip.compress(european(series).encode("cp1252")))
    file = folder / "champion" / "champion.json"
    plain = json.loads(file.read_text())
    plain["card"] |= {"missing": "interpolate"}
    plain["card"]["source"] = {
        "kind": "csv",
        "path": str(folder / "load.txt.gz"),
        "separator": ";",
        "decimal": ",",
        "encoding": "cp1252",
        "columns": ["time", "demand", "temperature", "holiday", "größe"],
        "skip_rows": 1,
        "missing_values": ["-"],
        "where": {"größe": "007"},
    }
    file.write_text(json.dumps(plain))
    return replace(forecast, folder=folder / "champion", data=folder / "load.txt.gz")


def inputs(built: Any, path: Path, **written: str) -> np.ndarray:
    """What the network is given, read in pieces and read whole."""
    description = read_description(built.folder)
    (portion,) = read_portions(description, path, piece_rows=50, written=written)
    whole = read_input(description, path, written)
    np.testing.assert_array_equal(portion.batch.x, whole.x)
    assert portion.batch.stamps == whole.stamps
    return whole.x


def test_the_file_it_was_trained_on(built: Any, series: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text(european(series), encoding="cp1252")
    found = inputs(built, built.data)
    wanted = batch_of_frame(read_description(built.folder), series[series["site"] == "007"], "series").x
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(inputs(built, tmp_path / "new.txt"), found)
    np.testing.assert_array_equal(inputs(built, tmp_path / "new.txt", encoding="latin-1"), found)


def test_the_command_reads_it(built: Any, series: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("Bericht\n" + series.to_csv(index=False, header=False, na_rep="-"))
    found = run(built.folder, tmp_path / "points.csv", "--separator", ",", "--decimal", ".", "--encoding", "utf-8")
    expected = load(built.folder).predict_frame(series[series["site"] == "007"])
    assert found["demand"].astype(float).to_numpy() == pytest.approx(expected["demand"].to_numpy(), rel=1e-6)


def test_a_table_of_the_wanted_rows_alone(built: Any, series: pd.DataFrame, tmp_path: Path) -> None:
    series[series["site"] == "007"].drop(columns="site").to_parquet(tmp_path / "rows.parquet")
    np.testing.assert_array_equal(inputs(built, tmp_path / "rows.parquet"), inputs(built, built.data))


def test_options_that_say_nothing_are_refused(built: Any, series: pd.DataFrame, tmp_path: Path) -> None:
    series.to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(HarnessError, match="--decimal: expected it only for a CSV"):
        inputs(built, tmp_path / "rows.parquet", decimal=",")
    with pytest.raises(HarnessError, match=r'--decimal = ";": expected "\." or ","'):
        run(built.folder, built.data, "--decimal", ";")
    with pytest.raises(HarnessError, match="beside --test"):
        run(built.folder, "--test", "--decimal", ",")


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_ids_come_out_as_they_went_in(classify: Any, tmp_path: Path, rows: int) -> None:
    frame = pd.read_csv(classify.data)
    frame["word"] = frame["word"].str.replace("w", "00")
    frame.to_csv(tmp_path / "in.csv", index=False)
    description = read_description(classify.folder)
    portions = read_portions(description, tmp_path / "in.csv", piece_rows=rows, sequences=9)
    names = [name for portion in portions for name in portion.batch.names]
    assert names == frame["word"].drop_duplicates().tolist()
    assert names == [*read_input(description, tmp_path / "in.csv").names]


def test_whole_numbers_stay_whole_numbers(classify: Any, tmp_path: Path) -> None:
    frame = pd.read_csv(classify.data)
    frame["word"] = frame["word"].str.removeprefix("w").astype(int)
    frame.to_csv(tmp_path / "in.csv", index=False)
    (portion,) = read_portions(read_description(classify.folder), tmp_path / "in.csv")
    assert portion.batch.names == tuple(range(60))


def test_a_time_that_is_text_in_one_piece(classify: Any, tmp_path: Path) -> None:
    frame = pd.read_csv(classify.data, dtype={"t": str})
    frame.loc[frame.index[-1], "t"] = "end"
    frame.to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(HarnessError, match=r"column 't', row \d+: 'end': expected a time"):
        list(read_portions(read_description(classify.folder), tmp_path / "in.csv", piece_rows=10))
