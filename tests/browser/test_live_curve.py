"""MLflow's page of a trial that is being trained, in a real browser: its curve grows before the trial ends."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.store import Store
from harness.tracking import connect
from harness.tracking.queries import search_runs

COMMAND = [sys.executable, "-c", "from harness.cli import main; main()"]


@pytest.mark.slow
def test_the_curve_grows(tmp_path: Path, write_long_sweep: Callable[[Path], list[str]], page: Any) -> None:
    sweep = subprocess.Popen([*COMMAND, *write_long_sweep(tmp_path), "--quiet"], cwd=tmp_path, start_new_session=True)
    store = Store(tmp_path / "mlruns", f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}")
    ui = None
    try:
        run = None
        end = time.monotonic() + 120
        while run is None:
            assert time.monotonic() < end
            time.sleep(1)
            if (tmp_path / "mlruns" / "mlflow.db").exists() and sweep.poll() is None:
                found = list(search_runs(connect(store, create=False), {"phase": "search"}))
                run = next((one for one in found if "final" in one.data.tags), None)
        ui = subprocess.Popen([*COMMAND, "ui", "--no-open"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        assert ui.stdout is not None
        server = ui.stdout.readline().partition("/#/")[0]
        address = f"{server}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
        shown = []
        for _ in range(2):
            page.goto("about:blank")
            page.goto(address)
            page.get_by_text("Running").first.wait_for()
            shown.append(page.get_by_text(re.compile(r"no: epoch \d+ of 200000")).first.inner_text())
            page.get_by_text("curve/validation").first.wait_for()
            time.sleep(5)
        epochs = [int(re.findall(r"epoch (\d+)", text)[0]) for text in shown]
        assert 0 < epochs[0] < epochs[1] < 200_000
        history = connect(store, create=False).get_metric_history(run.info.run_id, "curve/validation")
        steps = [point.step for point in history]
        assert sorted(steps) == list(range(1, len(steps) + 1))
        assert len(steps) >= epochs[1]
        assert sweep.poll() is None
    finally:
        for process in (sweep, ui):
            if process is not None:
                process.terminate()
                process.communicate(timeout=60)
