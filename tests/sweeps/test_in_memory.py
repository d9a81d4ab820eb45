"""Tables and arrays as people hold them in Python: taken as they mean it, or refused with what makes them so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest

from harness.config import find_dataset
from harness.data import SequenceData, load_dataset
from harness.errors import DataError
from harness.sweeps.from_memory import write_dataset

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 7, 2))
Y = np.array([0, 1, 2] * 20)
STEPS = pd.date_range("2024", periods=100)


def loaded(folder: Path, x: Any, y: Any = None, task: str = "forecast", first: bool | None = None, **more: Any):
    if task == "forecast":
        more = {"target": ["y"], "lookback_steps": 7, "horizon_steps": 2, **more}
    found = find_dataset(str(write_dataset(folder, "mine", x, y, None, None, task, more, first))).config
    assert found is not None
    return load_dataset(found)


def refusal(folder: Path, x: Any, y: Any = None, task: str = "forecast", **more: Any) -> str:
    with pytest.raises(DataError) as caught:
        loaded(folder, x, y, task, **more)
    assert "\n" not in str(caught.value)
    assert not folder.exists() or not list(folder.iterdir())
    return str(caught.value)


def panel() -> pd.DataFrame:
    index = pd.MultiIndex.from_product([["a", "b"], STEPS], names=["item_id", "timestamp"])
    return pd.DataFrame({"y": np.arange(200.0)}, index=index)


def test_levels_of_an_index_become_columns(tmp_path: Path) -> None:
    data = loaded(tmp_path, panel(), id="item_id", time="timestamp")
    (file,) = tmp_path.glob("*.parquet")
    written = pd.read_parquet(file)
    assert list(written) == ["item_id", "timestamp", "y"]
    assert written.groupby("item_id").size().to_dict() == {"a": 100, "b": 100}
    assert "each of 2 series" in data.facts.split
    assert data.channels == ("y", "weekday_sine", "weekday_cosine")


def test_levels_that_mean_nothing_yet_are_asked_for(tmp_path: Path) -> None:
    assert "id='item_id', time='timestamp'" in refusal(tmp_path, panel())
    unnamed = panel().rename_axis([None, "timestamp"])
    assert "X.index.names = ['id', 'timestamp']" in refusal(tmp_path, unnamed, id="item_id")
    twice = panel().assign(item_id=1)
    assert "X.droplevel('item_id')" in refusal(tmp_path, twice, id="item_id")


@pytest.mark.parametrize("index", [STEPS, STEPS.rename("day"), STEPS.to_period("D"), STEPS.tz_localize("UTC")])
def test_times_as_an_index_are_the_time(index: Any, tmp_path: Path) -> None:
    loaded(tmp_path, pd.DataFrame({"y": np.arange(100.0)}, index=index))
    (config,) = tmp_path.glob("*/mine.toml")
    assert f'time = "{index.name or "time"}"' in config.read_text()
    (file,) = tmp_path.glob("*.parquet")
    assert pd.read_parquet(file).iloc[:, 0].dt.tz_localize(None).tolist() == list(STEPS)


def test_periods_in_a_column_are_times(tmp_path: Path) -> None:
    months = pd.period_range("2010-01", periods=100, freq="M")
    data = loaded(tmp_path, pd.DataFrame({"m": months, "y": np.arange(100.0)}), time="m")
    assert data.channels == ("y", "year_sine", "year_cosine")


def test_row_numbers_of_a_larger_table_are_no_measurement(tmp_path: Path) -> None:
    whole = pd.DataFrame({"y": np.arange(200.0), "wind": np.arange(200) % 7.0})
    assert loaded(tmp_path, whole[whole.index % 2 == 0]).channels == ("y", "wind")


@pytest.mark.parametrize("make", [pyarrow.Table.from_pandas, lambda frame: Foreign(frame)])
def test_tables_of_other_libraries(make: Any, tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": np.arange(100.0), "wind": np.arange(100) % 7.0})
    assert loaded(tmp_path, make(frame)).channels == ("y", "wind")


class Foreign:
    """A table of a library that is not installed: what Polars' and Hugging Face's have in common."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def to_pandas(self) -> pd.DataFrame:
        return self.frame


class Lazy:
    def collect_schema(self) -> None: ...


