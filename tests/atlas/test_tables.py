"""The Atlas's tables: what is written is read again, and what is wrong with a file is told with its place."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from harness.atlas.export import to_aeon, to_autorank
from harness.atlas.tables import DatasetRow, TrialRow, read_rows, read_tables, write_rows
from harness.errors import DataError
from harness.records import Direction, TrialStatus

FAMILIES = ("lstm", "gru")


def trial(dataset: str, family: str, kind: str, number: int, validation: float | None, test: float | None) -> TrialRow:
    status = TrialStatus.FAILED if test is None else TrialStatus.COMPLETED
    values = {"units": 16, "learning_rate": 1 / 3, "bidirectional": True, "schedule": "cosine"}
    return TrialRow(dataset, family, kind, 1, number, 2**62, validation, test, 100, 1.5, 3, values, status)


def trials(dataset: str, scores: dict[str, float]) -> list[TrialRow]:
    """Two trials of each family, the second of which validation does not select by `min`; two seeds; a failed trial."""
    rows = []
    for family, score in scores.items():
        rows += [trial(dataset, family, "trial", n, 0.1 * n, score * n) for n in (1, 2)]
        rows += [trial(dataset, family, "seed", n, 0.1, score + n / 100) for n in (1, 2)]
        rows.append(trial(dataset, family, "trial", 3, None, None))
    return rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two data sets with results, an error and an accuracy, and one that failed."""
    waves = DatasetRow("waves", "forecast", "a, b", metric="mae", direction=Direction.MIN, wall_seconds=0.1 + 0.2)
    write_rows(tmp_path, waves, trials("waves", {"lstm": 0.5, "gru": 1 / 3}))
    words = DatasetRow("words", "classify", "c", metric="accuracy", direction=Direction.MAX, baseline="counts")
    write_rows(tmp_path, words, trials("words", {"lstm": 0.75, "gru": 0.5}))
    write_rows(tmp_path, DatasetRow("gone", plan="1", failure='the file "x.csv" is not there'), [])
    return tmp_path


def test_what_is_written_is_read_again(folder: Path) -> None:
    found = read_tables(folder)
    assert found.trials["waves"] == tuple(trials("waves", {"lstm": 0.5, "gru": 1 / 3}))
    assert found.datasets["waves"].source == "a, b"
    assert found.datasets["waves"].wall_seconds == 0.1 + 0.2
    assert found.datasets["words"].baseline_test is None
    assert found.datasets["gone"].failure == 'the file "x.csv" is not there'
    assert found.complete == ("waves", "words")


def test_written_again_nothing_is_touched_and_a_failure_takes_its_trials_away(folder: Path) -> None:
    found = read_tables(folder)
    assert not write_rows(folder, found.datasets["waves"], found.trials["waves"])
    assert write_rows(folder, DatasetRow("waves", failure="it broke"), [])
    assert "waves" not in read_tables(folder).trials
    assert write_rows(folder, found.datasets["waves"], found.trials["waves"])
    assert read_tables(folder) == found


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("parameters", "parameter", r"waves.csv: unknown column 'parameter'. Did you mean parameters"),
        (",epochs", "", r"waves.csv: no column 'epochs': expected dataset, family"),
        (",1.5,", ",fast,", r"waves.csv: line 2, column 'seconds': got 'fast', expected a number"),
        (",completed", ",well", r"waves.csv: line 2, column 'status': got 'well', expected a value of its column"),
        ("{", "(", r"waves.csv: line 2, column 'hyperparameters': got "),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_place(folder: Path, old: str, new: str, told: str) -> None:
    path = folder / "trials" / "waves.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DataError, match=told):
        read_rows(path, TrialRow)


def test_a_result_without_its_trials_is_refused(folder: Path) -> None:
    (folder / "trials" / "words.csv").unlink()
    with pytest.raises(DataError, match=r"words.csv: expected the trials of words, which has a result"):
        read_tables(folder)


def test_autorank_reads_losses_of_which_lower_is_better(folder: Path) -> None:
    (path,) = to_autorank(read_tables(folder), FAMILIES, folder / "out")
    table = pd.read_csv(path, index_col=0)
    assert list(table.index) == ["waves", "words"]
    assert list(table.columns) == ["lstm", "gru"]
    assert table.loc["waves"].tolist() == pytest.approx([0.515, 1 / 3 + 0.015])
    assert table.loc["words"].tolist() == pytest.approx([1 - 0.765, 1 - 0.515])


def test_aeon_reads_a_file_of_a_family_and_metric_with_a_column_a_seed(folder: Path) -> None:
    paths = to_aeon(read_tables(folder), FAMILIES, folder / "out")
    assert [path.name for path in paths] == ["LSTM_accuracy.csv", "GRU_accuracy.csv", "LSTM_mae.csv", "GRU_mae.csv"]
    table = pd.read_csv(paths[0], index_col=0)
    assert table.index.name == "Resamples:"
    assert table.to_dict("index") == {"words": {"0": 0.76, "1": 0.77}}


def test_without_seeds_the_trial_that_validation_selects_stands_for_its_family(tmp_path: Path) -> None:
    for name, direction, wanted in (("waves", Direction.MIN, 0.5), ("words", Direction.MAX, 1 - 1.0)):
        rows = [row for row in trials(name, {"lstm": 0.5, "gru": 0.5}) if row.kind == "trial"]
        write_rows(tmp_path, DatasetRow(name, metric="m", direction=direction), rows)
        (path,) = to_autorank(read_tables(tmp_path), FAMILIES, tmp_path / "out")
        assert math.isclose(pd.read_csv(path, index_col=0).loc[name, "lstm"], wanted)
