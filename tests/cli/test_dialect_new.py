"""`harness datasets new` on tables as people write them, and `check` of the config that it writes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from harness.cli.datasets import app
from harness.errors import HarnessError


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None:
        raise result.exception
    return result.output


def source_of(name: str) -> dict[str, Any]:
    source = tomllib.loads(Path(f"datasets/{name}.toml").read_text())["source"]
    return {key: value for key, value in source.items() if key not in ("kind", "path")}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    load = 50 + 9 * np.sin(np.arange(400) / 4)
    lines = [f"{step};{value:.2f};{value / 3:.1f}".replace(".", ",") for step, value in enumerate(load)]
    Path("verbrauch.csv").write_text("step;Verbrauch;Temperatur\n" + "\n".join(lines))
    rows = [f'{step},"{10_000 + 10 * value:,.0f}"' for step, value in enumerate(load)]
    Path("visits.csv").write_text("step,y\n" + "\n".join(rows))


def test_what_is_told_from_the_file_is_shown_and_written() -> None:
    output = run("new", "verbrauch.csv", "--target", "Verbrauch")
    assert "  separator = ';': as many semicolons in every line\n" in output
    assert "  decimal = ',': as the numbers of column 'Verbrauch' show\n" in output
    assert source_of("verbrauch") == {"separator": ";", "decimal": ","}
    assert "verbrauch: valid" in run("check", "verbrauch")


def test_an_open_question_names_the_option() -> None:
    with pytest.raises(HarnessError, match="column 'y': are its commas decimal marks or between thousands"):
        run("new", "visits.csv")
    run("new", "visits.csv", "--thousands", ",")
    assert source_of("visits") == {"thousands": ","}
    assert "visits: valid" in run("check", "visits")


def test_options_go_into_the_config() -> None:
    Path("raw.txt").write_bytes("\n".join(f"{step % 7}\t-200\t{step}" for step in range(400)).encode("utf-16"))
    options = ("--columns", "a,b,y", "--missing", "?,-200", "--encoding", "utf-16", "--separator", "tab")
    run("new", "raw.txt", "--target", "y", *options)
    assert source_of("raw") == {
        "separator": "\t",
        "columns": ["a", "b", "y"],
        "encoding": "utf-16",
        "missing_values": ["?", "-200"],
    }
    with pytest.raises(HarnessError, match='--encoding = "klingon": expected an encoding of text'):
        run("new", "raw.txt", "--encoding", "klingon")


def test_a_wrong_dialect_is_named_at_check() -> None:
    run("new", "verbrauch.csv", "--target", "Verbrauch")
    config = Path("datasets/verbrauch.toml")
    config.write_text(config.read_text().replace('separator = ";"\n', "").replace('decimal = ","\n', ""))
    with pytest.raises(HarnessError, match="looks like semicolons and decimal commas: separator = ';', decimal = ','"):
        run("check", "verbrauch")
