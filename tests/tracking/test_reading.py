"""Reading a sweep's scores back from MLflow alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.errors import UsageError
from harness.records import ComparisonResult, DataFacts, Phase
from harness.store import Store
from harness.tracking import naming, queries
from harness.tracking.queries import read_sweep_scores
from harness.tracking.runs import RunWriter


@pytest.fixture(params=["keys of today", "keys without a prefix"])
def projected(
    request: pytest.FixtureRequest,
    store: Store,
    facts: DataFacts,
    make_pair: Callable[..., Any],
    make_result: Callable[..., ComparisonResult],
) -> Store:
    once = {name: name for name in naming.TRIAL_METRICS}  # how stores of earlier days were written
    pairs = [
        make_pair("lstm", 1),
        make_pair("gru", 1),
        make_pair("gru", 2, failed=True),
        make_pair("gru", 1, phase=Phase.SEED_REPEAT),
    ]
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "keys without a prefix":
            patch.setattr(naming, "TRIAL_METRICS", once)
        for sweep in ("s1", "s2"):
            writer = RunWriter(store, sweep, "nightly")
            writer.comparison_started("toy", facts, {})
            writer.trials(pairs)
        writer.conclude(make_result(pairs), {})
    return store


def test_all_that_a_verdict_is_made_from(projected: Store) -> None:
    rows = read_sweep_scores(projected, "s2")
    assert [row["trial_key"] for row in rows] == [
        "s2/toy/gru/r1/confirmation/0001",
        "s2/toy/gru/r1/search/0001",
        "s2/toy/gru/r1/search/0002",
        "s2/toy/lstm/r1/search/0001",
    ]
    first = rows[1]
    del first["run_id"]
    assert first == {
        "dataset": "toy",
        "arm": "gru",
        "family": "gru",
        "phase": "search",
        "status": "completed",
        "trial_key": "s2/toy/gru/r1/search/0001",
        "replicate": 1,
        "number": 1,
        "seed": 7,
        "validation_score": pytest.approx(1 / 3 + 0.01),
        "test_score": 0.51,
        "fit_seconds": 2.0,
        "parameters": 4321,
        "failure": None,
        "values": {"units": "32", "learning_rate": "0.001", "bidirectional": "True"},
    }
    assert (rows[2]["status"], rows[2]["validation_score"], rows[2]["test_score"]) == ("failed", None, None)
    assert rows[2]["failure"] == "bug"


def test_what_is_sealed_is_not_there(projected: Store) -> None:
    assert {row["test_score"] for row in read_sweep_scores(projected, "s1")} == {None}


def test_page_by_page(projected: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_sweep_scores(projected, "s2")
    monkeypatch.setattr(queries, "RUNS_A_PAGE", 2)
    monkeypatch.setattr(queries, "EXPERIMENTS_A_PAGE", 1)
    assert read_sweep_scores(projected, "s2") == whole


@pytest.mark.parametrize("sweep", ["nope", "it's"])
def test_an_unknown_sweep(projected: Store, sweep: str) -> None:
    with pytest.raises(UsageError, match=sweep):
        read_sweep_scores(projected, sweep)
