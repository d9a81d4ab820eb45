"""The engine of local worker processes: how many there are, which one gets a task, and waiting for them.

Everything is decided in the one calling thread, from the futures' states; pebble's threads only wake it.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from math import inf

from harness.engines.base import Done, Task
from harness.engines.gpus import share_of, visible_gpus
from harness.engines.memory import Watch
from harness.engines.running import checked
from harness.engines.slots import Slot
from harness.errors import EngineError, UsageError

WORKER_MEMORY_MB = 1300
"""Resident size in megabytes above which a worker is replaced between two tasks, unless told otherwise."""

_CHECK_SECONDS = 0.5  # pebble forgets a task that is handed over while its pool breaks: then nothing wakes us


class ProcessEngine:
    """Runs tasks in worker processes of this machine.

    Works from scripts without a main guard, from notebooks and from standard input. A worker is started by
    the first task that comes to its slot; one that died, was over a limit or has grown too large is replaced,
    and the tasks of the others go on. To be used from one thread, and that thread must outlive it: Linux ends
    a worker with the thread that started it.
    """

    def __init__(
        self, workers: int = 1, threads_per_worker: int | None = None, worker_memory_mb: int | None = None
    ) -> None:
        """Prepare the slots; no process is started yet.

        Args:
            workers: Number of worker processes.
            threads_per_worker: Threads of each numeric library in a worker; None for cores / workers, at
                least 1.
            worker_memory_mb: Resident size above which a worker is replaced after its task; None for 1,300.

        Raises:
            UsageError: A number is smaller than 1.
        """
        _at_least_one(workers=workers, threads_per_worker=threads_per_worker, worker_memory_mb=worker_memory_mb)
        threads = threads_per_worker or max(1, _cores() // workers)
        memory_bytes = (worker_memory_mb or WORKER_MEMORY_MB) * 1_000_000
        self._woken = threading.Event()
        gpus = visible_gpus(os.environ)
        self._slots = [Slot(threads, memory_bytes, self._woken, share_of(n, gpus)) for n in range(workers)]
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
    def free(self) -> int:
        """How many more tasks can be submitted before one has to be waited for."""
        return 0 if self._closed else sum(slot.running is None for slot in self._slots)

    @property
    def likes(self) -> str:
        """The home of the idlest free worker; see `Engine.likes`."""
        free = [slot for slot in self._slots if slot.running is None]
        return min(free, key=lambda slot: slot.last_used).home if free else ""

    def warm(self, module: str) -> None:
        """Start all workers that are not there yet and have them import a module; does not wait for it."""
        if not self._closed:
            for slot in self._slots:
                slot.warm(module)

    def submit(self, task: Task) -> None:
        """Hand over a task: to the free worker that last ran its affinity, else one at home, a fresh one, the idlest.

        Raises:
            EngineError: No slot is free, the engine is closed, the task is malformed, or no process can be
                started.
        """
        if self._closed:
            raise EngineError(f"task {task.id}: the engine is closed")
        if not self.free:
            raise EngineError(f"task {task.id}: all {self.slots} slots are taken; wait for one")
        task = checked(task)
        free = [slot for slot in self._slots if slot.running is None]
        self._submitted += 1
        if task.limit_mb is not None:
            self._watch.begin()
        min(free, key=lambda slot: slot.rank(task)).start(task, self._submitted)

    def wait(self, timeout_seconds: float | None = None) -> list[Done]:
        """The tasks that ended since the last call, in the order they ended; see `Engine.wait`."""
        end = inf if timeout_seconds is None else time.monotonic() + timeout_seconds
        while any(slot.running for slot in self._slots):
            if ended := sorted((slot for slot in self._slots if slot.ended), key=lambda slot: slot.ended_at):
                for slot in ended:
                    slot.mend()  # takes a while; first for all, so that Ctrl-C in it loses no result
                return [slot.take() for slot in ended]
            if (left := end - time.monotonic()) <= 0:
                break
            self._woken.wait(min(left, _CHECK_SECONDS))
            self._woken.clear()
        return []

    def drop(self) -> None:
        """Kill the workers that run a task; every slot is free afterwards."""
        busy = [slot for slot in self._slots if slot.running]
        for slot in busy:
            slot.stop()
        for slot in busy:
            slot.retire()
            slot.running = None

    def close(self) -> None:
        """Kill all workers, running tasks included. May be called twice."""
        self._closed = True
        self._watch.end()
        for slot in self._slots:
            slot.stop()
        for slot in self._slots:
            slot.retire()
            slot.running = None
        atexit.unregister(self.close)

    def __enter__(self) -> ProcessEngine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _at_least_one(**numbers: int | None) -> None:
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise UsageError(f"{name} = {number}: expected at least 1")
