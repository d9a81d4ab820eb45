"""What MLflow's runs and versions say of a verdict that recommends: the same as everywhere, from one record."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.records import (
    ChampionInfo,
    ComparisonResult,
    Configurations,
    DataFacts,
    ModelsInHand,
    Reason,
    Recommendation,
    Settling,
    Use,
    Verdict,
)
from harness.stats.words import sentences
from harness.store import Store
from harness.tracking import RunWriter, connect, naming

FOUND = Recommendation(
    use=Use.MODEL,
    family="gru",
    baseline=None,
    reason=Reason.TEST_CASES,
    because="",
    against="lstm",
    lower_loss=0.057,
    probability=0.874,
    regret=0.031,
    level=0.95,
    abstains="",
    scores={"lstm": 0.55, "gru": 0.519},
    scored_cases=10,
)
UNSURE = replace(FOUND, probability=None, regret=None, abstains="too few trials")
BASELINE = replace(FOUND, use=Use.BASELINE, baseline="ridge", reason=Reason.BASELINE)


@pytest.fixture
def result(make_pair: Callable[..., Any], make_result: Callable[..., ComparisonResult]) -> ComparisonResult:
    made = make_result(
        [make_pair("lstm"), make_pair("gru")],
        models=ModelsInHand(("lstm", "gru"), -0.04, -0.06, -0.02, 0.95, 10, 1, "gru", FOUND.scores, 10),
        configurations=Configurations(("lstm", "gru"), 5, FOUND.scores, -0.01, -0.03, 0.01, 0.95, 0.3, None),
        settling=Settling((1, 2), (3, 6), None, worth=True, chance=0.8),
        recommendation=FOUND,
    )
    champion = ChampionInfo("toy", "3", "champion", "gru", "gru", "toy/gru/r1/search/0001", "why", 0.5123456, "/p")
    return replace(made, champion=champion)


def _run(store: Store, name: str) -> Any:
    client = connect(store)
    found = client.get_experiment_by_name("nightly")
    return next(run for run in client.search_runs([found.experiment_id]) if run.info.run_name == name)


@pytest.fixture
def writer(store: Store, facts: DataFacts, make_pair: Callable[..., Any]) -> RunWriter:
    made = RunWriter(store, "s-1", "nightly")
    made.comparison_started("toy", facts, {})
    made.trials([make_pair("lstm"), make_pair("gru")])
    return made


def test_a_runs_name_tags_and_numbers_are_the_records(
    store: Store, writer: RunWriter, result: ComparisonResult
) -> None:
    writer.conclude(result, {}, "s-1")
    run = _run(store, "toy: use gru (probability 0.87, at worst 4 % more error)")
    wanted = {"recommendation": "use gru", "recommended_family": "gru", "probability": "0.87"}
    assert wanted.items() <= run.data.tags.items()
    assert run.data.tags["worst_case_excess_error"] == "4 % more error"
    assert "recommended_baseline" not in run.data.tags
    numbers = {
        name: run.data.metrics[f"verdict/{name}"]
        for name in ("probability", "worst_case_excess_error", "error_reduction")
    }
    assert numbers == {"probability": 0.874, "worst_case_excess_error": 0.031, "error_reduction": 0.057}
    assert run.data.metrics["gru/held_out_test_score"] == 0.519
    assert [run.data.metrics[f"verdict/models_{end}"] for end in ("low", "difference", "high")] == [-0.06, -0.04, -0.02]
    assert run.data.metrics["verdict/configurations_high"] == 0.01


def test_the_description_begins_with_the_sentences(store: Store, writer: RunWriter, result: ComparisonResult) -> None:
    writer.conclude(result, {}, "s-1")
    note = _run(store, "toy: use gru (probability 0.87, at worst 4 % more error)").data.tags["mlflow.note.content"]
    first, three, model, settling, scores, *_ = note.split("\n\n")
    assert first == f"**{sentences.recommendation(result.verdict)}**"
    assert three.split("\n") == [f"- {sentence}" for sentence in sentences.three(result.verdict)]
    assert "0.519 over the 10 test cases that did not help to choose, 0.512346 over all of them" in model
    assert settling == sentences.settling(result.verdict, "s-1")
    assert "--extend s-1 " in settling
    assert scores.startswith("Expected test mae: ")


def test_what_a_later_verdict_leaves_open_is_gone(store: Store, writer: RunWriter, result: ComparisonResult) -> None:
    writer.conclude(result, {}, "s-1")
    later = replace(result, verdict=replace(result.verdict, recommendation=UNSURE))
    for _ in range(2):
        again = RunWriter(store, "s-1", "nightly")
        again.conclude(later, {}, "s-1")
    run = _run(store, "toy: use gru")
    assert not {"probability", "worst_case_excess_error"} & run.data.tags.keys()
    assert math.isnan(run.data.metrics["verdict/probability"])
    assert math.isnan(run.data.metrics["verdict/worst_case_excess_error"])
    assert run.data.metrics["verdict/error_reduction"] == 0.057
    assert len(connect(store).get_metric_history(run.info.run_id, "verdict/worst_case_excess_error")) == 2


def test_a_recommended_baseline_recommends_no_family(result: ComparisonResult) -> None:
    tags = naming.verdict_tags(replace(result.verdict, recommendation=BASELINE))
    assert (tags["recommendation"], tags["recommended_baseline"]) == ("use the baseline ridge", "ridge")
    assert "recommended_family" not in tags


def test_baselines_keep_their_names(result: ComparisonResult) -> None:
    tags, metrics = naming.comparison_tags(result), naming.comparison_metrics(result)
    known, earlier = ({one.name: one.test_score for one in naming.baselines_of(its, metrics)} for its in (tags, {}))
    assert known["seasonal naïve (lag 24)"] == 0.8
    assert earlier["seasonal naïve _lag 24_"] == 0.8, "as an earlier version kept them"


def test_tags_of_a_verdict_of_an_earlier_version_are_as_they_were(result: ComparisonResult) -> None:
    old = Verdict.from_json({**result.verdict.to_json(), "recommendation": None})
    assert naming.verdict_tags(old) == {"verdict": "winner", "winner": "gru", "trials": "3"}


def champion(**changes: Any) -> dict[str, Any]:
    described = {"name": "toy", "sweep_id": "s-1", "family": "gru", "arm": "gru", "metric": "mae", "test_score": 0.512}
    evidence = {"arms": {}, "recommendation": FOUND.to_json(), "headline": "toy: use gru"}
    return {**described, "trial": "toy/gru/r1/search/0001", "evidence": evidence, **changes}


def test_a_version_publishes_what_did_not_help_to_choose() -> None:
    tags = naming.version_tags(champion(), "k", {"verdict": "winner"})
    assert (tags["recommendation"], tags["held_out_test_score"], tags["test_score"]) == ("use gru", "0.519", "0.512")
    said = naming.about(champion(), "toy", {"why": "why"}, "#page")
    assert "test mae 0.519 over the 10 test cases that did not help to choose, 0.512 over all of them" in said


@pytest.mark.parametrize("changes", [{"refit": True, "test_score": None}, {"evidence": {"arms": {}}}, {"evidence": {}}])
def test_a_version_without_such_cases_publishes_none(changes: dict[str, Any]) -> None:
    assert "held_out_test_score" not in naming.version_tags(champion(**changes), "k", {})
    assert "help to choose" not in naming.scored_words(champion(**changes))
