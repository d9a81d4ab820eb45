"""What the baselines may take, what is skipped, and that neither threads nor a failure change the others."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from harness.baselines import Unscored, _scored, compute, run, score_all
from harness.baselines.base import Candidate, Clock, Fitted, OutOfTime
from harness.baselines.steps import label_shares
from harness.config.sweep import make_plan
from harness.errors import UsageError
from harness.sweeps.runner import baseline_seconds


def noisy(series: Any) -> Any:
    return series({"y": np.sin(np.arange(300) / 3) + np.random.default_rng(0).normal(size=300)}, season_steps=12)


def test_without_time_every_baseline_is_skipped_by_name(series: Any) -> None:
    data = noisy(series)
    scores, skipped = score_all(data, 1e-9)
    assert scores == ()
    assert [one.name for one in skipped] == [score.name for score in compute(data)]
    assert all("that all baselines have together" in one.why for one in skipped)


def test_what_would_take_longer_than_is_left_is_not_begun() -> None:
    clock = Clock(1000.0)
    clock.check_work(1e9)
    with pytest.raises(OutOfTime, match="of the 16 min 40 s that all baselines have together"):
        clock.check_work(1e14)
    Clock(None).check_work(1e20)


def test_the_limit_is_ten_seconds_or_a_tenth_of_the_search() -> None:
    assert baseline_seconds(0) == baseline_seconds(99) == 10
    assert baseline_seconds(1000) == 100


def test_a_missing_library_is_a_skip_that_names_its_extra(series: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = noisy(series)
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    scores, skipped = score_all(data)
    assert {one.name for one in skipped} == {"Theta method", "exponential smoothing"}
    assert all("pip install 'lstm-gru-harness[statistics]'" in one.why for one in skipped)
    assert {score.name for score in scores} >= {"persistence", "boosted trees on lags"}


def test_a_baseline_that_fails_is_left_out_with_its_error(series: Any) -> None:
    data = noisy(series)
    with pytest.raises(Unscored, match=r"failed: \w+Error"):
        _scored(Candidate("of labels", lambda _: Fitted(label_shares(data))), data, Clock())
    nothing = Candidate("nothing", lambda _: Fitted(lambda part: np.full(part.y.shape, np.nan)))
    with pytest.raises(Unscored, match="not a finite number"):
        _scored(nothing, data, Clock())


def test_scores_are_the_same_on_one_thread_and_on_two(series: Any, sequences: Any) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(40, 12, 2)), np.arange(40) % 2
    for data in (noisy(series), sequences({"kind": "classify", "metric": "log_loss"}, x=x, y=y)):
        found = []
        for threads in (1, 2):
            with threadpool_limits(threads):
                scores, skipped = score_all(data)
            assert skipped == ()
            found.append([(score.name, score.validation_score, score.test_score) for score in scores])
        assert found[0] == found[1]


@pytest.mark.parametrize(
    ("task", "y"),
    [
        ({"kind": "regress"}, np.arange(40.0)),
        ({"kind": "label"}, np.arange(480).reshape(40, 12) % 3),
        ({"kind": "label", "multi_label": True}, np.arange(960).reshape(40, 12, 2) % 2),
    ],
)
def test_no_baseline_fails_on_sequences_of_different_lengths(task: Any, y: Any, sequences: Any) -> None:
    random = np.random.default_rng(0)
    data = sequences(task, x=random.normal(size=(40, 12, 2)), y=y, lengths=random.integers(1, 13, 40))
    scores, skipped = score_all(data)
    assert skipped == ()
    assert len(scores) >= 3


def test_the_folds_of_a_rolling_split_share_the_time(tmp_path: Any) -> None:
    lines = ["y", *(str(value) for value in np.random.default_rng(0).normal(size=400))]
    (tmp_path / "toy.csv").write_text("\n".join(lines))
    config = {
        "name": "toy",
        "source": {"kind": "csv", "path": str(tmp_path / "toy.csv")},
        "task": {"kind": "forecast", "target": ["y"], "lookback_steps": 8, "horizon_steps": 2},
        "split": {"rule": "rolling", "folds": 2},
    }
    late = run({"dataset": config, "seconds": 1e-9})
    assert late["baselines"] == []
    assert [one["name"] for one in late["skipped"]] == [one["name"] for one in run({"dataset": config})["baselines"]]


def test_a_plan_takes_all_baselines_or_those_in_time() -> None:
    assert make_plan({"datasets": ("digits",)}).baselines == "limited"
    assert make_plan({"datasets": ("digits",), "baselines": "all"}).baselines == "all"
    with pytest.raises(UsageError, match=r"--baselines.*al"):
        make_plan({"datasets": ("digits",), "baselines": "al"})
