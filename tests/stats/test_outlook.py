"""One line for every outcome: the posterior against integration, the estimate against what must not change it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from harness.records import Direction
from harness.stats.differences import sides_of
from harness.stats.levels import LEVEL, WORTH, compared_at
from harness.stats.outlook import (
    PRIOR,
    REGRET_PRIOR,
    LogRatio,
    outlook,
    over_replicates,
    over_trials,
    posterior,
    settling,
    turned_to,
)


def density(x, prior):
    return sum(weight * stats.norm.pdf(x, scale=width) for weight, width in prior)


@pytest.mark.parametrize(("log_ratio", "error"), [(0.05, 0.1), (-0.2, 0.05), (0.5, 0.3), (0.0, 0.1)])
def test_the_posterior_is_that_of_the_prior_by_integration(log_ratio, error):
    def mass(low, prior):
        return integrate.quad(lambda x: density(x, prior) * stats.norm.pdf(log_ratio, x, error), low, 4, points=[0])[0]

    found = posterior(log_ratio, error)
    assert found.probability == pytest.approx(mass(0, PRIOR) / mass(-4, PRIOR), abs=1e-6)
    ((_, width),) = REGRET_PRIOR
    kept = 1 / (1 + (error / width) ** 2)
    cost = stats.norm.ppf(LEVEL, -kept * log_ratio, math.sqrt(kept) * error)
    assert found.regret == pytest.approx(max(0.0, math.expm1(cost)), abs=1e-9)


def test_the_line_is_turned_to_the_one_that_is_favoured():
    one, other = outlook("lstm", "gru", -0.1, 0.1), outlook("gru", "lstm", 0.1, 0.1)
    assert one == other
    assert (one.better, one.against) == ("gru", "lstm")
    assert 0.5 < one.probability < 1
    back = turned_to("lstm", one)
    assert back.probability == pytest.approx(1 - one.probability)
    assert back.regret > one.regret
    assert turned_to("gru", back) == one


def test_certainty_is_certain_and_no_difference_is_even():
    assert outlook("a", "b", 0.2, 0.0).probability == pytest.approx(1)
    assert outlook("a", "b", 0.2, 0.0).regret == 0
    assert outlook("a", "b", 0.0, 0.0).probability == 0.5


def pair(rows_of, tuned, factor=1.0, trials=20, seed=1, kind="skewed", turn=lambda x: x):
    random = np.random.default_rng(seed)
    scores = {}
    for family, scale in (("lstm", 1.0), ("gru", factor)):
        validation, test = tuned[kind](random, 20)
        scores[family] = [(turn(scale * v), turn(scale * t)) for v, t in zip(validation, test, strict=True)]
    return rows_of(scores, trials=trials)


def ratio_of(rows, direction=Direction.MIN, n=20):
    sides = sides_of(rows, ["lstm", "gru"], direction)
    return over_trials("toy", sides["lstm"], sides["gru"], n, compared_at(n, 20))


def test_losses_times_a_factor_differ_by_its_logarithm(rows_of, tuned):
    """Every validation and every test loss of one family times two: the fit changes, so to within a tenth."""
    one, two = (ratio_of(pair(rows_of, tuned, factor)) for factor in (1.0, 2.0))
    assert two.value - one.value == pytest.approx(math.log(2), abs=0.1)
    assert two.error > 0


def test_a_score_is_judged_by_what_it_lacks_to_one(rows_of, tuned):
    losses = pair(rows_of, tuned, kind="accuracy")
    scores = pair(rows_of, tuned, kind="accuracy", turn=lambda x: 1 - x)
    one, other = ratio_of(losses), ratio_of(scores, Direction.MAX)
    assert other.value == pytest.approx(one.value, abs=1e-9)
    assert other.error == pytest.approx(one.error, rel=1e-6)


def test_neither_order_nor_names_change_the_line(rows_of, tuned):
    rows = pair(rows_of, tuned, 1.3)
    sides = sides_of(rows, ["lstm", "gru"], Direction.MIN)
    turned = over_trials("toy", sides["gru"], sides["lstm"], 20, 5)
    assert turned.value == pytest.approx(-ratio_of(rows).value)
    assert turned.error == pytest.approx(ratio_of(rows).error, rel=1e-12)


def test_a_loss_of_zero_counts_as_half_of_the_smallest_other_one(rows_of):
    zero = {"lstm": [(0.1 * i, 0.4 * (i > 9)) for i in range(20)], "gru": [(0.1 * i, 0.4) for i in range(20)]}
    half = {"lstm": [(v, t or 0.2) for v, t in zero["lstm"]], "gru": zero["gru"]}
    assert ratio_of(rows_of(zero)) == ratio_of(rows_of(half))
    assert ratio_of(rows_of(zero)).value > 0
    nothing = {family: [(0.1 * i, 0.0) for i in range(20)] for family in ("lstm", "gru")}
    assert ratio_of(rows_of(nothing)) == LogRatio(0.0, 0.0)


def test_losses_below_zero_have_no_ratio(rows_of):
    scores = {"lstm": [(i, -1.0 - i) for i in range(20)], "gru": [(i, 1.0) for i in range(20)]}
    assert ratio_of(rows_of(scores)) is None


def test_over_replicates_the_estimate_is_welchs_of_the_logarithms(rows_of):
    random = np.random.default_rng(0)
    losses = {family: np.exp(random.normal(size=5)) for family in ("lstm", "gru")}
    rows = rows_of({family: [(1.0, loss) for loss in its] for family, its in losses.items()}, trials=1)
    sides = sides_of(rows, ["lstm", "gru"], Direction.MIN)
    found = over_replicates(sides["lstm"], sides["gru"])
    theirs = stats.ttest_ind(np.log(losses["gru"]), np.log(losses["lstm"]), equal_var=False)
    interval = theirs.confidence_interval(LEVEL)
    assert found.value == pytest.approx((interval.low + interval.high) / 2)
    assert found.error * stats.norm.ppf((1 + LEVEL) / 2) == pytest.approx((interval.high - interval.low) / 2)
    assert over_replicates(*(sides_of(rows[4:6], ["lstm", "gru"], Direction.MIN)[f] for f in ("lstm", "gru"))) is None


def test_the_assurance_is_the_power_averaged_over_what_may_be_true():
    """By drawing the truth from the posterior, then replicates of it: the same chance."""
    seen, so_far = LogRatio(0.3, 0.15), 4
    found = settling(seen, replicates=so_far, trials=10, level=LEVEL, adaptive=True, seconds=60.0)
    assert found.worth
    more = found.replicates[-1]
    random = np.random.default_rng(1)
    weights = np.array([w * stats.norm.pdf(seen.value, scale=math.hypot(width, seen.error)) for w, width in PRIOR])
    which = random.choice(len(PRIOR), 200_000, p=weights / weights.sum())
    widths = np.array([width for _, width in PRIOR])[which]
    kept = widths**2 / (widths**2 + seen.error**2)
    truth = kept * seen.value + np.sqrt(kept) * seen.error * random.normal(size=len(which))
    fresh = truth + seen.error * math.sqrt(so_far / more) * random.normal(size=len(which))
    together = (so_far * seen.value + more * fresh) / (so_far + more)
    error = seen.error * math.sqrt(so_far / (so_far + more))
    decided = np.mean(np.abs(together) > stats.norm.ppf((1 + LEVEL) / 2) * error)
    assert found.chance == pytest.approx(decided, abs=0.005)
    assert found.chance > 0.5
    assert found.trials == tuple(10 * count for count in found.replicates)
    assert found.seconds == tuple(60.0 * count for count in found.replicates)


def test_what_would_take_more_than_ten_times_as_much_is_not_worth_it():
    found = settling(LogRatio(0.001, 0.1), replicates=2, trials=20, level=LEVEL)
    assert (found.worth, found.replicates, found.seconds) == (False, (2 * WORTH,), None)
    assert found.chance < 0.8
    assert settling(LogRatio(0.0, 0.0), replicates=2, trials=20, level=LEVEL) is None


def test_an_equivalence_margin_may_settle_it():
    narrow, wide = (
        settling(LogRatio(0.0, 0.02), replicates=5, trials=20, level=LEVEL, margin=margin) for margin in (0.0, 0.05)
    )
    assert wide.chance > narrow.chance
    assert wide.replicates[-1] < narrow.replicates[-1]
