"""Rows of a table of texts that have no answer: left out and counted where the config allows gaps."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from harness.config.dataset import DatasetConfig
from harness.data import load_dataset
from harness.errors import DataError

ANSWERS: dict[str, list[object]] = {"classify": ["ham", "spam", None] * 20, "regress": [0.5, 1.25, None] * 20}


@pytest.mark.parametrize("kind", ["classify", "regress"])
def test_texts_without_an_answer_are_left_out_and_counted(kind: str, tmp_path: Path) -> None:
    texts = [f"a mail of number {n}" for n in range(60)]
    pd.DataFrame({"text": texts, "y": ANSWERS[kind]}).to_csv(tmp_path / "t.csv", index=False)
    task = {"kind": kind, "target": "y", "text": "text", "tokens": "words"}
    given = {"name": "t", "source": {"kind": "csv", "path": str(tmp_path / "t.csv")}, "task": task}
    with pytest.raises(DataError, match="row 3"):
        load_dataset(DatasetConfig.model_validate(given))
    data = load_dataset(DatasetConfig.model_validate({**given, "missing": "interpolate"}))
    assert sum(data.facts.sizes) == 40
    assert "20 rows without an answer left out" in data.facts.notes


def test_texts_of_which_none_has_an_answer_are_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": [f"mail {n}" for n in range(9)], "y": [None] * 9})
    frame.to_csv(tmp_path / "t.csv", index=False)
    task = {"kind": "classify", "target": "y", "text": "text"}
    source = {"kind": "csv", "path": str(tmp_path / "t.csv")}
    config = {"name": "t", "missing": "interpolate", "source": source, "task": task}
    with pytest.raises(DataError, match="column 'y': no row has an answer"):
        load_dataset(DatasetConfig.model_validate(config))
