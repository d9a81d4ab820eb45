"""The executor of local worker processes, a pebble pool of one worker each, so that killing one spares the rest.

A pool whose worker died is thrown away with it: the worker may have died holding the pool's locks.

Everything is decided in the one calling thread, from the futures' states; pebble's threads only wake it.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf

from pebble import ProcessExpired, ProcessPool

from harness.errors import ExecutorError, UsageError
from harness.executors.base import Done, Habit, Shared, Task, checked, one_line
from harness.executors.resources import MB, Watch, cores, kernel_kills, resident_bytes, share_of, visible_gpus
from harness.executors.worker import EXITED_WITH_ZERO, LIMIT_SIGNAL, WorkerContext, begin, get_ready, keep, work
from harness.notes import ADDRESS_VARIABLE, Mailbox, Note
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
    """A worker's place: its pool, what it runs, what it ran first and last. Used from the executor's one thread."""

    def __init__(
        self,
        threads: int,
        memory_bytes: int,
        woken: threading.Event,
        environment: Mapping[str, str],
        shared: Mapping[str, Shared],
    ) -> None:
        self.running: _Running | None = None
        self._memory_bytes = memory_bytes
        self._woken = woken
        self._beginning = (os.getpid(), threads, environment, shared)
        self._context = WorkerContext()
        self._pool: ProcessPool | None = None
        self.habit = Habit()

    @property
    def ended(self) -> bool:
        """Whether there is a task whose outcome is known, or will never be."""
        return self.running is not None and (self.running.outcome.done() or not self._alive)

    @property
    def ended_at(self) -> float:
        """When its task ended; infinite when it did just now."""
        return self.running.ended_at if self.running else inf

    def prewarm(self, module: str) -> None:
        """Start the slot's worker, where there is none, and have it import a module before its first task."""
        if self._pool is None:
            try:
                self._pool = self._new_pool()
                self._pool.schedule(get_ready, args=(module,))
            except (OSError, RuntimeError):  # the first task will fail the same way, and that one can say so
                self.shut_down()

    def share(self, shared: Shared) -> None:
        """Have the worker keep what tasks share; one that is started later, in its place too, is given it then."""
        if self._pool is not None:
            with suppress(OSError, RuntimeError):  # where the pool is broken the next task gets another one
                self._pool.schedule(keep, args=(shared,))

    def start(self, task: Task, number: int) -> None:
        """Start a task on this slot's worker, on a new one where there is none alive."""
        try:
            if not self._alive:
                self.shut_down()
            self._pool = pool = self._pool or self._new_pool()
            arguments = (replace(task, shared=None), task.shared.digest if task.shared else "")
            running = _Running(task, pool.schedule(work, args=arguments), kernel_kills=kernel_kills())
        except (OSError, RuntimeError) as error:
            self.shut_down()
            message = f"task {task.id}: no worker process can be started: {one_line(error)}"
            raise ExecutorError(message) from error
        self.running = running
        self.habit.take(task, number)
        running.outcome.add_done_callback(lambda _: self._wake(running))

    def recycle(self) -> None:
        """End the worker if it failed the ended task by dying, or came out of it too large."""
        if self.running and (self.running.error or self.running.outcome.result()[1] > self._memory_bytes):
            self.shut_down()

    def result(self) -> Done:
        """What became of the ended task; the slot is free afterwards."""
        assert self.running
        running, self.running = self.running, None
        if error := running.error:
            failure, message = _why_failed(running, error)
            return Done(running.task.id, failure=failure, message=message)
        return running.outcome.result()[0]

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

    def shut_down(self) -> None:
        """End the worker and its pool; the next task gets new ones."""
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
        self._pool, self.habit.affinity, self._context.latest = None, "", None

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(max_workers=1, initializer=begin, initargs=self._beginning, context=self._context)

    @property
    def _alive(self) -> bool:
        return self._pool is not None and self._pool.active

    def _wake(self, running: _Running) -> None:
        """Called in pebble's threads."""
        running.ended_at = time.monotonic()
        self._woken.set()


def _why_failed(running: _Running, error: BaseException) -> tuple[FailureKind, str]:
    """The failure of a task that has no result, and its message."""
    task = running.task
    if running.over_bytes:
        return FailureKind.OUT_OF_MEMORY, f"over its limit of {task.limit_mb} MB ({running.over_bytes // MB} MB)"
    if isinstance(error, BrokenProcessPool):
        return FailureKind.KILLED, "the worker ended before the task began"
    if not isinstance(error, ProcessExpired):
        return FailureKind.BUG, one_line(error)
    if error.exitcode == -LIMIT_SIGNAL and task.limit_seconds is not None:
        return FailureKind.TIMEOUT, f"over its limit of {task.limit_seconds:g} s"
    if error.exitcode == -signal.SIGKILL and kernel_kills() > running.kernel_kills:
        return FailureKind.OUT_OF_MEMORY, "the machine ran out of memory, and the kernel ended the worker"
    return FailureKind.KILLED, f"the worker ended with exit code {_exit_words(error.exitcode)}"


def _exit_words(code: int) -> str:
    if code == EXITED_WITH_ZERO:
        return "0"
    names = [name.name for name in signal.Signals if name == -code]
    return f"{code} ({names[0]})" if names else str(code)


WORKER_MEMORY_MB = 1300
"""Resident size in megabytes above which a worker is replaced between two tasks, unless told otherwise."""

