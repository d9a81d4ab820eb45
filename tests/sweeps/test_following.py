"""MLflow's sync follows the journal: every trial is handed on once, however that grows meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.journal import EventKind, Journal
from harness.records import Phase, TrialKey, TrialRecord, TrialRequest, TrialStatus
from harness.sweeps import mlflow_sync
from harness.sweeps.mlflow_sync import MlflowSync
from harness.sweeps.results import Results


class Listed:
    """A writer that lists the trials it is given, a list each time."""

    summary = False

    def __init__(self) -> None:
        self.given: list[list[int]] = []

    def trials(self, pairs: Iterable[tuple[TrialRequest, TrialRecord]]) -> None:
        self.given.append([record.key.number for _, record in pairs])


def key(number: int) -> TrialKey:
    return TrialKey("tiny_waves", "tiny_lstm", 1, Phase.SEARCH, number)


def ask(journal: Journal, number: int) -> None:
    journal.append(EventKind.ASKED, TrialRequest(key(number), "tiny_lstm", {}, 1, 1, 1), key=key(number))


def end(journal: Journal, number: int) -> None:
    journal.append(EventKind.ENDED, TrialRecord(key(number), TrialStatus.COMPLETED), key=key(number))


def test_a_trial_that_ends_while_the_journal_is_read_is_written_once(
    toys, configs, tmp_path: Path, monkeypatch
) -> None:
    header, store, writer = toys.header(configs), toys.store_in(tmp_path), Listed()
    folder, read = store.sweeps / "one", Journal.seq
    sync = MlflowSync(store, header, folder, offline=True)
    with Journal.create(folder, header) as journal, Journal.read(folder) as reader:
        ask(journal, 1)

        def grows(self: Journal) -> int:
            last = read.__get__(self)
            if not any(journal.events(EventKind.ENDED)):
                end(journal, 1)
            return last

        monkeypatch.setattr(Journal, "seq", property(grows))
        for _ in range(2):
            sync._project(Results(reader, header), writer)  # type: ignore[arg-type]
    assert [numbers for numbers in writer.given if numbers] == [[1]]


@pytest.mark.parametrize(("at_a_time", "given"), [(3, [[1], [2], [3]]), (1000, [[1, 2, 3]])])
def test_a_long_journal_is_read_in_pieces_and_trials_are_written_together(
    toys, configs, tmp_path: Path, monkeypatch, at_a_time: int, given: list[list[int]]
) -> None:
    monkeypatch.setattr(mlflow_sync, "EVENTS_A_TURN", at_a_time)
    header, store, writer = toys.header(configs), toys.store_in(tmp_path), Listed()
    folder = store.sweeps / "one"
    sync = MlflowSync(store, header, folder, offline=True)
    with Journal.create(folder, header) as journal, Journal.read(folder) as reader:
        for number in (1, 2, 3):
            ask(journal, number)
            end(journal, number)
        for _ in range(3):
            sync._project(Results(reader, header), writer)  # type: ignore[arg-type]
        assert sync._reached == journal.seq
    assert [numbers for numbers in writer.given if numbers] == given
