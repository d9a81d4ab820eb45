"""Does the rule err as seldom, and decide as often, as it says? By playing tuned-like trials against themselves.

A short form, a minute for the long ones; `benchmarks/` replays recorded trials of real datasets.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.records import Direction, Objective, ScoreRow
from harness.stats import decide_rows
from harness.stats.levels import ERROR_CLAIMED

MAE = Objective("mae", Direction.MIN)


@pytest.fixture
def named(tuned):
    """Share of replays in which each family is named, `gru` having all its losses times `factor`."""

    def play(kind, replicates, trials, replays, factor=1.0, oracle="random") -> dict[str, float]:
        counts = {"lstm": 0, "gru": 0}
        for replay in range(replays):
            random = np.random.default_rng([replicates, trials, replay])
            rows = []
            for family, scale in (("lstm", 1.0), ("gru", factor)):
                validation, test = (scale * part for part in tuned[kind](random, replicates * trials))
                rows.extend(
                    ScoreRow("toy", family, i // trials + 1, i % trials + 1, validation[i], test[i])
                    for i in range(replicates * trials)
                )
            winner = decide_rows(rows, objective=MAE, margins={}, oracle=oracle).verdicts["toy"].family
            if winner:
                counts[winner] += 1
        return {family: count / replays for family, count in counts.items()}

    return play


def lower_bound(share: float, replays: int) -> float:
    """One-sided 99 % lower bound of a share (Clopper and Pearson 1934)."""
    hits = round(share * replays)
    return float(stats.beta.ppf(0.01, hits, replays - hits + 1)) if hits else 0.0


CELLS = [(1, 5), (1, 10), (1, 20), (3, 10), (5, 20)]


@pytest.mark.parametrize("kind", ["skewed", "accuracy"])
def test_a_family_against_itself_has_no_winner(named, kind):
    shares = [sum(named(kind, *cell, replays=150).values()) for cell in CELLS]
    assert np.mean(shares) <= ERROR_CLAIMED
    assert all(lower_bound(share, 150) <= ERROR_CLAIMED for share in shares)


@pytest.mark.parametrize("replicates", [3, 10])
def test_nor_has_it_where_replicates_are_compared(named, replicates):
    share = sum(named("skewed", replicates, 10, replays=300, oracle="bayesian").values())
    assert lower_bound(share, 300) <= ERROR_CLAIMED


def test_a_real_difference_is_named_and_the_wrong_family_is_not(named):
    """So that always answering `undecided` fails: a shift of 20 % of all losses."""
    shares = {cell: named("skewed", *cell, replays=60, factor=1.2) for cell in ((1, 20), (5, 20), (10, 10))}
    assert shares[1, 20]["lstm"] >= 0.10
    assert shares[5, 20]["lstm"] >= 0.45
    assert shares[10, 10]["lstm"] >= 0.80
    assert all(share["gru"] <= 0.01 for share in shares.values())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["skewed", "chance", "near_best", "accuracy"])
def test_a_family_against_itself_has_no_winner_in_any_cell(named, kind):
    cells = [(replicates, trials) for replicates in (1, 3, 5, 10) for trials in (10, 20, 40)]
    replays = 400
    shares = {cell: sum(named(kind, *cell, replays=replays).values()) for cell in cells}
    assert np.mean(list(shares.values())) <= ERROR_CLAIMED
    assert {cell: share for cell, share in shares.items() if lower_bound(share, replays) > ERROR_CLAIMED} == {}
