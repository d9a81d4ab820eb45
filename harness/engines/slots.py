"""A slot for one worker process: a single-worker pebble pool, so killing one spares the rest.

A pool whose worker died is thrown away with it: the worker may have died holding the pool's locks.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from math import inf

from pebble import ProcessExpired, ProcessPool

from harness.engines.base import Done, Task
from harness.engines.memory import MB, kernel_kills, resident_bytes
from harness.engines.running import one_line
from harness.engines.spawning import EXITED_WITH_ZERO, WorkerContext
from harness.engines.worker import LIMIT_SIGNAL, begin, get_ready, work
from harness.errors import EngineError
from harness.records import FailureKind


@dataclass(slots=True)
class _Running:
    """A task that was handed to a worker.

    Attributes:
        kernel_kills: How often the kernel had ended a process for want of memory when the task began.
        over_bytes: Resident size at which the worker was ended; 0 when it was not.
    """

    task: Task
    outcome: Future[tuple[Done, int]]
    ended_at: float = inf
    kernel_kills: int = 0
    over_bytes: int = 0

    @property
    def error(self) -> BaseException | None:
        """Why there is no result, though nothing will come any more."""
        return self.outcome.exception() if self.outcome.done() else BrokenProcessPool()


class Slot:
    """A worker's place: its pool, what it runs, what it ran first and last. Used from the engine's one thread."""

    def __init__(
        self, threads: int, memory_bytes: int, woken: threading.Event, environment: Mapping[str, str] | None = None
    ) -> None:
        self.running: _Running | None = None
        self._threads = threads
        self._memory_bytes = memory_bytes
        self._woken = woken
        self._environment = environment or {}
        self._context = WorkerContext()
        self._pool: ProcessPool | None = None
        self._affinity = ""
        self.home = ""
        self.last_used = 0

    @property
    def ended(self) -> bool:
        """Whether there is a task whose outcome is known, or will never be."""
        return self.running is not None and (self.running.outcome.done() or not self._alive)

    @property
    def ended_at(self) -> float:
        """When its task ended; infinite when it did just now."""
        return self.running.ended_at if self.running else inf

    def rank(self, task: Task) -> tuple[bool, bool, bool, int]:
        """The smaller, the better for this task."""
        return self._affinity != task.affinity, self.home != task.home, self._affinity != "", self.last_used

    def warm(self, module: str) -> None:
        """Start the slot's worker, where there is none, and have it import a module before its first task."""
        if self._pool is None:
            try:
                self._pool = self._new_pool()
                self._pool.schedule(get_ready, args=(module,))
            except (OSError, RuntimeError):  # the first task will fail the same way, and that one can say so
                self.retire()

    def start(self, task: Task, number: int) -> None:
        """Start a task on this slot's worker, on a new one where there is none alive."""
        try:
            if not self._alive:
                self.retire()
            self._pool = pool = self._pool or self._new_pool()
            running = _Running(task, pool.schedule(work, args=(task,)), kernel_kills=kernel_kills())
        except (OSError, RuntimeError) as error:
            self.retire()
            message = f"task {task.id}: no worker process can be started: {one_line(error)}"
            raise EngineError(message) from error
        self.running, self.last_used = running, number
        self._affinity = task.affinity or self._affinity
        self.home = self.home or task.home
        running.outcome.add_done_callback(lambda _: self._wake(running))

    def mend(self) -> None:
        """End the worker if it failed the ended task by dying, or came out of it too large."""
        if self.running and (self.running.error or self.running.outcome.result()[1] > self._memory_bytes):
            self.retire()

    def take(self) -> Done:
        """What became of the ended task; the slot is free afterwards."""
        assert self.running
        running, self.running = self.running, None
        return _failed(running, running.error) if running.error else running.outcome.result()[0]

    def limit_memory(self) -> None:
        """End the worker when its task has come to more memory than it may have. Called in the watching thread."""
        running, worker = self.running, self._context.latest
        if running is None or running.task.limit_mb is None or worker is None or worker.pid is None:
            return
        size = resident_bytes(worker.pid)
        if size > running.task.limit_mb * MB and not running.outcome.done():
            running.over_bytes = size
            worker.kill()

    def stop(self) -> None:
        """Tell the pool to end, without waiting for it."""
        if self._pool is not None:
            self._pool.stop()

    def retire(self) -> None:
        """End the worker and its pool; the next task gets new ones."""
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
        self._pool, self._affinity, self._context.latest = None, "", None

    def _new_pool(self) -> ProcessPool:
        arguments = (os.getpid(), self._threads, dict(self._environment))
        return ProcessPool(max_workers=1, initializer=begin, initargs=arguments, context=self._context)

    @property
    def _alive(self) -> bool:
        return self._pool is not None and self._pool.active

    def _wake(self, running: _Running) -> None:
        """Called in pebble's threads."""
        running.ended_at = time.monotonic()
        self._woken.set()


def _failed(running: _Running, error: BaseException) -> Done:
    task = running.task
    if running.over_bytes:
        message = f"over its limit of {task.limit_mb} MB ({running.over_bytes // MB} MB)"
        return Done(task.id, failure=FailureKind.OUT_OF_MEMORY, message=message)
    if isinstance(error, BrokenProcessPool):
        return Done(task.id, failure=FailureKind.KILLED, message="the worker ended before the task began")
    if not isinstance(error, ProcessExpired):
        return Done(task.id, failure=FailureKind.BUG, message=one_line(error))
    if error.exitcode == -LIMIT_SIGNAL and task.limit_seconds is not None:
        message = f"over its limit of {task.limit_seconds:g} s"
        return Done(task.id, failure=FailureKind.TIMEOUT, message=message)
    if error.exitcode == -signal.SIGKILL and kernel_kills() > running.kernel_kills:
        message = "the machine ran out of memory, and the kernel ended the worker"
        return Done(task.id, failure=FailureKind.OUT_OF_MEMORY, message=message)
    message = f"the worker ended with exit code {_exit_words(error.exitcode)}"
    return Done(task.id, failure=FailureKind.KILLED, message=message)


def _exit_words(code: int) -> str:
    if code == EXITED_WITH_ZERO:
        return "0"
    names = [name.name for name in signal.Signals if name == -code]
    return f"{code} ({names[0]})" if names else str(code)
