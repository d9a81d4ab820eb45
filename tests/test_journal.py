"""The journal keeps what was committed, in order, and its seal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from harness.errors import JournalError, SealedError
from harness.journal import JOURNAL_NAME, EventKind, Journal
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
        return Left(main.read_bytes(), log.read_bytes(), sizes)


def numbers_in(journal: Journal) -> list[int]:
    return [TrialKey.parse(event.trial_key).number for event in journal.events(EventKind.ENDED)]


def test_a_log_cut_in_the_middle_opens_with_all_that_was_committed_and_goes_on(tmp_path: Path) -> None:
    left = killed(tmp_path / "live", events=12)
    around = {size + off for size in left.sizes for off in (-1, 0, 1)}
    for cut in sorted({*range(0, len(left.log), 257), *around, len(left.log)} - {len(left.log) + 1}):
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


def test_a_full_disk_says_how_much_is_free_and_keeps_what_was_committed(tmp_path: Path) -> None:
    with Journal.create(tmp_path, {}) as journal:
        journal.append(EventKind.ENDED, record().to_json(), key=KEY)
        (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
        journal._connection.execute(f"PRAGMA max_page_count = {pages}")  # as a full disk: SQLITE_FULL
        with pytest.raises(JournalError, match=r"disk is full; [\d.]+ MB are free there: make room, then the same"):
            journal.append(EventKind.OPENED, {"long": "x" * 100_000}, dataset="weather")
    with Journal.open(tmp_path) as journal:
        assert next(journal.events(EventKind.ENDED)).trial_key == str(KEY)
