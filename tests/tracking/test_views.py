"""The views of MLflow's pages that are written with a sweep; tests/browser looks at them in a browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from harness.records import DataFacts
from harness.store import Store
from harness.tracking import RunWriter, Showing, connect
from harness.tracking.naming import TAG_LENGTH
from harness.tracking.views import route, trials_view, verdicts_view, view_tags

SHOWING = Showing({"lstm": "#0072b2", "gru": "#d55e00"}, ("units", "learning_rate"), frozenset({"learning_rate"}))


def test_the_verdicts_show_the_expected_scores_the_lead_and_the_baseline() -> None:
    view = verdicts_view()
    assert {"tags.`expected_test_score`", "tags.`lead`", "tags.`best_baseline`"} < set(view["selectedColumns"])
    assert set(view["selectedColumns"]) < set(view["columnOrder"])
    assert view["columnWidths"].keys() == set(view["columnOrder"])


def test_the_trials_are_grouped_by_family_with_a_chart_for_every_hyperparameter() -> None:
    view = trials_view(SHOWING, "toy")
    assert view["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "family"}]
    assert view["searchFilter"] == "tags.phase = 'search' and tags.dataset = 'toy'"
    parallel, *scatters = view["compareRunCharts"]
    assert parallel["selectedParams"] == ["hp/units", "log10/learning_rate"]
    assert {chart["xaxis"]["key"] for chart in scatters} >= {"hp/units", "log10/learning_rate", "cost/parameters"}
    assert len({chart["uuid"] for chart in view["compareRunCharts"]}) == len(view["compareRunCharts"])


def test_addresses() -> None:
    assert route("7") == "#/experiments/7/runs?workflowType=machine_learning"
    assert route("7", "trials-a b", charts=True).endswith("&viewStateShareKey=trials-a%20b&compareRunsMode=CHART")


def test_a_sweep_brings_its_views_and_its_colours(
    store: Store, facts: DataFacts, make_pair: Callable[..., Any]
) -> None:
    writer = RunWriter(store, "s1", "nightly", SHOWING)
    writer.comparison_started("toy", facts, {})
    writer.trials([make_pair("lstm", 1), make_pair("gru", 1)])
    client = connect(store)
    tags = client.get_experiment(writer.experiment_id).tags
    for key, view in view_tags(SHOWING, "toy").items():
        assert json.loads(tags[key]) == json.loads(view)
        assert len(view) < TAG_LENGTH
    colors = {
        run.info.run_name: run.data.tags.get("mlflow.runColor") for run in client.search_runs([writer.experiment_id])
    }
    assert colors == {"toy: searching": None, "lstm r1 001": "#0072b2", "gru r1 001": "#d55e00"}
    logarithms = {run.data.params.get("log10/learning_rate") for run in client.search_runs([writer.experiment_id])}
    assert logarithms == {None, "-3.0000"}


def test_a_space_of_many_hyperparameters_still_fits_a_tag() -> None:
    many = Showing(SHOWING.colors, tuple(f"hyperparameter_number_{number}" for number in range(60)))
    assert all(len(view) <= TAG_LENGTH for view in view_tags(many, "toy").values())
