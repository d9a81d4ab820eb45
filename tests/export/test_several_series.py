"""Champions of several series: ids that are inputs too, and series that were never trained on."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from typer.testing import CliRunner

from harness.cli.predict import predict
from harness.export import load

APP = typer.Typer()
APP.command()(predict)


def _future(panel: Any, shops: list[str], file: Path) -> Path:
    """The panel's rows for some shops, three days of known prices after them."""
    source = pd.read_csv(panel.data)
    days = pd.date_range("2024-04-30", periods=3, freq="D").strftime("%Y-%m-%d")
    rows = []
    for shop in shops:
        own = source[source["shop"] == ("north" if shop == "west" else shop)].assign(shop=shop)
        rows += [own, pd.DataFrame({"shop": shop, "day": days, "sold": np.nan, "price": 2})]
    pd.concat(rows).to_csv(file, index=False)
    return file


def _run(folder: Path, file: Path) -> Any:
    result = CliRunner().invoke(APP, [str(folder), str(file)])
    assert result.exception is None, result.exception
    return result


def test_a_series_that_was_not_trained_on_is_named(panel: Any, tmp_path: Path) -> None:
    new = _run(panel.folder, _future(panel, ["north", "west"], tmp_path / "new.csv"))
    assert "not trained on, and forecast as the other series are: west (1 series)" in new.stderr
    assert "not trained on" not in _run(panel.folder, _future(panel, ["north"], tmp_path / "old.csv")).stderr


def test_the_id_may_be_an_input_too(panel: Any, build_champion_of: Any, tmp_path: Path) -> None:
    kept = {key: panel.plain["dataset"][key] for key in ("name", "task", "source")}
    config = {**kept, "task": {**kept["task"], "categorical": ["shop"]}}
    built = build_champion_of(config, tmp_path, panel.data)
    description = load(built.folder).description
    assert description.channels == ("sold", "shop=north", "shop=south", "price")
    result = _run(built.folder, _future(panel, ["north", "south"], tmp_path / "new.csv"))
    assert pd.read_csv(io.StringIO(result.stdout))["shop"].tolist() == ["north"] * 3 + ["south"] * 3
