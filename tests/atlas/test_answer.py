"""What the Atlas says of made-up tables whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from harness.atlas import false_winners
from harness.atlas.answer import Answer, answer_of
from harness.atlas.report import words
from harness.atlas.standings import standings
from harness.atlas.tables import Tables
from harness.records import Direction, ScoreRow

Make = Callable[..., tuple[Tables, list[float]]]


@pytest.fixture(scope="module")
def better(make_tables: Make) -> Answer:
    """The answer where gru is better by a tenth on average."""
    return answer_of(make_tables(mean=0.1)[0], planned=24, splits=0)


def test_log_ratios_are_those_the_trials_were_drawn_with(make_tables: Make) -> None:
    tables, truth = make_tables()
    found, left_out = standings(tables)
    assert left_out == {}
    away = [(one.estimate.log_ratio - true) / one.estimate.error for one, true in zip(found, truth, strict=True)]
    assert abs(np.mean(away)) < 0.7
    assert np.std(away) < 1.6


def test_the_sentence_names_the_better_family(better: Answer) -> None:
    assert better.pooled is not None
    assert better.pooled.low < 0.1 < better.pooled.high
    assert better.pooled.low > 0
    assert "gru is better: lstm's error is" in words.headline(better)
    assert words.state(better) == ""


def test_the_sentence_turns_with_the_truth(make_tables: Make) -> None:
    sentence = words.headline(answer_of(make_tables(mean=-0.1)[0], splits=0))
    assert "lstm is better: gru's error is" in sentence
    assert "higher)" in sentence


def test_no_difference_is_no_advantage(make_tables: Make) -> None:
    answer = answer_of(make_tables(mean=0.0)[0], splits=0)
    assert "neither family has an advantage" in words.headline(answer)
    assert answer.signed_rank is not None
    assert answer.signed_rank.p > 0.05


def test_few_data_sets_say_nothing_over_all(make_tables: Make) -> None:
    answer = answer_of(make_tables(datasets=4, sources=4)[0], planned=78, splits=0)
    assert answer.pooled is None
    assert "4 data sets of 4 sources so far: nothing is said" in words.headline(answer)
    assert "not complete: 4 data sets of the 78 planned" in words.state(answer)


def test_a_failed_data_set_is_listed_with_its_cause(make_tables: Make) -> None:
    tables, _ = make_tables(datasets=12, sources=12)
    rows = dict(tables.datasets) | {"broken": replace(tables.datasets["made_000"], dataset="broken", failure="no file")}
    answer = answer_of(Tables(rows, tables.trials), splits=0)
    assert answer.left_out == {"broken": "no file"}
    assert "broken is left out: no file." in words.limits(answer)


def test_a_task_that_differs_is_told(make_tables: Make) -> None:
    tables, _ = make_tables(datasets=40, sources=40, mean=0.0, between=0.02, within=0.03, by_task={"regress": 0.5})
    answer = answer_of(tables, splits=0)
    assert answer.moderators is not None
    assert answer.moderators.p["task"] < 0.01
    (its,) = (one for one in answer.moderators.tasks if one.task == "regress")
    assert its.ratio.low < 0.5 < its.ratio.high
    assert its.ratio.low > 0.2
    assert all(answer.moderators.p[name] > 0.01 for name in ("length", "size", "dimension"))
    assert answer.prediction is not None
    assert answer.prediction.gain > 0


def test_prediction_is_said_not_to_help_where_nothing_does(better: Answer) -> None:
    assert better.prediction is not None
    assert not better.prediction.helps
    assert any("It does not help" in line for line in words.findings(better))


def test_baselines_are_counted_where_they_beat_both(better: Answer, make_tables: Make) -> None:
    tables, _ = make_tables(mean=0.1)
    strong = [name for name, row in tables.datasets.items() if row.baseline_test == 0.99]
    assert better.baseline["all"].count == len(strong) > 0
    assert better.baseline["classify"].count == 0
    assert better.baseline["classify"].high > 0.2  # of five data sets none is no proof of none


def test_costs_are_ratios_at_equal_quality(better: Answer) -> None:
    assert better.parameters is not None
    assert better.parameters.low < better.parameters.ratio < better.parameters.high < 1.0


def test_the_answer_is_plain_json_and_the_same_again(better: Answer, make_tables: Make) -> None:
    plain = json.dumps(better.to_json(), allow_nan=False)
    again = answer_of(make_tables(mean=0.1)[0], planned=24, splits=0)
    assert json.dumps(again.to_json()) == plain


def test_splits_of_one_family_name_few_winners(make_tables: Make) -> None:
    tables, _ = make_tables(datasets=8, sources=6)
    over_all, *by_task = false_winners.check(tables, splits=60)
    assert over_all.splits == 8 * 2 * 60
    assert 0 < over_all.share < 0.075
    assert over_all.lower < over_all.share
    assert {one.task for one in by_task} == {row.task for row in tables.datasets.values()}


def test_splits_of_two_kinds_of_trials_name_few(rows_of_two: list[ScoreRow]) -> None:
    share = false_winners.share_of_splits(rows_of_two, Direction.MIN, splits=60)
    assert share is not None
    assert share < 0.12
    assert false_winners.share_of_splits(rows_of_two[:8], Direction.MIN, splits=5) is None


@pytest.fixture
def rows_of_two() -> list[ScoreRow]:
    """One family of whose trials every second one is three times as bad."""
    chance = np.random.default_rng(3)
    scores = np.exp(chance.normal(0, 0.1, (20, 2))) * (1 + 2 * (np.arange(20) % 2))[:, None]
    return [ScoreRow("toy", "gru", 1, place + 1, *map(float, pair)) for place, pair in enumerate(scores)]


def test_a_bound_takes_sources_for_the_draws() -> None:
    values = np.array([0.0, 0.1, 0.2, 0.3] * 3)
    apart, together = [str(place) for place in range(12)], [str(place % 4) for place in range(12)]
    _, alone = false_winners.clustered_lower(values, apart)
    mean, clustered = false_winners.clustered_lower(values, together)
    assert mean == pytest.approx(0.15)
    assert clustered < alone < mean
