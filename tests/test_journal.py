"""The journal keeps what was committed, in order, and its seal."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from harness.errors import DamagedError, DiskError, JournalError, SealedError
from harness.journal import JOURNAL_NAME, LOCK_NAME, EventKind, Journal, held
from harness.records import Phase, SealedScore, TrialKey, TrialRecord, TrialStatus

KEY = TrialKey("weather", "lstm", 1, Phase.SEARCH, 1)


def record(key: TrialKey = KEY) -> TrialRecord:
    return TrialRecord(key, TrialStatus.COMPLETED, validation_score=0.5, train_losses=(1.0, 0.5))


def test_events_come_back_in_order_with_their_payload(tmp_path: Path) -> None:
    with Journal.create(tmp_path / "s", {"plan": "x"}) as journal:
        journal.append(EventKind.OPENED, {"n": 1}, dataset="weather")
        journal.append(EventKind.ENDED, record().to_json(), key=KEY)
    with Journal.open(tmp_path / "s") as journal:
        events = list(journal.events())
        assert [event.kind for event in events] == [EventKind.PLANNED, EventKind.OPENED, EventKind.ENDED]
        assert [event.seq for event in events] == [1, 2, 3]
        assert journal.plan == {"plan": "x"}
        assert TrialRecord.from_json(events[2].payload) == record()
        assert events[2].dataset == "weather"
        assert [event.kind for event in journal.events(EventKind.OPENED, dataset="weather")] == [EventKind.OPENED]


def test_a_trial_cannot_end_twice_and_the_first_ending_stays(tmp_path: Path) -> None:
    with Journal.create(tmp_path, {}) as journal:
        journal.append(EventKind.ENDED, record().to_json(), key=KEY, sealed=SealedScore(KEY, 1.0))
        with pytest.raises(JournalError, match="weather/lstm/r1/search/0001"):
            journal.append(EventKind.ENDED, record().to_json(), key=KEY)
        journal.append(EventKind.CLOSED, {}, dataset="weather")
        assert len(list(journal.events(EventKind.ENDED))) == 1
        assert journal.unseal("weather") == {str(KEY): 1.0}


def test_test_scores_stay_sealed_until_the_dataset_closes(tmp_path: Path) -> None:
    with Journal.create(tmp_path, {}) as journal:
        journal.append(EventKind.ENDED, record().to_json(), key=KEY, sealed=SealedScore(KEY, 0.123))
        journal.append(EventKind.CLOSED, {}, dataset="another")
        with pytest.raises(SealedError, match="weather"):
            journal.unseal("weather")
        assert not any("0.123" in str(event.payload) for event in journal.events())
        journal.append(EventKind.CLOSED, {}, dataset="weather")
        assert journal.unseal("weather") == {str(KEY): 0.123}


def test_an_existing_journal_is_never_overwritten(tmp_path: Path) -> None:
    Journal.create(tmp_path, {"n": 1}).close()
    with pytest.raises(JournalError, match="exists already"):
        Journal.create(tmp_path, {"n": 2})
    with Journal.open(tmp_path) as journal:
        assert journal.plan == {"n": 1}


def test_garbage_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    garbage = b"this is no database " * 500
    (tmp_path / JOURNAL_NAME).write_bytes(garbage)
    with pytest.raises(JournalError, match="damaged"):
        Journal.open(tmp_path)
    assert (tmp_path / JOURNAL_NAME).read_bytes() == garbage


def test_a_folder_without_a_journal_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal"):
        Journal.open(tmp_path)


# --- readers ------------------------------------------------------------------------------------------------


def counted_elsewhere(folder: Path, mode: str = "rwc") -> int:
    """Another program opens the journal, counts its events and closes it."""
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], uri=True); "
    code += "print(c.execute('SELECT count(*) FROM events').fetchone()[0]); c.close()"
    uri = f"{(folder / JOURNAL_NAME).as_uri()}?mode={mode}"
    return int(subprocess.run([sys.executable, "-c", code, uri], capture_output=True, check=True).stdout)


def test_readers_inside_and_outside_the_process_leave_the_log_alone(tmp_path: Path) -> None:
    with Journal.create(tmp_path, {}) as journal:
        for number in range(3):
            journal.append(EventKind.OPENED, {"n": number}, dataset="weather")
            with Journal.read(tmp_path) as reader:
                assert reader.seq == number + 2
            assert counted_elsewhere(tmp_path) == counted_elsewhere(tmp_path, "ro") == number + 2
    with Journal.read(tmp_path) as journal:
        assert [event.payload.get("n") for event in journal.events()] == [None, 0, 1, 2]


def test_a_second_writer_in_one_process_leaves_the_locks_of_the_first(tmp_path: Path) -> None:
    with Journal.create(tmp_path, {}) as journal:
        Journal.open(tmp_path).close()
        assert counted_elsewhere(tmp_path) == 1
        journal.append(EventKind.OPENED, {}, dataset="weather")
        assert counted_elsewhere(tmp_path) == 2


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    Journal.create(tmp_path, {}).close()
    with Journal.read(tmp_path) as journal, pytest.raises(JournalError, match="readonly"):
        journal.append(EventKind.CLOSED, {}, dataset="weather")


def test_a_closed_journal_is_one_file_and_takes_up_its_log_again(tmp_path: Path) -> None:
    for number in range(2):
        with Journal.open(tmp_path) if number else Journal.create(tmp_path, {}) as journal:
            journal.append(EventKind.OPENED, {}, dataset="weather")
            assert (tmp_path / f"{JOURNAL_NAME}-wal").exists()
        assert [path.name for path in tmp_path.iterdir()] == [JOURNAL_NAME]
        assert (tmp_path / JOURNAL_NAME).read_bytes()[18:20] == b"\1\1"  # SQLite's format 1.3.18: rollback mode
        with Journal.read(tmp_path) as journal:
            assert journal.seq == 2 + number
        assert [path.name for path in tmp_path.iterdir()] == [JOURNAL_NAME]


def test_a_journal_that_is_read_while_it_is_closed_stays_whole(tmp_path: Path) -> None:
    with Journal.create(tmp_path, {}) as journal, closing(sqlite3.connect(tmp_path / JOURNAL_NAME)) as foreign, foreign:
        foreign.execute("BEGIN")
        foreign.execute("SELECT count(*) FROM events").fetchone()
        journal.append(EventKind.OPENED, {}, dataset="weather")
        journal.close()
    foreign.close()
    with Journal.read(tmp_path) as journal:
        assert journal.seq == 2


READ_AS_A_COLLEAGUE = """
import os, sys
from pathlib import Path
from harness.errors import JournalError
from harness.journal import Journal, held
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
folder = Path(sys.argv[1])
assert not os.access(folder, os.W_OK)
try:
    with Journal.read(folder) as journal:
        print(journal.seq, held(folder))
