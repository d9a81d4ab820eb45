"""A table with another separator than the champion's is asked about, with the option that says which it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from harness.cli.predict import predict
from harness.errors import DataError

APP = typer.Typer()
APP.command()(predict)


def test_one_column_asks_for_the_separator(forecast: Any, tmp_path: Path) -> None:
    pd.read_csv(forecast.data).to_csv(tmp_path / "in.csv", index=False, sep=";")
    result = CliRunner().invoke(APP, [str(forecast.folder), str(tmp_path / "in.csv")])
    with pytest.raises(DataError, match=r"one column found: is its separator another one\? \(--separator\)"):
        raise result.exception or AssertionError