class Stream:
    def as_numpy_iterator(self) -> None: ...


class Spark:
    def toPandas(self) -> None: ...  # noqa: N802 - as Spark calls it


def test_what_is_no_table_yet_is_refused_with_what_makes_one(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": [1.0]})
    assert refusal(tmp_path, {"train": Foreign(frame), "test": 1}).endswith("expected one table or array: X['train']")
    assert refusal(tmp_path, iter([1.0])).endswith("list(X)")
    assert refusal(tmp_path, Lazy()).endswith("X.collect().to_pandas()")
    assert refusal(tmp_path, Stream()).endswith("then list(x) and np.array(y)")
    assert refusal(tmp_path, Spark()).endswith("X.toPandas()")
    nested = pd.DataFrame({"x": [np.arange(3), np.arange(4)], "y": [0, 1]})
    assert "list(X['x'])" in refusal(tmp_path, nested, task="classify", target="y")
    mixed = pd.DataFrame({"y": [1.0, "a"]})
    assert refusal(tmp_path, mixed).endswith("expected one type a column: X[…].astype(…)")
    levels = pd.DataFrame(np.ones((9, 2)), columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    assert "'_'.join" in refusal(tmp_path, levels).replace('"', "'")
    assert "'y': expected each name once" in refusal(
        tmp_path, pd.DataFrame(np.ones((9, 2)), columns=["y", "y"])
    ).replace("two columns are called ", "")


@pytest.mark.slow
def test_a_dataset_of_tensorflow_is_refused_with_its_conversion(tmp_path: Path) -> None:
    """Shows that the conversion that is named works (some seconds to import TensorFlow)."""
    import tensorflow as tf

    stream = tf.data.Dataset.from_tensor_slices((X, Y)).batch(7)
    assert "x, y = zip(*X.unbatch().as_numpy_iterator())" in refusal(tmp_path, stream, task="classify")
    x, y = zip(*stream.unbatch().as_numpy_iterator(), strict=True)
    assert loaded(tmp_path, list(x), np.array(y), "classify").facts.sizes == (42, 9, 9)
    assert loaded(tmp_path / "tensor", tf.constant(X), Y, "classify").facts.steps == (7, 7)


def test_what_a_mask_hides_is_missing(tmp_path: Path) -> None:
    hidden = np.ma.MaskedArray(X, np.zeros(X.shape, bool))
    hidden[3, 2, 1] = np.ma.masked
    with pytest.raises(DataError, match=r"step 3"):
        loaded(tmp_path, hidden, Y, "classify")
    data = loaded(tmp_path, hidden, Y, "classify", missing="interpolate")
    assert any(note.startswith("1 missing values interpolated") for note in data.facts.notes)
    answers = np.ma.MaskedArray(Y, np.arange(60) == 4)
    assert "the answer at 4 (from 0) is missing" in refusal(tmp_path / "new", X, answers, "classify")


def test_a_missing_answer_is_no_class(tmp_path: Path) -> None:
    answers = np.array(["yes", "no"] * 30, object)
    answers[7] = None
    assert "the answer at 7 (from 0) is missing" in refusal(tmp_path, X, answers, "classify")


def test_channels_first(tmp_path: Path) -> None:
    turned = X.transpose(0, 2, 1)
    data: SequenceData = loaded(tmp_path, turned, Y, "classify", first=True)
    assert np.allclose(data.train.x[0], X[data.train.rows[0]])
    wide = RANDOM.normal(size=(60, 3, 40))
    text = refusal(tmp_path / "wide", wide, Y, "classify")
    assert text.startswith("X has shape (60, 3, 40): 3 steps of 40 channels, or 3 channels of 40 steps?")
    assert len(loaded(tmp_path, wide, Y, "classify", first=False).channels) == 40
    steps = RANDOM.integers(0, 2, (60, 7))
    assert "X.transpose(0, 2, 1)" in refusal(tmp_path / "steps", turned, steps, "label", split={"rule": "shuffled"})


def test_sequences_of_different_lengths_in_one_array(tmp_path: Path) -> None:
    pieces = np.empty(60, object)
    pieces[:] = [x[: 4 + at % 3] for at, x in enumerate(X)]
    assert loaded(tmp_path, pieces, Y, "classify").facts.steps == (4, 6)
