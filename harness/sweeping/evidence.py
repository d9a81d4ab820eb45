"""What a champion's card and its registered version say of the comparison it came from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.records import ArmResult, ComparisonResult
from harness.sweeping.assembling import budget_in_words
from harness.sweeping.planning import SweepHeader
from harness.verdicts import explain, headline


def evidence_of(result: ComparisonResult, header: SweepHeader, why: str) -> Mapping[str, Any]:
    """The verdict, the scores and the budget behind a champion, as plain values.

    Args:
        result: The decided comparison.
        header: The sweep.
        why: Why this family's model is exported, in one sentence.
    """
    plan, verdict = header.plan, result.verdict
    return {
        "verdict": verdict.outcome.value,
        "winner": verdict.family,
        "headline": headline(verdict),
        "why": why,
        "details": list(explain(verdict)),
        "cautions": [*verdict.withheld_because, *verdict.qualified_because],
        "budget": budget_in_words(header),
        "oracle": plan.oracle,
        "replicates": plan.replicates,
        "epochs": plan.epochs,
        "arms": {arm.arm.name: _arm(arm, verdict.expected.get(arm.arm.name)) for arm in result.arms},
        "baselines": {baseline.name: baseline.test_score for baseline in result.baselines},
        "split": result.facts.split,
        "sizes": list(result.facts.sizes),
        "notes": list(result.facts.notes),
    }


def _arm(arm: ArmResult, expected: float | None) -> dict[str, Any]:
    selected = arm.selected
    return {
        "expected_test_score": expected,
        "validation_score": arm.validation_score,
        "test_score": arm.test_score,
        "confirmations": list(arm.confirmations),
        "completed_trials": arm.ledger.completed,
        "fit_seconds": arm.ledger.fit_seconds,
        "best_epoch": selected.best_epoch if selected else None,
        "parameters": selected.parameters if selected else None,
    }
