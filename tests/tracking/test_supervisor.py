"""What a supervisor starts ends with whoever started it, in every way that can end."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest

from harness.tracking import supervisor

# A server with a worker, of which one or both may be deaf to SIGTERM; it prints both ids.
SERVER = """
import os, signal, subprocess, sys, time
deaf, worker = sys.argv[1], len(sys.argv) > 2
if deaf == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if not worker:
    ready, told = os.pipe()
    subprocess.Popen([sys.executable, __file__, deaf, str(told)], pass_fds=[told])
    os.read(ready, 1)
print(os.getpid(), flush=True)
if worker:
    os.write(int(sys.argv[2]), b".")
elif deaf == "ends":
    sys.exit(7)
time.sleep(60)
"""

Started = tuple[subprocess.Popen[bytes], list[psutil.Process]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    (tmp_path / "server.py").write_text(SERVER)
    started: list[psutil.Process] = []
    pipes: list[IO[bytes]] = []

    def begin(kind: str, **options: object) -> Started:
        (tmp_path / "model").mkdir()
        command = [sys.executable, "-I", "-S", supervisor.__file__, str(tmp_path / "model")]
        command += [sys.executable, str(tmp_path / "server.py"), kind]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, **options)
        assert process.stdout is not None
        for _ in range(2):
            with contextlib.suppress(psutil.NoSuchProcess):
                started.append(psutil.Process(int(process.stdout.readline())))
        process.stdout.close()
        pipes.extend([process.stdin] if process.stdin else [])
        return process, started

    yield begin
    for one in started:
        if one.is_running():
            one.kill()
    for pipe in pipes:
        pipe.close()


def gone(family: list[psutil.Process]) -> bool:
    return psutil.wait_procs(family, timeout=3)[1] == []


@pytest.mark.parametrize("kind", ["plain", "deaf"])
def test_all_of_it_ends_when_the_pipe_is_closed(kind, start, tmp_path: Path) -> None:
    process, family = start(kind, stdin=subprocess.PIPE)
    process.stdin.close()
    assert process.wait(20) == (0 if kind == "plain" else -signal.SIGKILL)
    assert gone(family)
    assert not (tmp_path / "model").exists()


def test_all_of_it_ends_with_a_starter_that_is_killed(start, tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=subprocess.PIPE)
    process, family = start("plain", stdin=holder.stdout)
    assert holder.stdout is not None
    holder.stdout.close()
    assert all(one.is_running() for one in family)
    holder.kill()
    holder.wait()
    assert process.wait(20) == 0
    assert gone(family)
    assert not (tmp_path / "model").exists()


def test_a_terminal_ends_nothing_and_a_service_manager_all(start, tmp_path: Path) -> None:
    process, family = start("plain", stdin=subprocess.PIPE)
    for number in (signal.SIGHUP, signal.SIGINT):
        process.send_signal(number)
    time.sleep(0.2)
    assert process.poll() is None
    process.terminate()
    assert process.wait(20) == 0
    assert gone(family)
    assert not (tmp_path / "model").exists()


def test_a_server_that_ends_by_itself_gives_its_code_and_leaves_no_worker(start, tmp_path: Path) -> None:
    process, family = start("ends", stdin=subprocess.PIPE)
    assert process.wait(20) == 7
    assert gone(family)
    assert not (tmp_path / "model").exists()
