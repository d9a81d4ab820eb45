"""What every engine does with one task: check it, import its function, call it, put the outcome into words.

Knows nothing of processes, so that a task means the same wherever it runs.
"""

from __future__ import annotations

import dataclasses
import importlib
import operator
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from harness.engines.base import Done, Task
from harness.errors import EngineError
from harness.records import FailureKind


def checked(task: Task) -> Task:
    """The task with its arguments copied as plain values, so that all engines hand over the same.

    Raises:
        EngineError: The arguments are not plain, or a limit is not a positive number.
    """
    for name, limit in {"limit_seconds": task.limit_seconds, "limit_mb": task.limit_mb}.items():
        if limit is not None and not limit > 0:
            raise EngineError(f"task {task.id}: {name} = {limit}: expected more than 0, or None for no limit")
    try:
        return dataclasses.replace(task, arguments=to_plain(task.arguments, "arguments"))
    except TypeError as error:
        raise EngineError(f"task {task.id}: {error}") from None


def run(task: Task) -> Done:
    """Run a task here and now.

    Returns:
        Its value, or the failure with its traceback. `sys.exit` in a task is a failure of the task,
        Ctrl-C is not and goes through.
    """
    try:
        returned = resolve(task.function)(task.arguments)
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

    What JSON would take is taken: a tuple becomes a list, a NumPy double (a subclass of float) a float. So no
    value makes the process that receives it import a library.

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
    raise TypeError(f"{where} is {_type_name(value)}: expected plain values (None, bool, int, float, str, list, dict)")


def one_line(error: BaseException) -> str:
    """An error's type and message in one line, such as `ValueError: units must be positive`."""
    name, message = type(error).__name__, " ".join(str(error).split())
    return f"{name}: {message}" if message else name


def _text_key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{where} has the key {key!r}: expected text")
    return str.__str__(key)


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
