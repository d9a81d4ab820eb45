"""Real sweeps whose oracle sets the number of trials, and one whose trials are ended by the median."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.executors import PoolExecutor
from harness.journal import EventKind, Journal
from harness.records import Phase, TrialRequest
from harness.sweeps.runner import run_sweep

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("oracle", ["hyperband", "grid"])
def test_a_sweep_with_its_own_number_of_trials(
    oracle: str, toys: SimpleNamespace, configs: Path, tmp_path: Path
) -> None:
    if oracle == "grid":
        configs = toys.write_project(tmp_path / "cards")
        for config in configs.glob("tiny_[lg]*.toml"):
            config.write_text(config.read_text().replace("max_value = 0.3", "max_value = 0.3\nstep = 0.3"))
            config.write_text(config.read_text().replace('sampling = "log"', "step = 0.033"))
    changes = {"oracle": oracle, "trials": None, "datasets": ("tiny_adding",), "epochs": 3, "confirmations": 1}
    header, store = toys.header(configs, **changes), toys.store_in(tmp_path)
    with PoolExecutor(2) as executor:
        result = run_sweep(header, store, executor, lambda event: None)
    (comparison,) = result.comparisons
    asked = [family.usage.asked for family in comparison.families]
    assert asked[0] == asked[1] >= 6
    assert comparison.champion is not None
    with Journal.open(store.sweeps / result.sweep_id) as journal:
        requests = [TrialRequest.from_json(event.payload) for event in journal.events(EventKind.ASKED)]
    searched = [request for request in requests if request.key.phase is Phase.SEARCH]
    assert any(request.continues for request in searched) == (oracle == "hyperband")
    if oracle == "hyperband":  # every epoch was trained once: rungs went on with what was there
        steps = {(r.key.family, r.key.number): r.epochs - r.begins_after for r in searched}
        trained = {(r.key.family, r.key.number): r.epochs for r in comparison.trials}
        assert trained == steps


def test_a_sweep_that_stops_trials_below_the_median(toys: SimpleNamespace, configs: Path, tmp_path: Path) -> None:
    changes = {"prune": True, "trials": 12, "datasets": ("tiny_adding",), "epochs": 12, "patience_epochs": 12}
    header, store = toys.header(configs, **changes), toys.store_in(tmp_path)
    with PoolExecutor(2) as executor:
        result = run_sweep(header, store, executor, lambda event: None)
    (comparison,) = result.comparisons
    pruned = [trial for trial in comparison.trials if trial.pruned]
    assert pruned
    assert sum(family.usage.pruned for family in comparison.families) == len(pruned)
    assert all(4 <= trial.epochs < 12 for trial in pruned)
    assert "median stopping" in result.budget
