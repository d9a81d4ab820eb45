"""A file that is written otherwise than the training data: `predict` names its options, not the config's keys."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from harness.cli.predict import predict
from harness.config.inferred.dialect import looks_like, named_as_options
from harness.errors import DataError

APP = typer.Typer()
APP.command()(predict)


@pytest.mark.parametrize(
    ("separator", "encoding", "options", "message"),
    [
        (";", "utf-8", {"decimal": ","}, r"; looks like semicolons and decimal commas: --separator ';' --decimal ','$"),
        (",", "utf-16", {}, r"for another encoding, such as cp1252, there is --encoding$"),
    ],
)
def test_what_settles_a_dialect_is_an_option(
    separator: str, encoding: str, options: dict[str, Any], message: str, forecast: Any, tmp_path: Path
) -> None:
    path = tmp_path / "new.csv"
    pd.read_csv(forecast.data).to_csv(path, index=False, sep=separator, encoding=encoding, **options)
    result = CliRunner().invoke(APP, [str(forecast.folder), str(path)])
    assert isinstance(result.exception, DataError), result.output
    assert re.search(message, str(result.exception)), result.exception


def test_keys_are_named_again_afterwards() -> None:
    with named_as_options():
        assert looks_like({"separator": ";"}) == "looks like semicolons: --separator ';'"
        assert looks_like({}) == "looks like commas: --separator ','"
    assert looks_like({"separator": ";"}) == "looks like semicolons: separator = ';'"
    assert looks_like({"separator": ";"}, options=True) == "looks like semicolons: --separator ';'"
