"""Prediction intervals and sets, held against computations by hand, made series, and what a champion's parts give."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import runpy
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from mlflow.exceptions import MlflowException
from typer.testing import CliRunner

from harness.cli.predict import predict
from harness.data import load_dataset
from harness.errors import UsageError
from harness.export import load as load_anew
from harness.export import read_description
from harness.export.formats.package import export
from harness.export.formats.runtimes import Format, script
from harness.export.intervals import (
    LEVELS,
    bounds_of,
    calibrate_classes,
    calibrate_numbers,
    coverage_of,
    fewest_cases,
    levels_of,
    rank_of,
    sets_of,
)
from harness.export.scoring import Scorer
from harness.records import Coverage
from harness.stats.words.brief import coverage_warning, coverage_words
from harness.tracking.pyfunc import scoring
from harness.tracking.server import free_port

load = cache(load_anew)
"""A champion once for each folder: nothing here changes one."""

APP = typer.Typer()
APP.command()(predict)


def _run(*arguments: object) -> Any:
    return CliRunner().invoke(APP, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("level", "cases", "values", "rank"),
    [
        (80, 9, 9, 8),  # ⌈10 · 0.8⌉
        (80, 4, 4, 4),  # ⌈5 · 0.8⌉ = 4, which 5 * 0.8 in floating point may miss
        (80, 3, 3, None),  # ⌈4 · 0.8⌉ = 4 of 3
        (95, 18, 18, None),
        (95, 19, 19, 19),
        (90, 99, 99, 90),
        (80, 9, 90, 80),  # of 90 windows of which 9 do not overlap: 8/9 of them
        (50, 1, 7, 7),
    ],
)
def test_rank_is_that_of_the_hand_computation(level: int, cases: int, values: int, rank: int | None) -> None:
    assert rank_of(level, cases, values) == rank


def test_fewest_cases_is_where_a_level_begins() -> None:
    for level in LEVELS:
        assert rank_of(level, fewest_cases(level), 10_000) is not None
        assert fewest_cases(level) == 1 or rank_of(level, fewest_cases(level) - 1, 10_000) is None


def test_half_widths_are_quantiles_by_step_and_target() -> None:
    truth = np.zeros((9, 2, 2), np.float32)
    prediction = np.arange(1, 10)[:, None, None] * np.array([[1, -10], [100, 1000]])
    found = calibrate_numbers(truth, prediction.astype(np.float32), 9)
    assert found.half_widths["80"] == ((8.0, 80.0), (800.0, 8000.0))
    assert found.levels == (50, 80, 90)
    lower, upper = bounds_of(found, prediction.astype(np.float32), 80)
    assert lower[0].tolist() == [[-7, -90], [-700, -7000]]
    assert upper[0].tolist() == [[9, 70], [900, 9000]]


def test_a_number_a_sequence_has_one_step() -> None:
    truth = np.arange(9, dtype=np.float32)[:, None]
    found = calibrate_numbers(truth, np.zeros_like(truth), 9)
    assert found.half_widths["80"] == ((7.0,),)
    assert bounds_of(found, np.ones((3, 1), np.float32), 80)[1].tolist() == [[8.0]] * 3


def _autoregression(windows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth and best forecasts (windows, 4 steps, 1) of a stationary series, windows that do not overlap."""
    random, steps = np.random.default_rng(seed), 8
    noise = random.normal(size=windows * steps + 100)
    series = np.zeros_like(noise)
    for at in range(1, len(noise)):
        series[at] = 0.7 * series[at - 1] + noise[at]
    cut = series[100:].reshape(windows, steps)
    return cut[:, 4:, None], cut[:, 3:4, None] * 0.7 ** np.arange(1, 5)[:, None]


