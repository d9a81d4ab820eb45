"""The error spent over interim analyses: against published bounds, by Brownian paths, and in the rule itself."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from harness.records import Direction, Objective, Outcome
from harness.stats import decide_rows, interim_analysis
from harness.stats.levels import LEVEL, interim_replicates, nominal_errors, spent


def bounds(fractions: tuple[float, ...], error: float) -> list[float]:
    return [-NormalDist().inv_cdf(one / 2) for one in nominal_errors(fractions, error)]


def test_bounds_are_the_published_ones() -> None:
    """Lan and DeMets (1983), Pocock's kind, five analyses, two-sided 5 %: as `ldBounds` of R's ldbounds gives them."""
    assert bounds((0.2, 0.4, 0.6, 0.8, 1.0), 0.05) == pytest.approx([2.4380, 2.4268, 2.4101, 2.3966, 2.3859], abs=2e-4)


def test_one_analysis_has_the_whole_error() -> None:
    assert nominal_errors((1.0,), 0.02) == pytest.approx((0.02,), abs=1e-9)
    assert spent(1.0, 0.05) == pytest.approx(0.05)
    assert spent(0.0, 0.05) == 0.0


@pytest.mark.parametrize(("oracle", "rule"), [("random", 1), ("random", 2), ("bayesian", 2)])
def test_paths_without_drift_cross_as_often_as_the_error_says(oracle: str, rule: int) -> None:
    looks = interim_replicates(oracle, rule)
    fractions = tuple(at / looks[-1] for at in looks)
    edges = np.array(bounds(fractions, 0.05))
    steps = np.sqrt(np.diff((0.0, *fractions))) * np.random.default_rng(3).normal(size=(400_000, len(looks)))
    crossed = np.abs(np.cumsum(steps, axis=1)) / np.sqrt(fractions) > edges
    assert np.mean(crossed.any(axis=1)) == pytest.approx(0.05, abs=0.0015)
    assert np.mean(crossed[:, 0]) == pytest.approx(spent(fractions[0], 0.05), abs=0.001)


def test_each_analysis_is_stricter_than_a_single_one_would_be() -> None:
    looks = interim_replicates("random")
    interims = [interim_analysis(replicates, looks) for replicates in looks]
    assert [one.replicates for one in interims] == list(range(1, 11))
    assert all(LEVEL < one.level < 1 for one in interims)
    assert {one.overall for one in interims} == {LEVEL}


@pytest.mark.parametrize(("replicates", "number"), [(1, 1), (3, 1), (4, 1), (5, 2), (9, 2), (10, 3), (12, 3)])
def test_the_analysis_is_the_last_one_that_the_replicates_suffice_for(replicates: int, number: int) -> None:
    assert interim_analysis(replicates, (3, 5, 10)).number == number


@pytest.mark.parametrize(
    ("oracle", "rule", "first", "count"), [("random", 2, 1, 10), ("bayesian", 2, 3, 8), ("random", 1, 3, 3)]
)
def test_analyses_begin_where_a_search_can_first_be_judged(oracle: str, rule: int, first: int, count: int) -> None:
    looks = interim_replicates(oracle, rule)
    assert (looks[0], looks[-1], len(looks)) == (first, 10, count)


def test_the_verdict_has_the_level_of_its_analysis_and_names_it(rows_of) -> None:
    random = np.random.default_rng(1)
    scores = {name: [(x, x) for x in 1 + level * random.random(30)] for name, level in (("a", 0.1), ("b", 5))}
    interim = interim_analysis(3, interim_replicates("random"))
    decided = decide_rows(
        rows_of(scores, trials=10), objective=Objective("mae", Direction.MIN), margins={}, interim=interim
    )
    verdict = decided.verdicts["toy"]
    assert verdict.outcome is Outcome.WINNER
    assert verdict.level == interim.level
    assert "interim analysis 3 of at most 10, at 3 replicates" in verdict.method
    assert f"{100 * LEVEL:g} %" in verdict.method  # of all together
