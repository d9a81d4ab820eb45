"""The frozen records that travel between modules.

They hold plain values (and know how to become JSON and come back), import nothing of the package but its errors, and
decide nothing.
"""

from harness.records.explanations import Band, ExplainedCell, Explanation, GateOpenness, GradientReach
from harness.records.plain import derive_seed
from harness.records.results import ArmResult, ChampionInfo, ComparisonResult, DataFacts, SweepResult
from harness.records.trials import (
    PRUNING_BEGINS,
    Answer,
    Arm,
    BaselineScore,
    CaseScores,
    Direction,
    FailureKind,
    Ledger,
    Objective,
    Phase,
    SealedScore,
    TaskKind,
    TrialKey,
    TrialRecord,
    TrialRequest,
    TrialStatus,
    Value,
)
from harness.records.verdicts import LOOKS, Across, CaseInterval, Decision, Outcome, Pair, PairAcross, ScoreRow, Verdict

__all__ = [
    "LOOKS",
    "PRUNING_BEGINS",
    "Across",
    "Answer",
    "Arm",
    "ArmResult",
    "Band",
    "BaselineScore",
    "CaseInterval",
    "CaseScores",
    "ChampionInfo",
    "ComparisonResult",
    "DataFacts",
    "Decision",
    "Direction",
    "ExplainedCell",
    "Explanation",
    "FailureKind",
    "GateOpenness",
    "GradientReach",
    "Ledger",
    "Objective",
    "Outcome",
    "Pair",
    "PairAcross",
    "Phase",
    "ScoreRow",
    "SealedScore",
    "SweepResult",
    "TaskKind",
    "TrialKey",
    "TrialRecord",
    "TrialRequest",
    "TrialStatus",
    "Value",
    "Verdict",
    "derive_seed",
]
