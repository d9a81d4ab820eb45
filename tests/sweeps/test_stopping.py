"""Ctrl-C and SIGTERM: once to stop soon, twice at once; a sweep that was stopped says so and goes on."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import psutil
import pytest

from harness.executors import InProcessExecutor
from harness.journal import EventKind, Journal
from harness.records import Phase, TrialKey
from harness.sweeps.events import Progress
from harness.sweeps.folders import find_unfinished, sweep_ids
from harness.sweeps.runner import run_sweep
from harness.sweeps.stop import handling_signals
from harness.tracking.repair import recorded_runs


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_insists(number: int) -> None:
    before = signal.getsignal(number)
    with handling_signals() as stop:
        os.kill(os.getpid(), number)
        assert (stop.wanted, stop.at_once) == (True, False)
        with pytest.raises(KeyboardInterrupt):
            stop.check()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        assert stop.at_once
    assert signal.getsignal(number) is before


def test_a_closed_terminal_asks_once_however_often_it_is_told() -> None:
    with handling_signals() as stop:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
        assert (stop.wanted, stop.at_once) == (True, False)


def test_a_closed_terminal_asks_nothing_under_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handling_signals() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.wanted
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_runs_is_given_up_when_the_grace_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.sweeps.stop.GRACE_SECONDS", 0.2)
    with handling_signals() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            time.sleep(30)
        assert not stop.at_once


def test_a_sweep_that_is_stopped_leaves_a_report_and_goes_on(toys, configs, tmp_path: Path) -> None:
    store, header = toys.store_in(tmp_path), toys.header(configs, datasets=("tiny_adding",), confirmations=0)

    def press(phrase: object) -> None:
        if isinstance(phrase, Progress) and sum(family.completed for family in phrase.families) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with InProcessExecutor() as executor, handling_signals() as stop, pytest.raises(KeyboardInterrupt):
        run_sweep(header, store, executor, press, stop=stop)
    sweep_id = find_unfinished(store, header)
    assert sweep_id
    folder = store.sweeps / sweep_id
    assert "searching: tiny_lstm 1 of 3 trials, best validation mse " in (folder / "report.html").read_text()
    (parent,) = [run for run in recorded_runs(store, sweep_id) if not run.trial_key]
    assert parent.status == "KILLED"
    with Journal.open(folder) as journal:
        assert len(list(journal.events(EventKind.ASKED))) == len(list(journal.events(EventKind.ENDED))) == 2
    with InProcessExecutor() as executor:
        result = run_sweep(header, store, executor, lambda _: None, resume=sweep_id)
    assert result.unfinished == {}
    (parent,) = [run for run in recorded_runs(store, sweep_id) if not run.trial_key]
    assert parent.status == "FINISHED"
    with Journal.open(folder) as journal:
        keys = [TrialKey.parse(event.trial_key) for event in journal.events(EventKind.ENDED)]
    assert len(keys) == len(set(keys)) == 6
    assert {key.phase for key in keys} == {Phase.SEARCH}


@pytest.mark.slow
@pytest.mark.parametrize(("how", "code"), [("pipe", 141), ("terminal", 130)])
def test_a_sweep_ends_properly_when_its_output_does(how: str, code: int, toys, configs, tmp_path: Path) -> None:
    reads, writes = os.pipe() if how == "pipe" else pty.openpty()
    words = ["sweep", "tiny_adding", "--family", "tiny_lstm", "--family", "tiny_gru", "--trials", "60", "--epochs", "2"]
    words += ["--workers", "1", "--cards", str(configs), "--store", str(tmp_path / "mlruns"), "-v"]
    process = subprocess.Popen(
        [sys.executable, "-c", f"from harness.cli import main; main({words})"],
        stdout=writes,
        stderr=writes,
        start_new_session=True,
        preexec_fn=(lambda: fcntl.ioctl(writes, termios.TIOCSCTTY, 0)) if how == "terminal" else None,
    )
    os.close(writes)
    seen = b""
    while b"validation 0" not in seen:
        seen += os.read(reads, 4096)
    workers = psutil.Process(process.pid).children(recursive=True)
    os.close(reads)
    assert process.wait(60) == code
    assert psutil.wait_procs(workers, timeout=10)[1] == []
    store = toys.store_in(tmp_path)
    (sweep_id,) = sweep_ids(store)
    (parent,) = [run for run in recorded_runs(store, sweep_id) if not run.trial_key]
    assert parent.status == "KILLED"
    with Journal.read(store.sweeps / sweep_id) as journal:
        assert 0 < len(list(journal.events(EventKind.ENDED))) < 120
        assert not journal.has(EventKind.FINISHED)
