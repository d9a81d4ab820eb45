"""Wrong uses of the Python interface: one clear line each, and nothing is left on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import harness
from harness.config import SweepConfig, find_dataset
from harness.config.arguments import plan_and_dataset
from harness.errors import HarnessError
from harness.sweeps.from_memory import write_dataset

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 7, 2))
Y = np.array(["yes", "no", "perhaps"] * 20)
HOLED = np.where(np.arange(60)[:, None, None] == 4, np.nan, X)
TIMES = pd.date_range("2024-01-01", periods=400, freq="h")
SERIES = pd.DataFrame({"at": TIMES, "level": np.sin(np.arange(400) / 4), "wind": RANDOM.normal(size=400)})

compare: Callable[..., Any] = harness.compare
sweep: Callable[..., Any] = harness.sweep

WRONG: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a slip in an option": (
        lambda at: compare(X, Y, task="classify", trails=3, store=at),
        r"^compare\(trails=…\): no such argument\. Did you mean trials",
    ),
    "a slip in an argument of its own": (
        lambda at: compare(X, Y, task="classify", legnths=[7] * 60, store=at),
        r"^compare\(legnths=…\): no such argument\. Did you mean lengths",
    ),
    "a slip in an option of a sweep": (
        lambda at: sweep("air", replicate=2, store=at),
        r"^sweep\(replicate=…\): no such argument\. Did you mean replicates",
    ),
    "a task that is none": (
        lambda at: compare(X, Y, task="classification", store=at),
        r"^task = 'classification': expected one of forecast, classify, regress, label\. Did you mean classify\?$",
    ),
    "an option of another task": (
        lambda at: compare(X, Y, task="classify", lookback_steps=3, store=at),
        r"^lookback_steps = 3: expected none for task = 'classify': it is for forecast$",
    ),
    "a number that cannot be": (
        lambda at: compare(X, Y, task="classify", trials=0, store=at),
        r"^trials = 0: expected a whole number of at least 1",
    ),
    "two budgets": (
        lambda at: compare(X, Y, task="classify", trials=3, minutes=1.0, store=at),
        r"^minutes = 1\.0: expected no minutes where trials = 3 is given, or no trials$",
    ),
    "one family alone": (
        lambda at: compare(X, Y, task="classify", families=["lstm"], store=at),
        r"^families = \[\"lstm\"\]: expected at least two families",
    ),
    "a family that is none": (
        lambda at: compare(X, Y, task="classify", families=("lstm", "gur"), store=at),
        r'^family "gur" is unknown\. Did you mean gru',
    ),
    "an oracle that is none": (
        lambda at: compare(X, Y, task="classify", oracle="bayes", store=at),
        r"^oracle = \"bayes\": expected one of random, bayesian, tpe, hyperband.*Did you mean bayesian\?$",
    ),
    "a metric of another task": (
        lambda at: compare(X, Y, task="classify", metric="mae", store=at),
        r"^metric = \"mae\": expected one of accuracy, balanced_accuracy, macro_f1, log_loss",
    ),
    "a key of a table in a dictionary": (
        lambda at: compare(X, Y, task="classify", split={"tset": 0.2}, store=at),
        r"^split: unknown key 'tset'\. Did you mean test",
    ),
    "fewer answers than sequences": (
        lambda at: compare(X, Y[:5], task="classify", store=at),
        r"^y has shape \(5,\): expected 60 answers, one a sequence of X$",
    ),
    "answers that would have one name": (
        lambda at: compare(X, [1, "1"] * 30, task="classify", store=at),
        r"^y: the answers 1 \(int\) and '1' \(str\) would have one name: expected answers of one type$",
    ),
    "values that are missing": (
        lambda at: compare(HOLED, Y, task="classify", store=at),
        r"^X: x\[4\] has no value",
    ),
    "too few sequences": (lambda at: compare(X[:2], Y[:2], task="classify", store=at), r"^X: "),
    "a column that is not there": (
        lambda at: compare(SERIES, task="forecast", target="levle", lookback_steps=6, store=at),
        r"levle.*level",
    ),
    "a guess with a column that is not there": (
        lambda at: compare(SERIES, target="levle", store=at),
        r"^target=levle: no such column in X\. Did you mean level\?$",
    ),
    "a table whose target nobody knows": (
        lambda at: compare(SERIES.drop(columns="at"), store=at),
        r"^X: which column is to be predicted\? Expected target, one of level, wind$",
    ),
    "sequences without answers": (lambda at: compare(X, store=at), r"^y: expected an answer for each sequence of X$"),
    "a name for the data that no file can have": (
        lambda at: compare(X, Y, task="classify", name="a/b", store=at),
        r"^name = \"a/b\": expected a name of letters",
    ),
    "datasets in a list": (lambda at: sweep(["air", "vic_elec"], store=at), r"^sweep\(list\): expected names or paths"),
    "no dataset": (lambda at: sweep(store=at), r"^sweep: expected at least one dataset"),
    "a dataset that is none": (lambda at: sweep("vic_elek", store=at), r'^dataset "vic_elek" is unknown\..*vic_elec'),
    "a callback that is none": (
        lambda at: compare(X, Y, task="classify", callback="print", store=at),
        r"^callback = 'print': expected a function that is called with each event$",
    ),
    "a store that is none": (lambda at: compare(X, Y, task="classify", store=3), r"^store = 3: expected the path of a"),
    "groups beside a table": (
        lambda at: compare(SERIES, task="forecast", target="level", lookback_steps=6, groups=[1] * 400, store=at),
        r"^groups: expected none beside a table",
    ),
}


@pytest.mark.parametrize(("use", "message"), WRONG.values(), ids=WRONG.keys())
def test_one_clear_line_and_nothing_on_the_disk(
    use: Callable[[Path], Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HarnessError, match=message) as told:
        use(tmp_path / "store")
    assert "\n" not in str(told.value)
    assert "--" not in str(told.value)  # options of the command line are no arguments
    assert not list(tmp_path.iterdir())


def test_an_argument_is_named_for_every_key_of_a_plan() -> None:
    assert all(f" {key} (" in str(harness.sweep.__doc__) for key in SweepConfig.model_fields if key != "datasets")


def written(folder: Path, x: Any, y: Any = None, **options: Any) -> tuple[Any, list[str]]:
    """The dataset's config that a call of `compare` writes, and its guesses."""
    task, name, told = options.pop("task", None), options.pop("name", None), list[str]()
    _, keys = plan_and_dataset(options, task)
    config = write_dataset(folder, name, x, y, None, None, task, keys, told=told.append)
    return find_dataset(str(config)).config, told


