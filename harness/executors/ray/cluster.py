"""A cluster that somebody has started: whether it answers, joining and leaving it, and its nodes."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import ray

from harness.errors import ExecutorError, UsageError

PROBE_SECONDS = 5.0
"""How long a head may take to answer at all; joining a dead one would take minutes to fail."""


@dataclass(frozen=True, slots=True)
class Node:
    """A living node.

    Attributes:
        id: Ray's.
        host: The machine's name, and its address in the cluster.
        resources: What it has, by Ray's names.
    """

    id: str
    host: str
    resources: Mapping[str, float]

    @property
    def store_bytes(self) -> float:
        """Size of its object store."""
        return self.resources.get("object_store_memory", 0.0)


def parsed(address: str) -> tuple[str, int]:
    """Host and port of a head.

    Raises:
        UsageError: The address has another form.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in address:
        raise UsageError(f"--address {address}: expected HOST:PORT of the cluster's head, such as 10.0.0.5:6379")
    return host.strip("[]"), int(port)


def answers(address: str, seconds: float = PROBE_SECONDS) -> str:
    """Why nothing answers at a head's address; empty where something does."""
    try:
        socket.create_connection(parsed(address), timeout=seconds).close()
    except OSError as error:
        return error.strerror or str(error) or type(error).__name__
    return ""


def connect(address: str) -> bool:
    """Join a cluster as a driver, from a machine that is one of its nodes; what Ray has to say stays off the screen.

    Args:
        address: `HOST:PORT` of its head.

    Returns:
        Whether this process was no part of one before, so that it may leave it.

    Raises:
        UsageError: The address has another form, nothing answers there, or this machine is no node.
    """
    if why := answers(address):
        raise UsageError(f"--address {address}: no cluster answers there ({why}); `ray start --head` begins one")
    if ray.is_initialized():
        return False
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with _standard_error_closed():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # whatever Ray raises, it is the address or the cluster
        ray.shutdown()
        raise UsageError(f"--address {address}: {_why(error)}") from error
    finally:
        for number, handler in handlers.items():
            if handler is not None:
                signal.signal(number, handler)
    return True


@contextlib.contextmanager
def _standard_error_closed() -> Iterator[None]:
    """Keep out what Ray's native code says while it starts, before it reads how much it is to say."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _why(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "Version mismatch" in text:
        return f"the cluster runs other versions: {text.partition('Version mismatch: ')[2]}"
    if "node" in text and ("not found" in text or "Can't find" in text or "could not find" in text.lower()):
        return (
            "this machine is no node of the cluster: `ray start --address HOST:PORT --num-cpus 0` makes it one that "
            "takes no work"
        )
    return f"cannot be joined: {type(error).__name__}: {text[:300]}"


def disconnect() -> None:
    """Leave the cluster."""
    ray.shutdown()


def abandon() -> None:
    """Leave a cluster that answers no more without a word, for which Ray would wait a minute and then crash.

    Its threads stay; a process ends best with `os._exit`, as the `harness` command does.
    """
    atexit.unregister(ray.shutdown)


def free_resources() -> Mapping[str, float]:
    """What nobody uses of all nodes together; nothing where the cluster does not say."""
    try:
        return dict(ray.available_resources())  # type: ignore[no-untyped-call]
    except Exception:
        return {}


def nodes() -> list[Node]:
    """The living nodes.

    Raises:
        ExecutorError: The cluster does not say.
    """
    try:
        found = ray.nodes()  # type: ignore[no-untyped-call]
    except Exception as error:
        raise ExecutorError(f"the cluster does not name its nodes: {error}") from error
    return [
        Node(one["NodeID"], f"{one['NodeManagerHostname']} ({one['NodeManagerAddress']})", one["Resources"])
        for one in found
        if one["Alive"]
    ]
