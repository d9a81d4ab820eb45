"""Rows of the Atlas from a real sweep's journal: each number is the one that the sweep itself reports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.atlas.plan import AtlasPlan, PlannedDataset
from harness.atlas.tables import read_tables, write_rows
from harness.checks.atlas import rows_of, unlike_plan, wall_seconds
from harness.errors import UsageError
from harness.records import Direction

NONE = "0" * 64


@pytest.fixture
def plan(swept: Any) -> AtlasPlan:
    hashes = swept.header.hashes
    return AtlasPlan(
        version="7",
        measure="log ratio",
        families=("tiny_lstm", "tiny_gru"),
        trials=3,
        seeds=1,
        max_train=100,
        datasets=(PlannedDataset(name="tiny_waves", source="The sea", config=hashes["datasets/tiny_waves"]),),
        search_spaces={name: hashes[f"search_spaces/{name}"] for name in ("tiny_lstm", "tiny_gru")},
        sweep=NONE,
        loaders=NONE,
    )


def test_rows_hold_what_the_sweep_reports(swept: Any, plan: AtlasPlan, tmp_path: Path) -> None:
    (rows,) = rows_of(swept.folder, plan, swept.header.plan)
    (result,) = (one for one in swept.result.comparisons if one.dataset == "tiny_waves")
    row, best = rows.dataset, result.best_baseline
    assert (row.task, row.metric, row.direction, row.source) == ("forecast", "mae", Direction.MIN, "The sea")
    assert (row.train, row.validation, row.test) == result.facts.sizes
    assert (row.baseline, row.baseline_test) == (best.name, best.test_score)
    assert row.families_verdict == (result.verdict.family or result.verdict.outcome.value)
    assert (row.data_digest, row.config_digest) == (result.facts.digest, plan.datasets[0].config)
    assert (row.plan, row.threads, row.failure) == ("7", 1, "")
    assert row.cpu
    assert 0 < row.cpu_seconds < 2 * row.wall_seconds + 1
    tests = {(one.family, one.kind, one.trial): one.test for one in rows.trials}
    assert len(rows.trials) == 2 * (3 + 1)
    for one in rows.trials:
        phase = {"trial": "search", "seed": "confirmation"}[one.kind]
        assert one.test == result.scores[f"tiny_waves/{one.family}/r1/{phase}/{one.trial:04d}"]
        assert set(one.hyperparameters) >= {"units", "learning_rate", "dropout"}
    for family in result.families:
        assert tests[family.family.name, "seed", 1] == family.seed_scores[0]
    write_rows(tmp_path, row, rows.trials)
    assert read_tables(tmp_path).trials["tiny_waves"] == rows.trials
    assert not write_rows(tmp_path, row, rows.trials)


def test_a_data_set_out_of_the_plan_has_rows_only_as_a_contribution(swept: Any, plan: AtlasPlan) -> None:
    mine = PlannedDataset(name="tiny_adding", source="Me", config=NONE)
    found = [rows.dataset for rows in rows_of(swept.folder, plan, swept.header.plan, mine)]
    assert [(one.dataset, one.source) for one in found] == [("tiny_adding", "Me"), ("tiny_waves", "The sea")]
    none = plan.model_copy(update={"datasets": (mine.model_copy(update={"name": "other"}),)})
    with pytest.raises(UsageError, match="none of its data sets is in version 7 of the plan"):
        list(rows_of(swept.folder, none, swept.header.plan))


def test_a_sweep_that_did_not_keep_to_the_plan_gives_no_rows(
    swept: Any, plan: AtlasPlan, toys: SimpleNamespace
) -> None:
    for key, value in (("trials", 4), ("epochs", 3), ("max_train", 9), ("seed", 6)):
        other = swept.header.plan.model_copy(update={key: value})
        with pytest.raises(UsageError, match=rf"not run by version 7 of the plan: {key} = .*: expected {value}$"):
            list(rows_of(swept.folder, plan, other))
    changed = replace(swept.header, hashes={**swept.header.hashes, "datasets/tiny_waves": NONE})
    assert unlike_plan(changed, plan, swept.header.plan) == "the config datasets/tiny_waves was another one"
    assert unlike_plan(swept.header, plan, swept.header.plan.model_copy(update={"workers": 9})) == ""


def test_a_pause_between_two_commands_is_no_time_of_the_run_but_a_long_trial_is() -> None:
    assert wall_seconds([0, 100, 250], []) == 250
    assert wall_seconds([0, 100, 100_100, 100_200], [(50, 90), (100_090, 100_150)]) == 200
    assert wall_seconds([0, 100, 5_100], [(90, 5_100)]) == 5_100
    assert wall_seconds([], []) == 0
