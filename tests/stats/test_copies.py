"""Over datasets: copies of one dataset are one dataset's evidence."""

from __future__ import annotations

import numpy as np
import pytest

from harness.records import Direction, Objective
from harness.stats import across_lines, decide_rows, over_all

MAE = Objective("mae", Direction.MIN)


@pytest.fixture
def verdicts_of(rows_of):
    """Verdicts of datasets `d0`, `d1`, … on which `gru` is worse than `lstm`; equal seeds make equal data."""

    def make(seeds, shifts=()):
        rows = []
        for place, seed in enumerate(seeds):
            random = np.random.default_rng(seed)
            scores = {name: random.random(20) for name in ("lstm", "gru")}
            shift = shifts[place] if shifts else 0.0
            pairs = {
                name: [(shift + level + x, shift + level + x) for x in scores[name]]
                for name, level in (("lstm", 1.0), ("gru", 2.0))
            }
            rows.extend(rows_of(pairs, dataset=f"d{place}"))
        names = [f"d{place}" for place in range(len(seeds))]
        return decide_rows(rows, objective=MAE, margins=dict.fromkeys(names, 0.1)).verdicts

    return make


def test_one_table_copied_eight_times_says_nothing_over_datasets(verdicts_of) -> None:
    decision = over_all(verdicts_of([7] * 8))
    assert decision.across is not None
    (pair,) = decision.across.pairs
    assert pair.signed_rank is None
    assert pair.wilcoxon_p is None
    assert "over datasets like these" not in decision.overall
    assert across_lines(decision.across)[1:3] == (
        "not made: tests with d1, d2, d3, d4, d5, d6 and d7 beside d0: the data is the same, which is one dataset's "
        "evidence",
        "not made: signed-rank tests: 1 dataset with nothing withheld; below 6 no such test can reach 5 %",
    )


def test_equal_digests_count_once_whatever_the_scores(verdicts_of) -> None:
    verdicts = verdicts_of(range(7))
    honest = over_all(verdicts, {name: name for name in verdicts})
    assert honest.across is not None
    assert honest.across.pairs[0].datasets == 7
    assert honest.across.refused == ("average ranks: with two families they say no more than wins and losses",)
    copied = over_all(verdicts, {name: "same" if name in ("d1", "d4") else name for name in verdicts})
    assert copied.across is not None
    assert copied.across.pairs[0].datasets == 6
    assert copied.across.pairs[0].wilcoxon_p == pytest.approx(2 / 64)
    assert copied.across.refused[0].startswith("tests with d4 beside d1: the data is the same")


def test_the_same_difference_everywhere_is_refused(verdicts_of) -> None:
    across = over_all(verdicts_of([3] * 6, shifts=[0.0, 1.0, 2.0, 3.0, 4.0, 5.0])).across
    assert across is not None
    assert across.pairs[0].wilcoxon_p is None
    assert "signed-rank tests: all 6 datasets have the same difference, as copies of one have" in across.refused
