"""What `datasets new` says of tables with no numbers, and of files that state their horizon."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from harness.cli.app import app
from harness.errors import UsageError
from harness.text import are, with_article


def new(*words: str) -> str:
    result = CliRunner().invoke(app, ["datasets", "new", *words])
    if isinstance(result.exception, UsageError):
        return str(result.exception)
    assert result.exception is None, result.exception
    return result.output


@pytest.mark.parametrize("columns", [("a",), ("a", "b")])
def test_a_table_of_gaps_has_no_numbers(
    columns: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    days = pd.date_range("2024-01-01", periods=90).strftime("%Y-%m-%d")
    pd.DataFrame({"day": days} | dict.fromkeys(columns, np.nan)).to_csv("t.csv", index=False)
    assert new("t.csv", "--time", "day").startswith(
        "t.csv: holds no value in any column but times: expected numbers; --"
    )
    assert new("t.csv").startswith("t.csv: holds no value in any column but times: expected numbers; --missing")


TSF = """@relation t
@attribute series_name string
@attribute start_timestamp date
@frequency daily
@horizon 8
@missing false
@equallength true
@data
"""


def test_the_horizon_that_a_file_states_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    values = [",".join(map(str, np.arange(300) % 7 + n)) for n in range(3)]
    Path("t.tsf").write_text(TSF + "".join(f"T{n}:2020-01-01 00-00-00:{line}\n" for n, line in enumerate(values)))
    assert "horizon_steps = 8: the file says so" in new("t.tsf")
    assert "horizon_steps = 8" in Path("datasets/t.toml").read_text()
    output = new("t.tsf", "--horizon", "3", "--force")
    assert "the file says so" not in output
    assert "horizon_steps = 3" in Path("datasets/t.toml").read_text()


def test_words_fit_what_they_count() -> None:
    assert [with_article(noun) for noun in ("int", "ndarray", "list")] == ["an int", "a ndarray", "a list"]
    assert [are(1), are(2), are(0)] == ["is", "are", "are"]
