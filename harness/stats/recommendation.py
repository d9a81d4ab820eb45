"""What to use on a dataset: a family's model, either family's, or the baseline; always one answer, and how sure it is.

Whose model that is follows one order:

1. The baseline that validation selects, or else chance, where the model that the following name does not beat it
   (`gate`): beyond the interval over the test cases which decide, and where single cases are unknown by score; or any
   baseline that is ahead of it on the whole test part by more than the equivalence margin.
2. The model that is better over the test cases which decide, where the models in hand are decided.
3. The cheaper family's, where families are practically equal and nothing known says that its model is worse by more
   than the equivalence margin.
4. The model for which the evidence of the cases that decide speaks: the two models' own scores and those of all trials
   of their families (`evidence`). Where single cases are unknown, the model that validation selected: of the families
   the one whose search is expected to have the better validation score.

What is decided of the families over searches never changes whose model to use, only how it is said. Probability and
regret come from what chose; where single cases are unknown, from the outlook of the families.

Pure: takes numbers, gives a record; words are made in `sentences`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.records import (
    BaselineScore,
    CaseScores,
    Direction,
    Objective,
    Outcome,
    Reason,
    Recommendation,
    ScoreRow,
    TrialStatus,
    Use,
    Verdict,
)
from harness.stats.evidence import Evidence, expected_validation, over_cases
from harness.stats.gate import against_baseline, failing, over_scoring
from harness.stats.in_hand import configurations, models_in_hand
from harness.stats.levels import LEVEL
from harness.stats.outlook import turned_to
from harness.stats.test_set import Cases


@dataclass(frozen=True, slots=True)
class Selected:
    """The trial that validation selected of a family.

    Attributes:
        key: Family, replicate and number of the trial.
        validation: Its validation score.
        test: Its test score; None where it is unknown.
        parameters: Its trainable weights; None where they are unknown.
        seed_scores: Test scores of its hyperparameters over fresh seeds, in order.
        seed_cases: The same over test cases; empty where single cases are unknown.
    """

    key: tuple[str, int, int]
    validation: float
    test: float | None
    parameters: int | None = None
    seed_scores: Sequence[float] = ()
    seed_cases: Sequence[CaseScores | None] = field(default=())


def selected_of(rows: Sequence[ScoreRow], objective: Objective) -> dict[str, Selected]:
    """What validation selects of a table's rows: of equal scores the earliest trial.

    Args:
        rows: One dataset's rows.
        objective: The metric.

    Returns:
        The selected trial by the family's name, of each family with a completed trial.
    """
    sign, found = objective.direction.sign, dict[str, Selected]()
    known = [row for row in rows if row.status is TrialStatus.COMPLETED and row.validation is not None]
    for row in sorted(known, key=lambda row: (sign * (row.validation or 0.0), row.replicate, row.trial)):
        key = (row.family, row.replicate, row.trial)
        found.setdefault(row.family, Selected(key, row.validation or 0.0, row.test, row.parameters))
    return {name: found[name] for name in dict.fromkeys(row.family for row in rows) if name in found}


def answered(
    verdict: Verdict,
    selected: Mapping[str, Selected],
    rows: Sequence[ScoreRow],
    *,
    objective: Objective,
    baselines: Sequence[BaselineScore],
    cases: Cases,
    adaptive: bool = False,
) -> Verdict:
    """The verdict with what it says besides of the models in hand and their configurations, and what to use.

    Args:
        verdict: What is decided of the families.
        selected: The selected trial of each family, by its name.
        rows: The rows that it was decided from.
        objective: The metric.
        baselines: The baselines' scores.
        cases: Scores of searched trials over test cases by family, replicate and number; empty where unknown.
        adaptive: Whether the replicate is the unit.
    """
    direction, level = objective.direction, verdict.level
    compared = verdict.compared_at or verdict.trials
    scores = {name: selected[name].seed_scores for name in verdict.families if name in selected}
    over_seeds = configurations(scores, {name: selected[name].seed_cases for name in scores}, direction, level)
    expected = expected_validation(rows, list(scores), direction, compared=compared, adaptive=adaptive)
    ranked = sorted(scores, key=lambda name: (expected[name], selected[name].parameters or math.inf))
    pair = [name for name in verdict.families if name in ranked[:2]]
    keys = {name: selected[name].key for name in scores}
    models = models_in_hand(keys, cases, pair, direction, level) if len(pair) == 2 else None
    evidence = (
        over_cases(models, rows, cases, direction, trials=verdict.trials, compared=compared, adaptive=adaptive)
        if models
        else None
    )
    found = replace(verdict, models=models, configurations=over_seeds)
    return replace(
        found,
        recommendation=recommend(
            found, selected, ranked, evidence, objective=objective, baselines=baselines, cases=cases
        ),
    )


def recommend(
    verdict: Verdict,
    selected: Mapping[str, Selected],
    ranked: Sequence[str],
    evidence: Evidence | None,
    *,
    objective: Objective,
    baselines: Sequence[BaselineScore],
    cases: Cases,
) -> Recommendation | None:
    """What to use, by how much it is better, and how sure that is.

    Args:
        verdict: What is decided, `models` and `configurations` included.
        selected: The selected trial of each family, by its name.
        ranked: The families with one, best first by validation.
        evidence: What the cases that decide say of the two best; None where single cases are unknown.
        objective: The metric.
        baselines: The baselines' scores.
        cases: Scores of searched trials over test cases.

    Returns:
        The recommendation; None where no family has a completed trial.
    """
    direction = objective.direction
    if not ranked:
        return None
    models = verdict.models
    tests = {name: one.test for name, one in selected.items() if one.test is not None and math.isfinite(one.test)}
    scores = dict(models.scores) if models else tests
    chosen, use, reason, because = ranked[0], Use.MODEL, Reason.VALIDATION, ""
    if models and models.family:
        chosen, reason = models.family, Reason.TEST_CASES
    elif _cheaper_will_do(verdict, selected, direction):
        chosen, use, reason = verdict.recommended or chosen, Use.EITHER, Reason.CHEAPER
        because = verdict.cheaper_because
    elif evidence and evidence.favours:
        chosen, reason = evidence.favours, Reason.TRIALS
    test, its_cases = tests.get(chosen), cases.get(selected[chosen].key)
    failed = failing(test, its_cases, baselines, objective, verdict.margin)
    baseline = failed[0].baseline if failed else None
    if baseline:
        use, because, against = Use.BASELINE, "", chosen
        reason = Reason.NOT_BEATEN if failed[0].seems_better else Reason.BASELINE
        mine, others = over_scoring(baseline, its_cases) or (baseline.test_score, test)
        lower = _lower(mine, others, direction)
        certainty = _certainty_of_baseline(verdict, baseline, chosen, its_cases, direction)
    else:
        against = _against(chosen, verdict, ranked) or ""
        lower = _lower(scores.get(chosen), scores.get(against), direction)
        certainty = _certainty(verdict, evidence, chosen, against)
    probability, regret, abstains = certainty
    return Recommendation(
        use=use,
        family=chosen,
        baseline=baseline.name if baseline else None,
        reason=reason,
        because=because,
        against=against or None,
        lower_loss=lower,
        probability=probability,
        regret=regret,
        level=LEVEL,
        abstains=abstains,
        scores=scores,
        scored_cases=models.scored_cases if models else None,
        baseline_score=_of_baseline(baselines, its_cases if models else None, objective),
    )


_BASELINE_HAS_NO_CASES = "one score of a baseline says nothing of chance: its test cases are not known, or too few"
_NOTHING_KNOWN = "nothing is known of how the two losses scatter"


def _of_baseline(baselines: Sequence[BaselineScore], model: CaseScores | None, objective: Objective) -> float | None:
    """Test score of the best baseline over the cases that score a model; over all where no case chose."""
    best = BaselineScore.best(baselines, objective)
    if best is None or model is None:
        return best.test_score if best else None
    both = over_scoring(best, model)
    return both[0] if both else None


def _cheaper_will_do(verdict: Verdict, selected: Mapping[str, Selected], direction: Direction) -> bool:
    """Whether families are practically equal, one is cheaper, and no estimate says that it is too much worse.

    The estimates are those at which no published score had a part: the expected scores over all trials, validation,
    and the cases that decide between the models in hand.
    """
    name, margin = verdict.recommended, verdict.margin
    if verdict.outcome is not Outcome.PRACTICALLY_EQUAL or name is None or name not in selected:
        return False
    others = [family for family in verdict.families if family != name]
    validation = {family: one.validation for family, one in selected.items()}
    worse = [
        direction.sign * (known[name] - known[family])
        for known in (verdict.expected, verdict.expected_at, validation)
        for family in others
        if {name, family} <= set(known)
    ]
    if (models := verdict.models) and name in models.families:
        worse.append(-models.difference if models.families[0] == name else models.difference)
    return all(one <= margin for one in worse)


def _against(chosen: str, verdict: Verdict, ranked: Sequence[str]) -> str | None:
    """What the chosen family's model is compared with: that of the other family, or the best other by validation."""
    if verdict.models and chosen in verdict.models.families:
        return next(name for name in verdict.models.families if name != chosen)
    return next((name for name in ranked if name != chosen), None)


