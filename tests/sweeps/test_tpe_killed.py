"""A TPE sweep whose parent is killed in flight comes, resumed, to the trials of an unbroken one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.journal import EventKind, Journal

COMMAND = [sys.executable, "-P", "-c", "from harness.cli import main; main()"]
RANDOM_TRIALS = 10
"""What TPE draws by chance before it looks at what came of them."""


def journals(project: Path) -> list[Path]:
    return sorted((project / "mlruns" / "sweeps").glob("*"))


def counts(project: Path) -> tuple[int, int]:
    """Trials that ended, and that were asked for."""
    found = [0, 0]
    for folder in journals(project):
        with suppress(HarnessError, OSError), Journal.read(folder) as journal:
            for place, kind in enumerate((EventKind.ENDED, EventKind.ASKED)):
                found[place] += len(list(journal.events(kind)))
    return found[0], found[1]


def trials(project: Path) -> dict[str, Any]:
    (folder,) = journals(project)
    with Journal.read(folder) as journal:
        asked = {one.trial_key: one.payload for one in journal.events(EventKind.ASKED)}
        ended = {one.trial_key: one.payload for one in journal.events(EventKind.ENDED)}
    assert asked.keys() == ended.keys()
    return {
        key: (asked[key]["values"], asked[key]["seed"], one["validation_scores"], one["validation_score"])
        for key, one in ended.items()
    }


@pytest.mark.slow
def test_a_killed_and_resumed_tpe_sweep_has_the_trials_of_an_unbroken_one(toys, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    options = ("--oracle", "tpe", "--trials", "14", "--epochs", "2", "--seeds", "0", "--seed", "5", "--workers", "2")
    sweep = [*COMMAND, "sweep", "tiny_adding.toml", "--family", "tiny_lstm.toml", "--family", "tiny_gru.toml", *options]
    sweep += ["--in-flight", "2", "--offline"]
    broken, unbroken = (toys.write_project(tmp_path / name) for name in ("broken", "unbroken"))
    for wanted in (5, 2 * RANDOM_TRIALS + 2):  # while it draws by chance, and while it does not
        running = subprocess.Popen(sweep, cwd=broken, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 300
        while counts(broken)[0] < wanted and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert running.poll() is None, running.communicate()[1]
        os.kill(running.pid, signal.SIGKILL)
        running.communicate()
        ended, asked = counts(broken)
        assert wanted <= ended < asked < 28
    for project in (broken, unbroken):
        ran = subprocess.run(sweep, cwd=project, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(trials(broken)) == 28
    assert trials(broken) == trials(unbroken)