def test_a_series_is_guessed_as_on_the_command_line(tmp_path: Path) -> None:
    config, told = written(tmp_path, SERIES, target="level")
    assert (config.task.kind, config.task.target, config.task.time) == ("forecast", ("level",), "at")
    assert config.task.lookback_steps > config.task.horizon_steps
    assert any("time" in line for line in told)


def test_what_is_said_goes_before_a_guess(tmp_path: Path) -> None:
    said = {"task": "forecast", "target": "level", "lookback_steps": 9, "features": "wind"}
    config, told = written(tmp_path, SERIES, **said)
    assert (config.task.lookback_steps, config.task.features, config.task.time) == (9, ("wind",), None)
    assert told == []
    config, _ = written(tmp_path, SERIES["level"].to_numpy(), horizon_steps=5)
    assert (config.task.kind, config.task.target, config.task.horizon_steps) == ("forecast", ("y",), 5)


@pytest.mark.parametrize(("answers", "task"), [(Y, "classify"), (RANDOM.normal(size=60), "regress")])
def test_answers_say_the_task(answers: Any, task: str, tmp_path: Path) -> None:
    config, told = written(tmp_path, X, answers, name="mine")
    assert (config.task.kind, config.name) == (task, "mine")
    assert [line for line in told if line.startswith(f"task = {task}: ")]
