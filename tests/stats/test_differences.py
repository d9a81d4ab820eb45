from __future__ import annotations

import math
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.records import Direction, Outcome
from harness.stats.compare import Comparison, PooledBootstrap, WelchOverReplicates
from harness.stats.differences import Difference, holm, judge, more_trials, sides_of
from harness.stats.levels import HOPELESS


def difference(value=0.1, low=-0.1, high=0.3, p=0.5, spread=0.1) -> Difference:
    return Difference("lstm", "gru", value, low, high, p, (0.6, 0.3, 0.1), spread)


def test_holm_of_a_hand_worked_example():
    # 0.01 · 3, 0.03 · 2, then 0.04 · 1, which may not be smaller than the one before.
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_nothing_and_bonferroni(values):
    for value, adjusted in zip(values, holm(values), strict=True):
        assert value <= adjusted <= min(1.0, value * len(values)) + 1e-12


@pytest.mark.parametrize(
    ("low", "high", "p", "margin", "outcome"),
    [
        (0.05, 0.2, 0.01, 0.0, Outcome.WINNER),
        (0.05, 0.2, 0.01, 0.1, Outcome.WINNER),
        (0.05, 0.2, 0.03, 0.0, Outcome.UNDECIDED),
        (-0.05, 0.2, 0.3, 0.1, Outcome.UNDECIDED),
        (-0.05, 0.09, 0.3, 0.1, Outcome.PRACTICALLY_EQUAL),
        (0.02, 0.09, 0.001, 0.1, Outcome.PRACTICALLY_EQUAL),
        (0.0, 0.0, 1.0, 0.0, Outcome.UNDECIDED),
        (0.0, 0.0, 1.0, 0.1, Outcome.PRACTICALLY_EQUAL),
        (math.nan, math.nan, 1.0, 0.1, Outcome.UNDECIDED),
    ],
)
def test_the_three_outcomes(low, high, p, margin, outcome):
    pair = judge(difference(0.1, low, high), p, margin, level=0.98)
    assert pair.outcome is outcome
    assert pair.family == ("lstm" if outcome is Outcome.WINNER else None)


def test_the_second_family_wins_a_negative_difference():
    assert judge(difference(-0.1, -0.2, -0.05), 0.001, 0.0, 0.98).family == "gru"


def test_turning_twice_is_nothing():
    one = difference(0.1, -0.1, 0.3)
    assert one.turned().turned() == one
    assert one.turned().value == -0.1
    assert (one.turned().low, one.turned().high) == (-0.3, 0.1)
    assert one.turned().probabilities == (0.1, 0.3, 0.6)


@pytest.mark.parametrize("way", [WelchOverReplicates, partial(PooledBootstrap, "toy", compared_at=1)])
def test_a_difference_is_turned_as_it_is_asked_for_and_known_of_no_others(way, rows_of):
    scores = {"lstm": [(1, 1.0), (2, 1.2), (3, 1.1)], "gru": [(1, 1.5), (2, 1.4), (3, 1.6)]}
    sides = sides_of(rows_of(scores, trials=1), ["lstm", "gru"], Direction.MIN)
    compared = way(list(sides.values()), 1, level=0.95)
    assert compared.difference("lstm", "gru").value > 0
    assert compared.difference("gru", "lstm") == compared.difference("lstm", "gru").turned()
    assert math.isnan(compared.difference("lstm", "rnn").value)
    assert math.isnan(Comparison().difference("lstm", "gru").value)


def test_more_trials_by_hand():
    # Margin 0.1, error 0.1, z(0.98) + z(0.8) = 2.3263 + 0.8416: 10.035 times the trials, so 9.035 · 100 more,
    # in whole searches of 20.
    assert more_trials(difference(0.1, spread=0.1), 100, 20, 0.0, 0.98) == 920
    # The margin is twice as far from the difference as zero is: (3.168 · 0.1 / 0.2)² = 2.509 times.
    assert more_trials(difference(0.1, spread=0.1), 100, 20, 0.3, 0.98) == 160


def test_more_trials_is_at_least_one_search_and_gives_up_in_time():
    assert more_trials(difference(0.1, spread=0.001), 20, 20, 0.0, 0.98) == 20
    assert more_trials(difference(0.0, spread=0.1), 20, 20, 0.0, 0.98) is None
    factor = (3.1679 * 0.1 / 0.06) ** 2
    assert factor > HOPELESS + 1
    assert more_trials(difference(0.06, spread=0.1), 20, 20, 0.0, 0.98) is None
    assert more_trials(difference(0.1, spread=math.nan), 20, 20, 0.0, 0.98) is None
