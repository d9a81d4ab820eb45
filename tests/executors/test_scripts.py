"""Engines in programs of their own: unguarded scripts, standard input, `-c`, Ctrl-C, a killed parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

UNGUARDED = """
import sys
print("top of the script", __name__)
from harness.executors import PoolExecutor, Task

engine = PoolExecutor(workers=2)
for number in range(2):
    engine.submit(Task(str(number), "toys:sleep", {"seconds": 0.3}))
pids = set()
while dones := engine.wait(20):
    for done in dones:
        assert done.failure is None, done
        pids.add(done.value["pid"])
engine.close()
print(len(pids), "workers")
print("loaded:", sorted({"toys", "tensorflow", "keras", "numpy", "pandas", "mlflow"} & set(sys.modules)))
print("main:", getattr(sys.modules["__main__"], "__file__", None), __spec__ is None)
"""


def _environment() -> dict[str, str]:
    """One in which `harness` and `toys` can be imported, as they can here."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _python(*arguments: str, cwd: Path, text: str | None = None) -> list[str]:
    """Lines that a Python program printed; it must end well and have nothing to complain about."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=cwd,
        env=_environment(),
        input=text,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


def _wait_until_gone(pids: list[int], seconds: float) -> None:
    """Fails when one is still there after so many seconds, and leaves none behind even then."""
    end = time.monotonic() + seconds
    while (alive := [pid for pid in pids if _runs(pid)]) and time.monotonic() < end:
        time.sleep(0.02)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    assert not alive, f"still there after {seconds} s"


def _runs(pid: int) -> bool:
    """Whether a process is there and no orphan that nobody has buried."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _started(program: subprocess.Popen[str], count: int = 1) -> list[int]:
    """Process ids that a program prints, one a line."""
    assert program.stdout is not None
    return [int(program.stdout.readline()) for _ in range(count)]


@pytest.mark.parametrize("way", ["script", "module", "-c", "standard input"])
def test_works_without_a_main_guard(tmp_path: Path, way: str) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(UNGUARDED)
    printed = {
        "script": lambda: _python(script.name, cwd=tmp_path),
        "module": lambda: _python("-m", script.stem, cwd=tmp_path),
        "-c": lambda: _python("-c", UNGUARDED, cwd=tmp_path),
        "standard input": lambda: _python("-", cwd=tmp_path, text=UNGUARDED),
    }[way]()
    main = {
        "script": f"{script} True",
        "module": f"{script} False",
        "-c": "None True",
        "standard input": "<stdin> True",
    }[way]
    assert printed == ["top of the script __main__", "2 workers", "loaded: []", f"main: {main}"]


def test_main_comes_back_when_threads_start_workers_at_once(tmp_path: Path) -> None:
    script = tmp_path / "threads.py"
    script.write_text("""
import sys, threading
print("top", __name__)
from harness.executors import PoolExecutor, Task

def run(name):
    with PoolExecutor() as engine:
        for round in range(3):
            engine.submit(Task("t", "toys:die", {"code": 1}))
            print(f"{engine.wait(20)[0].failure} ", end="")

threads = [threading.Thread(target=run, args=(name,)) for name in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print()
print(__file__, sys.modules["__main__"].__file__ == __file__)
""")
    printed = _python(script.name, cwd=tmp_path)
    assert printed == ["top __main__", "killed " * 12, f"{script} True"]


SLEEPING = """
import os, sys, time
from harness.executors import PoolExecutor, Task

engine = PoolExecutor(workers=2)
for name in ("a", "b"):
    engine.submit(Task(name, "toys:{function}", {{"seconds": 60, "started": name}}))
for name in ("a", "b"):
    while not (os.path.exists(name) and open(name).read()):
        time.sleep(0.01)
    print(open(name).read(), flush=True)
{then}
"""


def _start(tmp_path: Path, then: str, function: str = "sleep") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SLEEPING.format(then=then, function=function)],
        cwd=tmp_path,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("function", ["sleep", "sleep_and_spin"])
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path, function: str) -> None:
    with _start(tmp_path, "engine.wait()", function) as program:
        pids = _started(program, 2)
        program.kill()
        _wait_until_gone(pids, seconds=3)


def test_the_watching_thread_alone_ends_a_worker_too(tmp_path: Path) -> None:
    """Where the kernel cannot be asked."""
    script = """
import multiprocessing, threading, time
from harness.executors.worker import WorkerContext
from toys import watch_only

process = WorkerContext().Process(target=watch_only)
process.start()
print(process.pid, flush=True)
time.sleep(60)
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, env=_environment(), stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        pids = _started(program)
        assert program.stdout.readline() == "watching\n"
        program.kill()
        _wait_until_gone(pids, seconds=3)


def test_an_engine_that_was_not_closed_ends_with_its_program(tmp_path: Path) -> None:
    with _start(tmp_path, "print('end', flush=True)") as program:
        pids = _started(program, 2)
        assert program.stdout is not None
        assert program.stdout.readline() == "end\n"
        assert (program.wait(timeout=3), *program.communicate()) == (0, "", "")
        _wait_until_gone(pids, seconds=0.5)


def test_ctrl_c_is_the_parents_to_handle(tmp_path: Path) -> None:
    then = """
for attempt in range(2):
    try:
        print("waiting", flush=True)
        print([done.failure for done in engine.wait(1)], engine.free, flush=True)
    except KeyboardInterrupt:
        print("Ctrl-C", flush=True)
engine.close()
"""
    with _start(tmp_path, then) as program:
        pids = _started(program, 2)
        assert program.stdout is not None
        assert program.stdout.readline() == "waiting\n"
        time.sleep(0.1)
        os.killpg(program.pid, signal.SIGINT)
        output, errors = program.communicate(timeout=10)
        assert (program.returncode, output, errors) == (0, "Ctrl-C\nwaiting\n[] 0\n", "")
        _wait_until_gone(pids, seconds=0.5)


def test_a_worker_is_born_deaf_to_ctrl_c(tmp_path: Path) -> None:
    program = """
import os, signal, time
os.setsid()  # a group of its own
signal.signal(signal.SIGINT, lambda *_: None)
from harness.executors import PoolExecutor, Task

with PoolExecutor() as engine:
    engine.submit(Task("t", "toys:double", {"number": 1}))
    while not (dones := engine.wait(0.01)):
        os.killpg(0, signal.SIGINT)
    print(dones[0].value)
"""
    assert _python("-c", program, cwd=tmp_path) == ["{'doubled': 2}"]


def test_too_few_open_files_is_one_clear_error(tmp_path: Path) -> None:
    printed = _python(
        "-c",
        """
import os, resource
from harness.executors import PoolExecutor, Task
from harness.errors import ExecutorError

with PoolExecutor() as engine:
    resource.setrlimit(resource.RLIMIT_NOFILE, (6, 6))
    try:
        engine.submit(Task("t", "toys:pid", {}))
    except ExecutorError as error:
        print(error)
    print(engine.free)
""",
        cwd=tmp_path,
    )
    assert printed[0].startswith("task t: no worker process can be started: ")
    assert "Too many open files" in printed[0]
    assert printed[1:] == ["1"]
