"""The contract of an engine: where work runs. It knows nothing of Keras, datasets or trials.

An engine is handed a function's dotted path and plain values; it hands back plain values or a failure. So
toys, tests and clusters fit, and a conformance suite (`tests/engines`) can hold every engine to these words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from harness.records import FailureKind


@dataclass(frozen=True, slots=True)
class Task:
    """Work to be done.

    Attributes:
        id: Unique among the tasks of an engine's life.
        function: Dotted path, `package.module:function`; it is imported where the work runs.
        arguments: The function's one argument: JSON-like plain values.
        affinity: Tasks of one affinity like to run on the same worker (they share compiled functions); may be
            empty.
        home: Tasks of one home like to keep to one worker, as far as their order is free; see `Engine.likes`.
        limit_seconds: The longest it may run; None for no limit.
        limit_mb: The most resident memory that its worker may come to, in megabytes; None for no limit.
    """

    id: str
    function: str
    arguments: Mapping[str, Any]
    affinity: str = ""
    home: str = ""
    limit_seconds: float | None = None
    limit_mb: int | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a task: a value, or a failure.

    Attributes:
        task_id: The task's id.
        value: What the function returned: plain values; None when it failed.
        failure: Why there is no value; None when there is one.
        message: The failure in one line, such as `ValueError: units must be positive`.
        traceback: The failure's traceback where there is one.
    """

    task_id: str
    value: Mapping[str, Any] | None = None
    failure: FailureKind | None = None
    message: str = ""
    traceback: str = ""


class Engine(Protocol):
    """Where tasks run. Used from one thread; a context manager that ends its workers when left."""

    @property
    def slots(self) -> int:
        """How many tasks can run at the same time."""
        ...

    @property
    def free(self) -> int:
        """How many more tasks can be submitted before one has to be waited for."""
        ...

    @property
    def likes(self) -> str:
        """The home of the tasks that the worker which is next to get one ran first; empty when it has none yet.

        Who can choose what to hand over next does well to follow it: the workers then share less of what they compile.
        """
        ...

    def warm(self, module: str) -> None:
        """Get ready for tasks that need this module: an engine may start its workers and import it there meanwhile.

        A module that cannot be imported is no error here; the task that needs it will say so.
        """
        ...

    def submit(self, task: Task) -> None:
        """Hand over one task.

        Raises:
            EngineError: No slot is free, or the engine is closed.
        """
        ...

    def wait(self, timeout_seconds: float | None = None) -> list[Done]:
        """The tasks that ended since the last call, in the order they ended.

        Blocks until at least one has ended or the timeout is over; returns an empty list at once when none is
        running.
        """
        ...

    def drop(self) -> None:
        """Give up all running tasks; every slot is free afterwards and nothing more is heard of them."""
        ...

    def close(self) -> None:
        """End all workers, running tasks included. May be called twice."""
        ...

    def __enter__(self) -> Engine: ...

    def __exit__(self, *exception: object) -> None: ...
