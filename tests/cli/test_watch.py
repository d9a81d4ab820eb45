"""`harness watch` beside a real sweep: in a terminal, without one, after a kill, and through MLflow."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.store import Store
from harness.tracking import connect
from harness.tracking.naming import FINAL, epochs_of
from harness.tracking.queries import search_runs

COMMAND = [sys.executable, "-c", "from harness.cli import main; main()"]


@dataclass
class Running:
    """A sweep whose trials take minutes, in a folder of its own."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlruns' / 'mlflow.db'}"

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words], cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )

    def standing(self, *options: str) -> dict[str, Any]:
        done = self.command("watch", "--json", *options)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def until(self, holds: Callable[[], Any]) -> Any:
        end = time.monotonic() + 120
        while not (found := holds()):
            running = self.process.poll() is None
            assert running, (self.folder / "said").read_text()
            assert time.monotonic() < end, self.standing()
            time.sleep(0.5)
        return found

    def epochs(self) -> int:
        return min((trial["epochs"] for trial in self.standing()["running"]), default=0)

    def trials(self) -> list[Any]:
        client = connect(Store(self.folder / "mlruns", self.uri), create=False)
        return list(search_runs(client, {"phase": "search"}))

    def points(self) -> int:
        """Epochs that MLflow holds of a trial that is not over."""
        tags = [run.data.tags for run in self.trials()]
        return max((epochs_of(one[FINAL])[0] for one in tags if FINAL in one), default=0)


@pytest.fixture
def running(tmp_path: Path, write_long_sweep: Callable[[Path], list[str]]) -> Iterator[Running]:
    command = [*COMMAND, *write_long_sweep(tmp_path)]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=said, stderr=said, start_new_session=True)
        begun = Running(tmp_path, process)
        begun.until(lambda: list(tmp_path.glob("mlruns/sweeps/*/live.json")))
        yield begun
        process.kill()
        process.wait()


def in_a_terminal(folder: Path, width: int, seconds: float) -> tuple[int, str]:
    """The exit code of `harness watch` that Ctrl-C ends after so many seconds, and what it showed until then."""
    main, terminal = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, width, 0, 0))
    ends = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
    with subprocess.Popen([*COMMAND, "watch"], cwd=folder, env=environment, start_new_session=True, **ends) as process:
        os.close(terminal)
        end, text = time.monotonic() + seconds, b""
        os.set_blocking(main, False)
        while time.monotonic() < end:
            with suppress(BlockingIOError):
                text += os.read(main, 65536)
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
    os.close(main)
    return code, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode())


@pytest.mark.slow
def test_a_sweep_is_watched_killed_and_watched_again(running: Running) -> None:
    first = running.until(running.epochs)
    running.until(lambda: running.epochs() > first)
    standing = running.standing()
    assert standing["state"] == "running"
    assert {trial["family"] for trial in standing["running"]} == {"tiny_lstm", "tiny_gru"}
    assert len({trial["worker"] for trial in standing["running"]}) == 2

    shown = running.until(running.points)
    running.until(lambda: running.points() > shown)
    by_mlflow = running.standing("--tracking-uri", running.uri)
    assert by_mlflow["state"] == "running"
    assert all(0 < trial["epochs"] < trial["of_epochs"] == 200_000 for trial in by_mlflow["running"])
    assert "in training: " in running.command("watch", "--once").stdout

    for width in (100, 40):
        code, text = in_a_terminal(running.folder, width, 15)
        assert code == 0
        assert max(map(len, re.split(r"[\r\n]+", text))) <= width
        assert "tiny_gru" in text
        if width == 100:
            assert len(set(re.findall(r"(\d+)/200000", text))) > 2, "it moves"
    assert running.process.poll() is None, "Ctrl-C in watch is no business of the sweep"

    running.process.kill()
    running.process.wait()
    assert running.standing()["state"] == "unfinished"
    done = running.command("doctor")
    assert "left running in MLflow" in done.stdout
    assert "does not know" not in done.stdout
    assert [run.info.status for run in running.trials()] == ["KILLED", "KILLED"]


@pytest.mark.slow
def test_an_interrupted_sweep_and_what_is_written_of_it(running: Running) -> None:
    running.until(running.points)
    for _ in range(2):
        os.kill(running.process.pid, signal.SIGINT)
        time.sleep(1)
    running.process.wait(60)
    assert running.standing()["state"] == "unfinished"
    assert not list((running.folder / "mlruns" / "sweeps").glob("*/live.json"))
    report = running.command("report")
    assert report.returncode == 0, report.stderr
    assert "Partial: 1 dataset is still to come" in report.stdout
    page = (running.folder / "report.html").read_text()
    assert "<strong>Partial report.</strong>" in page
    assert "<title>Partial: " in page


def test_without_a_sweep(project: Path, command: Callable[..., Any]) -> None:
    assert "no sweep yet" in command("watch").err
    assert command("watch", "nothing").code == 2
    said = command("watch", "--tracking-uri", f"sqlite:///{project}/x.db")
    assert said.code != 0
    assert said.err.count("\n") == 1