except JournalError as error:
    print(error)
"""


def read_by_a_colleague(folder: Path) -> str:
    """What another user, who may only read, is told."""
    os.chmod(folder, 0o555)
    try:
        arguments = [sys.executable, "-c", READ_AS_A_COLLEAGUE, str(folder)]
        # A colleague may not write what a measurement of this test's coverage is written to either.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        done = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd="/", env=environment)
    finally:
        os.chmod(folder, 0o755)
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user can reach."""
    with TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder) / "sweep"


def test_a_colleague_who_may_only_read_reads_a_closed_journal(shared: Path) -> None:
    with Journal.create(shared, {}) as journal:
        journal.append(EventKind.OPENED, {}, dataset="weather")
    assert read_by_a_colleague(shared) == "2 False"


def test_a_colleague_who_may_only_read_reads_what_a_kill_left_in_the_log(shared: Path, tmp_path: Path) -> None:
    left = killed(tmp_path / "live", events=3)
    left.opened(shared, len(left.log)).close()
    (shared / JOURNAL_NAME).write_bytes(left.main)
    (shared / f"{JOURNAL_NAME}-wal").write_bytes(left.log)
    assert read_by_a_colleague(shared) == "4 False"
    assert {path.name for path in shared.iterdir()} == {JOURNAL_NAME, f"{JOURNAL_NAME}-wal"}


def test_a_colleague_who_may_only_read_is_told_that_a_sweep_runs(shared: Path, tmp_path: Path) -> None:
    left = killed(tmp_path / "live", events=3)
    left.opened(shared, len(left.log)).close()
    (shared / JOURNAL_NAME).write_bytes(left.main)
    with (shared / LOCK_NAME).open("w") as lock:
        assert not held(shared)
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert held(shared)
        assert "a command is running this sweep" in read_by_a_colleague(shared)


