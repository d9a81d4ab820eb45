"""Single tasks on an engine, outside a search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from harness.engines import Done, Engine, Task
from harness.errors import EngineError
from harness.records import FailureKind

ATTEMPTS = 2
"""Attempts at whatever a worker does, where the worker is killed from outside; no other failure is tried again."""


def run_one(engine: Engine, task: Task) -> Mapping[str, Any]:
    """Run one task on an idle engine and wait for it; once more when its worker is killed.

    Raises:
        EngineError: It failed.
    """
    for attempt in range(1, ATTEMPTS + 1):
        engine.submit(replace(task, id=f"{task.id}#{attempt}"))
        (done,) = all_done(engine)
        if done.failure is not FailureKind.KILLED:
            break
    if done.value is None:
        raise EngineError(f"{task.id}: {done.message}")
    return done.value


def all_done(engine: Engine) -> Iterator[Done]:
    """What is running, as it ends, until nothing is."""
    while engine.free < engine.slots:
        yield from engine.wait()
