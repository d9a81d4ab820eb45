"""Hyperparameters whose values follow the dataset, the same for every family."""

from __future__ import annotations

import pytest

from harness.config import DatasetConfig, SearchSpace, check_shared
from harness.config.spaces.sized import sized, strides_for
from harness.errors import ConfigError

ALL = ("lookback_steps", "stride_steps", "summary", "bidirectional")
SOURCE = {"kind": "csv", "path": "t.csv"}
FORECAST = {"kind": "forecast", "target": ["y"], "lookback_steps": 96, "lookbacks": [24, 96]}
TASKS = {
    "forecast": FORECAST,
    "one lookback": {**FORECAST, "lookbacks": []},
    "classify": {"kind": "classify", "target": "y", "id": "who"},
    "label": {"kind": "label", "target": ["y"], "id": "who"},
    "next label": {"kind": "label", "target": ["y"], "id": "who", "ahead_steps": 1},
}


def space(name: str = "lstm", **more: object) -> SearchSpace:
    hyperparameters = {"units": {"type": "Fixed", "value": 4}}
    return SearchSpace.model_validate({"name": name, "layer": "LSTM", "hyperparameters": hyperparameters, **more})


def values(task: str, steps: int = 96, **more: object) -> dict[str, object]:
    config = DatasetConfig.model_validate({"name": "t", "source": SOURCE, "task": TASKS[task]})
    found = sized({"lstm": space(by_data=ALL, **more), "gru": space("gru", by_data=ALL, **more)}, config, steps)
    assert found["lstm"].hyperparameters == found["gru"].hyperparameters
    made = {name: one for name, one in found["lstm"].hyperparameters.items() if name != "units"}
    return {name: one.values or one.value or one.type for name, one in made.items()}


@pytest.mark.parametrize(
    ("task", "steps", "expected"),
    [
        ("forecast", 96, {"lookback_steps": (24, 96)}),
        ("forecast", 336, {"lookback_steps": (24, 96), "stride_steps": (4, 8)}),
        ("one lookback", 96, {}),
        ("classify", 50, {"summary": ("last", "mean"), "bidirectional": "Boolean"}),
        ("classify", 150, {"stride_steps": (2, 4), "summary": ("last", "mean"), "bidirectional": "Boolean"}),
        ("label", 500, {"bidirectional": "Boolean"}),
        ("next label", 500, {}),
    ],
)
def test_each_dataset_gets_what_is_of_use(task: str, steps: int, expected: dict) -> None:
    assert values(task, steps) == expected


@pytest.mark.parametrize(("steps", "strides"), [(101, (2, 4)), (200, (2, 4)), (201, (4, 8)), (1000, (16, 32))])
def test_strides_leave_at_most_a_hundred_steps(steps: int, strides: tuple[int, int]) -> None:
    assert strides_for(steps) == strides
    assert steps / strides[0] <= 100


def test_what_a_space_says_itself_is_kept() -> None:
    own = {"units": {"type": "Fixed", "value": 4}, "summary": {"type": "Fixed", "value": "max"}}
    assert values("classify", 50, hyperparameters=own) == {"summary": "max", "bidirectional": "Boolean"}


def test_a_space_that_names_none_stays_as_it_is() -> None:
    config = DatasetConfig.model_validate({"name": "t", "source": SOURCE, "task": TASKS["forecast"]})
    spaces = {"lstm": space()}
    assert sized(spaces, config, 336) == spaces


def test_families_share_what_follows_the_data() -> None:
    with pytest.raises(ConfigError, match=r"^search space gru: by_data lacks summary, which lstm has"):
        check_shared([space(by_data=("summary",)), space("gru")])