Certainty = tuple[float | None, float | None, str]
"""Probability that what is used is better, what it costs at most, and why neither is known; empty where they are."""


def _certainty_of_baseline(
    verdict: Verdict, baseline: BaselineScore, family: str, model: CaseScores | None, direction: Direction
) -> Certainty:
    """How sure it is that a baseline is better than a family's model, by the cases that decide."""
    if verdict.reasons_to_abstain:
        return None, None, "; ".join(verdict.reasons_to_abstain)
    if found := against_baseline(baseline, family, model, direction):
        return *found.of(baseline.name), ""
    return None, None, _NOTHING_KNOWN if over_scoring(baseline, model) else _BASELINE_HAS_NO_CASES


def _certainty(verdict: Verdict, evidence: Evidence | None, chosen: str, against: str | None) -> Certainty:
    """How sure it is that what is chosen is better than what it is compared with."""
    if verdict.reasons_to_abstain:
        return None, None, "; ".join(verdict.reasons_to_abstain)
    if evidence and {evidence.first, evidence.second} == {chosen, against}:
        return *evidence.of(chosen), ""
    outlook = verdict.outlook
    if outlook and outlook.probability is not None and {outlook.better, outlook.against} == {chosen, against}:
        its = turned_to(chosen, outlook)
        return its.probability, its.regret, ""
    return None, None, _NOTHING_KNOWN


def _lower(mine: float | None, others: float | None, direction: Direction) -> float | None:
    """By what share one score's loss is lower than another's; None where that is not known or has no ratio."""
    if mine is None or others is None:
        return None
    loss, other = (mine, others) if direction is Direction.MIN else (1 - mine, 1 - others)
    return 1 - loss / other if loss >= 0 and other > 0 else None
