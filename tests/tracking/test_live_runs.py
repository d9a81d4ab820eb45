"""Runs of trials that are being trained: marked, never doubled, and in the end as if they had been written at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.records import DataFacts, TrialEpochs
from harness.store import Store
from harness.tracking import RunWriter, connect
from harness.tracking.queries import read_sweep_scores, search_runs

Points = dict[str, list[tuple[int, float]]]
CURVES = ("curve/train_loss", "curve/validation")


def told(pair: Any, after: int, until: int) -> TrialEpochs:
    request, record = pair
    part = slice(after, until)
    return TrialEpochs(request, record.started_at, after, record.train_losses[part], record.validation_scores[part])


@pytest.fixture
def writing(store: Store, facts: DataFacts) -> Callable[[], RunWriter]:
    def begin() -> RunWriter:
        writer = RunWriter(store, "s1", "nightly")
        writer.comparison_started("toy", facts, {})
        return writer

    return begin


def run_of(store: Store, number: int) -> Any:
    (run,) = search_runs(connect(store), {"sweep_id": "s1", "number": str(number)})
    return run


def points_of(store: Store, number: int) -> Points:
    client, run_id = connect(store), run_of(store, number).info.run_id
    return {key: sorted((one.step, one.value) for one in client.get_metric_history(run_id, key)) for key in CURVES}


def test_epochs_are_shown_before_the_trial_ends(store: Store, writing: Any, make_pair: Callable[..., Any]) -> None:
    writer, pair = writing(), make_pair(epochs=8)
    writer.epochs(told(pair, 0, 3))
    run = run_of(store, 1)
    assert run.info.status == "RUNNING"
    assert (run.data.tags["final"], run.data.tags["status"]) == ("no: epoch 3 of 8", "training")
    assert [step for step, _ in points_of(store, 1)["curve/validation"]] == [1, 2, 3]
    writer.epochs(told(pair, 2, 5))  # a note that was sent again
    writer.epochs(told(pair, 6, 7))  # one before it was lost
    assert [step for step, _ in points_of(store, 1)["curve/validation"]] == [1, 2, 3, 4, 5]
    assert run_of(store, 1).data.tags["final"] == "no: epoch 5 of 8"
    other = make_pair(number=2)
    writer.trials([other])
    assert [row["number"] for row in read_sweep_scores(store, "s1")] == [2], "what is not final is in no table"


@pytest.mark.parametrize("left", ["running", "interrupted", "killed"])
@pytest.mark.parametrize("failed", [False, True])
def test_the_end_is_what_it_would_have_been(
    store: Store, writing: Any, make_pair: Callable[..., Any], left: str, failed: bool
) -> None:
    writer = writing()
    live, at_once = make_pair(number=1, epochs=8), make_pair(number=2, epochs=8)
    if failed:
        live, at_once = (
            (request, make_pair(number=n, failed=True)[1]) for n, (request, _) in enumerate((live, at_once), 1)
        )
        writer.epochs(TrialEpochs(live[0], 1.0, 0, (1.0, 0.5), (1.0, 0.5)))
    else:
        writer.epochs(told(live, 0, 5))
    if left == "interrupted":
        writer.interrupted()
        assert run_of(store, 1).info.status == "KILLED"
    if left != "running":
        writer = writing()
        if not failed:
            writer.epochs(told(live, 0, 6))  # it is trained again from its beginning
            assert run_of(store, 1).info.status == "RUNNING"
    writer.trials([live, at_once])
    one, other = run_of(store, 1), run_of(store, 2)
    assert one.info.status == other.info.status
    own = {"number", "trial_key", "mlflow.runName", "message"}
    for kept in ("tags", "params"):
        told_of, written = (getattr(run.data, kept) for run in (one, other))
        assert {k: v for k, v in told_of.items() if k not in own} == {k: v for k, v in written.items() if k not in own}
    if not failed:
        assert points_of(store, 1) == points_of(store, 2)
        differing = {"score/validation"}
        assert {k: v for k, v in one.data.metrics.items() if k not in differing} == {
            k: v for k, v in other.data.metrics.items() if k not in differing
        }


def test_a_summary_has_none(store: Store, facts: DataFacts, make_pair: Callable[..., Any]) -> None:
    writer = RunWriter(store, "s1", "nightly", summary=True)
    writer.comparison_started("toy", facts, {})
    writer.epochs(told(make_pair(epochs=8), 0, 3))
    assert not list(search_runs(connect(store), {"sweep_id": "s1", "number": "1"}))
