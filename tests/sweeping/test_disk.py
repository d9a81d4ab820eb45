"""A disk that fills up in the middle of a real sweep, and a folder that cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.disk import free_bytes
from harness.engines import InProcessEngine, ProcessEngine
from harness.errors import DiskError, HarnessError
from harness.journal import EventKind, Journal
from harness.store import Store
from harness.sweeping.folders import find_unfinished
from harness.sweeping.progress import Begun, Progress
from harness.sweeping.room import comparison_bytes, require_room, sweep_bytes
from harness.sweeping.running import run_sweep


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 50 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=50m", "tmpfs", str(place)]
    if sys.platform != "linux" or os.geteuid() != 0 or subprocess.run(command, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_fills_up_stops_the_sweep_and_more_room_lets_it_go_on(toys, cards, small_disk: Path) -> None:
    root = small_disk / "mlruns"
    store, header = Store(root, f"sqlite:///{root / 'mlflow.db'}"), toys.header(cards, datasets=("tiny_adding",))
    ballast = small_disk / "ballast"

    def fill(said: object) -> None:
        if isinstance(said, Progress) and sum(arm.completed for arm in said.arms) == 2:
            with ballast.open("wb") as file:
                file.write(b"\1" * max(0, free_bytes(small_disk) - 4_000_000))

    with ProcessEngine(2, threads_per_worker=1) as engine:
        with pytest.raises(DiskError, match=r"MB of disk are free, 5\.0 MB are needed to go on: make room"):
            run_sweep(header, store, engine, fill)
        engine.drop()
        sweep_id = find_unfinished(store, header)
        assert sweep_id
        with Journal.open(store.sweeps / sweep_id) as journal:
            before = {event.trial_key: event.payload for event in journal.events(EventKind.ENDED)}
        assert len(before) >= 2
        ballast.unlink()
        result = run_sweep(header, store, engine, lambda _: None, resume=sweep_id)
    assert result.unfinished == {}
    with Journal.open(store.sweeps / sweep_id) as journal:
        after = {event.trial_key: event.payload for event in journal.events(EventKind.ENDED)}
    assert {key: after[key] for key in before} == before
    assert Counter(key.split("/")[1] for key in after if "/search/" in key) == {"tiny_lstm": 3, "tiny_gru": 3}


def test_a_sweep_is_finished_only_when_its_report_is_there(toys, cards, tmp_path: Path) -> None:
    """Else the same command would begin a new sweep where the old one lacks its last step."""
    store, header = toys.store_in(tmp_path), toys.header(cards, datasets=("tiny_adding",), confirmations=0)
    reports: list[Path] = []

    def bar(said: object) -> None:
        if isinstance(said, Begun) and not said.resumed:
            reports.append(store.sweeps / said.sweep_id / "report.html")
            reports[0].mkdir()

    with InProcessEngine() as engine:
        with pytest.raises(DiskError, match=r"report\.html: cannot be written: .*; the same command goes on"):
            run_sweep(header, store, engine, bar)
        (report,) = reports
        report.rmdir()
        sweep_id = find_unfinished(store, header)
        assert sweep_id == report.parent.name
        with Journal.open(report.parent) as journal:
            before = list(journal.events())
        result = run_sweep(header, store, engine, bar, resume=sweep_id)
    assert (result.behind, result.unfinished) == ("", {})
    assert "tiny_lstm" in report.read_text()
    with Journal.open(report.parent) as journal:
        after = list(journal.events())
    assert after[: len(before)] == before
    assert [event.kind for event in after[len(before) :]] == [EventKind.FINISHED]
    assert find_unfinished(store, header) is None


def test_a_folder_that_cannot_be_written_is_said_before_anything_runs(toys, cards, small_disk: Path) -> None:
    root = small_disk / "mlruns"
    store = Store(root, f"sqlite:///{root / 'mlflow.db'}")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    said: list[object] = []
    with (
        InProcessEngine() as engine,
        pytest.raises(HarnessError, match=r"Read-only|unable to open") as refused,
    ):
        run_sweep(toys.header(cards, datasets=("tiny_adding",)), store, engine, said.append)
    assert "\n" not in str(refused.value)
    assert not [one for one in said if isinstance(one, Begun)]


def test_what_is_free_is_told_for_folders_that_are_not_there_yet(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "a" / "b") == pytest.approx(free_bytes(tmp_path), rel=0.1)
    require_room(tmp_path / "a", 1)
    with pytest.raises(DiskError, match=r"MB of disk are free, 1000000000000\.0 MB are needed"):
        require_room(tmp_path, 10**18)


def test_the_estimate_holds_what_a_real_sweep_took(swept) -> None:
    plan = swept.header.plan
    fits = 2 * (plan.trials + plan.confirmations)
    told = sweep_bytes([comparison_bytes(fits, plan.epochs, 200, kept=4) for _ in swept.header.datasets])
    assert swept.store_bytes <= told <= 5 * swept.store_bytes
