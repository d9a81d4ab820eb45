"""Ids of sweeps never collide, however many commands begin in the same instant, and sort by time."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import JournalError
from harness.journal import Journal
from harness.store import Store
from harness.sweeps import folders
from harness.sweeps.folders import lock, new_id, sweep_ids

COMMANDS = 8

BEGIN = """
import sys, time
from pathlib import Path
from harness.journal import Journal
from harness.sweeps.folders import lock, new_id
print("ready", flush=True)
sys.stdin.readline()
sweep_id = new_id("same")
folder = Path(sys.argv[1]) / sweep_id
with lock(folder, new=True), Journal.create(folder, {}):
    print(sweep_id, flush=True)
    sys.stdin.readline()
"""


def test_commands_that_begin_at_once_have_sweeps_of_their_own(tmp_path: Path) -> None:
    store = Store(tmp_path, "")
    started = [
        subprocess.Popen(
            [sys.executable, "-c", BEGIN, str(store.sweeps)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        for _ in range(COMMANDS)
    ]
    try:
        for process in started:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin
            process.stdin.write("now\n")
        ids = [process.stdout.readline().strip() for process in started if process.stdout]
    finally:
        for process in started:
            process.communicate("end\n", timeout=60)
    assert len(set(ids)) == COMMANDS
    assert sorted(ids) == sorted(sweep_ids(store))


def test_two_machines_at_one_instant_draw_different_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(time=lambda: 1.8e9, strftime=time.strftime, localtime=time.localtime)
    monkeypatch.setattr(folders, "time", clock)
    assert len({new_id("same") for _ in range(50)}) == 50


def test_ids_sort_by_time_with_those_of_0_1_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path, "")
    old = ["b-20260101-000000", "a-20260101-000000-2", "c-20260101-000000-10", "old-one"]
    now = [1.8e9, 1.8e9 + 0.01, 1.8e9 + 0.02, 1.8e9 + 0.9, 1.8e9 + 1]
    made = []
    for name, at in zip("zyxwv", now, strict=True):
        clock = SimpleNamespace(time=lambda at=at: at, strftime=time.strftime, localtime=time.localtime)
        monkeypatch.setattr(folders, "time", clock)
        made.append(new_id(name))
    for sweep_id in (*made[::-1], *old):
        Journal.create(store.sweeps / sweep_id, {}).close()
    assert sweep_ids(store) == ["old-one", *old[:3], *made]


def test_a_new_sweep_never_takes_a_folder_that_is_there(tmp_path: Path) -> None:
    with lock(tmp_path / "sweep", new=True):
        pass
    with pytest.raises(JournalError, match="cannot be written: File exists"), lock(tmp_path / "sweep", new=True):
        pass
