"""The models in hand and their configurations: what decides, what scores, and how often either errs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from harness.records import CaseScores, Configurations, Direction, ModelsInHand
from harness.stats.in_hand import configurations, halves, log_ratio_over_cases, models_in_hand, swapped

MIN, MAX = Direction.MIN, Direction.MAX
SELECTED = {"lstm": ("lstm", 1, 3), "gru": ("gru", 1, 5)}


def cases_of(block: int = 1, count: int = 0, **values) -> dict[tuple[str, int, int], CaseScores]:
    return {
        SELECTED[name]: CaseScores(count or len(its), block, tuple(map(float, its))) for name, its in values.items()
    }


def compared(cases, direction: Direction = MIN, level: float = 0.95) -> ModelsInHand:
    found = models_in_hand(SELECTED, cases, ("lstm", "gru"), direction, level)
    assert found is not None
    return found


@pytest.mark.parametrize(("groups", "block"), [(200, 1), (200, 6), (41, 1), (200, 34)])
def test_halves_are_alternate_blocks_of_neighbours(groups: int, block: int) -> None:
    deciding, scoring = halves(groups, block)
    assert sorted([*deciding, *scoring]) == list(range(groups))
    assert abs(len(deciding) - len(scoring)) <= block
    assert all(place // block % 2 == 0 for place in deciding)


def test_one_half_decides_and_the_other_scores() -> None:
    random = np.random.default_rng(1)
    first, second = random.gamma(2.0, size=100), random.gamma(2.0, size=100) + 1
    found = compared(cases_of(count=300, lstm=first, gru=second))
    assert (found.family, found.cases, found.scored_cases, found.block) == ("lstm", 150, 150, 3)
    assert found.difference == pytest.approx((second - first)[::2].mean())
    assert found.low < found.difference < found.high
    assert found.scores == pytest.approx({"lstm": first[1::2].mean(), "gru": second[1::2].mean()})
    other = second.copy()
    other[1::2] -= 5  # of the half that scores
    moved = compared(cases_of(count=300, lstm=first, gru=other))
    assert (moved.family, moved.low, moved.outlook) == (found.family, found.low, found.outlook)
    assert moved.scores["gru"] == pytest.approx(found.scores["gru"] - 5)


def test_higher_scores_turn_the_difference_and_the_loss() -> None:
    hits = np.random.default_rng(2).random((2, 100)) < np.array([[0.9], [0.6]])
    found = compared(cases_of(lstm=hits[0], gru=hits[1]), MAX)
    lacking = 1 - hits[:, ::2].mean(axis=1)
    assert found.family == "lstm"
    assert found.difference == pytest.approx(lacking[1] - lacking[0])
    assert found.outlook is not None
    assert found.outlook.log_ratio == pytest.approx(math.log(lacking[1] / lacking[0]))
    assert found.outlook.better == "lstm"


@pytest.mark.parametrize("draw", ["normal", "standard_cauchy"])
def test_two_models_that_are_alike_are_rarely_told_apart(draw: str) -> None:
    random = np.random.default_rng(3)
    named = [
        compared(cases_of(**{name: getattr(random, draw)(size=60) for name in SELECTED})).family is not None
        for _ in range(500)
    ]
    assert sum(named) <= stats.binom.ppf(0.999, 500, 0.05)


def test_cases_that_depend_on_each_other_are_swapped_together() -> None:
    differences = np.repeat(np.random.default_rng(4).normal(0.3, 1, 20), 5)
    alone, together = swapped(differences, 1), swapped(differences, 5)
    sums = differences[::5]
    exact = stats.permutation_test(
        (sums,), lambda x, axis: np.mean(x, axis=axis), permutation_type="samples", n_resamples=20_000, random_state=1
    ).pvalue
    assert together == pytest.approx(exact, abs=0.05)
    assert alone < together


def test_few_or_unknown_cases_are_no_answer() -> None:
    enough, few = np.arange(40.0), np.arange(39.0)
    assert models_in_hand(SELECTED, cases_of(lstm=few, gru=few), ("lstm", "gru"), MIN, 0.95) is None
    assert models_in_hand(SELECTED, cases_of(lstm=enough), ("lstm", "gru"), MIN, 0.95) is None
    assert models_in_hand(SELECTED, cases_of(lstm=enough, gru=few), ("lstm", "gru"), MIN, 0.95) is None
    equal = compared(cases_of(lstm=enough, gru=enough))
    assert (equal.family, equal.difference, equal.permutation_p) == (None, 0, None)
    assert equal.outlook is not None
    assert equal.outlook.probability == 0.5


def test_a_perfect_model_counts_as_half_a_case() -> None:
    ratio, error = log_ratio_over_cases(np.ones(50), np.array([1.0] * 45 + [0.0] * 5), 1, MAX) or (0, 0)
    assert ratio == pytest.approx(math.log(0.1 / (1 / 2 / 50)))
    assert 0 < error < 2
    assert log_ratio_over_cases(np.full(50, -1.0), np.ones(50), 1, MIN) is None


def test_the_error_of_the_log_ratio_is_that_of_paired_cases() -> None:
    random = np.random.default_rng(5)
    hard = random.gamma(2.0, size=100)
    found = log_ratio_over_cases(hard, hard * (1.2 + 0.1 * random.random(100)), 1, MIN)
    assert found is not None
    assert found[0] == pytest.approx(math.log(1.25), abs=0.02)
    assert found[1] < 0.01  # though a mean of such cases scatters by 7 %


def configured(scores, cases=None, direction: Direction = MIN) -> Configurations:
    found = configurations(scores, cases or {}, direction, 0.95)
    assert found is not None
    return found


def test_configurations_are_compared_by_welch_over_seeds() -> None:
    lstm, gru = [0.20, 0.22, 0.21, 0.25, 0.19], [0.15, 0.16, 0.14, 0.19, 0.15]
    found = configured({"lstm": lstm, "gru": gru})
    wanted = stats.ttest_ind(np.log(gru), np.log(lstm), equal_var=False)
    interval = wanted.confidence_interval(0.95)
    assert found.p == pytest.approx(wanted.pvalue)
    assert found.low == pytest.approx(np.mean(lstm) * np.expm1(interval.low))
    assert found.high == pytest.approx(np.mean(lstm) * np.expm1(interval.high))
    assert (found.family, found.seeds, found.families, found.over_cases) == ("gru", 5, ("lstm", "gru"), None)
    turned = configured({"lstm": [1 - x for x in lstm], "gru": [1 - x for x in gru]}, direction=MAX)
    assert (turned.family, turned.difference) == ("gru", pytest.approx(found.difference))
    assert turned.means == pytest.approx({"lstm": 1 - np.mean(lstm), "gru": 1 - np.mean(gru)})
    perfect = configured({"lstm": lstm, "gru": [*gru[:4], 0.0]})
    assert perfect.p == pytest.approx(stats.ttest_ind([*gru[:4], 0.0], lstm, equal_var=False).pvalue)
    assert configurations({"lstm": lstm, "gru": [0.1]}, {}, MIN, 0.95) is None


def test_of_three_configurations_the_two_best_are_told_apart_with_holm() -> None:
    random = np.random.default_rng(6)
    scores = {name: (mean + random.normal(0, 0.1, 5)).tolist() for name, mean in (("a", 5.0), ("b", 1.0), ("c", 1.1))}
    found = configured(scores)
    raw = stats.ttest_ind(np.log(scores["c"]), np.log(scores["b"]), equal_var=False).pvalue
    assert set(found.families) == {"b", "c"}
    assert found.p == pytest.approx(raw)  # the largest of the three
    near = {**scores, "a": [2 * x for x in scores["c"]], "b": [x / 1.3 for x in scores["b"]]}
    first = stats.ttest_ind(np.log(near["c"]), np.log(near["b"]), equal_var=False).pvalue
    assert configured(near).p == pytest.approx(first)  # the largest again, and so not adjusted
    far = {**near, "a": [1.05 * x for x in near["c"]]}
    p = {name: stats.ttest_ind(np.log(far[name]), np.log(far["b"]), equal_var=False).pvalue for name in ("a", "c")}
    assert configured(far).p == pytest.approx(max(2 * p["c"], 3 * p["a"]))


def test_seeds_over_cases_are_the_interval_of_their_means() -> None:
    random = np.random.default_rng(7)
    hard = random.gamma(2.0, size=80)
    known = {
        name: [CaseScores(80, 1, tuple(hard * level + random.normal(0, 0.1, 80))) for _ in range(5)]
        for name, level in (("lstm", 1.0), ("gru", 1.5))
    }
    scores = {name: [float(np.mean(one.values)) for one in its] for name, its in known.items()}
    found = configured(scores, known)
    means = {name: np.mean([one.values for one in its], axis=0) for name, its in known.items()}
    wanted = stats.bootstrap(
        (means["gru"] - means["lstm"],), np.mean, method="percentile", random_state=1
    ).confidence_interval
    assert found.over_cases is not None
    assert found.over_cases.low == pytest.approx(wanted.low, abs=0.05)
    assert found.over_cases.settled
    assert configured(scores, {**known, "gru": [None, *known["gru"][1:]]}).over_cases is None
