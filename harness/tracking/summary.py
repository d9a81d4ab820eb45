"""A finished comparison → the metrics and tags of its parent run. Pure; knows no client.

Keys are grouped by prefix: `<arm>/…`, `baseline/…`, `verdict/…`.
"""

from __future__ import annotations

import statistics

from harness.records import ArmResult, ComparisonResult
from harness.tracking import naming


def comparison_metrics(result: ComparisonResult) -> dict[str, float]:
    """The numbers of a comparison that is over.

    Returns:
        For each arm its expected test score, the selected trial's scores, mean and standard deviation of its
        confirmations and what it spent; each baseline's test score; the difference with its interval.
    """
    metrics: dict[str, float | None] = {}
    for arm in result.arms:
        metrics |= _under(arm.arm.name, _arm_metrics(arm, result.verdict.expected.get(arm.arm.name)))
    metrics |= _under("baseline", {baseline.name: baseline.test_score for baseline in result.baselines})
    verdict = result.verdict
    metrics |= _under(
        "verdict",
        {
            "difference": verdict.difference,
            "low": verdict.low,
            "high": verdict.high,
            "region": verdict.region,
        },
    )
    return {key: float(value) for key, value in metrics.items() if value is not None}


def comparison_tags(result: ComparisonResult) -> dict[str, str]:
    """The words of a comparison that is over: what one filters comparisons by, and the run's description."""
    verdict, champion = result.verdict, result.champion
    tags = {
        "verdict": verdict.outcome.value,
        "winner": verdict.family or "",
        "recommended": verdict.recommended or "",
        "withheld_because": "; ".join(verdict.withheld_because),
        "qualified_because": "; ".join(verdict.qualified_because),
        "metric": result.objective.metric,
        "direction": result.objective.direction.value,
        "trials": str(verdict.trials),
        "champion": f"models:/{champion.name}/{champion.version}" if champion else "",
    }
    return {name: value for name, value in tags.items() if value} | {"mlflow.note.content": naming.description(result)}


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


def _under(prefix: str, values: dict[str, float | None]) -> dict[str, float | None]:
    names = naming.keys(prefix, values)
    return {names[name]: value for name, value in values.items()}
