from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.executors import Done, Executor, PoolExecutor, Task

HERE = Path(__file__).parent


@pytest.fixture(scope="module", autouse=True)
def _toys_importable() -> Iterator[None]:
    """Lets `toys:…` be imported here and, since `sys.path` travels, in workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE)
        yield


@pytest.fixture
def two_workers() -> Iterator[PoolExecutor]:
    with PoolExecutor(workers=2) as executor:
        yield executor


@pytest.fixture(scope="session")
def run_all() -> Callable[..., dict[str, Done]]:
    """Submits tasks as slots come free and waits for all of them."""

    def run(executor: Executor, *tasks: Task) -> dict[str, Done]:
        waiting, ended = list(tasks), list[Done]()
        while len(ended) < len(tasks):
            while waiting and executor.free:
                executor.submit(waiting.pop(0))
            dones = executor.wait(timeout_seconds=20)
            assert dones, "nothing ended in 20 s"
            ended += dones
        assert len(ended) == len({done.task_id for done in ended}) == len(tasks)
        return {done.task_id: done for done in ended}

    return run
