"""A sweep whose trials are a formula, everything else of it real; MLflow's own server on it; and a real browser."""

from __future__ import annotations

import math
import os
import re
import shutil
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

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
FLAGS += ("--disable-component-update", "--disable-sync")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

VIEWPORT = {"width": 1900, "height": 1000}
"""Wide enough for all columns: those beyond the edge are not in the page at all."""

# MLflow's pages ask who is logged in, also where nobody has to log in: its server answers that there is no such page.
ASKED_IN_VAIN = "/ajax-api/2.0/mlflow/users/current"

# MLflow adds the comparison's own run to the trials it was asked for, and its parallel coordinates put a run that has
# no hyperparameters nowhere (NaN); drawn before they have a size, their axes have a negative height.
DRAWN_WITHOUT_VALUE = re.compile(r"Error: <\w+> attribute \w+: (.*NaN|A negative value is not valid)")


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


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = os.environ.get("HARNESS_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        why = f"no browser here ({', '.join(BROWSERS)}): install Chromium, or name one in HARNESS_BROWSER"
        if os.environ.get("HARNESS_BROWSER_TESTS") == "required":
            pytest.fail(why)
        pytest.skip(why)
    profile = tmp_path_factory.mktemp("profile")
    with sync_playwright() as playwright:
        options: dict[str, Any] = {"executable_path": path, "headless": True, "args": list(FLAGS)}
        context = playwright.chromium.launch_persistent_context(profile, viewport=VIEWPORT, **options)
        context.set_default_timeout(120_000)
        yield context
        context.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of the browser; the test fails where a console, its own or that of a page it opened, shows an error."""
    errors: list[str] = []

    def listen(message: Any) -> None:
        asked_in_vain = message.location.get("url", "").endswith(ASKED_IN_VAIN)
        if message.type == "error" and not asked_in_vain and not DRAWN_WITHOUT_VALUE.match(message.text):
            errors.append(message.text)

    browser.on("console", listen)
    browser.on("weberror", lambda error: errors.append(str(error.error)))
    yield browser.new_page()
    for opened in browser.pages:
        opened.close()
    browser.remove_listener("console", listen)
    assert errors == []
