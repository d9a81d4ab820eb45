"""Single tasks on an engine, outside a search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.engines import Done, Engine, Task
from harness.errors import EngineError


def run_one(engine: Engine, task: Task) -> Mapping[str, Any]:
    """Run one task on an idle engine and wait for it.

    Raises:
        EngineError: It failed.
    """
    engine.submit(task)
    (done,) = all_done(engine)
    if done.value is None:
        raise EngineError(f"{task.id}: {done.message}")
    return done.value


def all_done(engine: Engine) -> Iterator[Done]:
    """What is running, as it ends, until nothing is."""
    while engine.free < engine.slots:
        yield from engine.wait()
