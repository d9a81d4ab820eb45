"""Replays of two families that differ: known behaviour of known pools."""

from __future__ import annotations

import math

import numpy as np
import pytest
from two_families import drawn, equal, expected_of, jobs_of, outlooks, played, real, scaled


@pytest.fixture
def pools(tuned):
    """160 trials of two families whose losses differ in size and in spread."""
    random = np.random.default_rng(7)
    (one, other), (second, third) = (tuned["skewed"](random, 160) for _ in range(2))
    return {"lstm": (one, other), "gru": (1.5 * second, 1.5 * third)}


def test_the_expected_loss_of_a_pool_is_that_of_its_draws(pools):
    sides = [its["lstm"] for its in drawn("toy", pools, 5, 20_000)]
    best = [test[np.argmin(validation)] for validation, test in sides]
    assert expected_of(pools["lstm"], 5) == pytest.approx(np.mean(best), rel=0.01)
    assert expected_of(scaled(pools["lstm"], 3.0), 5) == pytest.approx(3 * expected_of(pools["lstm"], 5))


def test_equal_families_are_seldom_named_and_different_ones_often(pools):
    assert equal("toy", pools, 3, 10, 60, at_budget=False)["named"] <= 9
    found = real("toy", pools, 1, 20, 60)
    assert found["right"] >= 30
    assert found["right before"] < found["right"]
    assert found["wrong"] == 0


def test_what_is_stated_is_held_against_what_is_true(pools):
    rows = outlooks("toy", pools, 5, 20, 30)["rows"]
    assert len(rows) == 30
    assert all(0.5 <= probability <= 1 for probability, *_ in rows)
    sure = [right for probability, right, *_ in rows if probability > 0.9]
    assert np.mean(sure) > 0.8
    assert np.mean([cost <= regret for _, _, regret, cost, *_ in rows]) > 0.8
    assert all(math.isfinite(regret) for _, _, regret, *_ in rows)


def test_finished_cells_are_not_played_again(pools, tmp_path):
    jobs, kept = jobs_of({"toy": pools}, "outlook", 1), tmp_path / "cells"
    first = played({"toy": pools}, jobs, kept)
    assert len(kept.read_text(encoding="utf-8").splitlines()) == len(jobs)
    assert played({}, jobs, kept) == first
