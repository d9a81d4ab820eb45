"""Which hyperparameters mattered: found where they are known, against scikit-learn's own on held-out data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance

from harness.report.curves import FEWEST_TRIALS, _numbers, importances_of, permutation_importances


def made(trials: int, seed: int = 0):
    random = np.random.default_rng(seed)
    x = random.random((trials, 3))
    return x, np.sin(5 * x[:, 0]) + 0.3 * x[:, 1] + 0.05 * random.normal(size=trials)


def test_they_come_near_those_of_scikit_learn_on_data_not_seen() -> None:
    x, y = made(200)
    found = np.array(permutation_importances(x, y))
    held_x, held_y = made(2000, seed=9)
    forest = RandomForestRegressor(200, min_samples_leaf=2, random_state=3).fit(x, y)
    wanted = permutation_importance(forest, held_x, held_y, n_repeats=5, random_state=1).importances_mean
    assert found == pytest.approx(wanted, abs=0.25)
    assert found.argsort().tolist() == wanted.argsort().tolist() == [2, 1, 0]
    assert found[2] < 0.05


def test_noise_is_worth_nothing() -> None:
    x, _ = made(100)
    noise = np.random.default_rng(5).normal(size=100)
    assert max(permutation_importances(x, noise)) < 0.15


def test_each_arm_has_its_own_and_the_decisive_one_comes_first(make_comparison) -> None:
    found = importances_of(make_comparison(trials=60))
    assert set(found) == {"lstm", "gru"}
    assert all(next(iter(its)) == "learning_rate" for its in found.values())  # what the fixture's losses depend on
    assert all(0 <= value <= 1 for its in found.values() for value in its.values())


def test_what_alone_decides_accounts_for_nearly_all_of_the_variance() -> None:
    random = np.random.default_rng(3)
    x = random.random((400, 2))
    worth = permutation_importances(x, rankdata(x[:, 0]) - 1)[0]
    assert worth / 2 == pytest.approx(1.0, abs=0.1)


def test_few_trials_or_equal_scores_have_none(make_comparison) -> None:
    assert importances_of(make_comparison(trials=FEWEST_TRIALS - 1)) == {}
    whole = make_comparison(trials=30)
    level = tuple(replace(trial, validation_score=1.0) for trial in whole.trials)
    assert importances_of(replace(whole, trials=level)) == {}


def test_words_truth_values_and_what_is_absent_become_numbers() -> None:
    assert _numbers(["b", "a", None, "b"]) == [1.0, 0.0, -1.0, 1.0]
    assert _numbers([True, False, 3]) == [1.0, 0.0, 3.0]
