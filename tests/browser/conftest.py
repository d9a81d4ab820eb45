"""A sweep whose trials are a formula, everything else of it real; and MLflow's own server on it."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config import make_plan
from harness.executors import Done, InProcessExecutor, Task
from harness.records import SealedScore, SweepResult, TrialRecord, TrialRequest, TrialStatus
from harness.store import Store
from harness.sweeps.plan import resolve
from harness.sweeps.runner import run_sweep


class StubTrainer(InProcessExecutor):
    """Answers trials by a formula at once; every other task is run."""

    def __init__(self) -> None:
        super().__init__()
        self._trial: Task | None = None

    @property
    def free(self) -> int:
        return 0 if self._trial else super().free

    def submit(self, task: Task) -> None:
        if task.function == "harness.training.trial:run_trial":
            self._trial = task
        else:
            super().submit(task)

    def wait(self, timeout_seconds: float | None = None) -> list[Done]:
        task, self._trial = self._trial, None
        return [Done(task.id, trained(task.arguments))] if task else super().wait(timeout_seconds)


def trained(arguments: Any) -> dict[str, Any]:
    """A trial's two records: a score that depends on the hyperparameters and on chance, and is better for gru."""
    request: TrialRequest = arguments["request"]
    chance = np.random.default_rng(request.seed)
    units, rate = float(request.values["units"]), float(request.values["learning_rate"])
    score = (
        1.0 + 0.4 * (math.log10(rate) + 2.2) ** 2 + 6 / units + chance.normal(0, 0.05) - 0.3 * (request.family == "gru")
    )
    curve = tuple(score * (1 + 2.0**-epoch) for epoch in range(1, 6))
    record = TrialRecord(
        request.key,
        TrialStatus.COMPLETED,
        validation_score=curve[-1],
        best_epoch=5,
        epochs=5,
        train_losses=curve,
        validation_scores=curve,
        parameters=int(units * (units + 4) * 4),
        fit_seconds=units / 20,
        started_at=1_760_000_000.0 + request.key.number * 3,
        kernel="formula",
    )
    return {"trial": record.to_json(), "sealed": SealedScore(request.key, score).to_json()}


@dataclass(frozen=True)
class Shown:
    """A sweep on an MLflow server.

    Attributes:
        result: The sweep.
        address: What `harness ui` printed.
    """

    result: SweepResult
    address: str

    @property
    def server(self) -> str:
        return self.address.partition("/#/")[0]


def stub_sweep(folder: Path, configs: Path, trials: int) -> tuple[Store, SweepResult]:
    """A sweep of so many trials an arm, through the real contest, journal and projection."""
    plan = {"name": "shown", "datasets": ("tiny_waves",), "families": ("lstm", "gru"), "trials": trials}
    header = resolve(make_plan({**plan, "confirmations": 0, "seed": 3, "workers": 1}), [configs])
    store = Store(folder / "mlruns", f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}")
    with pytest.MonkeyPatch.context() as patch, StubTrainer() as executor:
        # A formula has no weights to export.
        patch.setattr("harness.sweeps.runner.build_champion", lambda _: iter(()))
        return store, run_sweep(header, store, executor, lambda _: None)


def served(folder: Path, configs: Path, trials: int) -> Iterator[Shown]:
    """The sweep with `harness ui` on it."""
    store, result = stub_sweep(folder, configs, trials)
    command = [sys.executable, "-c", "from harness.cli import main; main()", "ui", "--no-open"]
    process = subprocess.Popen([*command, "--store", str(store.root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Shown(result, process.stdout.readline().strip())
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture(scope="package")
def shown(tmp_path_factory: pytest.TempPathFactory, write_project: Callable[[Path], Path]) -> Iterator[Shown]:
    yield from served(tmp_path_factory.mktemp("shown"), write_project(tmp_path_factory.mktemp("cards")), trials=8)


@pytest.fixture(scope="package")
def shown_thousand(tmp_path_factory: pytest.TempPathFactory, write_project: Callable[[Path], Path]) -> Iterator[Shown]:
    yield from served(tmp_path_factory.mktemp("thousand"), write_project(tmp_path_factory.mktemp("cards")), trials=500)
