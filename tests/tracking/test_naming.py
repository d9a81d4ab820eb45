"""Names within what MLflow allows, and sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from mlflow.utils.validation import _validate_metric_name, _validate_param_name

from harness.records import ChampionInfo, ComparisonResult, Outcome, Phase, TrialKey
from harness.stats.words import brief
from harness.tracking import naming


@pytest.mark.parametrize("name", ["units", "tuner/epochs", "a:b", "..", "", "größe", "x" * 400, "ridge (lags) 50 %"])
def test_any_name_becomes_one_that_mlflow_takes(name: str) -> None:
    key = naming.keys("hp", [name])[name]
    _validate_param_name(key)
    _validate_metric_name(key)
    assert key.startswith("hp/")
    assert len("hp/") < len(key) <= naming.KEY_LENGTH


def test_names_stay_apart() -> None:
    assert naming.keys("hp", ["a+", "a*", "a_"]) == {"a+": "hp/a_", "a*": "hp/a__2", "a_": "hp/a__3"}


def test_run_names_sort_as_people_count() -> None:
    names = [naming.run_name(TrialKey("d", "gru", 1, Phase.SEARCH, number)) for number in (1, 2, 10, 100)]
    assert names == sorted(names) == ["gru r1 001", "gru r1 002", "gru r1 010", "gru r1 100"]
    assert naming.run_name(TrialKey("d", "lstm-2", 3, Phase.SEED_REPEAT, 4)) == "lstm-2 fresh seed 04"


def test_the_answer_says_what_the_verdict_says(
    make_pair: Callable[..., Any], make_result: Callable[..., ComparisonResult]
) -> None:
    def answer(**changes: Any) -> str:
        return brief.answer(make_result([make_pair()], **changes).verdict)

    assert answer() == "toy: gru wins"
    assert answer(outcome=Outcome.UNDECIDED, family=None) == "toy: undecided"
    assert (
        answer(outcome=Outcome.PRACTICALLY_EQUAL, family=None, recommended="gru") == "toy: practically equal (use gru)"
    )


def test_what_withholds_a_verdict_stands_beside_it_and_what_qualifies_it_below(
    make_pair: Callable[..., Any], make_result: Callable[..., ComparisonResult]
) -> None:
    result = make_result(
        [make_pair()],
        outcome=Outcome.UNDECIDED,
        family=None,
        reasons_to_abstain=("too few", "too uneven"),
        warnings=("an edge",),
    )
    lines = naming.description(result).split("\n\n")
    assert lines[0] == "**toy: undecided** (too few; too uneven)"
    assert lines[2:] == [
        "No model was exported",
        "- Warning: an edge",
        "gru is better by 0.03 (98% interval 0.01 to 0.05), for searches of 3 trials; pooled trials, bootstrap",
    ]


def test_the_description_leads_to_the_champion(
    make_pair: Callable[..., Any], make_result: Callable[..., ComparisonResult]
) -> None:
    from dataclasses import replace

    info = ChampionInfo("toy", "3", "champion", "gru", "gru", "toy/gru/r1/search/0001", "why", 0.5123456, "/p")
    lines = naming.description(replace(make_result([make_pair()]), champion=info)).split("\n\n")
    assert lines[0] == "**toy: gru wins**"
    assert lines[2] == (
        "Model: `models:/toy@champion` (version 3, gru, test score 0.512346): `harness predict toy@champion INPUT`"
    )
