"""One slot of a cluster: the actor that Ray places on a node, with one worker process of our own in it.

Limits of time and memory, and what is said of a failure, are the worker's and so the same as on one machine.
"""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import ray

from harness.executors.base import Shared, Task
from harness.executors.pool import PoolExecutor
from harness.executors.ray.files import NodeFiles, node_folder
from harness.executors.resources import machine_mb
from harness.machine import MIRROR_VARIABLE, installed_version, processor

_DECISIVE = ("lstm-gru-harness", "tensorflow", "keras", "numpy")
"""Packages whose versions decide scores, and must be the parent's."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a slot says of the machine that it is on.

    Attributes:
        node: Ray's id of the node.
        host: The machine's name, and its address in the cluster.
        versions: Of Python and of the packages that decide scores.
        processor: Kind of processor.
        memory_mb: Memory in megabytes.
    """

    node: str
    host: str
    versions: Mapping[str, str]
    processor: str
    memory_mb: int


def versions() -> dict[str, str]:
    """Versions of Python and the packages that decide a score, in this process's environment."""
    return {
        "python": platform.python_version(),
        **{name: installed_version(name) or "not installed" for name in _DECISIVE},
    }


class RemoteSlot:
    """Runs one task at a time. Ray calls it in its process's main thread, which the worker lives and dies with."""

    def __init__(self, threads: int | None, environment: Mapping[str, str]) -> None:
        """Prepare the worker.

        Args:
            threads: Threads of each numeric library in it.
            environment: Variables that tasks see beside the node's own.
        """
        self._files = NodeFiles(node_folder())
        self._shared: dict[str, Shared] = {}
        own = {**environment, MIRROR_VARIABLE: str(self._files.mirror)}
        self._pool = PoolExecutor(1, threads, environment=own)

    def about(self, module: str) -> dict[str, Any]:
        """Plain values of the `Machine`; the worker is started meanwhile, and imports a module where one is named."""
        if module:
            self._pool.prewarm(module)
        context = ray.get_runtime_context()
        host = f"{socket.gethostname()} ({ray.util.get_node_ip_address()})"  # type: ignore[no-untyped-call]
        return asdict(Machine(context.get_node_id(), host, versions(), processor(), machine_mb()))

    def prewarm(self, module: str) -> None:
        """Start the worker and have it import a module."""
        self._pool.prewarm(module)

    def keep(self, digest: str, values: Mapping[str, Any]) -> None:
        """Keep arguments for tasks that come with their digest."""
        self._shared[digest] = Shared(digest, values)

    def run(
        self, plain: Mapping[str, Any], digest: str, files: Mapping[str, tuple[str, Sequence[Any]]]
    ) -> dict[str, Any]:
        """Run one task to its end.

        Args:
            plain: A `Task`'s values, without the arguments that it shares.
            digest: Theirs; empty for none.
            files: Path of each input → its digest, and where in the cluster's memory it is.

        Returns:
            Plain values of a `Done` as `done`, and as `files` what the task has written, by path.
        """
        for path, (content, (reference,)) in files.items():
            bring: Callable[[], Any] = partial(ray.get, reference)
            self._files.place(path, content, bring)
        task = Task(**plain, shared=self._shared[digest] if digest else None)
        self._files.prepare(task.outputs)
        self._pool.submit(task)
        (done,) = self._pool.wait()
        return {"done": asdict(done), "files": self._files.taken(task.outputs), "pid": os.getpid()}
