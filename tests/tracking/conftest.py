"""Records of a small sweep, and stores that live below `tmp_path`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.databases import copy_database
from harness.records import (
    BaselineScore,
    ComparisonResult,
    DataFacts,
    Direction,
    FailureKind,
    Family,
    FamilyResult,
    Objective,
    Outcome,
    Phase,
    ResourceUsage,
    TaskKind,
    TrialKey,
    TrialRecord,
    TrialRequest,
    TrialStatus,
    Verdict,
)
from harness.store import Store
from harness.tracking.client import connect

STARTED_AT = 1_700_000_000.0

Pair = tuple[TrialRequest, TrialRecord]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Making MLflow's tables takes more than a second: once for all tests.
    root = tmp_path_factory.mktemp("template")
    connect(Store(root, f"sqlite:///{root / 'mlflow.db'}"))
    with closing(sqlite3.connect(root / "mlflow.db")) as database, database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return root / "mlflow.db"


@pytest.fixture
def store(tmp_path: Path, empty_database: Path) -> Store:
    # A folder name with spaces, an umlaut and a number sign: artifacts must find their way all the same.
    root = tmp_path / "mein löwe #1"
    root.mkdir()
    copy_database(empty_database, root / "mlflow.db")  # MLflow keeps a connection to it, so that it is not opened raw
    return Store(root, f"sqlite:///{root / 'mlflow.db'}")


@pytest.fixture
def dump() -> Callable[[Store], list[str]]:
    def of(store: Store) -> list[str]:
        database = sqlite3.connect(store.root / "mlflow.db")
        lines = sorted(database.iterdump())
        database.close()
        files = sorted(str(path) for path in store.root.rglob("*") if "mlflow." not in path.name)
        return lines + files

    return of


@pytest.fixture
def facts() -> DataFacts:
    return DataFacts(
        title="A toy",
        task=TaskKind.FORECAST,
        sizes=(100, 20, 20),
        steps=(24, 24),
        channels=("demand", "temperature"),
        targets=("demand",),
        classes=(),
        digest="0123456789abcdef" * 4,
        license="CC0",
        split="blocks of time",
    )


@pytest.fixture
def make_pair() -> Callable[..., Pair]:
    def make(
        family: str = "lstm",
        number: int = 1,
        *,
        dataset: str = "toy",
        phase: Phase = Phase.SEARCH,
        failed: bool = False,
        epochs: int = 3,
        **changes: Any,
    ) -> Pair:
        key = TrialKey(dataset, family, 1, phase, number)
        request = TrialRequest(key, family, {"units": 32, "learning_rate": 1e-3, "bidirectional": True}, 7, epochs, 5)
        curve = tuple(1.0 / epoch for epoch in range(1, epochs + 1))
        if failed:
            outcome: dict[str, Any] = {
                "status": TrialStatus.FAILED,
                "failure": FailureKind.BUG,
                "message": "ValueError: " + "x" * 9000,
                "traceback": "Traceback …\nValueError",
            }
        else:
            outcome = {
                "status": TrialStatus.COMPLETED,
                "validation_score": curve[-1] + number / 100,
                "best_epoch": epochs,
                "epochs": epochs,
                "train_losses": curve,
                "validation_scores": (*curve[:-1], float("nan")),
                "parameters": 4321,
            }
        return request, TrialRecord(
            key, fit_seconds=2.0, compile_seconds=1.0, started_at=STARTED_AT + number, **(outcome | changes)
        )

    return make


@pytest.fixture
def make_result(facts: DataFacts) -> Callable[..., ComparisonResult]:
    def make(pairs: list[Pair], **verdict_changes: Any) -> ComparisonResult:
        records = [record for _, record in pairs]
        scores = {
            str(record.key): 0.5 + record.key.number / 100
            for record in records
            if record.status is TrialStatus.COMPLETED
        }
        verdict = Verdict(
            **{
                "dataset": records[0].key.dataset,
                "outcome": Outcome.WINNER,
                "family": "gru",
                "families": ("lstm", "gru"),
                "trials": 3,
                "completed": {"lstm": 3, "gru": 3},
                "expected": {"lstm": 0.54, "gru": 0.51},
                "difference": -0.03,
                "low": -0.05,
                "high": -0.01,
                "level": 0.98,
                "margin": 0.005,
                "probabilities": (0.0, 0.01, 0.99),
                "method": "pooled trials, bootstrap",
                **verdict_changes,
            }
        )
        families = tuple(
            FamilyResult(
                Family(name, name),
                ResourceUsage(asked=3, distinct=3, completed=3, failed={"bug": 1}, fit_seconds=6.0),
                None,
                {},
                7,
                0.4,
                0.5,
                (0.51, 0.53),
            )
            for name in ("lstm", "gru")
        )
        return ComparisonResult(
            dataset=records[0].key.dataset,
            facts=facts,
            objective=Objective("mae", Direction.MIN, "MWh"),
            families=families,
            baselines=(
                BaselineScore("seasonal naïve (lag 24)", 0.9, 0.8),
                BaselineScore("ridge", 0.7, float("inf")),
            ),
            verdict=verdict,
            champion=None,
            trials=tuple(record for record in records if record.key.phase is Phase.SEARCH),
            scores=scores,
            rows=(),
            values={},
        )

    return make
