# ruff: noqa: E501 - a fault and its message stand on one line
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config.dataset import DatasetConfig
from harness.data import load_dataset
from harness.data.readers.paths import shown
from harness.data.readers.sequences import sequences_of_rows
from harness.data.readers.tables import read_table
from harness.errors import DataError

Config = Callable[..., DatasetConfig]
Table = Callable[..., Path]


def read(config: DatasetConfig) -> Any:
    table = read_table(config.source)  # type: ignore[arg-type]
    return sequences_of_rows(table, config.task, shown(config.source.path))  # type: ignore[arg-type, union-attr]


def test_rows_of_one_id_are_one_sequence_sorted_by_time(write_table: Table, grouped_card: Config) -> None:
    path = write_table(
        who=["b", "a", "b", "a", "b"],
        t=[3, 1, 1, 2, 2],
        v=[30, 100, 10, 200, 20],
        on=["TRUE", "FALSE", "TRUE", "FALSE", "FALSE"],
        label=["yes", "no", "yes", "no", "yes"],
    )
    raw = read(grouped_card(path, time="t"))
    assert raw.channels == ("v", "on")
    assert raw.lengths.tolist() == [3, 2]
    assert raw.x[:, :, 0].tolist() == [[10, 20, 30], [100, 200, 0]]
    assert raw.x[:, :, 1].tolist() == [[1, 0, 1], [0, 0, 0]]
    assert raw.y.tolist() == ["yes", "no"]
    assert raw.name_of(1) == "who 'a'"


def test_without_a_time_column_rows_keep_their_order(write_table: Table, grouped_card: Config) -> None:
    path = write_table(who=[1, 2, 1, 2], v=[4, 5, 6, 7], label=[0, 1, 0, 1])
    assert read(grouped_card(path, features=["v"])).x[:, :, 0].tolist() == [[4, 6], [5, 7]]


def test_numbers_as_answers(write_table: Table, grouped_card: Config) -> None:
    path = write_table(who=[1, 1, 2], v=[4, 5, 6], label=[0.5, 0.5, -3])
    assert read(grouped_card(path, kind="regress")).y.tolist() == [0.5, -3]


def test_inputs_alone_for_a_prediction(write_table: Table, grouped_card: Config) -> None:
    config = grouped_card(write_table(who=[1, 1, 2], v=[4, 5, 6]), features=["v"])
    task = config.task.model_copy(update={"target": None})
    raw = sequences_of_rows(read_table(config.source), task, "toy.csv")  # type: ignore[arg-type]
    assert (raw.lengths.tolist(), raw.y.size) == ([2, 1], 0)


FAULTS: list[tuple[str, str, dict[str, Any], str]] = [
    ("no id", "id,v,label\n1,2,a\n", {}, "toy.csv: has no column 'who' ([task] id). Known: id, label, v"),
    ("no target", "who,v,lable\n1,2,a\n", {}, "toy.csv: has no column 'label' ([task] target). Did you mean lable?"),
    ("no time", "who,v,label\n1,2,a\n", {"time": "t"}, "toy.csv: has no column 't' ([task] time). Known: label, v, who"),
    ("unknown feature", "who,v,label\n1,2,a\n", {"features": ["w"]}, "toy.csv: has no column 'w' ([task] features). Did you mean who?"),
    ("no inputs", "who,label\n1,a\n", {}, "toy.csv: no column of numbers is left for the inputs. Columns: who, label"),
    ("id missing", "who,v,label\n1,2,a\n,3,b\n", {}, "toy.csv: column 'who', row 2: expected a value, got an empty cell (or a word that stands for one, such as NA, None or null)"),
    ("class missing", "who,v,label\n1,2,a\n2,3,\n", {}, "toy.csv: column 'label', row 2: expected a value, got an empty cell (or a word that stands for one, such as NA, None or null); missing = \"interpolate\" leaves sequences without an answer out"),
    ("class changes", "who,v,label\n1,2,a\n2,3,b\n1,4,b\n", {}, "toy.csv: column 'label', row 3: 'b' differs from 'a' earlier in the sequence '1': expected one value a sequence"),
    ("number changes", "who,v,label\n1,2,1\n1,4,2\n", {"kind": "regress"}, "toy.csv: column 'label', row 2: '2.0' differs from '1.0' earlier in the sequence '1': expected one value a sequence"),
    ("number missing", "who,v,label\n1,2,\n1,4,2\n", {"kind": "regress"}, "toy.csv: column 'label', row 1: nan: expected a finite number; missing = \"interpolate\" leaves sequences without an answer out"),
    ("text in an input", "who,v,label\n1,2,a\n1,x,a\n", {"features": ["v"]}, "toy.csv: column 'v', row 2: 'x': expected a number (1 of 2 values are none)"),
    ("infinite input", "who,v,label\n1,2,a\n2,inf,b\n", {}, "toy.csv: column 'v', row 2: inf: expected a finite number, at most 3.4e38 in size"),
    ("time repeats", "who,t,v,label\n1,5,2,a\n2,5,2,b\n1,5,3,a\n", {"time": "t"}, "toy.csv: column 't', row 3: '5' repeats within the sequence '1': expected each time once"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "task", "message"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_one_fault_one_line(
    text: str,
    task: dict[str, Any],
    message: str,
    write_text: Callable[..., Path],
    grouped_card: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        read(grouped_card(write_text(text), **task))


def test_missing_values_are_named_and_filled_within_their_sequence(write_table: Table, grouped_card: Config) -> None:
    ids = np.repeat(range(20), 3)
    values: list[Any] = [1.0, 2.0, 3.0] * 20
    values[4], values[6], values[11] = None, None, None  # middle of 1, start of 2, end of 3
    path = write_table(who=ids, v=values, label=np.repeat([0, 1], 30))
    with pytest.raises(DataError, match=r"toy\.csv: who '1', channel 'v', step 2: missing value \(3 in all\)"):
        load_dataset(grouped_card(path))
    data = load_dataset(grouped_card(path, missing="interpolate"))
    everything = {
        int(row): x[:, 0].tolist()
        for part in (data.train, data.validation, data.test.open())
        for row, x in zip(part.rows, part.x, strict=True)
    }
    assert (everything[1], everything[2], everything[3]) == ([1, 2, 3], [2, 2, 3], [1, 2, 2])
    assert "3 missing values interpolated, each within its sequence" in data.facts.notes


def test_a_sequence_without_any_value_cannot_be_filled(write_table: Table, grouped_card: Config) -> None:
    values: list[Any] = [1.0, 2.0] * 10
    values[6] = values[7] = None
    path = write_table(who=np.repeat(range(10), 2), v=values, label=np.repeat([0, 1], 10))
    with pytest.raises(DataError, match="who '3', channel 'v': every value is missing"):
        load_dataset(grouped_card(path, missing="interpolate"))
