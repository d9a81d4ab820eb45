"""`harness atlas answer` says from the tables' files what their records say, in print, as JSON and as a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from harness.atlas.tables import Tables, write_rows
from harness.cli.app import main

SCHEMAS = json.loads(
    (Path(__file__).parents[2] / "docs" / "formats" / "commands.schema.json").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def tables(make_tables: Callable[..., tuple[Tables, list[float]]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("atlas") / "tables"
    made, _ = make_tables(datasets=12, sources=12, mean=0.1)
    for name, row in made.datasets.items():
        write_rows(folder, row, made.trials[name])
    return folder


def code_of(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["atlas", "answer", *words])
    return int(end.value.code or 0)


def test_the_answer_is_printed_with_its_table(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("--tables", str(tables), "--splits", "2") == 0
    said = capsys.readouterr().out
    assert said.startswith("Over 12 data sets of 12 sources gru is better: lstm's error is")
    assert "The run is not complete: 12 data sets of the 89 planned so far." in said
    assert sum(line.startswith("made_") for line in said.splitlines()) == 12
    assert "False winners in 48 random splits" in said


def test_json_fits_its_schema_and_a_page_is_written(
    tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "atlas.html"
    assert code_of("--tables", str(tables), "--splits", "0", "--json", "--html", str(page)) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator({**SCHEMAS, "$ref": "#/$defs/atlas answer"}).validate(document)
    assert document["pooled"]["low"] < 0.1 < document["pooled"]["high"]
    assert document["answer"] in page.read_text(encoding="utf-8").replace("&#39;", "'").replace("\xa0%", " %")


def test_no_tables_and_no_number_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("--tables", str(tmp_path / "none")) == 2
    assert "no rows yet; `harness atlas rows` writes them" in capsys.readouterr().err
    assert code_of("--tables", str(tmp_path), "--splits", "-1") == 2
    assert "--splits -1: expected at least 0" in capsys.readouterr().err
