"""A score taken apart over its test cases: exact for means, the jackknife's for others."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.cases import FEWEST, MOST_GROUPS, block_length, case_scores, joined
from harness.records import CaseScores, SealedScore, TrialKey

LOSSES = np.random.default_rng(1).gamma(2.0, size=150)


def test_the_parts_of_a_mean_are_the_cases_own_scores() -> None:
    parts = case_scores(lambda rows: float(LOSSES[rows].mean()), 150, float(LOSSES.mean()))
    assert parts is not None
    assert parts.values == pytest.approx(LOSSES)
    assert (parts.cases, parts.block) == (150, 1)


@pytest.mark.parametrize("cases", [201, 333, 1000])
def test_more_cases_than_groups_keep_their_mean(cases: int) -> None:
    losses = np.random.default_rng(2).gamma(2.0, size=cases)
    parts = case_scores(lambda rows: float(losses[rows].mean()), cases, float(losses.mean()))
    assert parts is not None
    assert len(parts.values) == MOST_GROUPS
    assert np.mean(parts.values) == pytest.approx(losses.mean())


def test_the_root_of_a_mean_has_the_standard_error_that_the_delta_method_gives() -> None:
    root = lambda rows: float(np.sqrt(LOSSES[rows].mean()))  # noqa: E731
    whole = root(np.arange(150))
    parts = case_scores(root, 150, whole)
    assert parts is not None
    assert np.mean(parts.values) == pytest.approx(whole)
    error = np.std(LOSSES, ddof=1) / math.sqrt(150) / (2 * whole)
    assert np.std(parts.values, ddof=1) / math.sqrt(150) == pytest.approx(error, rel=0.01)


def test_pseudo_values_are_tukeys() -> None:
    """Median of squares of 1…12 by hand: G s - (G - 1) s₋ᵢ, moved to the score's own mean."""
    numbers = np.arange(1.0, 13.0)
    score = lambda rows: float(np.max(numbers[rows]))  # noqa: E731
    parts = case_scores(score, 12, 12.0)
    assert parts is not None
    raw = np.array([12 * 12.0 - 11 * (11.0 if i == 11 else 12.0) for i in range(12)])
    assert parts.values == pytest.approx(raw - raw.mean() + 12.0)


def test_too_few_cases_or_scores_that_are_not_finite_give_nothing() -> None:
    assert case_scores(lambda rows: 1.0, FEWEST - 1, 1.0) is None
    assert case_scores(lambda rows: 1.0, 20, math.nan) is None
    assert case_scores(lambda rows: math.inf, 20, 1.0) is None
    assert case_scores(lambda rows: 1e39 * float(rows[0]), 20, 9.5e39) is None


@pytest.mark.parametrize(
    ("groups", "cases", "overlap", "length"), [(200, 200, 1, 1), (200, 200, 4, 6), (200, 200, 9, 9), (200, 800, 48, 12)]
)
def test_windows_that_overlap_are_drawn_together(groups: int, cases: int, overlap: int, length: int) -> None:
    assert block_length(groups, cases, overlap) == length


def test_a_sealed_score_keeps_its_cases_in_a_kilobyte_or_two() -> None:
    key = TrialKey.parse("d/lstm/r1/search/0001")
    score = SealedScore(key, 1.5, CaseScores(200, 1, tuple(np.float32(LOSSES).tolist())))
    plain = score.to_json()
    assert SealedScore.from_json(plain) == score
    assert len(str(plain)) < 1500
    assert SealedScore.from_json(SealedScore(key, 2.0).to_json()) == SealedScore(key, 2.0)


def test_folds_stand_one_after_the_other_where_they_weigh_the_same() -> None:
    first, second = CaseScores(10, 2, (1.0, 3.0)), CaseScores(12, 3, (5.0, 7.0))
    both = joined([first, second])
    assert both == CaseScores(22, 3, (1.0, 3.0, 5.0, 7.0))
    assert np.mean(both.values) == np.mean([np.mean(first.values), np.mean(second.values)])
    assert joined([first, None]) is None
    assert joined([first, CaseScores(10, 2, (1.0,))]) is None
