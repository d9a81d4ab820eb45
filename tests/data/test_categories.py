"""Columns of categories: a channel a category of the training part, 0 or 1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.config.dataset import DatasetConfig
from harness.config.inferred.infer import UserHints, infer_task
from harness.data import load_dataset
from harness.data.readers.categories import encode_categories, with_categories
from harness.errors import DataError

Config = Callable[..., DatasetConfig]
Table = Callable[..., Path]


@pytest.fixture
def weather(write_table: Table) -> Path:
    """100 hours of demand; fog is in the last rows alone, and one cell is empty."""
    sky = [("rain", "sunny", "cloudy")[row % 3] for row in range(100)]
    sky[5], sky[95], sky[97] = None, "fog", "fog"  # type: ignore[call-overload]
    return write_table(
        t=pd.date_range("2024-01-01", periods=100, freq="h").astype(str),
        sky=sky,
        y=[10.0 + row % 3 for row in range(100)],
        wide=[f"note {row}" for row in range(100)],
    )


def test_each_category_of_the_training_part_is_a_channel(weather: Path, forecast_card: Config) -> None:
    data = load_dataset(forecast_card(weather, time="t", categorical=["sky"]))
    assert data.channels == ("y", "sky=cloudy", "sky=rain", "sky=sunny", "sky=(empty)")
    frame = pd.read_csv(weather)
    x, first_rows = data.train.x, data.train.rows
    for column, name in enumerate(("cloudy", "rain", "sunny"), start=1):
        expected = np.stack([frame["sky"][row : row + 4] == name for row in first_rows])
        assert np.array_equal(x[:, :, column], expected)
    assert x[:, :, 4].sum() == 4  # the empty cell, in four windows
    assert not data.test.open().x[:, :, 1:].sum(axis=2).all()  # fog is in no channel
    notes = " ".join(data.facts.notes)
    assert "told by no channel: sky=fog" in notes
    assert "1 empty cell of 'sky': a category of its own" in notes
    assert "columns left out: wide (text with 100 different values)" in notes
    # 0 and 1 stay what they are, whatever the scaling makes of numbers.
    assert data.scaling.input_mean[1:].tolist() == [0, 0, 0, 0]
    assert data.scaling.input_scale[1:].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("scaling", ["difference", "log", "robust"])
def test_no_scaling_changes_a_category(weather: Path, forecast_card: Config, scaling: Any) -> None:
    config = forecast_card(weather, time="t", categorical=["sky"])
    config = config.model_copy(update={"encoding": config.encoding.model_copy(update={"scaling": scaling})})
    data = load_dataset(config)
    assert np.array_equal(data.scaling.scale_inputs(data.train.x)[:, :, 1:], data.train.x[:, :, 1:])


def test_a_category_that_is_known_in_advance(weather: Path, forecast_card: Config) -> None:
    data = load_dataset(forecast_card(weather, time="t", known_covariates=["sky"], categorical=["sky"], features=["y"]))
    assert data.known == ("sky=cloudy", "sky=rain", "sky=sunny", "sky=(empty)")
    assert data.train.future is not None
    sky = pd.read_csv(weather)["sky"]
    ahead = np.stack([sky[row + 4 : row + 6] == "cloudy" for row in data.train.rows])
    assert np.array_equal(data.train.future[:, :, 0], ahead)


def test_series_of_a_panel_have_the_same_channels(write_table: Table, forecast_card: Config) -> None:
    path = write_table(
        who=[name for name in "ab" for _ in range(60)],
        kind=["x" if row % 2 else "y" for row in range(60)] + ["z" if row % 2 else "x" for row in range(60)],
        y=[float(row) for row in range(120)],
    )
    data = load_dataset(forecast_card(path, id="who", categorical=["kind"]))
    assert data.channels == ("y", "kind=x", "kind=y", "kind=z")


@pytest.mark.parametrize("kind", ["classify", "label"])
def test_sequences_have_categories_too(write_table: Table, grouped_card: Config, kind: str) -> None:
    rows = [(who, step) for who in range(40) for step in range(3)]
    path = write_table(
        who=[who for who, _ in rows],
        colour=["red" if (who // 2 + step) % 2 else "7" for who, step in rows],
        a=[float(step) for _, step in rows],
        label=["p" if who % 2 else "q" for who, _ in rows],
    )
    target: Any = "label" if kind == "classify" else ["label"]
    data = load_dataset(grouped_card(path, kind=kind, target=target, categorical=["colour"], features=["colour", "a"]))
    assert data.channels == ("colour=7", "colour=red", "a")
    red = [(who // 2 + step) % 2 for who, step in rows]
    expected = np.array(red).reshape(40, 3)[data.train.rows]
    assert np.array_equal(data.train.x[:, :, 1], expected)
    assert not data.facts.leaks


def test_what_cannot_be_channels_is_refused(write_table: Table, forecast_card: Config) -> None:
    path = write_table(
        city=[f"c{row}" for row in range(60)], y=range(60), **{"kind=b": range(60), "kind": list("abc") * 20}
    )
    with pytest.raises(
        DataError, match=r"column 'city' \(\[task\] categorical\) has 60 categories: expected at most 50"
    ):
        load_dataset(forecast_card(path, categorical=["city"]))
    with pytest.raises(DataError, match="has a column 'kind=b' already: expected none that 'kind' makes"):
        load_dataset(forecast_card(path, categorical=["kind"]))
    with pytest.raises(DataError, match=r"has no column 'kin' \(\[task\] categorical\). Did you mean kind, kind=b\?"):
        load_dataset(forecast_card(path, categorical=["kin"]))


def test_a_category_is_text_whatever_its_type(forecast_card: Config) -> None:
    task: Any = forecast_card("a.csv", categorical=["a"]).task
    floats = pd.DataFrame({"a": [1.0, None, 2.0], "y": [0, 0, 0]})
    assert with_categories(floats, task, "it")[0].columns.tolist() == ["y", "a=1", "a=2", "a=(empty)"]
    new = pd.DataFrame({"a": ["2", "3", " 1", None], "y": [0, 0, 0, 0]})
    frame, unknown = encode_categories(new, ("y", "a=1", "a=2"), ("a",), "it")
    assert frame[["a=1", "a=2"]].to_numpy().tolist() == [[0, 1], [0, 0], [1, 0], [0, 0]]
    assert unknown == {"a": 2}


def test_new_proposes_text_of_few_values(weather: Path) -> None:
    frame = pd.read_csv(weather)
    found = infer_task(frame, UserHints(target="y"), "weather.csv")
    assert (found.features, found.categorical) == (("y",), ("sky",))
    assert "categorical: sky holds 4 different texts" in found.because
    assert "left out: wide (text with 100 different values)" in found.because
    chosen = infer_task(frame, UserHints(target="y", features=("y", "sky")), "weather.csv")
    assert (chosen.features, chosen.categorical) == (("y",), ("sky",))
