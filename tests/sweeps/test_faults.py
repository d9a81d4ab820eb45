"""Trials that go wrong, in real sweeps: each gets its kind, its family pays by the same rule, the others go on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.executors import PoolExecutor
from harness.journal import EventKind, Journal
from harness.records import FailureKind, TrialRecord, TrialStatus
from harness.search import Scheduler
from harness.store import Store
from harness.sweeps.plan import search_settings
from harness.sweeps.prepare import inspect
from harness.sweeps.results import Results, usage_of
from harness.sweeps.runner import _Sweep, run_sweep
from harness.sweeps.trials import TrialRunner, TrialSpec, run_searches
from harness.tracking.queries import read_sweep_scores

LIMIT_SECONDS, LIMIT_MB = 40.0, 1500


@pytest.fixture(scope="module", autouse=True)
def _faulty_importable() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        yield


@pytest.mark.slow
def test_every_way_to_go_wrong_has_its_kind_and_the_search_goes_on(toys, configs: Path, tmp_path: Path) -> None:
    """A trial that loops for ever, one that allocates without end, NaN, an exit, a bug: among eight real ones."""
    header = toys.header(configs, datasets=("tiny_adding",), trials=4)
    found = inspect(header)["tiny_adding"]
    with PoolExecutor(2, threads_per_worker=1) as executor, Journal.create(tmp_path, header.to_json()) as journal:
        config, spaces = header.datasets["tiny_adding"], dict(header.spaces)
        spec = TrialSpec(config, spaces, found.facts.digest, tmp_path, LIMIT_SECONDS, LIMIT_MB, "faulty:run_trial")
        settings = search_settings(header, 2)
        scheduler = Scheduler("tiny_adding", header.families, header.spaces, found.objective, settings)
        runner = TrialRunner(executor, journal, spec, lambda: None)
        run_searches(scheduler, runner, lambda _: None, None)
        pairs = Results(journal).trials("tiny_adding")
        began = {event.trial_key: event.at for event in journal.events(EventKind.ASKED)}
        ended_at = {event.trial_key: event.at for event in journal.events(EventKind.ENDED)}

    records = {"/".join((r.key.family, f"{r.key.number}")): r for _, r in pairs}
    kinds = {name: record.failure for name, record in records.items() if record.failure}
    assert kinds == {
        "tiny_lstm/1": FailureKind.TIMEOUT,
        "tiny_lstm/2": FailureKind.BUG,
        "tiny_gru/1": FailureKind.OUT_OF_MEMORY,
        "tiny_gru/2": FailureKind.DIVERGED,
        "tiny_gru/3": FailureKind.KILLED,
    }
    assert "RuntimeError: a bug" in records["tiny_lstm/2"].traceback
    key = str(records["tiny_lstm/1"].key)
    assert LIMIT_SECONDS - 1 <= ended_at[key] - began[key] <= LIMIT_SECONDS + 15  # 5 s, and what a busy machine adds
    for family in header.families:
        usage = usage_of([pair for pair in pairs if pair[0].key.family == family.name])
        assert usage.completed == 4
        assert usage.asked == 4 + sum(usage.failed.values())
    assert {record.attempts for record in records.values()} == {1, 2}
    assert records["tiny_gru/3"].attempts == 2  # only what was killed is tried again


@pytest.mark.slow
def test_a_family_that_fails_throughout_ends_its_comparison_and_no_other(
    toys, configs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _Sweep._spec
    monkeypatch.setattr(_Sweep, "_spec", lambda sweep, name: replace(made(sweep, name), function="faulty:bug_in_waves"))
    store: Store = toys.store_in(tmp_path)
    header = toys.header(configs, datasets=("tiny_waves", "tiny_adding"), trials=3, confirmations=0)
    with PoolExecutor(2, threads_per_worker=1) as executor:
        result = run_sweep(header, store, executor, lambda _: None)

    assert [one.dataset for one in result.comparisons] == ["tiny_adding"]
    assert list(result.unfinished) == ["tiny_waves"]
    why = r"failed: tiny_gru: its first trials all failed the same way \(bug\): RuntimeError: no kernel for step \d; "
    why += "tiny_lstm is left with nothing to compare it to"
    assert re.fullmatch(why, result.unfinished["tiny_waves"])
    with Journal.open(store.sweeps / result.sweep_id) as journal:
        ended = [TrialRecord.from_json(e.payload) for e in journal.events(EventKind.ENDED, dataset="tiny_waves")]
    failed = [record for record in ended if record.key.family == "tiny_gru"]
    assert len(failed) == 5
    assert {(record.failure, record.status) for record in failed} == {(FailureKind.BUG, TrialStatus.FAILED)}
    rows = read_sweep_scores(store, result.sweep_id)
    assert sorted(row["trial_key"].split("/", 1)[1] for row in rows if row["dataset"] == "tiny_waves") == sorted(
        str(record.key) for record in ended
    )
