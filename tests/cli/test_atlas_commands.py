"""`harness atlas`: what is there of the plan, what other programs read, and what a contribution has to say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from harness.atlas.plan import plan_path, read_plan
from harness.atlas.tables import DatasetRow, TrialRow, read_tables, write_rows
from harness.cli.atlas.tables import TABLES, where
from harness.records import Direction, TrialStatus

SCHEMAS = json.loads(
    (Path(__file__).parents[2] / "docs" / "formats" / "commands.schema.json").read_text(encoding="utf-8")
)
CONFIG = """
name = "steps"
title = "Walk or run"
license = "CC BY 4.0"
citation = "A. Author (2026)"
[source]
kind = "npz"
path = "steps.npz"
[task]
kind = "classify"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tables of one data set with a result, one that failed, and one of a contribution."""
    monkeypatch.chdir(tmp_path)
    for name in ("us_flu", "mine"):
        rows = [
            TrialRow(name, family, "trial", 1, 1, 1, 0.5, 0.5, 9, 1.0, 3, {"units": 16}, TrialStatus.COMPLETED)
            for family in ("lstm", "gru")
        ]
        row = DatasetRow(name, "forecast", "S", metric="mae", direction=Direction.MIN, families_verdict="gru")
        write_rows(tmp_path / "atlas" / "tables", row, rows)
    write_rows(tmp_path / "atlas" / "tables", DatasetRow("coffee", failure="it broke"), [])
    (tmp_path / "steps.toml").write_text(CONFIG)
    x = np.random.default_rng(0).normal(size=(60, 8, 1))
    np.savez(tmp_path / "steps.npz", x=x, y=np.array(["walk", "run"])[np.arange(60) % 2])
    return tmp_path


def as_json(name: str, text: str) -> Any:
    document = json.loads(text)
    jsonschema.Draft202012Validator({**SCHEMAS, "$ref": f"#/$defs/{name}"}).validate(document)
    return document


def test_status_says_what_is_there_failed_and_missing(folder: Path, command: Callable[..., Any]) -> None:
    known = as_json("atlas status", command("atlas", "status", "--json").out)
    assert (known["complete"], known["failed"], known["contributed"]) == (["us_flu"], {"coffee": "it broke"}, ["mine"])
    assert sorted([*known["missing"], "us_flu", "coffee"]) == sorted(read_plan().by_name)
    said = command("atlas", "status").out
    assert said.startswith("version 1 of the plan: 1 of 89 data sets have rows, from 1 source; 1 failed, 87 missing\n")
    assert "coffee failed: it broke" in said


def test_export_writes_for_other_programs_and_says_what_it_knows(folder: Path, command: Callable[..., Any]) -> None:
    files = as_json("atlas export", command("atlas", "export", "out", "--to", "aeon", "--json").out)["files"]
    assert files == ["out/LSTM_mae.csv", "out/GRU_mae.csv"]
    assert (folder / files[0]).read_text() == "Resamples:,0\nmine,0.5\nus_flu,0.5\n"
    wrong = command("atlas", "export", "out", "--to", "autorang")
    assert (wrong.code, wrong.err) == (2, "harness: --to autorang: expected autorank or aeon\n")


def test_two_runs_are_the_same_but_for_times_or_what_differs_is_told(folder: Path, command: Callable[..., Any]) -> None:
    tables, other = folder / "atlas" / "tables", folder / "other"
    shutil.copytree(tables, other)
    path = other / "trials" / "us_flu.csv"
    path.write_text(path.read_text().replace(",1.0,3,", ",7.0,3,"))
    same = command("atlas", "compare", "other")
    assert (same.code, same.out) == (0, "coffee: the same\nmine: the same\nus_flu: the same\n")
    path.write_text(path.read_text().replace("us_flu,gru,trial,1,1,1,0.5,0.5", "us_flu,gru,trial,1,1,1,0.5,0.4"))
    row = other / "datasets" / "us_flu.csv"
    row.write_text(row.read_text().replace(",,0,0.0,0.0,,", ",AVX2,0,0.0,0.0,,"))
    told = command("atlas", "compare", "other", "--json")
    by_name = {one["dataset"]: one for one in as_json("atlas compare", told.out)}
    assert told.code == 1
    assert by_name["us_flu"] == {
        "dataset": "us_flu",
        "differs": ["test"],
        "trials": 1,
        "largest": pytest.approx(0.2),
        "where": "cpu  and AVX2",
    }
    assert by_name["mine"]["trials"] == 0
    line = "us_flu: 1 network of other scores, on the test part by at most 0.2 (test); cpu  and AVX2"
    assert line in command("atlas", "compare", "other").out


def test_rows_without_a_sweep_by_the_plan_says_how_to_run_one(folder: Path, command: Callable[..., Any]) -> None:
    ran = command("atlas", "rows")
    assert ran.code == 2
    assert ran.err.endswith("no data set of the plan is finished; run `harness sweep --config atlas`\n")


def test_a_contribution_is_checked_before_anything_runs(folder: Path, command: Callable[..., Any]) -> None:
    ran = command("atlas", "add", "steps.toml", "--source", "Our hall", "--check", "--json")
    document = as_json("atlas add", ran.out)
    assert (document["dataset"], document["written"], document["facts"]["sizes"]) == ("steps", False, [42, 10, 8])
    assert not (folder / "mlruns").exists()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('license = "CC BY 4.0"\n', "", "missing key 'license': expected the licence of the data"),
        ('citation = "A. Author (2026)"\n', "", "missing key 'citation': expected what to cite"),
        ("[source]", 'use = "not stated"\n[source]', 'use = "not stated": expected open, research or no-derivatives'),
        (
            'kind = "npz"\npath = "steps.npz"',
            'kind = "generator"\ngenerator = "counting"',
            "expected data that somebody",
        ),
    ],
)
def test_a_contribution_that_cannot_be_one_is_refused(
    old: str, new: str, told: str, folder: Path, command: Callable[..., Any]
) -> None:
    (folder / "steps.toml").write_text(CONFIG.replace(old, new))
    ran = command("atlas", "add", "steps.toml", "--source", "Our hall", "--check")
    assert ran.code == 2
    assert told in ran.err
    assert "version 1 of the plan already" in command("atlas", "add", "us_flu", "--source", "CDC").err


@pytest.mark.parametrize("part", ["0/3", "4/3", "3", "a/b", "1/0"])
def test_a_part_that_is_none_is_refused(part: str, command: Callable[..., Any]) -> None:
    ran = command("sweep", "digits", "sunspots", "--part", part, "--dry-run")
    assert (ran.code, ran.err) == (2, f"harness: --part {part}: expected which part of how many, such as 3/12\n")


def test_a_part_is_no_word_for_a_sweep_that_is_resumed(folder: Path, command: Callable[..., Any]) -> None:
    ran = command("sweep", "--resume", "atlas-1", "--part", "1/2")
    assert ran.code == 2
    assert ran.err.endswith("the sweep keeps the plan that it started with; leave out --part\n")


def test_elsewhere_the_packages_own_tables_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    own = plan_path().parent / "tables"
    assert where(TABLES) == own
    assert where(tmp_path / "others") == tmp_path / "others"
    assert f"{len(read_tables(own).datasets)} of " in command("atlas", "status").out
    (tmp_path / TABLES).mkdir(parents=True)
    assert where(TABLES) == TABLES
