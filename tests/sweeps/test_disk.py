"""A disk that fills up in the middle of a real sweep, and a folder that cannot be written."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from harness.cli import main
from harness.disk import free_bytes, full_disk
from harness.errors import DiskError, HarnessError, StoreError
from harness.executors import InProcessExecutor, PoolExecutor
from harness.journal import EventKind, Journal
from harness.store import Store
from harness.sweeps.events import Progress, SweepStarted
from harness.sweeps.folders import find_unfinished
from harness.sweeps.runner import run_sweep
from harness.sweeps.stop import comparison_bytes, require_disk_space, sweep_bytes


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


@pytest.mark.slow
def test_a_disk_that_fills_up_stops_the_sweep_and_more_room_lets_it_go_on(toys, configs, small_disk: Path) -> None:
    root = small_disk / "mlruns"
    store, header = Store(root, f"sqlite:///{root / 'mlflow.db'}"), toys.header(configs, datasets=("tiny_adding",))
    ballast = small_disk / "ballast"

    def fill(phrase: object) -> None:
        if isinstance(phrase, Progress) and sum(family.completed for family in phrase.families) == 2:
            with ballast.open("wb") as file:
                file.write(b"\1" * max(0, free_bytes(small_disk) - 4_000_000))

    with PoolExecutor(2, threads_per_worker=1) as executor:
        with pytest.raises(DiskError, match=r"MB of disk are free, 5\.0 MB are needed to continue: make room"):
            run_sweep(header, store, executor, fill)
        executor.drop()
        sweep_id = find_unfinished(store, header)
        assert sweep_id
        with Journal.open(store.sweeps / sweep_id) as journal:
            before = {event.trial_key: event.payload for event in journal.events(EventKind.ENDED)}
        assert len(before) >= 2
        ballast.unlink()
        result = run_sweep(header, store, executor, lambda _: None, resume=sweep_id)
    assert result.unfinished == {}
    with Journal.open(store.sweeps / sweep_id) as journal:
        after = {event.trial_key: event.payload for event in journal.events(EventKind.ENDED)}
    assert {key: after[key] for key in before} == before
    assert Counter(key.split("/")[1] for key in after if "/search/" in key) == {"tiny_lstm": 3, "tiny_gru": 3}


def test_on_a_full_disk_what_reads_works_and_nothing_advises_to_remove(
    swept, small_disk: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    root, elsewhere = small_disk / "mlruns", tmp_path / "elsewhere.html"
    subprocess.run(["cp", "-r", str(swept.store.root), str(root)], check=True)  # this process has connections to it
    sweep_id, before = swept.result.sweep_id, (swept.folder / "report.html").read_bytes()
    journal = root / "sweeps" / sweep_id / "journal.db"
    with closing(sqlite3.connect(journal)) as database:  # as a killed sweep leaves it
        database.execute("PRAGMA journal_mode = WAL")
    report = small_disk / "report.html"
    report.write_bytes(before)
    with suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(b"\1" * 4096)
    assert free_bytes(small_disk) == 0

    def phrase(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main([*words, "--store", str(root)])
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out + captured.err

    assert phrase("sweeps", "list")[1].count("finished") == 1
    assert phrase("report", sweep_id, "--output", str(elsewhere))[0] == 0
    assert elsewhere.is_file()
    code, text = phrase("report", sweep_id, "--output", str(report))
    assert (code, text.splitlines()[-1]) == (
        2,
        f"harness: --output {report}: cannot be written: the disk is full, 0.0 MB are free in {small_disk}: make room, "
        "then run the same command again; nothing that was kept is lost",
    )
    assert report.read_bytes() == before
    code, text = phrase("explain", sweep_id)
    assert (code, "the disk is full, 0.0 MB are free" in text) == (1, True)
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))  # no room for a copy of what cannot be read either
    code, text = phrase("doctor")
    assert code == 1
    assert "the disk is full, 0.0 MB are free" in text
    assert "remove the sweep" not in text
    (small_disk / "ballast").unlink()
    assert phrase("doctor", sweep_id)[1] == "nothing is wrong\n"


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (sqlite3.OperationalError("database or disk is full"), True),
        (sqlite3.OperationalError("disk I/O error"), False),  # there is room: it is something else
        (sqlite3.OperationalError("database is locked"), False),
        (sqlite3.DatabaseError("database disk image is malformed"), False),
        (RuntimeError("Can't write data (errno = 28, error message = 'No space left on device')"), True),
    ],
    ids=str,
)
def test_what_is_called_a_full_disk(error: Exception, full: bool, tmp_path: Path) -> None:
    assert bool(full_disk(error, tmp_path)) == full
    wrapped = StoreError("wrapped")
    wrapped.__cause__ = error
    assert bool(full_disk(wrapped, tmp_path)) == full
    phrase = StoreError("the disk is full, 0.0 MB are free in here")
    phrase.__cause__ = error
    assert full_disk(phrase, tmp_path) == ""  # once is enough


def test_an_input_output_error_on_a_full_disk_is_a_full_disk(small_disk: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    assert full_disk(error, small_disk / "sweeps" / "s1") == ""
    (small_disk / "ballast").write_bytes(b"\1" * (free_bytes(small_disk) - 100_000))
    assert full_disk(error, small_disk / "sweeps" / "s1").startswith("the disk is full, 0.1 MB are free in ")


def test_a_sweep_is_finished_only_when_its_report_is_there(toys, configs, tmp_path: Path) -> None:
    """Else the same command would begin a new sweep where the old one lacks its last step."""
    store, header = toys.store_in(tmp_path), toys.header(configs, datasets=("tiny_adding",), confirmations=0)
    reports: list[Path] = []

    def bar(phrase: object) -> None:
        if isinstance(phrase, SweepStarted) and not phrase.resumed:
            reports.append(store.sweeps / phrase.sweep_id / "report.html")
            reports[0].mkdir()

    with InProcessExecutor() as executor:
        with pytest.raises(DiskError, match=r"report\.html: cannot be written: .*; then run the same command again"):
            run_sweep(header, store, executor, bar)
        (report,) = reports
        report.rmdir()
        sweep_id = find_unfinished(store, header)
        assert sweep_id == report.parent.name
        with Journal.open(report.parent) as journal:
            before = list(journal.events())
        result = run_sweep(header, store, executor, bar, resume=sweep_id)
    assert (result.behind, result.unfinished) == ("", {})
    assert "tiny_lstm" in report.read_text()
    with Journal.open(report.parent) as journal:
        after = list(journal.events())
    assert after[: len(before)] == before
    assert [event.kind for event in after[len(before) :]] == [EventKind.FINISHED]
    assert find_unfinished(store, header) is None


def test_a_folder_that_cannot_be_written_is_said_before_anything_runs(toys, configs, small_disk: Path) -> None:
    root = small_disk / "mlruns"
    store = Store(root, f"sqlite:///{root / 'mlflow.db'}")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    phrase: list[object] = []
    with (
        InProcessExecutor() as executor,
        pytest.raises(HarnessError, match=r"Read-only|unable to open") as refused,
    ):
        run_sweep(toys.header(configs, datasets=("tiny_adding",)), store, executor, phrase.append)
    assert "\n" not in str(refused.value)
    assert not [one for one in phrase if isinstance(one, SweepStarted)]


def test_what_is_free_is_told_for_folders_that_are_not_there_yet(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "a" / "b") == pytest.approx(free_bytes(tmp_path), rel=0.1)
    require_disk_space(tmp_path / "a", 1)
    with pytest.raises(DiskError, match=r"MB of disk are free, 1000000000000\.0 MB are needed"):
        require_disk_space(tmp_path, 10**18)


def test_the_estimate_holds_what_a_real_sweep_took(swept) -> None:
    plan = swept.header.plan
    fits = 2 * (plan.trials + plan.seeds)
    told = sweep_bytes([comparison_bytes(fits, plan.epochs, 200, kept=4) for _ in swept.header.datasets])
    assert swept.store_bytes <= told <= 5 * swept.store_bytes
