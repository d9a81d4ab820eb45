"""Whose model is registered, and whether it may be the champion: what the verdict recommends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.records import BaselineScore, ComparisonResult, FamilyResult, Reason, Recommendation, Use
from harness.sweeps.register import choose, short_of_champion


@pytest.fixture
def answered(swept):
    """The sweep's first comparison, recommending the family whose validation score is worse."""

    def make(**changes: object) -> ComparisonResult:
        result = swept.result.comparisons[0]
        better = result.objective.direction.sign
        worse = max(result.families, key=lambda family: better * family.validation_score)
        other = next(family for family in result.families if family is not worse)
        fields = {
            "use": Use.MODEL,
            "family": worse.family.name,
            "baseline": None,
            "reason": Reason.TEST_CASES,
            "because": "",
            "against": other.family.name,
            "lower_loss": 0.1,
            "probability": 0.9,
            "regret": 0.01,
            "level": 0.95,
            "abstains": "",
            "scores": {family.family.name: family.test_score for family in result.families},
        }
        found = Recommendation(**{**fields, **changes})
        return replace(result, verdict=replace(result.verdict, recommendation=found))

    return make


def chosen(result: ComparisonResult) -> tuple[FamilyResult, str]:
    found = choose(result)
    assert found is not None
    return found


def test_the_recommended_familys_model_is_registered(answered) -> None:
    result = answered()
    family, why = chosen(result)
    name = result.verdict.recommendation.family
    assert family.family.name == name
    assert why == f"{name}'s model is the better one over the test cases that decide"


def test_a_cheaper_familys_reason_has_its_numbers(answered) -> None:
    numbers = "fewer parameters: 1,234 against 2,345 of lstm"
    result = answered(use=Use.EITHER, reason=Reason.CHEAPER, because=numbers)
    assert chosen(result)[1].endswith(f" is the cheaper one ({numbers})")


def test_no_model_is_champion_where_the_baseline_is_recommended(answered) -> None:
    def without_baselines(**changes: object) -> ComparisonResult:
        return replace(answered(**changes), baselines=())

    free = without_baselines()
    assert short_of_champion(free, chosen(free)[0]) == ""
    recommended = without_baselines(use=Use.BASELINE, baseline="mean", reason=Reason.BASELINE)
    family, why = chosen(recommended)
    assert short_of_champion(recommended, family) == "is not what the sweep recommends: use the baseline mean"
    assert why.endswith("'s model comes first of those that do not beat the baseline mean")


def test_a_candidate_is_told_which_baseline_it_does_not_beat(answered) -> None:
    result = replace(answered(use=Use.BASELINE, baseline="ridge", reason=Reason.BASELINE), cases={})
    family, _ = chosen(result)
    far_better = family.test_score - 1e3 * result.objective.direction.sign
    ahead = BaselineScore("ridge", far_better, far_better)
    assert short_of_champion(replace(result, baselines=(ahead,)), family).startswith(
        "does not beat the best baseline, ridge: "
    )
    selected = BaselineScore("ridge", far_better, family.test_score + 1e3 * result.objective.direction.sign)
    third = replace(ahead, name="persistence", validation_score=-far_better)
    assert short_of_champion(replace(result, baselines=(selected, third)), family).startswith(
        "is behind the baseline persistence by more than the margin "
    )


@pytest.mark.parametrize("use", [Use.MODEL, Use.EITHER])
def test_what_is_recommended_may_be_champion_by_the_same_decision(answered, use: Use) -> None:
    result = answered(use=use)
    assert short_of_champion(result, chosen(result)[0]) == ""


def test_a_verdict_of_an_earlier_version_chooses_as_it_did(answered) -> None:
    result = answered()
    old = replace(result, verdict=replace(result.verdict, recommendation=None))
    assert chosen(old)[0].family.name != result.verdict.recommendation.family
    assert "recommend" not in chosen(old)[1]
