"""Worker processes: how they are started, as fresh interpreters, and what runs inside one.

Imports nothing heavy: threads must be capped before a numeric library is loaded.

A `multiprocessing` context for pebble's pools. It knows nothing of tasks.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from harness.executors.base import Done, Shared, Task, run
from harness.executors.resources import resident_bytes
from harness.notes import Post

LIMIT_SIGNAL = signal.SIGALRM
"""What ends a worker whose task is over its limit."""

TERMINAL_SIGNALS = (signal.SIGINT, signal.SIGHUP)
"""What Ctrl-C, and closing the terminal, send to all that runs in it."""

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15  # linux/prctl.h

NAME = "harness-"
"""What the system calls a worker, with its parent's process id after it; at most 15 letters are kept."""

_OWN_PROCESS_VARIABLE = "HARNESS_OWN_PROCESS"
"""As in `harness._tensorflow`, which an executor does not know: TensorFlow may come here without what is not used."""


_WORKER_VARIABLE = "HARNESS_WORKER"
"""As in `harness.user_code`: code of the user's runs here in silence, since the parent has said it."""

_known: dict[str, Shared] = {}
"""The arguments that tasks share, by their digest, as far as this worker was sent them."""


def begin(parent_pid: int, threads: int, environment: Mapping[str, str], shared: Mapping[str, Shared]) -> None:
    """A worker's first acts, before anything heavy is imported.

    Args:
        parent_pid: Process to live and die with.
        threads: Cap of the threads of each numeric library.
        environment: Variables of this worker alone.
        shared: What tasks have in common that came before this worker, by digest.
    """
    _known.update(shared)
    for number in TERMINAL_SIGNALS:  # they reach the whole group; the parent decides what they mean
        signal.signal(number, signal.SIG_IGN)
    _die_with(parent_pid)
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    os.environ.update(environment)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ[_OWN_PROCESS_VARIABLE] = "1"
    os.environ[_WORKER_VARIABLE] = "1"


def get_ready(module: str) -> None:
    """Import what tasks will need; one that cannot be imported is the tasks' affair."""
    with suppress(Exception):
        importlib.import_module(module)


def keep(shared: Shared) -> None:
    """Keep arguments for tasks that come with their digest."""
    _known[shared.digest] = shared


def work(task: Task, digest: str) -> tuple[Done, int]:
    """Run one task under its limit.

    Args:
        task: The task, without the arguments that it shares.
        digest: Theirs; empty for none.

    Returns:
        What became of it, and the worker's resident size in bytes afterwards.
    """
    with _limited(task.limit_seconds):
        done = run(replace(task, shared=_known[digest]) if digest else task, _post())
    return done, resident_bytes(os.getpid())


_post = functools.cache(Post.to_parent)


def _die_with(parent_pid: int) -> None:
    """End with the parent even when it is killed; a busy worker would run on for ever.

    The kernel sends the signal when the parent's *thread* that started us ends; executors are used from one.
    """
    threading.Thread(target=_end_after_parent, name="end-after-parent", daemon=True).start()
    if sys.platform == "linux":  # also ends a worker inside native code that keeps the watching thread from running
        system = ctypes.CDLL(None)
        system.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        system.prctl(_PR_SET_NAME, f"{NAME}{parent_pid}".encode(), 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before we asked
        os._exit(1)


def orphans() -> list[int]:
    """Process ids of this user's workers whose parent is gone; Linux alone tells. There should never be any."""
    import psutil

    found = []
    for process in psutil.process_iter(["name", "ppid", "uids"]):
        known = process.info
        parent = (known["name"] or "").removeprefix(NAME)
        mine = known["uids"] is not None and known["uids"].real == os.getuid()
        if mine and known["name"] != parent and parent.isdigit() and int(parent) != known["ppid"]:
            found.append(process.pid)
    return [pid for pid in found if _process_numbers(pid) == _process_numbers(os.getpid())]


def _process_numbers(pid: int) -> str:
    """The namespace that gives a process its id: in a container's its parent has another one than seen from here."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def _end_after_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


@contextmanager
def _limited(seconds: float | None) -> Iterator[None]:
    """Have the kernel end this process after so many seconds, also inside native code.

    The timer stands still while a laptop sleeps; pebble's own limit goes by the clock on the wall, so that
    every running task would be over it on waking.
    """
    if seconds is None:
        yield
        return
    signal.signal(LIMIT_SIGNAL, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


EXITED_WITH_ZERO = 256
"""Exit code of a worker that left by itself with 0; no process can really end with it."""

_STARTING = threading.Lock()


class WorkerProcess(SpawnProcess):
    """A worker process, whose end is never anything but unexpected or forced."""

    @staticmethod
    def _Popen(process: Any) -> Any:  # noqa: N802  (the name is multiprocessing's)
        # A lock, since pebble starts a pool's first worker in the caller's thread and later ones in its own.
        # The tracker comes first because it unblocks SIGINT when it starts.
        resource_tracker.ensure_running()
        with _STARTING, _main_hidden(), _interrupts_blocked():
            return SpawnProcess._Popen(process)

    @property
    def exitcode(self) -> int | None:
        """The exit code, told apart from 0, which pebble takes for a worker that had nothing left to do.

        pebble would never end the task of a worker that called `os._exit(0)`.
        """
        code = super().exitcode
        return EXITED_WITH_ZERO if code == 0 else code

    def terminate(self) -> None:
        """Kill: native code may not let a handler of SIGTERM run, and a worker has nothing to tidy up."""
        self.kill()


class WorkerContext(SpawnContext):
    """Starts `WorkerProcess`es.

    Attributes:
        latest: The one that was started last; None before the first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.latest: WorkerProcess | None = None

    def Process(self, *arguments: Any, **named: Any) -> WorkerProcess:  # type: ignore[override]  # noqa: N802
        """A process that is not started yet; the name is multiprocessing's."""
        self.latest = WorkerProcess(*arguments, **named)
        return self.latest


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Hide where `__main__` came from.

    `multiprocessing.spawn.get_preparation_data` tells a child to run the parent's script again: an unguarded
    script would start workers that start workers, and a script from standard input is no file at all. Workers
    find functions by dotted path and need no `__main__`; `sys.path` travels all the same.
    """
    main = sys.modules["__main__"]
    kept = {name: getattr(main, name) for name in ("__spec__", "__file__") if hasattr(main, name)}
    try:
        vars(main).update(dict.fromkeys(kept))
        yield
    finally:
        vars(main).update(kept)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Let a child be born deaf to what a terminal sends, which would else end it in its first tenths of a second."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
