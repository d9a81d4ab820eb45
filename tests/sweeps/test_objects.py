"""What a program holds in memory becomes the same dataset as its file would be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import harness
from harness.config import find_dataset
from harness.data import SequenceData, load_dataset
from harness.errors import HarnessError, UsageError
from harness.sweeps.from_memory import write_dataset

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 7, 2))
Y = np.array(["yes", "no", "perhaps"] * 20)


def loaded(folder: Path, x: Any, y: Any = None, *, task: str = "classify", **more: Any) -> SequenceData:
    extra = {key: more.pop(key, None) for key in ("lengths", "groups")}
    config = write_dataset(folder, "mine", x, y, extra["lengths"], extra["groups"], task, more)
    found = find_dataset(str(config)).config
    assert found is not None
    return load_dataset(found)


def test_arrays_with_lengths_groups_and_text_answers(tmp_path: Path) -> None:
    lengths = RANDOM.integers(3, 8, 60)
    groups = np.array([f"person {at % 5}" for at in range(60)], object)
    data = loaded(tmp_path, X, pd.Series(Y), lengths=lengths, groups=groups, split={"rule": "group"}, metric="macro_f1")
    assert data.classes == ("no", "perhaps", "yes")
    assert data.objective.metric == "macro_f1"
    assert np.array_equal(data.train.lengths, lengths[data.train.rows])
    assert np.allclose(data.train.x[0, :3], X[data.train.rows[0], :3])
    assert not {at % 5 for at in data.train.rows} & {at % 5 for at in data.test.open().rows}


def test_sequences_of_one_channel_and_lists_of_sequences(tmp_path: Path) -> None:
    flat = loaded(tmp_path, X[:, :, 0], Y)
    assert flat.train.x.shape[1:] == (7, 1)
    pieces = [x[: 4 + at % 3] for at, x in enumerate(X)]
    ragged = loaded(tmp_path, pieces, np.arange(60.0), task="regress")
    assert ragged.facts.steps == (4, 6)
    assert np.allclose(ragged.train.x[0, : ragged.train.lengths[0]], pieces[ragged.train.rows[0]])


def test_an_answer_at_every_step(tmp_path: Path) -> None:
    data = loaded(tmp_path, X, RANDOM.integers(0, 3, (60, 7)), task="label", split={"rule": "shuffled"})
    assert data.train.y.shape[1:] == (7,)


@pytest.mark.parametrize("kind", ["series", "array", "frame", "apart"])
def test_forecasts(kind: str, tmp_path: Path) -> None:
    values = RANDOM.normal(size=200)
    times = pd.date_range("2024-01-01", periods=200, freq="h", name="at")
    given: dict[str, Any] = {
        "series": {"x": pd.Series(values, times, name="y"), "time": "at"},
        "array": {"x": values},
        "frame": {"x": pd.DataFrame({"y": values, "wind": values**2})},
        "apart": {"x": np.stack([values**2, values**3], axis=1), "y": values},
    }
    data = loaded(tmp_path, task="forecast", lookback_steps=5, **given[kind])
    assert data.targets == ("y",)
    assert np.allclose(data.train.y[:, 0, 0], values[5 : 5 + len(data.train)])
    assert (
        len(data.channels) == {"series": 3, "array": 1, "frame": 2, "apart": 3}[kind]
    )  # an hour's sine and cosine where times are dates


def test_a_long_table(tmp_path: Path) -> None:
    frame = pd.DataFrame({"who": np.repeat(np.arange(30), 4), "v": np.arange(120), "kind": np.repeat(Y[:30], 4)})
    data = loaded(tmp_path, frame, target="kind", id="who")
    assert sum(data.facts.sizes) == 30


def test_the_same_data_is_the_same_file(tmp_path: Path) -> None:
    loaded(tmp_path, X, Y)
    loaded(tmp_path, X.copy(), Y)
    assert len(list(tmp_path.glob("*.npz"))) == 1
    loaded(tmp_path, X + 1, Y)
    assert len(list(tmp_path.glob("*.npz"))) == 2
    assert not list(tmp_path.glob(".*"))


def called(folder: Path, x: Any, y: Any, task: str, **more: Any) -> str:
    return write_dataset(folder, None, x, y, None, None, task, more).stem


def test_data_without_a_name_never_shares_one_with_other_data(tmp_path: Path) -> None:
    names = [
        called(tmp_path, X, Y, "classify"),
        called(tmp_path, X, Y, "classify", metric="macro_f1"),
        called(tmp_path, X[:, :5], Y, "classify"),
        called(tmp_path, X, np.arange(60.0), "regress"),
        called(tmp_path, pd.DataFrame({"y": np.arange(60.0)}), None, "forecast", lookback_steps=3),
    ]
    assert len(set(names)) == len(names)
    assert all(name.startswith("comparison-") for name in names)
    assert called(tmp_path, X.copy(), Y, "classify") == names[0]


def test_data_of_one_name_written_at_once_stays_apart(tmp_path: Path) -> None:
    def write(number: int) -> Path:
        return write_dataset(tmp_path, "mine", X + number, Y, None, None, "classify", {})

    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(write, range(8)))
    for number, path in enumerate(written):
        config = find_dataset(str(path)).config
        assert config is not None
        data = load_dataset(config)
        assert np.allclose(data.train.x[0], X[data.train.rows[0]] + number)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": X, "y": Y[:5], "task": "classify"}, r"^y has shape \(5,\): expected 60 answers, one a sequence of X$"),
        ({"X": X, "task": "classify"}, r"^y: expected an answer for each sequence"),
        ({"X": X, "y": Y, "task": "clasify"}, r"^task = 'clasify': expected one of forecast, classify"),
        ({"X": np.array(["a"]), "y": ["b"], "task": "classify"}, r"^X: <U1 of shape \(1,\): expected numbers"),
        ({"X": [], "y": [], "task": "regress"}, r"^X: expected arrays \(steps, channels\), none of them empty$"),
        ({"X": pd.DataFrame({"v": [1]}), "y": [1], "task": "classify"}, "^y: expected none beside a table"),
        (
            {"X": X, "y": Y, "task": "classify", "metrik": "accuracy"},
            r"^compare\(metrik=…\): no such argument. Did you mean metric",
        ),
        ({"X": X, "y": Y, "task": "classify", "name": "a/b"}, r"^name = \"a/b\": expected a name of letters"),
        ({"X": X, "task": "forecast", "lookback_steps": 3}, r"^X has shape \(60, 7, 2\): expected a series"),
    ],
)
def test_faults_are_one_line_and_nothing_is_swept(arguments: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=message):
        harness.compare(**arguments, store=tmp_path / "store")
    assert not (tmp_path / "store" / "sweeps").exists()


def test_an_unknown_argument_has_its_nearest_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean trials"):
        harness.compare(X, Y, task="classify", trails=3, store=tmp_path)


@pytest.mark.slow
def test_compare_runs_a_whole_comparison(tmp_path: Path) -> None:
    """Shows that arrays of a program lead to a verdict and a champion (about a minute)."""
    x = RANDOM.normal(size=(80, 6, 1))
    result = harness.compare(
        x,
        (x[:, -1, 0] > 0).astype(int),
        task="classify",
        name="signs",
        trials=2,
        epochs=2,
        confirmations=1,
        workers=1,
        store=tmp_path,
    )
    (comparison,) = result.comparisons
    assert comparison.dataset == "signs"
    assert len(comparison.trials) == 4
    assert comparison.champion is not None
