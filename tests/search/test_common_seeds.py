"""Seed repeats: the i-th seed is common to the families; a sweep of 0.1.0 keeps the seeds that it would have had."""

from __future__ import annotations

import pytest

from harness.records import Phase, TrialKey, TrialRequest, derive_seed
from harness.search.scheduler import seed_repeat_request


def selected(family: str, number: int) -> TrialRequest:
    return TrialRequest(TrialKey("toy", family, 1, Phase.SEARCH, number), family, {"units": number}, 9, 30, 5)


def seeds(family: str, number: int, first: int = 1) -> list[int]:
    return [seed_repeat_request(selected(family, number), first + step, 7, step + 1).seed for step in range(5)]


def test_the_families_share_their_fresh_seeds() -> None:
    assert seeds("lstm", 3) == seeds("gru", 8)
    assert len({9, *seeds("lstm", 3)}) == 6


def test_a_trial_that_was_overtaken_takes_no_seed_away() -> None:
    assert seeds("lstm", 4, first=6) == seeds("gru", 8)


@pytest.mark.parametrize("family", ["lstm", "gru"])
def test_a_sweep_of_the_first_rule_derives_each_seed_by_its_key(family: str) -> None:
    found = seed_repeat_request(selected(family, 3), 2, 7)
    assert found.seed == derive_seed(7, f"toy/{family}/r1/confirmation/0002")
