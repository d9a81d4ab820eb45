"""Loading a champion and predicting with arrays and tables."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.config.dataset import DatasetConfig
from harness.data import load_dataset
from harness.errors import DataError, ExportError, UsageError
from harness.export import Champion, load, load_folder
from harness.export.verification import agrees
from harness.metrics import METRICS


def test_the_test_rows_give_the_logged_score_again(built: Any) -> None:
    champion = load(built.folder)
    part = load_dataset(DatasetConfig.model_validate(built.plain["dataset"])).test.open()
    score = METRICS[champion.description.metric].score(part.y, champion.predict(part.x, part.lengths))
    assert agrees(champion.description, score)


def test_doubles_and_whole_numbers_are_taken(regress: Any) -> None:
    champion = load(str(regress.folder))
    x = np.round(np.random.default_rng(0).uniform(0, 3, (2, 12, 2)))
    assert champion.predict(x).shape == (2, 1)
    assert np.array_equal(champion.predict(x), champion.predict(x.astype(np.int64)))
    assert np.array_equal(champion.predict(x), champion.predict(x.tolist()))


def test_padding_and_batch_do_not_matter(classify: Any) -> None:
    champion = load(classify.folder)
    random = np.random.default_rng(0)
    short, long = random.normal(size=(1, 5, 2)), random.normal(size=(1, 30, 2))  # longer than any in the data
    both = np.full((2, 30, 2), np.nan)
    both[0, :5], both[1] = short[0], long[0]
    together = champion.predict(both, [5, 30])
    assert together.sum(axis=1) == pytest.approx([1, 1])
    assert together[0] == pytest.approx(champion.predict(short)[0], abs=1e-6)
    assert together[1] == pytest.approx(champion.predict(long)[0], abs=1e-6)


def test_a_longer_series_is_cut_to_the_lookback(forecast: Any) -> None:
    champion = load(forecast.folder)
    x = np.random.default_rng(0).normal(size=(2, 20, 3))
    assert np.array_equal(champion.predict(x), champion.predict(x[:, -12:]))


@pytest.mark.parametrize(
    ("x", "lengths", "phrase"),
    [
        (np.zeros((2, 12)), None, r"float64 \(2, 12\): expected numbers \(sequences, steps, channels\)"),
        (np.zeros((0, 12, 3)), None, "none of them 0"),
        (np.full((1, 12, 3), "a"), None, "expected numbers"),
        (np.zeros((1, 12, 2)), None, "2 channels: expected 3: demand, temperature, holiday"),
        (np.zeros((1, 11, 3)), None, r"x\[0\] has 11 steps: expected at least 12"),
        (np.zeros((1, 12, 3)), [5], r"x\[0\] has 5 steps: expected at least 12"),
        (np.zeros((1, 12, 3)), [13], "expected 1 whole numbers from 1 to 12"),
        (np.zeros((1, 12, 3)), [[12]], "expected 1 whole numbers"),
        (np.full((1, 12, 3), np.nan), None, "missing value"),
        (np.full((1, 12, 3), 1e300), None, "expected a finite number"),
    ],
)
def test_arrays_that_do_not_fit(forecast: Any, x: Any, lengths: Any, phrase: str) -> None:
    with pytest.raises(DataError, match=phrase):
        load(forecast.folder).predict(x, lengths)


def test_a_number_for_sequences_of_one_length_takes_no_other(regress: Any) -> None:
    with pytest.raises(DataError, match="has 13 steps: expected 12"):
        load(regress.folder).predict(np.zeros((1, 13, 2)))


def test_a_table_goes_on_after_its_end(forecast: Any) -> None:
    frame = pd.read_csv(forecast.data)
    champion = load(forecast.folder)
    after = champion.predict_frame(frame)
    assert after["time"].tolist() == [f"2024-01-11T{hour:02d}:00:00Z" for hour in range(4)]
    x = frame[["demand", "temperature", "holiday"]].to_numpy(float)[None, -12:]
    assert after["demand"].to_numpy() == pytest.approx(champion.predict(x)[0, :, 0])
    assert champion.predict_frame(frame.drop(columns="time"))["step"].tolist() == [1, 2, 3, 4]


def test_a_table_of_sequences_gives_a_row_each(classify: Any) -> None:
    frame = pd.read_csv(classify.data).drop(columns="said").sample(frac=1, random_state=0)
    champion = load(classify.folder)
    phrase = champion.predict_frame(frame)
    assert list(phrase.columns) == ["word", "class", "p(no)", "p(perhaps)", "p(yes)"]
    one = phrase.set_index("word").loc["w07"]
    rows = frame[frame["word"] == "w07"].sort_values("t")
    alone = champion.predict(rows[["a", "b"]].to_numpy()[None])[0]
    assert one[["p(no)", "p(perhaps)", "p(yes)"]].to_numpy(float) == pytest.approx(alone, abs=1e-6)
    assert one["class"] == ("no", "perhaps", "yes")[int(alone.argmax())]


def _with_card(champion: Champion, **changes: Any) -> Champion:
    config = {**champion.description.card, **changes}
    return replace(champion, description=replace(champion.description, card=config))


def test_gaps_are_filled_where_the_card_allows_them(forecast: Any) -> None:
    champion = _with_card(load(forecast.folder), missing="interpolate")
    frame = pd.read_csv(forecast.data)
    line = frame.assign(demand=frame["demand"].where(frame.index != 235).interpolate())
    holed = frame.assign(demand=frame["demand"].where(frame.index != 235))
    expected = champion.predict_frame(line)["demand"].to_numpy()
    assert champion.predict_frame(holed)["demand"].to_numpy() == pytest.approx(expected, rel=1e-6)
    empty = frame.assign(temperature=np.nan)
    with pytest.raises(DataError, match="column 'temperature' has no value in its last 12 rows"):
        champion.predict_frame(empty)
    x = frame[["demand", "temperature", "holiday"]].to_numpy(float)[None, -12:]
    x[0, 7, 0] = np.nan
    assert champion.predict(x)[0, :, 0] == pytest.approx(expected, rel=1e-6)
    x[0, :, 1] = np.nan
    with pytest.raises(DataError, match=r"x\[0\]: channel 'temperature' has no value"):
        champion.predict(x)


def test_gaps_in_short_sequences_are_filled_from_their_own_steps(classify: Any) -> None:
    champion = _with_card(load(classify.folder), missing="interpolate")
    x = np.zeros((1, 6, 2))
    x[0, :4, 0] = [1, np.nan, 3, np.nan]
    filled = np.array([[[1.0, 0], [2, 0], [3, 0], [3, 0]]])
    assert champion.predict(x, [4]) == pytest.approx(champion.predict(filled), abs=1e-6)


def test_a_table_is_one_sequence_where_the_card_has_no_id(classify: Any) -> None:
    champion = load(classify.folder)
    task = {**champion.description.card["task"], "id": None, "time": None, "target": None}
    frame = pd.read_csv(classify.data).query("word == 'w07'")
    source = {"kind": "npz", "path": str(classify.data.with_suffix(".npz"))}
    phrase = _with_card(champion, source=source, task=task).predict_frame(frame[["b", "a"]])
    assert phrase["sequence"].tolist() == [0]
    expected = champion.predict_frame(frame).iloc[0, 2:].to_numpy(float)
    assert phrase.iloc[0, 2:].to_numpy(float) == pytest.approx(expected, abs=1e-6)


def test_the_description_is_at_hand(forecast: Any) -> None:
    champion = load(forecast.folder)
    info = champion.info()
    assert (info["name"], info["channels"], info["unit"]) == ("load", ["demand", "temperature", "holiday"], "MWh")
    assert json.dumps(info)


def test_the_model_file_names_its_folder(forecast: Any) -> None:
    assert load(str(forecast.folder / "model.keras")).description.name == "load"


@pytest.mark.parametrize("name", ["./none", "/no/where", "none/model.keras", Path("none")])
def test_a_folder_that_is_not_there(name: str | Path) -> None:
    with pytest.raises(UsageError, match="expected a champion's folder"):
        load(name)


def test_a_folder_that_holds_something_else(tmp_path: Path, forecast: Any) -> None:
    with pytest.raises(UsageError, match=r"got one without champion.json"):
        load(tmp_path)
    with pytest.raises(ExportError, match=r"got one without champion.json"):
        load_folder(tmp_path)
    (tmp_path / "champion.json").write_text('{"name": 1}')
    with pytest.raises(ExportError, match="is not a champion's description"):
        load(tmp_path)
    shutil.copy(forecast.folder / "champion.json", tmp_path)
    with pytest.raises(ExportError, match=r"expected model.keras beside champion.json, got none"):
        load(tmp_path)


def test_code_in_a_model_file_is_refused(tmp_path: Path, forecast: Any) -> None:
    import keras

    shutil.copytree(forecast.folder, tmp_path / "c")
    x = keras.Input((12, 3))
    keras.Model(x, keras.layers.Lambda(lambda value: value)(x)).save(tmp_path / "c" / "model.keras")
    with pytest.raises(ExportError, match="the model cannot be loaded"):
        load(tmp_path / "c")
