"""Each guard against a dataset with its fault planted, and against the same dataset without it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.config.dataset import DatasetConfig
from harness.data import Part, load_dataset
from harness.data.checks import refuse_leaks
from harness.data.finalize import say_rows
from harness.data.scaling import fit_inputs
from harness.errors import DataError

Config = Callable[..., DatasetConfig]
Write = Callable[..., Path]
RANDOM = np.random.default_rng(0)


def part(rows: Any, values: Any = None) -> Part:
    rows = np.asarray(rows)
    x = np.asarray(rows if values is None else values, np.float32)[:, None, None] + np.zeros((1, 4, 1), np.float32)
    return Part(x, np.full(len(rows), 4, np.int32), np.zeros(len(rows), np.int32), rows)


def warnings(config: DatasetConfig) -> list[str]:
    return [note for note in load_dataset(config).facts.notes if note.startswith("warning: ")]


# --- leaks -------------------------------------------------------------------------------------------------------


def test_windows_of_two_parts_that_share_a_row_are_refused() -> None:
    scaling = fit_inputs(np.arange(20, dtype=np.float32)[:, None])
    good = [part(range(10)), part(range(15, 20)), part(range(25, 30))]
    refuse_leaks(good, scaling, 6)
    for window, leaky in ((6, part(range(14, 20))), (7, part(range(15, 20))), (6, part([2]))):
        with pytest.raises(DataError, match=r"^row \d+ is in the training and in the validation part$"):
            refuse_leaks([good[0], leaky, good[2]], scaling, window)


def test_a_sequence_in_two_parts_is_refused() -> None:
    scaling = fit_inputs(np.arange(10, dtype=np.float32)[:, None])
    with pytest.raises(DataError, match=r"^row 4 is in the training and in the test part$"):
        refuse_leaks([part([0, 3, 5]), part([1, 2]), part([4, 3])], scaling, 1)


def test_a_middle_that_was_fitted_elsewhere_is_refused() -> None:
    parts = [part(range(10)), part(range(20, 30)), part(range(30, 1000))]
    everything = np.concatenate([one.x.reshape(-1, 1) for one in parts])
    refuse_leaks(parts, fit_inputs(parts[0].x.reshape(-1, 1)), 1)
    with pytest.raises(DataError, match=r"^channel 1 is scaled by a middle far from all training values"):
        refuse_leaks(parts, fit_inputs(everything), 1)


# --- duplicates --------------------------------------------------------------------------------------------------


def test_sequences_that_stand_in_two_parts_are_counted(write_npz: Write, npz_card: Config) -> None:
    x, y = RANDOM.normal(size=(100, 5, 2)), np.arange(100) % 2
    assert warnings(npz_card(write_npz(x=x, y=y))) == []
    data = load_dataset(npz_card(write_npz(x=x, y=y)))
    x[data.test.open().rows[:7]] = x[data.train.rows[0]]
    assert warnings(npz_card(write_npz(x=x, y=y))) == [
        "warning: 7 of 16 test inputs are in the training part, too, value for value"
    ]


def test_sequences_of_one_value_are_no_duplicates(write_npz: Write, npz_card: Config) -> None:
    assert warnings(npz_card(write_npz(x=np.zeros((50, 5, 1)), y=np.arange(50) % 2))) == []


# --- answers among the inputs ------------------------------------------------------------------------------------


def test_a_feature_that_is_the_target_in_another_unit_is_named(write_table: Write, forecast_card: Config) -> None:
    y = RANDOM.normal(size=200)
    table = write_table(y=y, wind=RANDOM.normal(size=200), fahrenheit=y * 1.8 + 32)
    assert warnings(forecast_card(table)) == [
        "warning: 'y' can be read off 'fahrenheit' at the same step: is 'fahrenheit' known before 'y' is?"
    ]
    assert warnings(forecast_card(table, features=["y", "wind"])) == []


def test_what_follows_from_the_hour_alone_is_no_leak(write_table: Write, forecast_card: Config) -> None:
    times = pd.date_range("2024-01-01", periods=400, freq="h")
    y = 20 + 8 * np.sin(2 * np.pi * times.hour / 24)
    config = forecast_card(write_table(t=times, y=y), time="t", features=["y"])
    by_hour = config.model_copy(update={"encoding": config.encoding.model_copy(update={"calendar": ("hour",)})})
    data = load_dataset(by_hour)
    assert data.channels == ("y", "hour_sine", "hour_cosine")
    assert data.facts.leaks == ()
    assert not [note for note in data.facts.notes if "hour_sine" in note]


@pytest.mark.parametrize("kind", ["classify", "regress"])
def test_a_channel_that_tells_a_sequences_answer_is_named(kind: str, write_npz: Write, npz_card: Config) -> None:
    x, y = RANDOM.normal(size=(100, 5, 2)), np.arange(100) % 3
    assert warnings(npz_card(write_npz(x=x, y=y), kind=kind)) == []
    x[:, -1, 1] = 7 - 2 * y
    (phrase,) = warnings(npz_card(write_npz(x=x, y=y), kind=kind))
    assert "can be read off 'channel_2' at one step" in phrase


def test_a_channel_that_tells_a_steps_class_is_named(write_npz: Write) -> None:
    x, y = RANDOM.normal(size=(60, 8, 2)), RANDOM.integers(0, 3, (60, 8))
    source = {"kind": "npz", "path": ""}
    plain = {"name": "toy", "source": source, "task": {"kind": "label"}, "split": {"rule": "shuffled"}}
    source["path"] = str(write_npz(x=x, y=y))
    assert warnings(DatasetConfig.model_validate(plain)) == []
    x[:, :, 0] = y * 10
    source["path"] = str(write_npz(x=x, y=y))
    (phrase,) = warnings(DatasetConfig.model_validate(plain))
    assert "can be read off 'channel_1' at the same step" in phrase


# --- classes, channels, times ------------------------------------------------------------------------------------


def test_rare_and_missing_classes_are_named(write_npz: Write, npz_card: Config) -> None:
    y = np.array([0] * 60 + [1] * 60 + [2] * 5)
    x = RANDOM.normal(size=(125, 4, 1))
    (phrase,) = warnings(npz_card(write_npz(x=x, y=y)))
    assert phrase == "warning: classes with fewer than 5 training sequences: 2 (3)"
    groups = np.arange(125) % 9
    groups[y == 2] = 100  # one group has the whole class: it can be in one part alone
    plain = npz_card(write_npz(x=x, y=y, who=groups)).model_dump(mode="json")
    plain["source"]["groups"], found = "who", set[str]()
    for seed in range(12):
        plain["split"] = {"rule": "group", "seed": seed}
        with contextlib.suppress(DataError):  # where the group is not trained on, which is refused
            found.update(warnings(DatasetConfig.model_validate(plain)))
    assert {"warning: classes without a test sequence: 2", "warning: classes without a validation sequence: 2"} <= found


def test_a_class_with_fewer_sequences_than_parts_is_refused(write_npz: Write, npz_card: Config) -> None:
    y = np.array([0] * 20 + [1] * 20 + [2] * 2)
    with pytest.raises(DataError, match=r"class '2' has 2 sequences: expected at least 3, one for each part"):
        load_dataset(npz_card(write_npz(x=RANDOM.normal(size=(42, 4, 1)), y=y)))


def test_constant_channels_are_named(write_npz: Write, npz_card: Config) -> None:
    x = RANDOM.normal(size=(60, 4, 3))
    x[:, :, 1] = 5
    notes = load_dataset(npz_card(write_npz(x=x, y=np.arange(60) % 2))).facts.notes
    assert notes == ("constant in the training part: channel_2",)


def stamps(count: int = 200) -> list[str]:
    return [str(stamp) for stamp in pd.date_range("2024-01-01", periods=count, freq="h")]


def test_uneven_sampling_is_named_with_its_numbers(write_table: Write, forecast_card: Config) -> None:
    y = RANDOM.normal(size=200)
    assert warnings(forecast_card(write_table(t=stamps(), y=y), time="t")) == []
    holed = [stamp for at, stamp in enumerate(stamps(205)) if at not in (50, 51, 90, 91, 92)]
    (phrase,) = warnings(forecast_card(write_table(t=holed, y=y), time="t"))
    assert phrase.startswith(
        "warning: times in 't' are uneven: of 199 steps 2 are longer and 0 shorter than the usual "
    )
    assert "0 days 01:00:00, the longest 0 days 04:00:00" in phrase


@pytest.mark.parametrize("bad", ["2024-02-30 01:00", "2024-13-01", "0000-00-00", "yesterday", "25:61"])
def test_impossible_dates_are_refused_with_their_row(bad: str, write_table: Write, forecast_card: Config) -> None:
    times = stamps()
    times[20] = bad
    with pytest.raises(DataError, match=r"column 't', row 21: .*: expected a time such as 2024-05-31 14:30"):
        load_dataset(forecast_card(write_table(t=times, y=range(200)), time="t"))


def test_years_in_which_nobody_measured_are_named(write_table: Write, forecast_card: Config) -> None:
    times = [str(stamp) for stamp in pd.date_range("2199-12-25", periods=20, freq="30D")]
    (phrase,) = warnings(
        forecast_card(write_table(t=[*times, "2300-01-01"], y=range(21)), time="t", lookback_steps=1, horizon_steps=1)
    )[-1:]
    assert phrase == "warning: times in 't' reach from the year 2199 to 2300: are these dates?"


# --- the record --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "phrase"),
    [
        ([0, 1, 2, 3], "0-3"),
        ([5], "5"),
        ([0, 1, 2, 7, 9, 10], "0-2,7,9-10"),
        ([0, 12, 24, 36, 100], "0-36:12,100"),
        ([3, 3, 4, 4, 5], "3-5"),
        ([], ""),
        ([2, 4, 9], "2,4,9"),
    ],
)
def test_places_as_ranges(rows: list[int], phrase: str) -> None:
    assert say_rows(np.array(rows, np.int64)) == phrase


@pytest.mark.parametrize("seed", range(20))
def test_ranges_are_the_places_again(seed: int) -> None:
    rows = np.flatnonzero(np.random.default_rng(seed).random(200) < 0.6)
    again: list[int] = []
    for piece in say_rows(rows).split(","):
        span, _, step = piece.partition(":")
        low, _, high = span.partition("-")
        again += range(int(low), int(high or low) + 1, int(step or 1))
    assert again == rows.tolist()


def test_the_result_records_where_each_part_lies(write_table: Write, forecast_card: Config) -> None:
    facts = load_dataset(forecast_card(write_table(y=range(100)), window_stride=3)).facts
    assert facts.rows[0] == "0-63:3"
    assert type(facts).from_json(facts.to_json()) == facts
