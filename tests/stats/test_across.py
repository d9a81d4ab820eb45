"""Tests over datasets, against scipy, the literature, and what baycomp computed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.records import Direction, Objective, Outcome
from harness.stats import decide_rows
from harness.stats.across import friedman, nemenyi, signed_rank, wilcoxon
from harness.stats.levels import MINIMUM_DATASETS

MAE = Objective("mae", Direction.MIN)

# baycomp 1.0.3, SignedRankTest.probs(zeros, differences, rope=1, nsamples=200_000, random_state=1):
# its `right` is a positive difference, our first.
BAYCOMP = [
    ([0.6, 1.4, -0.3, 2.0, 0.2, 1.1, 0.9, -1.6], (0.10393, 0.89592, 0.00015)),
    ([2.5, 1.8, 3.1, 1.2, 0.4, 2.2], (0.970335, 0.029665, 0.0)),
    ([0.1, -0.2, 0.3, 0.05, -0.4, 0.2, 0.15, -0.1, 0.3, 0.25], (0.0, 1.0, 0.0)),
    ([-1.5, -0.7, -2, 0.2, -3, -0.9, -1.2], (0.0, 0.32343, 0.67657)),
]


@pytest.mark.parametrize(("differences", "probabilities"), BAYCOMP)
def test_signed_rank_is_baycomps(differences, probabilities):
    assert signed_rank(np.array(differences), 1.0) == pytest.approx(probabilities, abs=0.012)


def test_signed_rank_turns_with_its_differences():
    differences = np.array(BAYCOMP[3][0])
    assert signed_rank(-differences, 1.0) == pytest.approx(signed_rank(differences, 1.0)[::-1])


def test_six_datasets_are_the_fewest_that_reach_five_percent():
    assert wilcoxon(np.arange(1.0, 7.0)) == pytest.approx(2 / 2**6)
    assert wilcoxon(np.arange(1.0, 6.0)) == pytest.approx(2 / 2**5)
    assert 2 / 2**MINIMUM_DATASETS < 0.05 < 2 / 2 ** (MINIMUM_DATASETS - 1)


def test_wilcoxon_is_scipys():
    differences = np.random.default_rng(0).normal(0.4, 1, 12)
    assert wilcoxon(differences) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)
    assert wilcoxon(np.zeros(8)) == 1
    tied = np.array([1.0, 1.0, -1.0, 2.0, 2.0, 3.0, 0.0])
    assert 0.05 < wilcoxon(tied) < 0.5


@pytest.mark.parametrize(("families", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728)])
def test_nemenyi_has_the_published_values(families, q):
    """Demšar 2006, table 5 (a), and section 3.2.2: four classifiers on 14 datasets have CD = 1.25."""
    assert nemenyi(families, 10) == pytest.approx(q * np.sqrt(families * (families + 1) / 60), abs=1e-3)
    assert nemenyi(4, 14) == pytest.approx(1.25, abs=0.005)


def test_friedman_by_hand():
    # Three families, four datasets, always the same order: χ² = 12·4/(3·4) · (1 + 4 + 9 - 3·16/4) = 8, p = e⁻⁴.
    ranks = np.array([[1.0, 2.0, 3.0]] * 4)
    assert friedman(ranks) == pytest.approx(np.exp(-4))
    assert friedman(np.full((6, 3), 2.0)) == 1


@pytest.fixture
def decide_many(rows_of):
    """Datasets on which `gru` is worse than `lstm` by each of the given amounts (and `rnn` by 5 more)."""

    def make(amounts, margin=0.1, families=("lstm", "gru"), withheld=()):
        rows = []
        for place, amount in enumerate(amounts):
            random = np.random.default_rng(place)
            offsets = {"lstm": 1.0, "gru": 1.0 + amount, "rnn": 6.0}
            scores = {
                name: [(offsets[name] + 0.05 * x, offsets[name] + 0.05 * x) for x in random.random(20)]
                for name in families
            }
            rows.extend(rows_of(scores, dataset=f"d{place}"))
        names = [f"d{place}" for place in range(len(amounts))]
        return decide_rows(
            rows,
            objective=MAE,
            margins=dict.fromkeys(names, margin),
            reasons_to_abstain={name: ["the guard fired"] for name in withheld},
        )

    return make


def test_counts_over_datasets(decide_many):
    decision = decide_many([0.5, 0.6, -0.5, 0.0], margin=0.1)
    across = decision.across
    assert [verdict.outcome for verdict in decision.verdicts.values()] == [
        *[Outcome.WINNER] * 3,
        Outcome.PRACTICALLY_EQUAL,
    ]
    assert across.wins == {"gru": 1, "lstm": 2}
    assert (across.practically_equal, across.undecided) == (1, 0)
    [pair] = across.pairs
    assert (pair.first, pair.wins, pair.ties, pair.losses, pair.undecided) == ("gru", 1, 1, 2, 0)
    assert decision.overall == (
        "of 4 datasets gru wins 1, lstm wins 2, practically equal 1, undecided 0; no test over datasets was made"
    )


def test_tests_are_refused_below_six_datasets(decide_many):
    across = decide_many([0.5] * 5).across
    assert across.pairs[0].signed_rank is None
    assert across.pairs[0].wilcoxon_p is None
    assert across.refused[0] == (
        "signed-rank tests: 5 datasets with nothing withheld; below 6 no such test can reach 5 %"
    )


def test_a_withheld_dataset_takes_no_part_in_the_tests(decide_many):
    across = decide_many([0.5] * 6, withheld=["d2"]).across
    assert across.pairs[0].datasets == 5
    assert across.pairs[0].wilcoxon_p is None
    assert across.wins == {"gru": 0, "lstm": 5}
    assert across.undecided == 1


def test_tests_are_refused_without_a_margin(decide_many):
    across = decide_many([0.5] * 6, margin=0.0).across
    assert across.pairs[0].signed_rank is None
    assert "no equivalence margin for d0, d1" in across.refused[0]


def test_six_datasets_that_agree_name_the_better_family(decide_many):
    decision = decide_many([0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    [pair] = decision.across.pairs
    assert pair.wilcoxon_p == pytest.approx(2 / 64)
    assert pair.signed_rank[2] > 0.95
    assert "over datasets like these lstm is better than gru by more than what matters" in decision.overall


def test_each_difference_is_measured_by_its_own_margin(decide_many):
    near, far = decide_many([0.5] * 7, margin=5.0), decide_many([0.5] * 7, margin=0.01)
    assert near.across.pairs[0].signed_rank[1] > 0.95
    assert far.across.pairs[0].signed_rank[2] > 0.95
    assert "gru and lstm are practically equal" in near.overall


def test_three_families_are_ranked(decide_many):
    decision = decide_many([0.5, 0.6, 0.7, -0.5, 0.8, 0.9], families=("lstm", "gru", "rnn"))
    across = decision.across
    assert across.average_ranks == pytest.approx({"lstm": 7 / 6, "gru": 11 / 6, "rnn": 3.0})
    assert across.critical_difference == pytest.approx(nemenyi(3, 6))
    assert across.friedman_p == pytest.approx(
        stats.friedmanchisquare([1, 1, 1, 2, 1, 1], [2, 2, 2, 1, 2, 2], [3] * 6).pvalue
    )
    raw = 2 / 64
    p = {(pair.first, pair.second): pair.wilcoxon_p for pair in across.pairs}
    assert p["gru", "rnn"] == pytest.approx(3 * raw)
    assert p["lstm", "rnn"] == pytest.approx(3 * raw)
    assert across.wins == {"gru": 1, "lstm": 5, "rnn": 0}


def test_json_holds_everything(decide_many):
    plain = decide_many([0.5] * 6).to_json()
    assert plain["across"]["pairs"][0]["wilcoxon_p"] == pytest.approx(0.03125, abs=0.05)
    assert plain["verdicts"]["d0"]["outcome"] == "winner"
    assert plain["overall"].startswith("of 6 datasets")
