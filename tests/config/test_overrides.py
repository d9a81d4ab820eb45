"""`--set units=16,64`: values in every family's search space; and hyperparameters that hang on another's value."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config import SearchSpace, find_space, make_plan
from harness.config.spaces.overrides import overridden, parse
from harness.errors import ConfigError, UsageError
from harness.records import Direction, Objective
from harness.search.oracle import Oracle
from harness.sweeps.plan import resolve

SPACES = {name: find_space(name).config for name in ("lstm", "gru")}


def test_options_become_values_of_one_type() -> None:
    given = ["units=16, 64,256", "learning_rate=1e-3,1", "bidirectional=true,false", "schedule=cosine"]
    assert parse(given) == {
        "units": (16, 64, 256),
        "learning_rate": (1e-3, 1.0),
        "bidirectional": (True, False),
        "schedule": ("cosine",),
    }


@pytest.mark.parametrize("text", ["units", "units=", "=3", "units=16,,32"])
def test_what_is_no_setting_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--set .*: expected NAME=VALUE,VALUE,… such as units=16,64,256$"):
        parse([text])


def test_every_family_gets_the_values() -> None:
    found = overridden(SPACES, {"units": (16, 64), "schedule": ("cosine",), "bidirectional": (True, False)})
    for space in found.values():
        assert space.hyperparameters["units"].values == (16, 64)
        assert space.hyperparameters["schedule"].value == "cosine"
        assert space.hyperparameters["bidirectional"].type == "Boolean"
    assert SPACES["lstm"].hyperparameters["units"].values != (16, 64)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"unit": (16,)}, r"^--set unit: unknown hyperparameter\. Did you mean units\?$"),
        ({"units": (16, "big")}, r"^--set units=16,big: in search space lstm: expected values of one type"),
        ({"units": (0, 16)}, r"^--set units=0,16: in search space lstm: expected units to be whole numbers of at"),
        ({"schedule": ("cosin",)}, r"^--set schedule=cosin: in search space lstm: .*one of constant, cosine"),
        ({"seed": (1, 2)}, r"^--set seed: unknown hyperparameter"),
    ],
)
def test_wrong_settings_are_one_line(values: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        overridden(SPACES, values)
    assert "\n" not in str(caught.value)


def test_a_plan_holds_them_and_its_header_searches_them() -> None:
    plan = make_plan({"datasets": ("adding_50",), "hyperparameters": {"units": [8, 24]}})
    assert [space.hyperparameters["units"].values for space in resolve(plan).spaces.values()] == [(8, 24), (8, 24)]


HANGING = """
name = "mine"
layer = "LSTM"
[hyperparameters.layers]
type = "Choice"
values = [1, 2]
[hyperparameters.dropout]
type = "Float"
min_value = 0.1
max_value = 0.4
when = {layers = 2}
"""


def test_when_searches_a_hyperparameter_under_a_condition(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(HANGING)
    space = find_space(str(tmp_path / "mine.toml")).config
    assert (space.hyperparameters["dropout"].parent_name, space.hyperparameters["dropout"].parent_values) == (
        "layers",
        (2,),
    )
    assert SearchSpace.model_validate_json(space.model_dump_json()) == space
    oracle = Oracle("random", space, Objective("mse", Direction.MIN), 3)
    values = [oracle.ask().values for _ in range(20)]
    assert {one["layers"] for one in values} == {1, 2}
    assert all(("dropout" in one) == (one["layers"] == 2) for one in values)


@pytest.mark.parametrize("when", ["{}", "{layers = 2, units = 3}", "3", "{layer = 2}", "{layers = 7}"])
def test_conditions_that_mean_nothing_are_refused(when: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(HANGING.replace("{layers = 2}", when))
    with pytest.raises(ConfigError, match=r"hyperparameters\.dropout"):
        find_space(str(tmp_path / "mine.toml"))