_CHECK_SECONDS = 0.5  # pebble forgets a task that is handed over while its pool breaks: then nothing wakes us


class PoolExecutor:
    """Runs tasks in worker processes of this machine.

    Works from scripts without a main guard, from notebooks and from standard input. A worker is started by
    the first task that comes to its slot; one that died, was over a limit or has grown too large is replaced,
    and the tasks of the others go on. To be used from one thread, and that thread must outlive it: Linux ends
    a worker with the thread that started it.
    """

    def __init__(
        self,
        workers: int = 1,
        threads_per_worker: int | None = None,
        worker_memory_mb: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare the slots; no process is started yet.

        Args:
            workers: Number of worker processes.
            threads_per_worker: Threads of each numeric library in a worker; None for cores / workers, at
                least 1.
            worker_memory_mb: Resident size above which a worker is replaced after its task; None for 1,300.
            environment: Variables that the workers have beside those of this process.

        Raises:
            UsageError: A number is smaller than 1.
        """
        numbers = {"workers": workers, "threads_per_worker": threads_per_worker, "worker_memory_mb": worker_memory_mb}
        for name, number in numbers.items():
            if number is not None and number < 1:
                raise UsageError(f"{name} = {number}: expected at least 1")
        threads = threads_per_worker or max(1, cores() // workers)
        memory_bytes = (worker_memory_mb or WORKER_MEMORY_MB) * 1_000_000
        self._woken = threading.Event()
        self._shared: dict[str, Shared] = {}  # as it grows every worker that is started is given all of it
        gpus = visible_gpus(os.environ)
        self._mailbox = Mailbox()
        own = {**(environment or {}), ADDRESS_VARIABLE: self._mailbox.address}
        self._slots = [
            Slot(threads, memory_bytes, self._woken, own | share_of(number, gpus), self._shared)
            for number in range(workers)
        ]
        self._watch = Watch([slot.limit_memory for slot in self._slots])
        self._submitted = 0
        self._closed = False
        # Runs before pebble's own, which can miss a worker that is just being replaced and then wait for it.
        atexit.register(self.close)

    @property
    def slots(self) -> int:
        """Number of worker processes."""
        return len(self._slots)

    @property
    def running(self) -> int:
        """How many workers have a task that was not waited for yet."""
        return sum(slot.running is not None for slot in self._slots)

    @property
    def here(self) -> PoolExecutor:
        """Itself."""
        return self

    @property
    def free(self) -> int:
        """How many more tasks can be submitted before one has to be waited for."""
        return 0 if self._closed else sum(slot.running is None for slot in self._slots)

    @property
    def preferred_group(self) -> str:
        """The home of the idlest free worker; see `Executor.likes`."""
        free = [slot.habit for slot in self._slots if slot.running is None]
        return min(free, key=lambda habit: habit.last_used).group if free else ""

    def prewarm(self, module: str) -> None:
        """Start all workers that are not there yet and have them import a module; does not wait for it."""
        if not self._closed:
            for slot in self._slots:
                slot.prewarm(module)

    def submit(self, task: Task) -> None:
        """Hand over a task: to the free worker that last ran its affinity, else one at home, a fresh one, the idlest.

        Raises:
            ExecutorError: No slot is free, the executor is closed, the task is malformed, or no process can be
                started.
        """
        if self._closed:
            raise ExecutorError(f"task {task.id}: the engine is closed")
        if not self.free:
            raise ExecutorError(f"task {task.id}: all {self.slots} slots are taken; wait for one")
        task = checked(task)
        free = [slot for slot in self._slots if slot.running is None]
        self._submitted += 1
        if task.limit_mb is not None:
            self._watch.begin()
        if task.shared and task.shared.digest not in self._shared:
            self._shared[task.shared.digest] = task.shared
            for slot in self._slots:
                slot.share(task.shared)
        min(free, key=lambda slot: slot.habit.rank(task)).start(task, self._submitted)

    def wait(self, timeout_seconds: float | None = None) -> list[Done]:
        """The tasks that ended since the last call, in the order they ended; see `Executor.wait`."""
        end = inf if timeout_seconds is None else time.monotonic() + timeout_seconds
        while any(slot.running for slot in self._slots):
            if ended := sorted((slot for slot in self._slots if slot.ended), key=lambda slot: slot.ended_at):
                for slot in ended:
                    slot.recycle()  # takes a while; first for all, so that Ctrl-C in it loses no result
                return [slot.result() for slot in ended]
            if (left := end - time.monotonic()) <= 0:
                break
            self._woken.wait(min(left, _CHECK_SECONDS))
            self._woken.clear()
        return []

    def notes(self) -> list[Note]:
        """What running tasks told since the last call."""
        return self._mailbox.read()

    def drop(self) -> None:
        """Kill the workers that run a task; every slot is free afterwards."""
        self._end([slot for slot in self._slots if slot.running])

    def close(self) -> None:
        """Kill all workers, running tasks included. May be called twice."""
        self._closed = True
        self._watch.end()
        self._end(self._slots)
        self._mailbox.close()
        atexit.unregister(self.close)

    def _end(self, slots: Sequence[Slot]) -> None:
        for slot in slots:
            slot.stop()  # first all, without waiting: they end beside each other
        for slot in slots:
            slot.shut_down()
            slot.running = None

    def __enter__(self) -> PoolExecutor:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
