"""The estimator against enumeration of every search that could have been."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.stats.best_of_n import (
    Sample,
    Term,
    beyond,
    beyond_with_replacement,
    expected,
    permute,
    pooled,
    resample,
    weights,
)


def enumerated(validation: list[float], test: list[float], n: int) -> float:
    """Mean over all searches of n of these trials; a tie in validation goes to each tied trial equally often."""
    total = Fraction(0)
    searches = list(itertools.combinations(range(len(test)), n))
    for search in searches:
        best = min(validation[i] for i in search)
        tied = [i for i in search if validation[i] == best]
        total += sum(Fraction(test[i]) for i in tied) / len(tied)
    return float(total / len(searches))


def test_hand_worked_weights():
    # Of 4 trials, 6 searches of 2: the best trial is in 3 of them, the second leads 2, the third 1, the last none.
    assert weights(4, 2) == pytest.approx([3 / 6, 2 / 6, 1 / 6, 0])
    # Of 5 trials, 10 searches of 3: C(4,2), C(3,2), C(2,2) of them.
    assert weights(5, 3) == pytest.approx([6 / 10, 3 / 10, 1 / 10, 0, 0])


def test_one_search_is_its_best_trial_and_a_search_of_one_is_any_trial():
    assert weights(7, 7) == pytest.approx([1, 0, 0, 0, 0, 0, 0])
    assert weights(7, 1) == pytest.approx([1 / 7] * 7)


@given(st.integers(1, 60), st.data())
def test_weights_are_the_ratios_of_binomials(size, data):
    n = data.draw(st.integers(1, size))
    exact = [math.comb(size - 1 - i, n - 1) / math.comb(size, n) for i in range(size)]
    assert weights(size, n) == pytest.approx(exact, abs=1e-15, rel=1e-9)


def test_weights_of_many_trials_neither_overflow_nor_cancel():
    shares = weights(100_000, 50_000)
    assert np.all(np.isfinite(shares))
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert shares[:3] == pytest.approx([1 / 2, 1 / 4, 1 / 8], rel=1e-4)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(-9, 9)), min_size=1, max_size=7),
    st.integers(1, 7),
)
def test_expectation_equals_enumeration_with_ties(trials, n):
    n = min(n, len(trials))
    validation, test = ([float(pair[place]) for pair in trials] for place in (0, 1))
    sample = Sample.of(np.array(validation), np.array(test))
    assert expected(sample, n) == pytest.approx(enumerated(validation, test, n), abs=1e-9)


def test_hand_worked_tie():
    # {a, b} tie: 15; {a, c}: a, 10; {b, c}: b, 20. Mean 15.
    sample = Sample.of(np.array([1.0, 1.0, 2.0]), np.array([10.0, 20.0, 99.0]))
    assert expected(sample, 2) == pytest.approx(15)


def test_expected_of_other_values_goes_by_the_same_trials():
    sample = Sample.of(np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 0.0]))
    assert expected(sample, 2, np.array([300.0, 600.0, 900.0])) == pytest.approx((2 * 300 + 600) / 3)


def test_weights_with_replacement_are_those_of_independent_draws():
    size, n = 4, 3
    best = [min(draw) for draw in itertools.product(range(size), repeat=n)]
    shares = np.bincount(best, minlength=size) / len(best)
    assert -np.diff(beyond_with_replacement(size, n)) == pytest.approx(shares)


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=2, max_size=8), st.integers(1, 8))
def test_a_resample_is_worth_what_its_sorted_trials_are(trials, n):
    size = len(trials)
    sample = Sample.of(*(np.array([float(pair[place]) for pair in trials]) for place in (0, 1)))
    drawn = np.random.default_rng(5).integers(0, size, (30, size))
    shares = -np.diff(beyond_with_replacement(size, n))
    slow = []
    for row in drawn:
        validation, test = sample.validation[row], sample.test[row]
        order = np.argsort(validation, kind="stable")
        tied = np.array([test[validation == validation[i]].mean() for i in order])
        slow.append(shares @ tied)
    assert resample(sample, [[Term(n, sample.test)]], 30, seed=5)[0] == pytest.approx(slow)


def test_a_resample_by_the_weights_of_a_sample_is_worth_what_that_is():
    random = np.random.default_rng(3)
    sample = Sample.of(random.normal(size=9), random.normal(size=9))
    drawn = np.random.default_rng(5).integers(0, 9, (30, 9))
    slow = [expected(Sample.of(sample.validation[row], sample.test[row]), 3) for row in drawn]
    assert resample(sample, [[Term(3, sample.test, replaced=False)]], 30, seed=5)[0] == pytest.approx(slow)


def test_the_gain_is_that_of_the_second_half_of_the_budget():
    sample = Sample.of(np.array([1.0, 2.0, 4.0]), np.zeros(3))
    gain = resample(sample, [[Term(1, sample.validation), Term(2, -sample.validation)]], 50_000, seed=1)[0]
    one, two = (-np.diff(beyond_with_replacement(3, n)) for n in (1, 2))
    drawn = np.random.default_rng(3).integers(0, 3, (50_000, 3))
    slow = np.sort(sample.validation[drawn], axis=1) @ (one - two)
    assert np.all(gain >= -1e-12)
    assert gain.mean() == pytest.approx(slow.mean(), abs=0.01)


def test_permutations_are_all_divisions_equally_often():
    random = np.random.default_rng(2)
    first, second = (Sample.of(random.normal(size=3), random.normal(size=3)) for _ in range(2))
    trials = [*zip(first.validation, first.test, strict=True), *zip(second.validation, second.test, strict=True)]
    exact = []
    for mine in itertools.combinations(range(6), 3):
        parts = [[trials[i] for i in range(6) if (i in mine) is side] for side in (True, False)]
        losses = [expected(Sample.of(*map(np.array, zip(*part, strict=True))), 2) for part in parts]
        exact.append(losses[0] - losses[1])
    both = pooled(first, second)
    drawn = np.concatenate(list(permute(both, 3, [Term(2, both.test)], 40_000, seed=4)))
    found, counts = np.unique(np.round(drawn, 9), return_counts=True)
    wanted, times = np.unique(np.round(exact, 9), return_counts=True)
    assert found == pytest.approx(wanted)
    assert counts / 40_000 == pytest.approx(times / 20, abs=0.01)


def test_a_sample_forgets_the_order_of_its_trials():
    random = np.random.default_rng(0)
    validation, test = random.integers(0, 5, 40).astype(float), random.normal(size=40)
    order = random.permutation(40)
    one, other = Sample.of(validation, test), Sample.of(validation[order], test[order])
    assert np.array_equal(one.test, other.test)
    assert np.array_equal(*(resample(its, [[Term(10, its.test)]], 50, 1) for its in (one, other)))


def test_shares_run_from_all_to_nothing():
    shares = beyond(10, 4)
    assert shares[0] == 1
    assert shares[-1] == 0
    assert np.all(np.diff(shares) <= 0)


def test_a_trial_gone_astray_takes_no_digits_from_the_others():
    random = np.random.default_rng(0)
    test = np.sort(random.random(40))
    astray = np.append(test[:-1], 1e18)
    sample = Sample.of(np.arange(40.0), astray)
    exact = sum(Fraction(math.comb(39 - i, 19), math.comb(40, 20)) * Fraction(value) for i, value in enumerate(astray))
    assert expected(sample, 20) == pytest.approx(float(exact), rel=1e-14)
