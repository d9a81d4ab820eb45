"""A champion in a Python program: what it predicts from, how it shows itself, what a pickle of it holds."""

from __future__ import annotations

import copy
import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import harness
from harness.errors import DataError, ExportError, HarnessError, UsageError
from harness.export import Champion, load

RANDOM = np.random.default_rng(0)


def test_a_table_an_array_and_one_sequence_give_the_same(forecast: Any) -> None:
    frame, champion = pd.read_csv(forecast.data), load(forecast.folder)
    rows = frame[["demand", "temperature", "holiday"]].to_numpy(float)[-12:]
    alone = champion.predict(rows)
    assert alone.shape == (4, 1)
    assert np.array_equal(alone, champion.predict(rows[None])[0])
    pd.testing.assert_frame_equal(champion.predict(frame), champion.predict_frame(frame))
    assert champion.predict(frame)["demand"].to_numpy() == pytest.approx(alone[:, 0])


def test_times_and_ids_may_stand_in_the_index(forecast: Any, classify: Any) -> None:
    frame, champion = pd.read_csv(forecast.data), load(forecast.folder)
    dated = frame.assign(time=pd.to_datetime(frame["time"])).set_index("time")
    assert champion.predict(dated)["demand"].tolist() == champion.predict(frame)["demand"].tolist()
    assert champion.predict(dated).columns[0] == "time"
    words, champion = pd.read_csv(classify.data), load(classify.folder)
    pd.testing.assert_frame_equal(champion.predict(words.set_index(["word", "t"])), champion.predict(words))


def test_a_list_of_sequences_of_different_lengths(classify: Any) -> None:
    champion = load(classify.folder)
    pieces = [RANDOM.normal(size=(steps, 2)) for steps in (3, 5, 4)]
    together = champion.predict(pieces)
    assert together == pytest.approx(np.stack([champion.predict(piece) for piece in pieces]), abs=1e-6)
    assert champion.predict(np.array(pieces, dtype=object)) == pytest.approx(together)
    assert champion.predict(pieces[0], 2).shape == (3,)


def test_one_sequence_has_its_intervals_alone(forecast: Any) -> None:
    champion, x = load(forecast.folder), RANDOM.normal(size=(12, 3))
    one, many = champion.predict(x, interval=(80,)), champion.predict(x[None], interval=(80,))
    assert one.lower[80].shape == one.prediction.shape == (4, 1)
    assert np.array_equal(one.upper[80], many.upper[80][0])


def test_it_shows_itself_in_a_line(classify: Any) -> None:
    assert re.fullmatch(r"<Champion \S+: classify, gru, test log_loss \d\S*>", repr(load(classify.folder)))


def test_a_pickle_is_a_path_and_a_digest(classify: Any) -> None:
    champion = load(classify.folder)
    held = pickle.dumps(champion)
    assert len(held) < 600
    x = RANDOM.normal(size=(2, 4, 2))
    for again in (pickle.loads(held), copy.deepcopy(champion)):
        assert isinstance(again, Champion)
        assert np.array_equal(again.predict(x), champion.predict(x))


def test_a_pickle_without_its_files_or_with_others_is_refused(classify: Any, tmp_path: Path) -> None:
    folder = shutil.copytree(classify.folder, tmp_path / "champion")
    held = pickle.dumps(load(folder))
    description = folder / "champion.json"
    description.write_text(description.read_text().replace('"seed": 11', '"seed": 12'))
    with pytest.raises(ExportError, match=r"the files in \S+ are others now \(SHA-256 \w{12}, expected \w{12}\)"):
        pickle.loads(held)
    shutil.rmtree(folder)
    with pytest.raises(ExportError, match=r"its files are not in \S+ any more: expected harness\.load\("):
        pickle.loads(held)


def test_what_was_never_saved_is_not_pickled(classify: Any) -> None:
    loaded = load(classify.folder)
    with pytest.raises(ExportError, match="not saved in a folder yet"):
        pickle.dumps(Champion(loaded.description, loaded.model))


@pytest.mark.parametrize(
    ("built", "wrong", "message"),
    [
        ("classify", lambda c: c.predict(np.zeros((4, 3))), r"^x: float64 \(4, 3\): expected numbers"),
        ("classify", lambda c: c.predict([np.zeros((4, 2)), np.zeros((5, 3))]), "expected arrays of the same channels"),
        (
            "classify",
            lambda c: c.predict([np.zeros((4, 2)), np.zeros((5, 2))], [4, 5]),
            "^lengths: expected none beside a",
        ),
        ("classify", lambda c: c.predict("now.csv"), r"^x: <U7 \(\): expected numbers"),
        ("forecast", lambda c: c.predict(pd.DataFrame({"demnd": [1.0]})), "demand"),
        ("forecast", lambda c: c.predict(pd.DataFrame({"demand": [1.0]}), [1]), "^lengths and future: expected none"),
        ("forecast", lambda c: c.predict(np.zeros((12, 3)), interval=80), r"^interval 80: expected a list of levels"),
    ],
)
def test_wrong_uses_are_one_clear_line(built: str, wrong: Any, message: str, request: pytest.FixtureRequest) -> None:
    champion = load(request.getfixturevalue(built).folder)
    with pytest.raises((DataError, UsageError), match=message) as told:
        wrong(champion)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda at: harness.load(3), r"^load\(int\): expected the name of a registered model"),
        (lambda at: harness.load("a@b@c", store=at), "expected a folder, a name, name@alias, name/version"),
        (lambda at: harness.load(at), "expected a champion's folder, got one without champion.json"),
        (lambda at: harness.load("./nowhere", store=at), "expected a champion's folder or the name of a registered"),
    ],
)
def test_wrong_names_are_one_clear_line(wrong: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=message) as told:
        wrong(tmp_path)
    assert "\n" not in str(told.value)
    assert not list(tmp_path.iterdir())
