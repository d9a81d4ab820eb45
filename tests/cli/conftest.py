"""The command line: called in this process where it is refused, and once for real as a user begins with it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from harness.cli import main

COMMAND = [sys.executable, "-c", "from harness.cli import main; main()"]
SWEEP = ("sweep", "my", "--trials", "3", "--epochs", "2", "--seeds", "1", "--workers", "1", "-v")


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Calls the command line in this process."""

    def call(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        phrase = capsys.readouterr()
        return Ran(int(left.value.code or 0), phrase.out, phrase.err)

    return call


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_project: Callable[[Path], Path]) -> Path:
    """The current folder, with toy configs in `configs`."""
    monkeypatch.chdir(tmp_path)
    for variable in ("HARNESS_STORE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(variable, raising=False)
    write_project(tmp_path / "configs")
    return tmp_path


@dataclass(frozen=True)
class FirstDay:
    """What was typed in a folder that holds a table and search spaces of its own, and what came back.

    The sweep was ended with Ctrl-C, and resumed by the same command.
    """

    folder: Path
    new: Ran
    interrupted: Ran
    workers_left: Sequence[int]
    finished: Ran
    command: Sequence[str] = SWEEP

    @property
    def sweep_id(self) -> str:
        return re.findall(r"resuming sweep (\S+)", self.finished.err)[0]


def _run(folder: Path, *arguments: str, typed: str = "") -> Ran:
    words = [*COMMAND, *arguments]
    done = subprocess.run(
        words, cwd=folder, env=_environment(), input=typed, capture_output=True, text=True, timeout=120, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def _interrupt(folder: Path, *arguments: str, when: str) -> tuple[Ran, list[int]]:
    """Press Ctrl-C as a terminal does, in the whole group of processes, when a line with these words is there."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    lines = []
    for line in process.stderr:
        lines.append(line)
        if when in line:
            os.killpg(process.pid, signal.SIGINT)
            break
    out, rest = process.communicate(timeout=60)
    return Ran(process.returncode, out, "".join(lines) + rest), _left(process.pid)


def _left(group: int) -> list[int]:
    """Processes of a group that are still there five seconds after it ended."""
    end = time.monotonic() + 5
    while (left := _alive(group)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def _alive(group: int) -> list[int]:
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(one.pid) == group and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one.pid)
    return found


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("HARNESS_STORE", "MLFLOW_TRACKING_URI")}
    return {**kept, "COLUMNS": "80"}


@pytest.fixture(scope="session")
def run() -> Callable[..., Ran]:
    """Runs the command in a process of its own: folder first, then its arguments; `typed` is what the user answers."""
    return _run


@pytest.fixture(scope="session")
def interrupt() -> Callable[..., tuple[Ran, list[int]]]:
    """Runs the command until a line holds the words `when`, presses Ctrl-C, and says which processes are left."""
    return _interrupt


@pytest.fixture(scope="session")
def first_day(tmp_path_factory: pytest.TempPathFactory, write_project: Callable[[Path], Path]) -> FirstDay:
    folder = tmp_path_factory.mktemp("first-day")
    spaces = write_project(folder / "search_spaces")
    (spaces / "waves.csv").replace(folder / "my.csv")
    for cell in ("lstm", "gru"):  # take the place of the built-in ones, which take longer
        text = (spaces / f"tiny_{cell}.toml").read_text()
        (spaces / f"{cell}.toml").write_text(text.replace(f"tiny_{cell}", cell))
    new = _run(folder, "datasets", "new", "my.csv", "--target", "level", "--time", "at")
    interrupted, left = _interrupt(folder, *SWEEP, when=" in epoch ")
    return FirstDay(folder, new, interrupted, left, _run(folder, *SWEEP))
