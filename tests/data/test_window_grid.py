"""One grid of windows for all parts: where strides are counted from, and what is said where parts differ."""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np
import pytest

from harness.config.dataset import DatasetConfig
from harness.config.inferred.infer import InferredConfig
from harness.config.inferred.template import dataset_text
from harness.config.tasks import ForecastTask
from harness.data import load_dataset
from harness.data.windows import seasons_apart
from harness.errors import DataError

SEASONS = {"window_stride": 6, "season_steps": [24, 25]}


def task(**keys: Any) -> ForecastTask:
    return ForecastTask(kind="forecast", target=("y",), lookback_steps=4, **keys)


@pytest.fixture
def loaded(write_table, forecast_card):
    """A series of so many rows in parts of 70, 15 and 15 %, with a stride of 6."""

    def load(rows: int = 500, **keys: Any):
        values = np.random.default_rng(0).normal(size=rows).round(3)
        return load_dataset(forecast_card(write_table(y=values), **(SEASONS | keys)))

    return load


def firsts(data) -> list[set[int]]:
    return [{int(row) % 6 for row in part.rows} for part in (data.train, data.validation, data.test.open())]


def test_windows_of_all_parts_begin_on_the_series_grid(loaded):
    data = loaded(window_grid="series")
    assert firsts(data) == [{0}, {0}, {0}]
    assert data.validation.rows[0] == 354  # the first of its rows, 350 to 424, that is a multiple of 6
    assert not [note for note in data.facts.notes if "window_grid" in note]


def test_each_part_has_a_grid_of_its_own_by_default(loaded):
    data = loaded()
    assert firsts(data) == [{0}, {350 % 6}, {425 % 6}]
    assert data.facts.digest == loaded(window_grid="part").facts.digest != loaded(window_grid="series").facts.digest
    (warning,) = [note for note in data.facts.notes if "window_grid" in note]
    assert warning == (
        "warning: with window_stride = 6 no training window begins at the places of the season of 24 steps that those "
        'of another part begin at: expected [task] window_grid = "series"'
    )


@pytest.mark.parametrize(
    ("starts", "keys", "seasons"),
    [
        ((0, 24, 48), {}, ()),
        ((0, 24, 50), {}, (24,)),
        ((0, 24, 50), {"window_grid": "series"}, ()),
        ((0, 25, 50), {"window_stride": 5}, ()),
        ((0, 25, 51), {"window_stride": 5}, (25,)),
        ((0, 24, 50), {"season_steps": None}, ()),
    ],
)
def test_seasons_whose_places_differ_are_found(starts, keys, seasons):
    blocks = [range(start, 100) for start in starts]
    assert seasons_apart(task(**(SEASONS | keys)), [blocks]) == seasons


def test_another_series_may_train_on_the_missing_places():
    first, second = ([range(start, 100) for start in starts] for starts in ((0, 24, 50), (2, 24, 48)))
    assert seasons_apart(task(**SEASONS), [first]) == (24,)
    assert seasons_apart(task(**SEASONS), [first, second]) == ()


def test_a_part_without_a_window_on_the_grid_is_refused_in_one_line(loaded):
    with pytest.raises(DataError, match=r"no window of the validation part begins on the grid .* less than 60") as told:
        loaded(rows=61, window_grid="series", window_stride=60, season_steps=None)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("stride", "grid"), [(1, "part"), (4, "series")])
def test_new_configs_put_thinned_windows_on_one_grid(stride: int, grid: str):
    numbers = {"lookback_steps": 24, "horizon_steps": 12, "window_stride": stride}
    inferred = InferredConfig("forecast", "y", ("y",), "when", None, "mae", "error", numbers)
    config = DatasetConfig.model_validate(tomllib.loads(dataset_text("my", "csv", "../my.csv", inferred)))
    assert (config.task.window_stride, config.task.window_grid) == (stride, grid)
