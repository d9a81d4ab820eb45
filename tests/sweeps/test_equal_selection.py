"""What is selected from: as many trials of every family as the verdict counts."""

from __future__ import annotations

import pytest

from harness.records import (
    Direction,
    FailureKind,
    Family,
    Objective,
    Phase,
    TrialKey,
    TrialRecord,
    TrialRequest,
    TrialStatus,
)
from harness.sweeps.results import EndedTrial, rows_of, selected_among

MAE = Objective("mae", Direction.MIN)
FAMILIES = (Family("lstm", "lstm"), Family("gru", "gru"))


def ended(family: str, number: int, validation: float | None, replicate: int = 1) -> EndedTrial:
    key = TrialKey("toy", family, replicate, Phase.SEARCH, number)
    status = TrialStatus.FAILED if validation is None else TrialStatus.COMPLETED
    failure = FailureKind.DIVERGED if validation is None else None
    record = TrialRecord(key, status, validation, failure=failure)
    return EndedTrial(TrialRequest(key, family, {"units": number}, number, 1, 1), record)


def chosen(trials: list[EndedTrial], **rule: int) -> dict[str, int]:
    found = selected_among(trials, FAMILIES, MAE, **rule)
    return {name: one.request.key.number for name, one in found.items()}


LSTM = [ended("lstm", number, score) for number, score in ((4, 0.1), (1, 0.9), (3, 0.7), (2, 0.8))]
GRU = [ended("gru", number, score) for number, score in ((1, 0.6), (2, None), (3, 0.5), (4, None))]


def test_a_family_gains_nothing_by_trials_that_the_other_did_not_get() -> None:
    assert chosen(LSTM + GRU) == {"lstm": 2, "gru": 3}
    counted = {(row.family, row.trial) for row in rows_of(LSTM + GRU, {}, FAMILIES)}
    assert counted == {("lstm", 1), ("lstm", 2), ("gru", 1), ("gru", 2), ("gru", 3), ("gru", 4)}


def test_sweeps_of_0_1_0_select_among_all_trials() -> None:
    assert chosen(LSTM + GRU, rule=1) == {"lstm": 4, "gru": 3}


@pytest.mark.parametrize("order", [1, -1])
def test_trials_begun_beyond_the_common_number_change_nothing(order: int) -> None:
    late = [ended("lstm", 5, 0.01), ended("gru", 5, None)]
    assert chosen((LSTM + GRU + late)[::order]) == chosen(LSTM + GRU)


def test_each_replicate_counts_as_many_as_its_shortest_search() -> None:
    second = [ended("lstm", 1, 0.4, 2), ended("lstm", 2, 0.01, 2), ended("gru", 1, 0.45, 2)]
    found = selected_among(LSTM + GRU + second, FAMILIES, MAE)
    assert {name: (one.request.key.replicate, one.request.key.number) for name, one in found.items()} == {
        "lstm": (2, 1),
        "gru": (2, 1),
    }


def test_a_family_without_a_completed_trial_limits_no_other() -> None:
    failed = [ended("gru", number, None) for number in (1, 2, 3)]
    assert chosen(LSTM + failed) == {"lstm": 4}
    assert chosen(failed) == {}
