"""`harness predict --test`: which series and time each row of its table is of, and what came true."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from harness.cli.predict import predict
from harness.data import load_dataset
from harness.export import load

APP = typer.Typer()
APP.command()(predict)


def _of_test(built: Any) -> pd.DataFrame:
    result = CliRunner().invoke(APP, [str(built.folder), "--test"])
    assert result.exception is None, result.exception
    return pd.read_csv(io.StringIO(result.stdout))


def test_rows_of_a_panel_name_series_and_time(panel: Any) -> None:
    table, source = _of_test(panel), pd.read_csv(panel.data)
    assert list(table.columns) == ["shop", "row", "day", "step", "sold", "sold_actual"]
    assert set(table["shop"]) == {"north", "south"}
    joined = table.merge(source, on=["shop", "day"], suffixes=("_predicted", ""))
    assert len(joined) == len(table)
    assert joined["sold_actual"].to_numpy() == pytest.approx(joined["sold"].to_numpy(), rel=1e-6)


def test_row_is_the_place_of_the_predicted_step(panel: Any) -> None:
    table, source = _of_test(panel), pd.read_csv(panel.data)
    for shop, rows in table.groupby("shop"):
        own = source[source["shop"] == shop].reset_index(drop=True)
        assert own["day"].iloc[rows["row"] - 1].tolist() == rows["day"].tolist()


def test_a_single_series_has_times_and_no_id(forecast: Any) -> None:
    table, source = _of_test(forecast), pd.read_csv(forecast.data)
    assert list(table.columns) == ["row", "time", "step", "demand", "demand_actual"]
    expected = source["demand"].iloc[table["row"] - 1].to_numpy()
    assert table["demand_actual"].to_numpy() == pytest.approx(expected, rel=1e-6)
    assert table["time"].tolist() == source["time"].iloc[table["row"] - 1].tolist()


def test_rows_that_were_sorted_keep_their_times(panel: Any, build_champion_of: Any, tmp_path: Any) -> None:
    shuffled = pd.read_csv(panel.data).sample(frac=1, random_state=0)
    shuffled.to_csv(tmp_path / "shops.csv", index=False)
    kept = {key: panel.plain["dataset"][key] for key in ("name", "task")}
    config = {**kept, "source": {"kind": "csv", "path": str(tmp_path / "shops.csv")}}
    config["task"] = {**config["task"], "last_rows": 110}
    table = _of_test(build_champion_of(config, tmp_path, tmp_path / "shops.csv"))
    joined = table.merge(shuffled, on=["shop", "day"], suffixes=("_predicted", ""))
    assert len(joined) == len(table)
    assert joined["sold_actual"].to_numpy() == pytest.approx(joined["sold"].to_numpy(), rel=1e-6)


@pytest.mark.parametrize(
    ("task", "column"),
    [("classify", "class_actual"), ("regress", "y_actual"), ("label", "doing_actual"), ("letters", "next_actual")],
)
def test_other_tasks_have_the_answers_too(request: pytest.FixtureRequest, task: str, column: str) -> None:
    built = request.getfixturevalue(task)
    table, description = _of_test(built), load(built.folder).description
    part = load_dataset(description.dataset_config).test.open()
    real = np.arange(part.y.shape[1]) < part.lengths[:, None] if description.task.per_step else slice(None)
    names = description.vocabulary or description.classes
    if not names:
        assert table[column].to_numpy() == pytest.approx(part.y[:, 0], rel=1e-6)
        return
    assert table[column].astype(str).tolist() == np.array(names)[part.y[real]].tolist()
