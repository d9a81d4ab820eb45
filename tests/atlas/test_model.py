"""The Atlas's model gives back what made-up data sets were drawn from, to the digits that it claims."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.atlas.model import Estimate, Posterior
from harness.atlas.regression import reml


def drawn(
    mean: float = 0.05,
    between: float = 0.05,
    within: float = 0.08,
    sources: int = 30,
    datasets: int = 40,
    seed: int = 1,
    far: int = 0,
) -> list[Estimate]:
    """Estimates drawn from the model, the first ones far out."""
    chance = np.random.default_rng(seed)
    levels = mean + between * chance.normal(size=sources)
    found = []
    for place in range(datasets):
        error = float(chance.uniform(0.02, 0.12))
        true = levels[place % sources] + within * chance.normal() + (1.5 if place < far else 0.0)
        value = float(true + error * chance.normal())
        found.append(Estimate(f"d{place}", f"s{place % sources}", "label", value, error, 20.0, 200.0, 1.0))
    return found


def test_the_mean_of_known_data_sets_is_within_its_interval() -> None:
    its = Posterior(drawn()).pooled()
    assert its.low < 0.05 < its.high
    assert its.high - its.low < 0.1
    assert 0.03 < its.within < 0.1


def test_a_finer_grid_changes_no_fourth_digit() -> None:
    usual, finer = (Posterior(drawn(far=2), finer).pooled() for finer in (1.0, 1.3))
    for name in ("mean", "error", "low", "high", "probability", "equal", "between", "within", "new"):
        assert getattr(usual, name) == pytest.approx(getattr(finer, name), rel=5e-5, abs=5e-7), name


def test_the_same_estimates_in_another_order_give_the_same_answer() -> None:
    one, other = drawn(), drawn()[::-1]
    assert Posterior(one).pooled().mean == pytest.approx(Posterior(other).pooled().mean, rel=1e-9)


def test_data_sets_far_out_hardly_move_the_mean() -> None:
    clean, far = (Posterior(drawn(far=count)) for count in (0, 3))
    moved = abs(far.pooled().mean - clean.pooled().mean)
    assert moved < 0.03  # the plain mean moves by 3 · 1.5 / 40 = 0.11
    assert far.shrunken()[0].far > 0.99
    assert max(one.far for one in far.shrunken()[3:]) < 0.6


def test_copies_of_one_source_do_not_count_as_new_sources() -> None:
    alone = drawn(sources=12, datasets=12)
    copied = [*alone, *(Estimate(f"{one.dataset}-{n}", one.source, "label", one.log_ratio, one.error, 20, 200, 1)
                        for one in alone[:2] for n in range(20))]  # fmt: skip
    as_sources = [Estimate(one.dataset, one.dataset, "label", one.log_ratio, one.error, 20, 200, 1) for one in copied]
    clustered, naive = Posterior(copied).pooled(), Posterior(as_sources).pooled()
    assert clustered.error > 1.5 * naive.error


def test_single_data_sets_are_pulled_towards_the_others() -> None:
    estimates = drawn()
    shrunken = Posterior(estimates).shrunken()
    smaller = [one.error < own.error for one, own in zip(shrunken, estimates, strict=True)]
    assert np.mean(smaller) > 0.9
    spread = np.std([one.mean for one in shrunken]) / np.std([one.log_ratio for one in estimates])
    assert 0.4 < spread < 0.95


def test_leaving_a_source_out_is_fitting_the_others() -> None:
    estimates = drawn(sources=15, datasets=20)
    others = [one for one in estimates if one.source != "s3"]
    left, alone = Posterior(estimates).predictive("s3"), Posterior(others).predictive()
    for one, other in zip(left, alone, strict=True):
        assert one.mean == pytest.approx(other.mean, rel=1e-3)
        assert one.spread == pytest.approx(other.spread, rel=1e-3)
    assert math.fsum(part.weight for part in left) == pytest.approx(1)


def test_too_few_data_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="9 data sets of 9 sources"):
        Posterior(drawn(sources=9, datasets=9))


def test_reml_is_the_mean_of_equal_errors() -> None:
    values = np.array([0.1, 0.3, -0.2, 0.4, 0.0, 0.2])
    found = reml(values, np.full(6, 0.05), [f"s{place}" for place in range(6)])
    assert found is not None
    its = found.of([1.0])
    assert its.value == pytest.approx(values.mean())
    # Every source once: the interval is that of Student's t for a plain mean.
    assert (its.high - its.low) / 2 == pytest.approx(2.570582 * values.std(ddof=1) / math.sqrt(6), rel=1e-4)


def test_reml_covers_the_mean_as_often_as_it_claims() -> None:
    covered = 0
    for seed in range(60):
        estimates = drawn(mean=0.05, between=0.1, within=0.05, sources=15, datasets=25, seed=seed)
        found = reml(
            np.array([one.log_ratio for one in estimates]),
            np.array([one.error for one in estimates]),
            [one.source for one in estimates],
        )
        assert found is not None
        its = found.of([1.0])
        covered += its.low <= 0.05 <= its.high
    assert covered / 60 >= 0.90


@pytest.mark.slow
def test_the_pooled_interval_covers_as_often_as_it_claims() -> None:
    found = [
        Posterior(drawn(mean=0.03, between=0.06, within=0.1, sources=56, datasets=80, seed=seed)).pooled()
        for seed in range(100)
    ]
    assert 90 <= sum(its.low <= 0.03 <= its.high for its in found) <= 99
    assert np.mean([its.mean for its in found]) == pytest.approx(0.03, abs=0.006)
    assert np.mean([its.error for its in found]) == pytest.approx(np.std([its.mean for its in found]), rel=0.25)
