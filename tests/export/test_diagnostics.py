"""What pictures of a champion are made of, by hand for small arrays; `harness predict --plot` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from harness.cli.predict import predict
from harness.errors import UsageError
from harness.export import read_description
from harness.export.build import build_champion
from harness.export.diagnostics import MOST_CLASSES, classes_against, diagnose
from harness.export.inputs.truth import class_numbers, with_answers
from harness.records.diagnostics import OTHERS, Diagnostics

APP = typer.Typer()
APP.command()(predict)


def _run(*arguments: object) -> Any:
    return CliRunner().invoke(APP, [str(argument) for argument in arguments])


def _read_again(found: Diagnostics) -> Diagnostics:
    again = Diagnostics.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    return again


def test_best_median_and_worst_windows_are_chosen_by_their_error(forecast: Any) -> None:
    description = read_description(forecast.folder)
    x = np.zeros((5, 12, 3), np.float32)
    x[:, :, description.channels.index("demand")] = np.arange(12) + 10 * np.arange(5)[:, None]
    truth = np.zeros((5, 4, 1), np.float32)
    off = np.array([3.0, 1.0, 5.0, 2.0, 4.0])
    prediction = (truth + off[:, None, None]).astype(np.float32)
    rows = range(100, 105)
    found = diagnose(description, x, np.full(5, 12, np.int32), prediction, truth, first_rows=rows)
    shown = _read_again(found).forecast
    assert shown is not None
    assert [(one.place, one.error, one.row) for one in shown.windows] == [
        ("best", 1.0, 113),
        ("median", 3.0, 112),
        ("worst", 5.0, 114),
    ]
    assert shown.windows[0].before == tuple(range(10, 22))
    assert shown.errors == (3.0,) * 4
    assert shown.naive_errors == (31.0,) * 4  # the last values are 11, 21, …, 51
    assert (shown.target, shown.unit, shown.cases) == ("demand", "MWh", 5)
    assert {*shown.half_widths} == {"80"}  # of so few windows there is no 95 % interval


def test_reliability_and_confusion_count_what_came_true() -> None:
    probabilities = np.array([[0.95, 0.05], [0.93, 0.07], [0.45, 0.55], [0.45, 0.55]])
    found = classes_against(probabilities, np.array([0, 0, 1, 0]), ("no", "yes"))
    assert found.confidence == (0.55, 0.94)
    assert found.frequency == (0.5, 1.0)
    assert found.counts == (2, 2)
    assert found.calibration_error == pytest.approx((0.05 + 0.06) / 2)
    assert found.confusion == ((2, 1), (0, 1))


def test_many_classes_are_counted_as_the_frequent_ones_and_the_rest() -> None:
    truth = np.repeat(np.arange(15), np.arange(15, 0, -1))
    found = classes_against(np.eye(15)[truth], truth, [f"c{number}" for number in range(15)])
    assert found.names == (*(f"c{number}" for number in range(MOST_CLASSES)), OTHERS)
    assert found.confusion[-1][-1] == 5 + 4 + 3 + 2 + 1
    assert sum(map(sum, found.confusion)) == len(truth)


def test_a_build_says_what_its_champion_does(built: Any, tmp_path: Path) -> None:
    done = build_champion({**built.plain, "folder": str(tmp_path / "again")})
    found = Diagnostics.from_json(done["diagnostics"])
    description = read_description(tmp_path / "again")
    held = {"forecast": found.forecast, "classes": found.classes, "numbers": found.numbers}
    expected = {"forecast": "forecast", "regress": "numbers"}.get(description.task.value, "classes")
    assert [name for name, one in held.items() if one is not None] == [expected]
    if found.numbers:
        assert found.numbers.cases == len(found.numbers.prediction) > 0
    if found.classes and description.task.value == "classify":
        assert sum(found.classes.counts) == sum(map(sum, found.classes.confusion))


def test_the_test_part_is_drawn(of_every_task: Any, tmp_path: Path) -> None:
    task = read_description(of_every_task.folder).task.value
    suffix = ".html" if task == "classify" else ".svg"
    file = tmp_path / f"pictures{suffix}"
    done = _run(of_every_task.folder, "--test", "--plot", file, "--output", tmp_path / "out.npz")
    assert done.exception is None, done.exception
    text = file.read_text()
    drawn = {"forecast": "actual", "classify": "came true", "regress": "no error"}
    assert drawn.get(task, "came true") in text
    if suffix == ".svg":
        root = ElementTree.fromstring(text)
        ids = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(ids) == len(set(ids))


def test_a_table_with_answers_is_drawn_with_its_errors(
    forecast: Any, classify: Any, label: Any, tmp_path: Path
) -> None:
    for built, words in ((forecast, ("history", "actual")), (classify, ("came true",)), (label, ("came true",))):
        done = _run(built.folder, built.data, "--plot", tmp_path / "p.svg")
        assert done.exception is None, done.exception
        text = (tmp_path / "p.svg").read_text()
        assert all(word in text for word in words)


def test_the_last_rows_of_a_series_are_held_back(forecast: Any) -> None:
    found = with_answers(read_description(forecast.folder), forecast.data, {})
    assert found is not None
    batch, truth = found
    demand = pd.read_csv(forecast.data)["demand"].to_numpy(np.float32)
    assert truth[0, :, 0] == pytest.approx(demand[-4:])
    assert batch.x[0, :, 0] == pytest.approx(demand[-16:-4])


def test_answers_belong_to_their_sequences(classify: Any, label: Any) -> None:
    words, description = pd.read_csv(classify.data), read_description(classify.folder)
    batch, truth = with_answers(description, classify.data, {}) or (None, np.empty(0))
    said = words.drop_duplicates("word").set_index("word")["said"]
    assert [description.classes[int(number)] for number in truth] == [said[name] for name in batch.names]
    frame, description = pd.read_csv(label.data), read_description(label.folder)
    batch, truth = with_answers(description, label.data, {}) or (None, np.empty(0))
    first = frame[frame["who"] == "w00"]["doing"]
    assert [description.classes[number] for number in truth[0, : len(first)]] == first.tolist()


def test_what_cannot_be_drawn_is_refused_in_one_line(classify: Any, tmp_path: Path) -> None:
    frame = pd.read_csv(classify.data).drop(columns="said")
    frame.to_csv(tmp_path / "in.csv", index=False)
    done = _run(classify.folder, tmp_path / "in.csv", "--plot", tmp_path / "p.svg")
    assert isinstance(done.exception, UsageError)
    assert "holds no answers" in str(done.exception)
    assert "said" in str(done.exception)
    for file, why in (("p.png", ".html or .svg"), ("gone/p.svg", "does not exist")):
        done = _run(classify.folder, classify.data, "--plot", tmp_path / file)
        assert isinstance(done.exception, UsageError)
        assert f"--plot {tmp_path / file}" in str(done.exception)
        assert why in str(done.exception)
    with pytest.raises(UsageError, match="class 'yess': expected one that the model knows"):
        class_numbers(read_description(classify.folder), np.array(["yess"], object), "the table")
