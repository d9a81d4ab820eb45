"""The contract of an executor: where work runs, and what becomes of one task. Knows nothing of Keras or trials.

An executor is handed a function's dotted path and plain values; it hands back plain values or a failure. So
toys, tests and clusters fit, and a conformance suite (`tests/executors`) can hold every executor to these words.
Records and configs among the values are written as plain ones here, at the border between two processes.

Knows nothing of processes, so that a task means the same wherever it runs.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import operator
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from harness.errors import ExecutorError, HarnessError
from harness.notes import Note, telling
from harness.records import FailureKind
from harness.records.serialization import Record, encode


@dataclass(frozen=True, slots=True)
class Shared:
    """Arguments that many tasks have in common: a worker is sent them once, and their digest with each task.

    Attributes:
        digest: Tells them from others.
        values: Plain values.
    """

    digest: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Shared:
        """These values with the digest of what they are as JSON."""
        text = json.dumps(to_plain(values, "shared"), sort_keys=True)
        return cls(hashlib.sha256(text.encode()).hexdigest(), json.loads(text))


@dataclass(frozen=True, slots=True)
class Task:
    """Work to be done.

    Attributes:
        id: Unique among the tasks of an executor's life.
        function: Dotted path, `package.module:function`; it is imported where the work runs.
        arguments: The function's one argument: JSON-like plain values, records and configs.
        affinity: Tasks of one affinity like to run on the same worker (they share compiled functions); may be
            empty.
        affinity_group: Tasks of one home like to keep to one worker, as far as their order is free; see
            `Executor.likes`.
        limit_seconds: The longest it may run; None for no limit.
        limit_mb: The most resident memory that its worker may come to, in megabytes; None for no limit.
        shared: More arguments, which other tasks have too; None for none.
        inputs: Paths of the files and folders that the function reads, as this machine has them. Where it runs on
            another one they are brought there, by their content, and `harness.machine.here` says where they lie.
        outputs: Paths of the files that it may write, by way of `harness.machine.here` too; what it has written of them
            lies there, whole, when its end is heard of.
    """

    id: str
    function: str
    arguments: Mapping[str, Any]
    affinity: str = ""
    affinity_group: str = ""
    limit_seconds: float | None = None
    limit_mb: int | None = None
    shared: Shared | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


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


@dataclass(slots=True)
class Habit:
    """What a slot ran so far: which task it suits.

    Attributes:
        affinity: Of its last task that had one; empty for a fresh worker.
        group: Affinity group of its first task.
        last_used: Number of its last task, counted over all slots.
    """

    affinity: str = ""
    group: str = ""
    last_used: int = 0

    def rank(self, task: Task) -> tuple[bool, bool, bool, int]:
        """The smaller, the better for this task."""
        return (self.affinity != task.affinity, self.group != task.affinity_group, self.affinity != "", self.last_used)

    def take(self, task: Task, number: int) -> None:
        """This task is the slot's next, and of all slots' the one with this number."""
        self.last_used = number
        self.affinity = task.affinity or self.affinity
        self.group = self.group or task.affinity_group


class Executor(Protocol):
    """Where tasks run. Used from one thread; a context manager that ends its workers when left."""

    @property
    def slots(self) -> int:
        """How many tasks can run at the same time when all slots are there; it never changes."""
        ...

    @property
    def running(self) -> int:
        """How many tasks were handed over whose end was not heard of yet."""
        ...

    @property
    def free(self) -> int:
        """How many more tasks can be submitted before one has to be waited for: living slots that have none.

        A slot on another machine goes with it, and another takes its place in time. Where nothing runs and no slot
        is free there is nothing to do but to wait.
        """
        ...

    @property
    def here(self) -> Executor:
        """Where tasks run that work in folders of this machine; itself, unless its slots are on others."""
        ...

    @property
    def preferred_group(self) -> str:
        """The affinity group of the first task of the worker that gets the next one; empty where it has run none.

        Who can choose what to hand over next does well to follow it: the workers then share less of what they compile.
        """
        ...

    def prewarm(self, module: str) -> None:
        """Get ready for tasks that need this module: an executor may start its workers and import it there meanwhile.

        A module that cannot be imported is no error here; the task that needs it will say so.
        """
        ...

    def submit(self, task: Task) -> None:
        """Hand over one task.

        Raises:
            ExecutorError: No slot is free, or the executor is closed.
        """
        ...

    def wait(self, timeout_seconds: float | None = None) -> list[Done]:
        """The tasks that ended since the last call, in the order they ended.

        Blocks until at least one has ended or the timeout is over. Where none is running it returns an empty list: at
        once when a slot is free or the executor is closed, else when a slot has come.

        Raises:
            KeyboardInterrupt: No slot can come any more, so that this is the end, as if the user wanted it.
        """
        ...

    def notes(self) -> list[Note]:
        """What running tasks told since the last call, by `harness.notes.tell`; a note may be lost."""
        ...

    def drop(self) -> None:
        """Give up all running tasks: nothing more is heard of them, and their slots come free."""
        ...

    def close(self) -> None:
        """End all workers, running tasks included. May be called twice."""
        ...

    def __enter__(self) -> Executor: ...

    def __exit__(self, *exception: object) -> None: ...


def checked(task: Task) -> Task:
    """The task with its arguments copied as plain values, so that all executors hand over the same.

    Raises:
        ExecutorError: The arguments are not plain, or a limit is not a positive number.
    """
    for name, limit in {"limit_seconds": task.limit_seconds, "limit_mb": task.limit_mb}.items():
        if limit is not None and not limit > 0:
            raise ExecutorError(f"task {task.id}: {name} = {limit}: expected more than 0, or None for no limit")
    try:
        return dataclasses.replace(task, arguments=to_plain(task.arguments, "arguments"))
    except TypeError as error:
        raise ExecutorError(f"task {task.id}: {error}") from None


def run(task: Task, send: Callable[[Note], bool] | None = None) -> Done:
    """Run a task here and now.

    Args:
        task: The task.
        send: Where its notes go; None for nowhere.

    Returns:
        Its value, or the failure with its traceback. `sys.exit` in a task is a failure of the task,
        Ctrl-C is not and goes through.
    """
    try:
        arguments = {**task.shared.values, **task.arguments} if task.shared else task.arguments
        with telling(task.id, send):
            returned = resolve(task.function)(arguments)
        if not isinstance(returned, Mapping):
            raise TypeError(f"{task.function} returned {_type_name(returned)}: expected a dict of plain values")
        return Done(task.id, value=to_plain(returned, f"the value of {task.function}"))
    except (Exception, SystemExit) as error:
        kind = FailureKind.OUT_OF_MEMORY if isinstance(error, MemoryError) else FailureKind.BUG
        return Done(task.id, failure=kind, message=one_line(error), traceback=traceback.format_exc())


def resolve(path: str) -> Callable[[Mapping[str, Any]], Any]:
    """The function at a dotted path `package.module:function`, imported here.

    Raises:
        ValueError: The path has another form.
        ImportError: There is no such module.
        AttributeError: The module has no such name.
        TypeError: The name is no function.
    """
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise ValueError(f"function = {path!r}: expected package.module:function")
    function = operator.attrgetter(name)(importlib.import_module(module))
    if not callable(function):
        raise TypeError(f"function = {path!r}: expected a function, got {_type_name(function)}")
    return function  # type: ignore[no-any-return]  # whatever a module holds


def to_plain(value: Any, where: str) -> Any:
    """A copy made of None, bool, int, float, str, list and dict with text keys alone.

    What JSON would take is taken: a tuple becomes a list, a NumPy double (a subclass of float) a float, and a record
    or a config what it is written as. So no value makes the process that receives it import a library.

    Args:
        value: The value.
        where: What to call it in the error, such as `arguments`.

    Raises:
        TypeError: Something in it is not plain; the message says where.
    """
    match value:
        case None | bool():
            return value
        case str():
            return str.__str__(value)
        case int():
            return int.__int__(value)
        case float():
            return float.__float__(value)
        case list() | tuple():
            return [to_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
        case Mapping():
            return {_text_key(key, where): to_plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, Record) or hasattr(value, "model_dump"):
        return to_plain(encode(value), where)
    raise TypeError(f"{where} is {_type_name(value)}: expected plain values (None, bool, int, float, str, list, dict)")


def one_line(error: BaseException) -> str:
    """An error's type and message in one line, such as `ValueError: units must be positive`; of ours the message."""
    name, message = type(error).__name__, " ".join(str(error).split())
    if isinstance(error, HarnessError) and message:
        return message
    return f"{name}: {message}" if message else name


def _text_key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{where} has the key {key!r}: expected text")
    return str.__str__(key)


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
