"""The engine that runs its one task in this very process, when it is waited for.

For debugging, and where starting a process costs more than the work.
"""

from __future__ import annotations

from harness.engines.base import Done, Task
from harness.engines.running import checked, run
from harness.errors import EngineError


class InProcessEngine:
    """Runs one task at a time, inside `wait`.

    Nothing here can end a task from outside: its limits and `timeout_seconds` are not kept, and a task
    that takes the process down takes everything down.
    """

    def __init__(self) -> None:
        self._task: Task | None = None
        self._closed = False

    @property
    def slots(self) -> int:
        """One."""
        return 1

    @property
    def free(self) -> int:
        """One, unless a task is to be waited for."""
        return 0 if self._task or self._closed else 1

    @property
    def likes(self) -> str:
        """Nothing: there is one place for all."""
        return ""

    def warm(self, module: str) -> None:
        """Nothing: what is imported here would keep the caller waiting now instead of later."""

    def submit(self, task: Task) -> None:
        """Hand over one task.

        Raises:
            EngineError: A task is already there, the engine is closed, or the task is malformed.
        """
        if self._closed:
            raise EngineError(f"task {task.id}: the engine is closed")
        if self._task:
            raise EngineError(f"task {task.id}: the engine's one slot is taken by task {self._task.id}")
        self._task = checked(task)

    def wait(self, timeout_seconds: float | None = None) -> list[Done]:  # noqa: ARG002  (cannot be kept here)
        """Run the task that was handed over; an empty list when there is none."""
        task, self._task = self._task, None  # given up first, so that the engine stays usable after Ctrl-C
        return [run(task)] if task else []

    def drop(self) -> None:
        """Give up the task that is to be waited for."""
        self._task = None

    def close(self) -> None:
        """Drop the task. May be called twice."""
        self._task, self._closed = None, True

    def __enter__(self) -> InProcessEngine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
