"""Median stopping: each trial is counted once, and what it asks for is what sorting all of them anew gives."""

from __future__ import annotations

import random
import statistics
import time
from itertools import accumulate

import pytest

from harness.records import PRUNING_BEGINS, Direction, Objective, TrialKey, TrialRecord, TrialStatus
from harness.search.pruning import MedianFloor


def curves(count: int, longest: int = 30) -> list[TrialRecord]:
    chance = random.Random(3)
    key = TrialKey.parse("toy/lstm/r1/search/0001")
    scores = [
        tuple(chance.choice((0.25, chance.random())) for _ in range(chance.randint(1, longest))) for _ in range(count)
    ]
    return [TrialRecord(key, TrialStatus.COMPLETED, validation_score=min(one), validation_scores=one) for one in scores]


@pytest.mark.parametrize("direction", Direction)
def test_the_floor_is_that_of_sorting_all_curves_anew(direction: Direction) -> None:
    records, best = curves(41), min if direction is Direction.MIN else max
    floor = MedianFloor(Objective("mae", direction))
    for count, record in enumerate(records, 1):
        floor.add(record)
        known = [list(accumulate(one.validation_scores, best)) for one in records[:count]]
        longest = max(map(len, known)) if count >= 5 else 0
        reached = [[one[min(epoch, len(one) - 1)] for one in known] for epoch in range(PRUNING_BEGINS - 1, longest)]
        assert floor.floor == tuple(map(statistics.median, reached))


def test_a_trial_among_ten_thousand_takes_no_longer_than_a_millisecond() -> None:
    floor = MedianFloor(Objective("mae", Direction.MIN), curves(10_000))
    began = time.process_time()
    for record in curves(200):
        floor.add(record)
        assert floor.floor
    assert time.process_time() - began < 0.2
