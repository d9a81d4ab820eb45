"""Rows and sequences of a table that have no answer: left out and counted where the config allows gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from harness.cli.app import app
from harness.config.dataset import DatasetConfig
from harness.data import load_dataset
from harness.errors import DataError

CHANCE = np.random.default_rng(0)


def long_table(answers: list[object]) -> pd.DataFrame:
    """Four steps a sequence."""
    ids = np.repeat(np.arange(len(answers)), 4)
    return pd.DataFrame({"who": ids, "v": CHANCE.normal(size=len(ids)), "y": np.repeat(np.array(answers, object), 4)})


def wide_table(answers: list[object]) -> pd.DataFrame:
    return pd.DataFrame(CHANCE.normal(size=(len(answers), 4)), columns=list("abcd")).assign(y=answers)


ANSWERS: dict[str, list[object]] = {"classify": [3, 10, None] * 20, "regress": [0.5, 1.25, None] * 20}


@pytest.mark.parametrize("kind", ["classify", "regress"])
@pytest.mark.parametrize("layout", ["long", "wide"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_sequences_without_an_answer_are_left_out_and_counted(
    kind: str, layout: str, suffix: str, tmp_path: Path
) -> None:
    frame = (long_table if layout == "long" else wide_table)(ANSWERS[kind])
    path = tmp_path / f"t.{suffix}"
    frame.assign(y=frame["y"].astype(float)).to_parquet(path) if suffix == "parquet" else frame.to_csv(
        path, index=False
    )
    task = {"kind": kind, "target": "y", "layout": layout} | ({"id": "who"} if layout == "long" else {})
    given = {"name": "t", "source": {"kind": suffix, "path": str(path)}, "task": task}
    with pytest.raises(
        DataError, match=r"column 'y', row \d+: .*missing = \"interpolate\" leaves sequences without an a"
    ):
        load_dataset(DatasetConfig.model_validate(given))
    data = load_dataset(DatasetConfig.model_validate({**given, "missing": "interpolate"}))
    assert sum(data.facts.sizes) == 40
    assert "20 sequences without an answer left out" in data.facts.notes
    if kind == "classify":
        assert data.facts.classes == ("3", "10")


def test_a_sequence_with_an_answer_in_some_rows_alone_is_refused(tmp_path: Path) -> None:
    frame = long_table(["a", "b"] * 20)
    frame.loc[2, "y"] = None
    frame.to_csv(tmp_path / "t.csv", index=False)
    source, task = {"kind": "csv", "path": str(tmp_path / "t.csv")}, {"kind": "classify", "target": "y", "id": "who"}
    config = {"name": "t", "source": source, "task": task, "missing": "mask"}
    with pytest.raises(
        DataError, match=r"row 3: 'None' differs from 'a' earlier in the sequence '0': expected one val"
    ):
        load_dataset(DatasetConfig.model_validate(config))


def test_new_writes_what_leaves_them_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    long_table(["a", "b", None] * 20).rename(columns={"who": "id"}).to_csv("t.csv", index=False)
    output = CliRunner().invoke(app, ["datasets", "new", "t.csv", "--target", "y"]).output
    assert 'missing = "interpolate": 80 missing values' in output
    checked = CliRunner().invoke(app, ["datasets", "check", "t"]).output
    assert "note       20 sequences without an answer left out" in checked
