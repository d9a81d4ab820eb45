"""The projection of a sweep into MLflow, read back through MLflow's own client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.errors import StoreError
from harness.records import ComparisonResult, DataFacts, Outcome, Phase
from harness.store import Store
from harness.tracking.client import connect
from harness.tracking.runs import RunWriter

Pairs = list[Any]


@pytest.fixture
def pairs(make_pair: Callable[..., Any]) -> Pairs:
    return [
        *(make_pair(family, number) for number in (1, 2) for family in ("lstm", "gru")),
        make_pair("gru", 3, failed=True),
        make_pair("gru", 1, phase=Phase.SEED_REPEAT),
    ]


def _runs(store: Store, experiment: str = "nightly") -> dict[str, Any]:
    client = connect(store)
    found = client.get_experiment_by_name(experiment)
    return {run.info.run_name: run for run in client.search_runs([found.experiment_id], max_results=1000)}


def _project(store: Store, facts: DataFacts, pairs: Pairs) -> RunWriter:
    writer = RunWriter(store, "20260101-1", "nightly")
    writer.comparison_started("toy", facts, {"metric": "mae"}, started_at=1_700_000_000.5)
    writer.trials(pairs)
    return writer


def test_every_trial_is_one_run_below_its_comparison(store: Store, facts: DataFacts, pairs: Pairs) -> None:
    _project(store, facts, pairs)
    runs = _runs(store)
    assert set(runs) == {
        "toy: searching",
        *("lstm r1 001", "lstm r1 002", "gru r1 001", "gru r1 002", "gru r1 003", "gru fresh seed 01"),
    }
    parent = runs["toy: searching"]
    assert parent.info.status == "RUNNING"
    assert {run.data.tags.get("mlflow.parentRunId") for name, run in runs.items() if name != "toy: searching"} == {
        parent.info.run_id
    }


def test_a_trial_carries_what_one_filters_and_groups_by(store: Store, facts: DataFacts, pairs: Pairs) -> None:
    _project(store, facts, pairs)
    run = _runs(store)["lstm r1 002"]
    assert {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.")} == {
        "trial_key": "20260101-1/toy/lstm/r1/search/0002",
        "sweep_id": "20260101-1",
        "dataset": "toy",
        "family": "lstm",
        "arm": "lstm",
        "phase": "search",
        "replicate": "1",
        "number": "2",
        "seed": "7",
        "status": "completed",
    }
    assert run.data.params == {"hp/units": "32", "hp/learning_rate": "0.001", "hp/bidirectional": "True"}
    assert run.data.metrics == {
        "score/validation": pytest.approx(1 / 3 + 0.02),
        "curve/train_loss": pytest.approx(1 / 3),
        "curve/validation": 0.5,  # the last epoch's is not a number and was left out
        "curve/best_epoch": 3,
        "cost/parameters": 4321,
        "cost/fit_seconds": 2,
        "cost/epochs": 3,
    }
    assert run.info.status == "FINISHED"
    assert (run.info.start_time, run.info.end_time) == (1_700_000_002_000, 1_700_000_005_000)
    history = connect(store).get_metric_history(run.info.run_id, "curve/train_loss")
    assert [(point.step, point.value) for point in history] == [(1, 1.0), (2, 0.5), (3, pytest.approx(1 / 3))]


def test_a_failure_is_a_failed_run_with_its_cause(store: Store, facts: DataFacts, pairs: Pairs) -> None:
    _project(store, facts, pairs)
    run = _runs(store)["gru r1 003"]
    assert run.info.status == "FAILED"
    assert run.data.tags["failure"] == "bug"
    assert run.data.tags["message"].startswith("ValueError: xxx")
    assert len(run.data.tags["message"]) == 5000
    assert [file.path for file in connect(store).list_artifacts(run.info.run_id)] == ["traceback.txt"]


def test_the_dataset_is_an_input_with_our_digest(store: Store, facts: DataFacts, pairs: Pairs) -> None:
    _project(store, facts, pairs)
    (given,) = _runs(store)["toy: searching"].inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("toy", facts.digest[:36])


def test_no_test_score_before_the_conclusion(
    store: Store, facts: DataFacts, pairs: Pairs, make_result: Callable[..., ComparisonResult]
) -> None:
    writer = _project(store, facts, pairs)
    assert not [key for run in _runs(store).values() for key in run.data.metrics if "test" in key]
    writer.conclude(make_result(pairs), {})
    runs = _runs(store)
    assert runs["lstm r1 002"].data.metrics["score/test"] == 0.52
    assert runs["gru fresh seed 01"].data.metrics["score/test"] == 0.51
    assert "score/test" not in runs["gru r1 003"].data.metrics


def test_the_conclusion_reads_like_an_answer(
    store: Store,
    facts: DataFacts,
    pairs: Pairs,
    make_result: Callable[..., ComparisonResult],
) -> None:
    writer = _project(store, facts, pairs)
    files = {"report.html": "<p>ü</p>", "cards/toy.toml": "x", "figures/curves.svg": "<svg/>"}
    writer.conclude(make_result(pairs), files)
    run = _runs(store)["toy: gru wins"]
    assert run.info.status == "FINISHED"
    # The parent ends with its last trial.
    assert (run.info.start_time, run.info.end_time) == (1_700_000_000_500, 1_700_000_006_000)
    assert run.data.metrics == {
        **{f"{family}/expected_test_score": score for family, score in (("lstm", 0.54), ("gru", 0.51))},
        **{f"{family}/{name}": value for family in ("lstm", "gru") for name, value in _arm_numbers().items()},
        "baseline/seasonal naïve _lag 24_": 0.8,  # the other baseline's score is infinite: never logged
        "verdict/difference": -0.03,
        "verdict/low": -0.05,
        "verdict/high": -0.01,
        "verdict/equivalence_margin": 0.005,
    }
    assert (run.data.tags["verdict"], run.data.tags["winner"], run.data.tags["metric"]) == (
        "winner",
        "gru",
        "mae",
    )
    note = run.data.tags["mlflow.note.content"].split("\n\n")
    assert note[0] == "**toy: gru wins**"
    assert note[1].startswith("Expected test mae: lstm 0.54 MWh, gru 0.51 MWh, best baseline (seasonal naïve")
    client = connect(store)
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {
        "report.html",
        "cards",
        "figures",
    }
    assert (store.artifacts / "nightly" / run.info.run_id / "artifacts/report.html").read_text() == "<p>ü</p>"


def _arm_numbers() -> dict[str, float]:
    return {
        "validation_score": 0.4,
        "test_score": 0.5,
        "fresh_seeds_mean": pytest.approx(0.52),
        "fresh_seeds_sd": pytest.approx(0.01414214, rel=1e-6),
        "completed": 3,
        "failed": 1,
        "fit_seconds": 6,
    }


def test_projecting_twice_changes_nothing(
    store: Store,
    facts: DataFacts,
    pairs: Pairs,
    make_result: Callable[..., ComparisonResult],
    dump: Callable[[Store], list[str]],
) -> None:
    result = make_result(pairs)
    for number in (1, 2):
        writer = _project(store, facts, pairs)
        writer.trials(pairs[:2])
        writer.conclude(result, {"report.html": "x"})
        writer.close("gru on 1 of 1 datasets")
        if number == 1:
            before = dump(store)
    assert dump(store) == before


def test_what_a_kill_left_half_done_is_finished(
    store: Store, facts: DataFacts, pairs: Pairs, dump: Callable[[Store], list[str]]
) -> None:
    _project(store, facts, pairs[:1])
    run = _runs(store)["lstm r1 001"]
    client = connect(store)
    client.update_run(run.info.run_id, status="RUNNING")
    _project(store, facts, pairs[:1])
    again = _runs(store)
    assert len(again) == 2
    assert again["lstm r1 001"].info.status == "FINISHED"
    assert again["lstm r1 001"].data.metrics == run.data.metrics


def test_a_changed_score_becomes_the_latest(
    store: Store, facts: DataFacts, pairs: Pairs, make_result: Callable[..., ComparisonResult]
) -> None:
    _project(store, facts, pairs).conclude(make_result(pairs), {})
    _project(store, facts, pairs).conclude(
        make_result(pairs, outcome=Outcome.UNDECIDED, family=None, difference=-0.2, reasons_to_abstain=("too few",)),
        {},
    )
    run = _runs(store)["toy: undecided"]
    assert run.data.metrics["verdict/difference"] == -0.2
    assert run.data.tags["mlflow.note.content"].startswith("**toy: undecided** (too few)")


def test_two_sweeps_of_a_name_share_the_experiment_and_nothing_else(
    store: Store, facts: DataFacts, pairs: Pairs
) -> None:
    for sweep in ("a", "b"):
        writer = RunWriter(store, sweep, "nightly")
        writer.comparison_started("toy", facts, {})
        writer.trials(pairs[:2])
    client = connect(store)
    experiment = client.get_experiment_by_name("nightly")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert len(client.search_runs([experiment.experiment_id])) == 6


def test_a_deleted_experiment_is_taken_back(store: Store, facts: DataFacts, pairs: Pairs) -> None:
    writer = _project(store, facts, pairs[:1])
    connect(store).delete_experiment(writer.experiment_id)
    assert _project(store, facts, pairs[:1]).experiment_id == writer.experiment_id


def test_the_experiments_description_begins_with_the_answer(store: Store, facts: DataFacts, pairs: Pairs) -> None:
    writer = _project(store, facts, pairs[:1])
    writer.close("gru on 1 of 1 datasets")
    experiment = connect(store).get_experiment_by_name("nightly")
    assert experiment.tags["mlflow.note.content"] == "gru on 1 of 1 datasets"


@pytest.mark.parametrize(
    ("note", "kept"), [("", False), ("an answer of 0.1.0", False), ("theirs", True), ("ours, changed by hand", True)]
)
def test_a_description_that_somebody_wrote_stays(store: Store, note: str, kept: bool) -> None:
    client = connect(store)
    if note == "theirs":
        client.create_experiment("nightly")
    writer = RunWriter(store, "s1", "nightly")
    if note.startswith("ours"):
        writer.close("the first answer")
    client.set_experiment_tag(writer.experiment_id, "mlflow.note.content", note)
    for answer in ("an answer", "a later one"):
        writer.close(answer)
        tags = client.get_experiment(writer.experiment_id).tags
        assert tags["mlflow.note.content"] == (note if kept else answer)


def test_long_curves_and_many_hyperparameters_fit_the_calls(
    store: Store, facts: DataFacts, make_pair: Callable[..., Any]
) -> None:
    request, record = make_pair(epochs=1200)
    from dataclasses import replace

    values = {f"a+{number}": number for number in range(120)} | {"a+b": 1, "a*b": 2, "..": 3}
    _project(store, facts, [(replace(request, values=values), record)])
    run = _runs(store)["lstm r1 001"]
    assert len(connect(store).get_metric_history(run.info.run_id, "curve/train_loss")) == 1200
    assert len(run.data.params) == 123
    assert (run.data.params["hp/a_b"], run.data.params["hp/a_b_2"], run.data.params["hp/_"]) == (
        "1",
        "2",
        "3",
    )


def test_a_trial_without_a_comparison_is_refused(store: Store, pairs: Pairs) -> None:
    with pytest.raises(StoreError, match="the comparison of toy has no run yet"):
        RunWriter(store, "s", "nightly").trials(pairs)


def test_a_file_cannot_leave_the_run(
    store: Store, facts: DataFacts, pairs: Pairs, make_result: Callable[..., ComparisonResult]
) -> None:
    with pytest.raises(ValueError, match="a place inside the run"):
        _project(store, facts, pairs).conclude(make_result(pairs), {"../x": "y"})
