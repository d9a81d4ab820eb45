"""Whole sweeps with real workers: the same seed gives the same answer on any number of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.errors import UsageError
from harness.journal import Journal
from harness.records import ComparisonResult, SweepResult
from harness.sweeps.folders import begun_as, find_unfinished
from harness.sweeps.plan import SweepHeader, idle_note, workers_note
from harness.sweeps.results import budget_in_words

WIDE = """
name = "wide"
[source]
kind = "generator"
generator = "adding"
steps = 24
sequences = 4096
[task]
kind = "regress"
"""
SPACE = """
name = "{family}"
layer = "{layer}"
[hyperparameters.units]
type = "Choice"
values = [32]
[hyperparameters.learning_rate]
type = "Float"
min_value = 1e-3
max_value = 1e-1
sampling = "log"
"""


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """Work enough for XLA, whose sums another number of threads adds in another order."""
    (tmp_path / "wide.toml").write_text(WIDE)
    for family, layer in (("wide_lstm", "LSTM"), ("wide_gru", "GRU")):
        (tmp_path / f"{family}.toml").write_text(SPACE.format(family=family, layer=layer))
    return tmp_path


def swept(folder: Path, workers: int, **options: Any) -> SweepResult:
    plan = {"families": ("wide_lstm", "wide_gru"), "epochs": 5, "seeds": 1, **options}
    store = folder / f"mlruns-{workers}"
    return harness.sweep("wide", store=store, config_dirs=[folder], offline=True, workers=workers, **plan)


def answer(result: SweepResult) -> dict[str, Any]:
    """All that a dataset's comparison says but the time that it took."""
    one: ComparisonResult
    (one,) = result.comparisons
    verdict = one.verdict.to_json()
    if verdict["settling"]:
        assert verdict["settling"].pop("seconds")
    trials = {
        str(trial.key): (one.values[str(trial.key)], trial.validation_scores, trial.best_epoch, trial.status.value)
        for trial in one.trials
    }
    families = {
        family.family.name: (family.selected_values, family.selected_seed, family.test_score, family.seed_scores)
        for family in one.families
    }
    baselines = {baseline.name: (baseline.validation_score, baseline.test_score) for baseline in one.baselines}
    return {
        "verdict": verdict,
        "trials": trials,
        "scores": dict(one.scores),
        "families": families,
        "baselines": baselines,
    }


@pytest.mark.slow
def test_one_worker_and_two_give_the_same_scores_and_verdict(wide: Path) -> None:
    one, two = (answer(swept(wide, workers, trials=1, seeds=0)) for workers in (1, 2))
    assert len(one["trials"]) == len(one["scores"]) == 2
    assert one == two


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"trials": 5},
        {"trials": 8, "oracle": "bayesian"},
        {"trials": 20, "oracle": "tpe", "in_flight": 2},
    ],
)
def test_one_two_and_four_workers_give_the_same_answer(wide: Path, options: dict[str, Any]) -> None:
    first, *others = (answer(swept(wide, workers, **options)) for workers in (1, 2, 4))
    assert len(first["trials"]) >= 10
    for other in others:
        assert other == first


def as_before(header: SweepHeader) -> dict[str, Any]:
    """A header as 0.1.0 wrote it."""
    plain: dict[str, Any] = json.loads(json.dumps(header.to_json()))
    del plain["plan"]["threads"], plain["plan"]["in_flight"]
    return plain


def test_a_sweep_of_0_1_0_keeps_the_threads_of_its_workers(toys, configs, tmp_path: Path) -> None:
    header, store = toys.header(configs), toys.store_in(tmp_path)
    folder = store.sweeps / "tiny-20260101-000000"
    Journal.create(folder, as_before(header)).close()
    began = begun_as(store, folder.name)
    assert (began.plan.threads, began.plan.in_flight) == (None, None)
    assert (header.plan.threads, header.plan.in_flight) == (1, 1)
    assert find_unfinished(store, header) == folder.name
    assert header.as_begun(began).plan == began.plan
    assert header.as_begun(header) is not began
    assert header.as_begun(header).plan == header.plan


def test_threads_and_trials_in_flight_make_another_sweep_and_workers_do_not(toys, configs, tmp_path: Path) -> None:
    header, store = toys.header(configs), toys.store_in(tmp_path)
    folder = store.sweeps / "tiny-20260101-000000"
    Journal.create(folder, header.to_json()).close()
    assert find_unfinished(store, toys.header(configs, workers=7)) == folder.name
    assert find_unfinished(store, toys.header(configs, threads=2)) is None
    assert find_unfinished(store, toys.header(configs, in_flight=2)) is None
    with pytest.raises(UsageError, match=r"--threads = 0: expected"):
        toys.header(configs, threads=0)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"oracle": "bayesian"}, ""),
        ({"minutes": 2.0, "trials": None}, "since the budget is time"),
        ({"prune": True}, "since median stopping goes by the trials that have ended"),
    ],
)
def test_the_budget_says_where_the_number_of_workers_counts(toys, configs, changes, why: str) -> None:
    header = toys.header(configs, **changes)
    words = budget_in_words(header)
    assert words.endswith(why)
    assert ("the number of workers counts" in words) == bool(why)
    assert "their threads follow from it" in workers_note(SweepHeader.from_json(as_before(header)).plan)


@pytest.mark.parametrize(
    ("changes", "workers", "note"),
    [
        ({"oracle": "random"}, 9, ""),
        ({"oracle": "bayesian"}, 2, ""),
        ({"oracle": "bayesian", "replicates": 2}, 4, ""),
        ({"oracle": "bayesian", "in_flight": 2, "trials": 20}, 4, ""),
        ({"oracle": "bayesian", "trials": 30}, 5, "each keep 2 of 5 workers busy; --in-flight 3 uses all"),
        ({"oracle": "bayesian", "trials": 20}, 9, "each keep 2 of 9 workers busy; --in-flight 2 uses 4"),
        ({"oracle": "bayesian", "trials": 10}, 5, "each keep 2 of 5 workers busy; more in flight need more trials"),
    ],
)
def test_idle_workers_are_said_with_the_option_that_uses_them(toys, configs, changes, workers, note: str) -> None:
    said = idle_note(toys.header(configs, **changes), workers)
    assert (note in said) if note else said == ""
