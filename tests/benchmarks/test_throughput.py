"""The sides of throughput.py do the same work: the script compares a digest of all hyperparameters."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "throughput.py"


@pytest.mark.slow
def test_optuna_runs_the_products_trials(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    command = [sys.executable, str(SCRIPT), "--size", "tiny", "--beside", "optuna", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (row,) = json.loads(done.stdout)
    assert row["trials"] == 4
    assert row["optuna_seconds_a_trial"] > 0
    assert list(tmp_path.iterdir()) == []
