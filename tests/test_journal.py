"""The journal keeps what was committed, in order, and its seal."""

from __future__ import annotations

import shutil
from pathlib import Path

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


def test_a_log_cut_at_any_byte_opens_with_what_was_committed_before(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    journal = Journal.create(whole, {})
    for number in range(1, 9):
        key = TrialKey("weather", "lstm", 1, Phase.SEARCH, number)
        journal.append(EventKind.ENDED, record(key).to_json(), key=key)
    log = whole / f"{JOURNAL_NAME}-wal"
    size = log.stat().st_size
    counts = []
    for cut in range(0, size, size // 23):
        copy = tmp_path / f"cut-{cut}"
        shutil.copytree(whole, copy)
        (copy / f"{JOURNAL_NAME}-shm").unlink(missing_ok=True)
        with (copy / f"{JOURNAL_NAME}-wal").open("r+b") as handle:
            handle.truncate(cut)
        with Journal.open(copy) as again:
            numbers = [TrialKey.parse(event.trial_key).number for event in again.events(EventKind.ENDED)]
        assert numbers == list(range(1, len(numbers) + 1))
        counts.append(len(numbers))
    journal.close()
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] >= 7


# --- damage -------------------------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, list[tuple[int, int]]]:
    """A journal as SIGKILL leaves it, all in its write-ahead log; and the log's size after each committed event."""
    folder, sizes = tmp_path / "live", []
    Journal.create(folder, {"plan": "x"}).close()
    with Journal.open(folder) as journal:
        for number in range(1, 13):
            key = TrialKey("weather", "lstm", 1, Phase.SEARCH, number)
            journal.append(EventKind.ENDED, record(key).to_json(), key=key, sealed=SealedScore(key, float(number)))
            sizes.append((number, (folder / f"{JOURNAL_NAME}-wal").stat().st_size))
        left = tmp_path / "left"
        left.mkdir()
        for name in (JOURNAL_NAME, f"{JOURNAL_NAME}-wal"):
            shutil.copy(folder / name, left / name)
    return left, sizes


def test_a_log_cut_at_any_byte_opens_with_all_that_was_committed_before(
    written: tuple[Path, list[tuple[int, int]]], tmp_path: Path
) -> None:
    left, sizes = written
    main, log = (left / JOURNAL_NAME).read_bytes(), (left / f"{JOURNAL_NAME}-wal").read_bytes()
    ends = {size for _, size in sizes}
    cuts = sorted({*range(0, len(log), 257), *(end + off for end in ends for off in (-1, 0, 1)), len(log)})
    for cut in (cut for cut in cuts if 0 <= cut <= len(log)):
        folder = tmp_path / f"cut-{cut}"
        folder.mkdir()
        (folder / JOURNAL_NAME).write_bytes(main)
        (folder / f"{JOURNAL_NAME}-wal").write_bytes(log[:cut])
        with Journal.open(folder) as journal:
            kept = [TrialKey.parse(event.trial_key).number for event in journal.events(EventKind.ENDED)]
            assert kept == [number for number, size in sizes if size <= cut], cut
            journal.append(EventKind.CLOSED, {}, dataset="weather")
            assert sorted(journal.unseal("weather").values()) == [float(number) for number in kept]
        shutil.rmtree(folder)


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
