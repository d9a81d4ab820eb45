"""How worker processes are started: fresh interpreters that do not run the user's script again.

A `multiprocessing` context for pebble's pools. It knows nothing of tasks.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

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
    names = [name for name in ("__spec__", "__file__") if hasattr(main, name)]
    kept = [(name, getattr(main, name)) for name in names]
    try:
        for name in names:
            setattr(main, name, None)
        yield
    finally:
        for name, value in kept:
            setattr(main, name, value)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Let a child be born deaf to what a terminal sends, which would else end it in its first tenths of a second."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
