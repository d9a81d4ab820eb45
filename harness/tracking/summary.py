"""A finished comparison → the metrics and tags of its parent run. Pure; knows no client.

Keys are grouped by prefix: `<arm>/…`, `baseline/…`, `verdict/…`. What follows from the trials alone has functions of
its own, so that it can be made again from what MLflow holds and compared with what was written.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from harness.records import ArmResult, ComparisonResult, Explanation, GradientReach, Verdict
from harness.tracking import naming

BASELINE = "baseline"
METRIC = "metric"
DIRECTION = "direction"
HALF_LIFE = "gradient_half_life_steps"
UNTIL_DECIDED = "until_decided"
LEAKS = "leaks"


def comparison_metrics(result: ComparisonResult) -> dict[str, float]:
    """The numbers of a comparison that is over: those of arms and verdict, and each baseline's test score."""
    baselines = _under(BASELINE, {baseline.name: baseline.test_score for baseline in result.baselines})
    return decided_metrics(result.arms, result.verdict) | _known(baselines) | explained_metrics(result.explanation)


def explained_metrics(explanation: Explanation | None) -> dict[str, float]:
    """In how many steps the gradient halves, for each cell, before and after training."""
    metrics: dict[str, float | None] = {}
    for cell in explanation.cells if explanation else ():
        metrics |= _under(
            cell.name, {HALF_LIFE: half_life(cell.after), f"{HALF_LIFE}_untrained": half_life(cell.before)}
        )
    return _known(metrics)


def half_life(reach: GradientReach) -> float:
    """Steps in which the gradient halves; where it never does, the most that could be seen, which it exceeds."""
    return float(reach.longest_steps) if reach.half_life_steps is None else reach.half_life_steps


def is_explained(metric: str) -> bool:
    """Whether a metric of a comparison's run comes from looking into networks, not from the trials' scores."""
    return metric.rpartition("/")[2].startswith(HALF_LIFE)


def decided_metrics(arms: Sequence[ArmResult], verdict: Verdict) -> dict[str, float]:
    """The numbers that follow from a comparison's trials.

    Returns:
        For each arm its expected test score, the selected trial's scores, mean and standard deviation of its
        confirmations and what it spent; the difference with its interval.
    """
    metrics: dict[str, float | None] = {}
    for arm in arms:
        metrics |= _under(arm.arm.name, _arm_metrics(arm, verdict.expected.get(arm.arm.name)))
    numbers = ("difference", "low", "high", "region")
    metrics |= _under("verdict", {name: getattr(verdict, name) for name in numbers})
    return _known(metrics)


def comparison_tags(result: ComparisonResult, charts: str = "") -> dict[str, str]:
    """The words of a comparison that is over: what one filters comparisons by, and the run's description.

    Args:
        result: The comparison.
        charts: Address of the charts of its trials.
    """
    champion = result.champion
    tags = {
        **verdict_tags(result.verdict),
        METRIC: result.objective.metric,
        DIRECTION: result.objective.direction.value,
        "champion": f"models:/{champion.name}/{champion.version}" if champion else "",
    }
    return {name: value for name, value in tags.items() if value} | {
        "mlflow.note.content": naming.description(result, charts)
    }


def verdict_tags(verdict: Verdict) -> dict[str, str]:
    """The words of a verdict; empty ones are left out."""
    tags = {
        "verdict": verdict.outcome.value,
        "winner": verdict.family or "",
        "recommended": verdict.recommended or "",
        "withheld_because": "; ".join(verdict.withheld_because),
        "qualified_because": "; ".join(verdict.qualified_because),
        "trials": str(verdict.trials),
    }
    return {name: naming.cut(value) for name, value in tags.items() if value}


VERDICT_WORDS = ("verdict", "winner", "recommended", "withheld_because", "qualified_because", "trials")
"""The tags that `verdict_tags` may write."""


def _arm_metrics(arm: ArmResult, expected: float | None) -> dict[str, float | None]:
    scores = arm.confirmations
    return {
        "expected_test": expected,
        "validation_score": arm.validation_score,
        "test_score": arm.test_score,
        "confirmation_mean": statistics.fmean(scores) if scores else None,
        "confirmation_sd": statistics.stdev(scores) if len(scores) > 1 else None,
        "completed": arm.ledger.completed,
        "failed": sum(arm.ledger.failed.values()),
        "fit_seconds": arm.ledger.fit_seconds,
    }


def _known(metrics: Mapping[str, float | None]) -> dict[str, float]:
    return {key: float(value) for key, value in metrics.items() if value is not None}


def _under(prefix: str, values: dict[str, float | None]) -> dict[str, float | None]:
    names = naming.keys(prefix, values)
    return {names[name]: value for name, value in values.items()}
