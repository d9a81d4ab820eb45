"""Events of one turn share a commit: all of them are there afterwards, or none."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from harness.errors import JournalError
from harness.journal import JOURNAL_NAME, EventKind, Journal
from harness.records import Phase, SealedScore, TrialKey

KEYS = [TrialKey("weather", "lstm", 1, Phase.SEARCH, number) for number in range(1, 6)]


def commits(journal: Journal) -> list[str]:
    """The commits from here on, as they come."""
    found: list[str] = []
    journal._connection.set_trace_callback(lambda said: found.append(said) if said.startswith("COMMIT") else None)
    return found


def write_in_turn(journal: Journal, kind: EventKind, *keys: TrialKey) -> None:
    """An event of each trial, with a sealed score of those that end."""
    with journal.turn():
        for key in keys:
            journal.append(kind, {}, key=key, sealed=SealedScore(key, 1.0) if kind is EventKind.ENDED else None)


def test_a_turn_is_one_commit_and_a_turn_without_events_none(tmp_path: Path) -> None:
    with Journal.create(tmp_path, {}) as journal:
        made = commits(journal)
        write_in_turn(journal, EventKind.ENDED, *KEYS)
        assert made == ["COMMIT"]
        with journal.turn():
            pass
        assert made == ["COMMIT"]
        journal.append(EventKind.CLOSED, {}, dataset="weather")
        assert made == ["COMMIT", "COMMIT"]
        assert len(journal.unseal("weather")) == 5


def test_readers_see_nothing_of_a_turn_before_its_end(tmp_path: Path) -> None:
    with Journal.create(tmp_path, {}) as journal:
        with journal.turn():
            journal.append(EventKind.ASKED, {}, key=KEYS[0])
            with Journal.read(tmp_path) as reader:
                assert reader.seq == 1
        with Journal.read(tmp_path) as reader:
            assert reader.seq == 2


def test_what_was_written_before_an_error_is_kept_and_a_trial_with_its_score_or_not_at_all(tmp_path: Path) -> None:
    with Journal.create(tmp_path, {}) as journal:
        with pytest.raises(JournalError, match="0001"):
            write_in_turn(journal, EventKind.ASKED, KEYS[0], KEYS[0])
        journal._connection.execute("INSERT INTO sealed VALUES (?, 'weather', '{}')", (str(KEYS[1]),))
        with pytest.raises(JournalError, match="0002"):
            write_in_turn(journal, EventKind.ENDED, KEYS[2], KEYS[1])
        assert [event.trial_key for event in journal.events(EventKind.ASKED)] == [str(KEYS[0])]
        assert [event.trial_key for event in journal.events(EventKind.ENDED)] == [str(KEYS[2])]
        journal.append(EventKind.CLOSED, {}, dataset="another")  # it can be written as before


def test_a_process_killed_in_a_turn_leaves_nothing_of_it(tmp_path: Path) -> None:
    Journal.create(tmp_path, {}).close()
    code = (
        "import os, pathlib, sys\n"
        "from harness.journal import EventKind, Journal\n"
        "journal = Journal.open(pathlib.Path(sys.argv[1]))\n"
        "journal.append(EventKind.OPENED, {}, dataset='kept')\n"
        "with journal.turn():\n"
        "    journal.append(EventKind.OPENED, {}, dataset='gone')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    with Journal.open(tmp_path) as journal:
        assert [event.dataset for event in journal.events()] == ["", "kept"]
    assert [path.name for path in tmp_path.iterdir()] == [JOURNAL_NAME]


def plans(journal: Journal) -> str:
    """How SQLite finds the newest event of a kind, and the scores of a dataset."""
    newest = "SELECT seq FROM events WHERE seq > 0 AND kind IN ('closed') AND dataset = 'a' ORDER BY seq DESC LIMIT 1"
    queries = (newest, "SELECT payload FROM sealed WHERE dataset = 'a'")
    return str([journal._connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall() for query in queries])


def test_an_index_finds_what_belongs_to_a_dataset_in_earlier_journals_too(tmp_path: Path) -> None:
    Journal.create(tmp_path, {}).close()
    with closing(sqlite3.connect(tmp_path / JOURNAL_NAME)) as database:
        for name in ("newest", "scores"):
            database.execute(f"DROP INDEX {name}")  # 0.1.0 had none
        database.commit()
    before = (tmp_path / JOURNAL_NAME).read_bytes()
    with Journal.read(tmp_path) as journal:
        assert "INDEX newest" not in plans(journal)
    assert (tmp_path / JOURNAL_NAME).read_bytes() == before
    with Journal.open(tmp_path) as journal:
        assert "INDEX newest" in plans(journal)
        assert "INDEX scores" in plans(journal)
