"""The executor that runs tasks in this process, for tests and debugging.

Commands and the Python API start workers, whose threads are set.
"""

from __future__ import annotations

from harness.errors import ExecutorError
from harness.executors.base import Done, Task, checked, run
from harness.notes import Note


class InProcessExecutor:
    """Runs one task at a time, inside `wait`, with the threads that this process has: scores depend on their number.

    Nothing here can end a task from outside: its limits and `timeout_seconds` are not kept, and a task
    that takes the process down takes everything down.
    """

    def __init__(self) -> None:
        self._task: Task | None = None
        self._notes: list[Note] = []
        self._closed = False

    @property
    def slots(self) -> int:
        """One."""
        return 1

    @property
    def running(self) -> int:
        """One while a task is to be waited for."""
        return 1 if self._task else 0

    @property
    def free(self) -> int:
        """One, unless a task is to be waited for."""
        return 0 if self._task or self._closed else 1

    @property
    def here(self) -> InProcessExecutor:
        """Itself."""
        return self

    @property
    def preferred_group(self) -> str:
        """Nothing: there is one place for all."""
        return ""

    def prewarm(self, module: str) -> None:
        """Nothing: what is imported here would keep the caller waiting now instead of later."""

    def submit(self, task: Task) -> None:
        """Hand over one task.

        Raises:
            ExecutorError: A task is already there, the executor is closed, or the task is malformed.
        """
        if self._closed:
            raise ExecutorError(f"task {task.id}: the engine is closed")
        if self._task:
            raise ExecutorError(f"task {task.id}: the engine's one slot is taken by task {self._task.id}")
        self._task = checked(task)

    def wait(self, timeout_seconds: float | None = None) -> list[Done]:  # noqa: ARG002  (cannot be kept here)
        """Run the task that was handed over; an empty list when there is none."""
        task, self._task = self._task, None  # given up first, so that the executor stays usable after Ctrl-C
        return [run(task, self._told)] if task else []

    def notes(self) -> list[Note]:
        """What the last task told."""
        notes, self._notes = self._notes, []
        return notes

    def _told(self, note: Note) -> bool:
        self._notes.append(note)
        return True

    def drop(self) -> None:
        """Give up the task that is to be waited for."""
        self._task = None

    def close(self) -> None:
        """Drop the task. May be called twice."""
        self._task, self._closed = None, True

    def __enter__(self) -> InProcessExecutor:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
