"""Ctrl-C and SIGTERM: once to stop soon, twice at once; a sweep that was stopped says so and goes on."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from harness.engines import InProcessEngine
from harness.journal import EventKind, Journal
from harness.records import Phase, TrialKey
from harness.sweeping.folders import find_unfinished
from harness.sweeping.progress import Progress
from harness.sweeping.running import run_sweep
from harness.sweeping.stopping import hearing_signals
from harness.tracking.mending import recorded_runs


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_insists(number: int) -> None:
    before = signal.getsignal(number)
    with hearing_signals() as stop:
        os.kill(os.getpid(), number)
        assert (stop.wanted, stop.at_once) == (True, False)
        with pytest.raises(KeyboardInterrupt):
            stop.check()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        assert stop.at_once
    assert signal.getsignal(number) is before


def test_what_runs_is_given_up_when_the_grace_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.sweeping.stopping.GRACE_SECONDS", 0.2)
    with hearing_signals() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            time.sleep(30)
        assert not stop.at_once


def test_a_sweep_that_is_stopped_leaves_a_report_and_goes_on(toys, cards, tmp_path: Path) -> None:
    store, header = toys.store_in(tmp_path), toys.header(cards, datasets=("tiny_adding",), confirmations=0)

    def press(said: object) -> None:
        if isinstance(said, Progress) and sum(arm.completed for arm in said.arms) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with InProcessEngine() as engine, hearing_signals() as stop, pytest.raises(KeyboardInterrupt):
        run_sweep(header, store, engine, press, stop=stop)
    sweep_id = find_unfinished(store, header)
    assert sweep_id
    folder = store.sweeps / sweep_id
    assert "searching; trials ended: tiny_lstm 1, tiny_gru 1" in (folder / "report.html").read_text()
    (parent,) = [run for run in recorded_runs(store, sweep_id) if not run.trial_key]
    assert parent.status == "KILLED"
    with Journal.open(folder) as journal:
        assert len(list(journal.events(EventKind.ASKED))) == len(list(journal.events(EventKind.ENDED))) == 2
    with InProcessEngine() as engine:
        result = run_sweep(header, store, engine, lambda _: None, resume=sweep_id)
    assert result.unfinished == {}
    (parent,) = [run for run in recorded_runs(store, sweep_id) if not run.trial_key]
    assert parent.status == "FINISHED"
    with Journal.open(folder) as journal:
        keys = [TrialKey.parse(event.trial_key) for event in journal.events(EventKind.ENDED)]
    assert len(keys) == len(set(keys)) == 6
    assert {key.phase for key in keys} == {Phase.SEARCH}