# --- damage -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Left:
    """A journal as SIGKILL leaves it, all in its write-ahead log.

    Attributes:
        main: The main file.
        log: The write-ahead log.
        sizes: The log's size after each committed event, the first event's first.
    """

    main: bytes
    log: bytes
    sizes: list[int]

    def committed(self, cut: int) -> list[int]:
        """Numbers of the events that were committed when the log was so long."""
        return [number for number, size in enumerate(self.sizes, 1) if size <= cut]

    def opened(self, folder: Path, cut: int) -> Journal:
        """The journal with its log cut."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / JOURNAL_NAME).write_bytes(self.main)
        (folder / f"{JOURNAL_NAME}-wal").write_bytes(self.log[:cut])
        return Journal.open(folder)


def killed(folder: Path, events: int) -> Left:
    """A journal of so many events, copied while it is open."""
    Journal.create(folder, {"plan": "x"}).close()
    main, log, sizes = folder / JOURNAL_NAME, folder / f"{JOURNAL_NAME}-wal", []
    with Journal.open(folder) as journal:
        for number in range(1, events + 1):
            key = TrialKey("weather", "lstm", 1, Phase.SEARCH, number)
            journal.append(EventKind.ENDED, record(key).to_json(), key=key, sealed=SealedScore(key, float(number)))
            sizes.append(log.stat().st_size)
        # By another process: no descriptor of an open journal but SQLite's own may be closed in this one.
        subprocess.run(["cp", main, f"{main}.copy"], check=True)
        subprocess.run(["cp", log, f"{log}.copy"], check=True)
    return Left(Path(f"{main}.copy").read_bytes(), Path(f"{log}.copy").read_bytes(), sizes)


def numbers_in(journal: Journal) -> list[int]:
    return [TrialKey.parse(event.trial_key).number for event in journal.events(EventKind.ENDED)]


def test_a_log_cut_in_the_middle_opens_with_all_that_was_committed_and_goes_on(tmp_path: Path) -> None:
    left = killed(tmp_path / "live", events=12)
    around = {size + off for size in left.sizes for off in (-1, 0, 1)}
    for cut in sorted({*range(0, len(left.log), 1021), *around, len(left.log)} - {len(left.log) + 1}):
        with left.opened(tmp_path / "cut", cut) as journal:
            kept = numbers_in(journal)
            assert kept == left.committed(cut), cut
            journal.append(EventKind.CLOSED, {}, dataset="weather")
            assert sorted(journal.unseal("weather").values()) == [float(number) for number in kept]


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder that no disk is waited for, where the system has one."""
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.slow
def test_a_log_cut_at_every_byte_opens_with_all_that_was_committed(in_memory: Path) -> None:
    left = killed(in_memory / "live", events=4)
    assert len(set(left.sizes)) == 4
    for cut in range(len(left.log) + 1):
        with left.opened(in_memory / "cut", cut) as journal:
            assert numbers_in(journal) == left.committed(cut), cut


def test_a_main_file_that_is_cut_or_garbage_is_refused_and_never_overwritten(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    with Journal.create(whole, {"plan": "x" * 20_000}) as journal:
        for number in range(1, 40):
            key = TrialKey("weather", "lstm", 1, Phase.SEARCH, number)
            journal.append(EventKind.ENDED, record(key).to_json(), key=key)
    content = (whole / JOURNAL_NAME).read_bytes()
    contents = [content[: len(content) * share // 12] for share in range(12)]
    contents += [b"garbage " * 500, content[:100] + b"\xff" * 4000 + content[4100:], b"\0" * len(content)]
    for number, damaged in enumerate(contents):
        folder = tmp_path / f"damaged-{number}"
        folder.mkdir()
        (folder / JOURNAL_NAME).write_bytes(damaged)
        with pytest.raises(JournalError, match=r"damaged .*; it is left as it is: restore it from a copy, or start"):
            Journal.open(folder)
        assert (folder / JOURNAL_NAME).read_bytes() == damaged


@pytest.mark.parametrize("spoilt", [b"\0" * 40, b"\xff" * 40], ids=["zeros", "ones"])
def test_a_page_of_other_bytes_that_sqlite_finds_in_order_is_said(tmp_path: Path, spoilt: bytes) -> None:
    with Journal.create(tmp_path, {"plan": "x" * 20_000}) as journal:
        journal.append(EventKind.ENDED, record().to_json(), key=KEY, sealed=SealedScore(KEY, 0.123456789))
        journal.append(EventKind.CLOSED, {}, dataset="weather")
    content = (tmp_path / JOURNAL_NAME).read_bytes()
    (tmp_path / JOURNAL_NAME).write_bytes(content.replace(b"x" * 40, spoilt, 1).replace(b"0.123456789", spoilt[:11]))
    with Journal.read(tmp_path) as journal:
        with pytest.raises(DamagedError, match=r"damaged \(.*\); it is left as it is: restore it from a copy"):
            assert journal.plan
        with pytest.raises(DamagedError, match=r"damaged \(.*\); it is left as it is: restore it from a copy"):
            journal.unseal("weather")


def test_a_full_disk_is_said_and_keeps_what_was_committed(tmp_path: Path) -> None:
    with Journal.create(tmp_path, {}) as journal:
        journal.append(EventKind.ENDED, record().to_json(), key=KEY)
        (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
        journal._connection.execute(f"PRAGMA max_page_count = {pages}")  # as a full disk: SQLITE_FULL
        with pytest.raises(DiskError, match=r"the disk is full.*: make room, then run the same command again"):
            journal.append(EventKind.OPENED, {"long": "x" * 100_000}, dataset="weather")
    with Journal.open(tmp_path) as journal:
        assert next(journal.events(EventKind.ENDED)).trial_key == str(KEY)