def test_stationary_series_are_covered_to_two_points() -> None:
    for seed in range(3):
        truth, forecast = _autoregression(2000, seed)
        found = calibrate_numbers(truth[:1000], forecast[:1000], 1000)
        covered = coverage_of(found, truth[1000:], forecast[1000:], 1000)
        assert [one.level for one in covered] == list(LEVELS)
        assert max(abs(one.share - one.level / 100) for one in covered) <= 0.02
        assert coverage_warning(covered) == ""
        half = np.array(found.half_widths["80"])[:, 0]
        assert (np.diff(half) > 0).all()  # errors grow with the horizon


def _classes(cases: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet([1, 1, 1], cases).astype(np.float32)
    truth = (probabilities.cumsum(axis=1) > random.random((cases, 1))).argmax(axis=1)
    return truth, probabilities


def test_sets_cover_their_level_and_are_never_empty() -> None:
    truth, probabilities = _classes(4000, 0)
    found = calibrate_classes(truth[:2000], probabilities[:2000], 2000)
    covered = {one.level: one.share for one in coverage_of(found, truth[2000:], probabilities[2000:], 2000)}
    assert covered[80] == pytest.approx(0.80, abs=0.02)
    assert covered[95] == pytest.approx(0.95, abs=0.02)
    assert covered[50] > 0.55  # the most probable class alone covers more than half
    for level in LEVELS:
        sizes = sets_of(found, probabilities[2000:], level).sum(axis=1)
        assert sizes.min() >= 1


def test_least_probability_is_the_true_class_of_the_rank() -> None:
    probabilities = np.array([[one / 10, 1 - one / 10] for one in range(1, 10)], np.float32)
    found = calibrate_classes(np.zeros(9, np.int32), probabilities, 9)
    assert found.least_probability["80"] == pytest.approx(0.2)  # the eighth of 0.9, 0.8, …
    assert sets_of(found, probabilities, 80)[:, 0].tolist() == [False, *[True] * 8]


def test_a_drift_is_said_and_chance_is_not() -> None:
    kept, moved = Coverage(80, 0.86, 50, 50), Coverage(80, 0.70, 1000, 1000)
    assert kept.standard_error == pytest.approx(0.08)
    assert (kept.off, moved.off) == (False, True)
    assert coverage_warning([kept, moved]) == "validation and test part differ at 80 %: coverage cannot be promised"
    assert not Coverage(80, 0.97, 1000, 1000, sets=True).off  # a set may hold more
    assert Coverage(80, 0.97, 1000, 1000).off
    assert coverage_words([Coverage(50, 0.5, 200, 100), Coverage(80, 0.812, 200, 100)]) == (
        "80 % interval covers 81.2 % of test (standard error 4.9 points); n = 200 of test, 100 of validation"
    )


def test_a_champion_holds_what_its_validation_part_gives(forecast: Any) -> None:
    data = load_dataset(read_description(forecast.folder).dataset_config)
    champion, part, test = load(forecast.folder), data.validation, data.test.open()
    expected = calibrate_numbers(part.y, champion.predict(part.x), data.cases_apart(part))
    found = champion.description.intervals
    assert found is not None
    assert found.cases == -(-len(part) // 4)  # windows of four steps, one row apart
    assert found.levels == expected.levels == (50, 80)
    for level in ("50", "80"):
        assert np.array(found.half_widths[level]) == pytest.approx(np.array(expected.half_widths[level]), rel=1e-4)
    given = champion.predict(test.x, interval=(80,))
    half = np.array(found.half_widths["80"])
    assert given.prediction == pytest.approx(champion.predict(test.x))
    assert given.upper[80] - given.lower[80] == pytest.approx(
        np.broadcast_to(2 * half, given.prediction.shape), rel=1e-3
    )
    covered = {one.level: one.share for one in found.coverage}
    held = (given.lower[80] <= test.y) & (test.y <= given.upper[80])
    assert covered[80] == pytest.approx(held.mean(), abs=0.01)


def test_predict_adds_columns_of_each_level(forecast: Any, regress: Any, tmp_path: Path) -> None:
    result = _run(forecast.folder, forecast.data, "--interval", "80,50")
    assert result.exception is None, result.exception
    table = pd.read_csv(io.StringIO(result.stdout))
    names = ["demand_lower_80", "demand_upper_80", "demand_lower_50", "demand_upper_50"]
    assert list(table.columns) == ["time", "demand", *names]
    half = np.array(read_description(forecast.folder).intervals.half_widths["80"])[:, 0]  # type: ignore[union-attr]
    assert (table["demand_upper_80"] - table["demand"]).to_numpy() == pytest.approx(half, rel=1e-3)
    frame = load(forecast.folder).predict_frame(pd.read_csv(forecast.data), interval=(80,))
    assert frame["demand_lower_80"].to_numpy() == pytest.approx(table["demand_lower_80"].to_numpy())
    np.savez(tmp_path / "in.npz", x=np.ones((3, 12, 2)))
    _run(regress.folder, tmp_path / "in.npz", "--interval", "80", "-o", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as archive:
        assert archive["lower_80"].shape == archive["prediction"].shape == (3, 1)
        assert (archive["lower_80"] < archive["prediction"]).all()


def test_classes_have_a_column_with_the_set(classify: Any) -> None:
    result = _run(classify.folder, classify.data, "--interval", "80")
    assert result.exception is None, result.exception
    table = pd.read_csv(io.StringIO(result.stdout))
    least = read_description(classify.folder).intervals.least_probability["80"]  # type: ignore[union-attr]
    for _, row in table.iterrows():
        held = set(row["set_80"].split("|"))
        assert row["class"] in held
        assert held - {row["class"]} == {
            name for name in ("no", "perhaps", "yes") if row[f"p({name})"] > least - 1e-7
        } - {row["class"]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0", "interval 0: expected levels in percent, each once: 50, 80, 90, 95 or 99"),
        ("100", "interval 100: expected levels in percent"),
        ("77", "interval 77: expected levels in percent"),
        ("80,80", "interval 80,80: expected levels in percent, each once"),
        ("abc", "--interval abc: expected levels in percent, such as 80,95"),
        ("", "--interval : expected levels in percent, such as 80,95"),
        ("80,95", "interval 80,95: 95 % takes at least 19 cases of the validation part that do not overlap, got "),
    ],
)
def test_wrong_levels_are_refused_in_one_line(forecast: Any, text: str, reason: str) -> None:
    result = _run(forecast.folder, forecast.data, "--interval", text)
    assert isinstance(result.exception, UsageError), result.exception
    assert str(result.exception).startswith(reason)
    assert "\n" not in str(result.exception)
    assert result.stdout == ""


def test_levels_of_the_command_line() -> None:
    assert levels_of("80, 95") == (80, 95)


@pytest.mark.parametrize("levels", [80, (80.0,), (True,), (0.8,), "80"])
def test_what_are_no_levels_in_python_is_refused(forecast: Any, levels: Any) -> None:
    with pytest.raises(UsageError, match=r"^interval .*: expected .*levels in percent"):
        load(forecast.folder).predict(np.ones((1, 12, 3)), interval=levels)


def test_an_old_champion_says_that_it_has_none(forecast: Any, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    shutil.copytree(forecast.folder, folder)
    plain = json.loads((folder / "champion.json").read_text(encoding="utf-8"))
    del plain["intervals"]
    (folder / "champion.json").write_text(json.dumps(plain), encoding="utf-8")
    result = _run(folder, forecast.data, "--interval", "80")
    assert str(result.exception) == (
        "interval 80: this champion of load was made before there were intervals: a new sweep gives them"
    )
    assert len(load(folder).predict_frame(pd.read_csv(forecast.data))) == 4


def test_refitted_models_and_answers_by_step_have_none(forecast: Any, label: Any) -> None:
    champion = load(forecast.folder)
    refitted = replace(champion, description=replace(champion.description, refit=True, intervals=None))
    with pytest.raises(UsageError, match="leaves nothing to calibrate on: expected the version that it was made from"):
        refitted.predict(np.ones((1, 12, 3)), interval=(80,))
    assert read_description(label.folder).intervals is None
    with pytest.raises(UsageError, match="a label task answers at every step"):
        load(label.folder).predict(np.ones((1, 4, 2)), interval=(80,))


def _same_in(folder: Path, built: Any) -> None:
    """The folder's own lines give the champion's bounds or sets of its own outputs."""
    champion, own = load(built.folder), runpy.run_path(str(folder / "predict.py"))
    part = load_dataset(champion.description.dataset_config).test.open()
    example = {name: getattr(part, name)[:8] for name in champion.description.inputs}
    outputs = own["predict"](**example)
    given = champion.predict(**example, interval=(80,))
    if given.sets:
        assert (own["interval"](outputs, 80) == given.sets[80]).all()
        return
    spread = np.std(given.prediction, axis=tuple(range(given.prediction.ndim - 1)))
    for bounds, expected in zip(own["interval"](outputs, 80), (given.lower[80], given.upper[80]), strict=True):
        assert (np.abs(bounds - expected) <= 1e-4 * spread + 1e-6 * np.abs(expected)).all()


def test_the_exported_lines_give_the_same_intervals(built: Any, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(built.folder, folder)  # holds the two files that an export to Keras has, too
    champion = load(built.folder)
    inputs = {given.name: str(given.dtype) for given in champion.model.inputs}
    text = script(Format.KERAS, inputs, "Gives numbers.", champion.description.intervals)
    (folder / "predict.py").write_text(text, encoding="utf-8")
    _same_in(folder, built)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(Format))
def test_every_export_gives_the_same_intervals(built: Any, kind: Format, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    export(load(built.folder), kind, folder)
    _same_in(folder, built)
    assert "Prediction intervals (`interval` in `predict.py`" in (folder / "README.md").read_text(encoding="utf-8")


def test_a_request_may_ask_for_intervals(forecast: Any, classify: Any) -> None:
    champion, frame = load(forecast.folder), pd.read_csv(forecast.data)
    served = Scorer(champion)
    expected = champion.predict_frame(frame, interval=(80,))
    pd.testing.assert_frame_equal(served.predict(frame, {"interval": [80]}), expected)
    x = np.ones((2, 12, 3))
    (first, second) = served.predict(x, {"interval": [50, 80]})
    assert list(first) == ["prediction", "lower_50", "upper_50", "lower_80", "upper_80"]
    assert np.array(second["lower_80"]) == pytest.approx(champion.predict(x, interval=(80,)).lower[80][1])
    assert np.shape(served.predict(x, {"interval": []})) == (2, 4, 1)
    with pytest.raises(MlflowException, match="interval 77: expected levels in percent"):
        served.predict(x, {"interval": [77]})
    sets = Scorer(load(classify.folder)).predict(np.ones((2, 9, 2)), {"interval": [80]})
    assert list(sets.columns)[-1] == "set_80"


@pytest.mark.slow
def test_the_server_takes_the_parameter(forecast: Any) -> None:
    frame = pd.read_csv(forecast.data)
    expected = load(forecast.folder).predict_frame(frame, interval=(80,))
    port = free_port(None)
    with scoring(forecast.folder, "harness.export.scoring", port):

        def ask(interval: list[Any]) -> tuple[int, Any]:
            body = {"dataframe_records": frame.to_dict("records"), "params": {"interval": interval}}
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
                connection.request("POST", "/invocations", json.dumps(body), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())

        status, answer = ask([80])
        assert status == 200, answer
        bounds = [row["demand_upper_80"] for row in answer["predictions"]]
        assert bounds == pytest.approx(expected["demand_upper_80"].tolist())
        status, answer = ask([77])
        assert status == 400
        assert answer["message"].startswith("interval 77: expected levels in percent")
        assert ask(["abc"])[0] == 400
