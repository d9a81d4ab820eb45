"""The Atlas's plan: large enough, of many sources, and as it was frozen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.atlas.plan import changes, plan_path, read_plan, unaccounted
from harness.config import list_datasets
from harness.errors import ConfigError

PLAN = read_plan()


def test_nothing_that_decides_a_trial_differs_from_what_was_frozen() -> None:
    assert list(changes(PLAN)) == [], "raise `version` in atlas/plan.toml, then run python docs/freeze_atlas.py"


def test_a_change_of_anything_frozen_is_told() -> None:
    first = PLAN.datasets[0]
    other = first.model_copy(update={"config": "0" * 64})
    for update, told in (
        ({"datasets": (other, *PLAN.datasets[1:])}, rf"^{first.name}: its config is not the one that version 1 "),
        ({"datasets": PLAN.datasets[1:]}, rf"names other data sets than the plan: {first.name}$"),
        ({"trials": 21}, r"trials = 20: expected the plan's 21$"),
        ({"loaders": "0" * 64}, r"^atlas/loaders.py is not the one"),
        ({"search_spaces": {"gru": "0" * 64}}, r"^gru: its search space is not the one"),
        ({"measure": "another one"}, r"^version 1 of the plan is not what was frozen under it"),
    ):
        lines = list(changes(PLAN.model_copy(update=update)))
        assert re.search(told, lines[0]), lines[0]
        assert "version 1 of the plan is not what was frozen under it" in lines[-1]


def test_it_has_78_data_sets_of_55_sources_and_all_tasks() -> None:
    configs = [found.config for found in list_datasets() if found.name in PLAN.by_name]
    assert len(PLAN.datasets) >= 78
    assert len({one.source for one in PLAN.datasets}) >= 55
    tasks = [config.task.kind for config in configs if config]
    assert set(tasks) == {"forecast", "classify", "regress", "label", "next_token"}
    assert min(map(tasks.count, set(tasks))) >= 7
    assert all(config and config.license and config.use != "not stated" for config in configs)
    assert all(config and config.source.kind != "generator" for config in configs if config.name != "first_names")


def test_a_data_set_that_is_neither_in_it_nor_left_out_is_told_before_it_is_frozen() -> None:
    first, *others = PLAN.excluded
    fewer = PLAN.model_copy(update={"excluded": tuple(others), "datasets": PLAN.datasets[1:]})
    assert {first.name, PLAN.datasets[0].name} <= set(unaccounted(fewer))
    assert not {first.name, PLAN.datasets[0].name} & set(unaccounted(PLAN))


def test_a_plan_that_names_a_data_set_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(plan_path().read_text().replace('name = "arrow_head"', 'name = "ad_cost_per_click"'))
    with pytest.raises(ConfigError, match=r"plan.toml: .*expected each data set once, by name"):
        read_plan(path)
