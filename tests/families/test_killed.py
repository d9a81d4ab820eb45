"""From a folder of the user's, by the command line: killed, resumed, verified, predicting in a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.journal import EventKind, Journal

HERE = Path(__file__).parent
COMMAND = [sys.executable, "-P", "-c", "from harness.cli import main; main()"]


def ended(project: Path) -> int:
    found = 0
    for folder in (project / "mlruns" / "sweeps").glob("*"):
        with suppress(HarnessError, OSError), Journal.read(folder) as journal:
            found += len(list(journal.events(EventKind.ENDED)))
    return found


@pytest.mark.slow
def test_a_sweep_with_a_builder_is_killed_resumed_and_verified(
    tmp_path: Path, write_project: Callable[[Path], Path]
) -> None:
    project = write_project(tmp_path)
    spaces = project / "search_spaces"
    spaces.mkdir()
    shutil.copy(HERE / "mingru.py", spaces / "mingru.py")
    (spaces / "mingru.toml").write_text('name = "mingru"\nbuild = "mingru.py:build_model"\n')
    options = ["--trials", "3", "--epochs", "2", "--seeds", "0", "--seed", "5", "--workers", "2"]
    sweep = [*COMMAND, "sweep", "tiny_adding.toml", "--family", "mingru", "--family", "tiny_gru.toml", *options]
    running = subprocess.Popen(sweep, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 240
    while not ended(project) and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert running.poll() is None, running.communicate()[1]
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    before = ended(project)
    assert 0 < before < 6

    def done(*arguments: str) -> None:
        ran = subprocess.run([*COMMAND, *arguments], cwd=project, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr

    done(*sweep[len(COMMAND) :])
    assert ended(project) == 6
    (folder,) = (project / "mlruns" / "sweeps").glob("*")
    done("verify", folder.name)
    champion = folder / "champions" / "tiny_adding"
    needs = '"code": "mingru.py"' in (champion / "champion.json").read_text()
    code = ["--code", "search_spaces/mingru.py"] if needs else []
    done("predict", str(champion), "--test", "-o", "out.csv", *code)
    assert len((project / "out.csv").read_text().splitlines()) == 15
