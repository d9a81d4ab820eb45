"""MLflow's servers as child processes that answer this machine only; gone when the block is left.

Knows ports and processes; nothing of what is served. Between this process and the server stands `supervisor`, which
ends the server even when this process is killed.

Knows the store's address; asks MLflow nothing itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.databases import may_write
from harness.errors import StoreError, UsageError
from harness.store import Store
from harness.tracking import supervisor
from harness.tracking.client import connect, database_file, prepare_environment
from harness.tracking.views import route

HOST = "127.0.0.1"
FIRST_PORT = 5000
PORTS_TRIED = 100
START_SECONDS = 120
_CHECK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers.

    Attributes:
        address: Such as `http://127.0.0.1:5000`.
        process: Its supervisor's process, which ends when the server does.
    """

    address: str
    process: subprocess.Popen[bytes]

    def page(self, experiment_id: str, view: str = "") -> str:
        """An experiment's training runs, in one of the views that were written with them."""
        return f"{self.address}/{route(experiment_id, view)}"

    def wait(self) -> None:
        """Wait until the server ends.

        Raises:
            BrokenPipeError: Standard output is a pipe, and nobody reads from it any more.
        """
        reader = _reader()
        while self.process.poll() is None:
            if reader.poll(_CHECK_SECONDS * 1000):
                raise BrokenPipeError


def _reader() -> select.poll:
    """Tells when the other end of a pipe that standard output is, if it is one, was closed."""
    reader = select.poll()
    with contextlib.suppress(OSError, ValueError, AttributeError):  # there is no standard output
        output = sys.stdout.fileno()
        if stat.S_ISFIFO(os.fstat(output).st_mode):
            reader.register(output, 0)
    return reader


def free_port(wanted: int | None) -> int:
    """A port that nobody listens on.

    Args:
        wanted: The one to have; None for the first free one from 5000 on.

    Raises:
        UsageError: The wanted port is taken, or none is free.
    """
    if wanted is not None:
        if not _is_free(wanted):
            raise UsageError(f"--port {wanted}: expected a free port, got one that is taken")
        return wanted
    ports = range(FIRST_PORT, FIRST_PORT + PORTS_TRIED)
    found = next((port for port in ports if _is_free(port) and _is_ours(port)), None)
    if found is None:
        raise UsageError(f"no port from {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1} is free: name one with --port")
    return found


@contextlib.contextmanager
def running(
    arguments: Sequence[str], port: int, folder: Path, environment: Mapping[str, str], *, remove: bool = False
) -> Iterator[Server]:
    """Run `mlflow` with these arguments until the block is left.

    Args:
        arguments: Words after `mlflow`, without host and port.
        port: A free port.
        folder: The folder it runs in, so that nothing falls into the user's.
        environment: Its environment variables.
        remove: Whether the folder goes with the server, however this process ends.

    Raises:
        StoreError: The server ended, or did not answer within two minutes.
    """
    with tempfile.TemporaryFile() as log:
        command = [*server_command(arguments), "--host", HOST, "--port", str(port)]
        # This Python's commands come first: MLflow starts `uvicorn` by its name, which only an activated one has.
        path = os.pathsep.join(filter(None, (str(Path(sys.executable).parent), environment.get("PATH"))))
        # A session of its own, so that Ctrl-C and a closed terminal reach this process alone, which then ends it.
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(supervisor.__file__)), str(folder) if remove else "", *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**environment, "PATH": path},
            start_new_session=True,
        )
        try:
            server = Server(f"http://{HOST}:{port}", process)
            _wait_until_it_answers(server, log)
            yield server
            _require_running(process, log)
        finally:
            _end(process)


def server_command(arguments: Sequence[str]) -> list[str]:
    """`mlflow` with these arguments, as this Python's module; its command line is what tells a server of ours."""
    return [sys.executable, "-P", "-m", "mlflow", *arguments]


def _wait_until_it_answers(server: Server, log: IO[bytes]) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # none stands between it and this machine
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        _require_running(server.process, log)
        with contextlib.suppress(OSError), opener.open(f"{server.address}/health", timeout=2) as answer:
            answer.read()
            # Another program may have taken the port since it was free, and answer too.
            if _listens(server):
                return
        time.sleep(0.1)
    raise StoreError(f"MLflow's server did not answer within {START_SECONDS} s: {_last_line(log)}")


def _require_running(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    if process.poll() is not None:
        raise StoreError(f"MLflow's server ended with code {process.returncode}: {_last_line(log)}")


def _listens(server: Server) -> bool:
    """Whether the port is held by the server or one of its workers."""
    import psutil

    port = int(server.address.rpartition(":")[2])
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(server.process.pid)
        family = [parent, *parent.children(recursive=True)]
        return any(found.laddr.port == port for one in family for found in one.net_connections() if found.laddr)
    return False


def _last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Have the supervisor end the server and all its workers, and wait for it."""
    assert process.stdin is not None
    process.stdin.close()
    # Where the supervisor itself was killed, the server and its workers are still members of its process group.
    if process.wait() < 0:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the server itself does: a port that was let go a moment ago counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


_ours: dict[int, IO[bytes]] = {}


def _is_ours(port: int) -> bool:
    """Whether no other process that is still alive was told to take this port, which its server may not hold yet."""
    if port in _ours:
        return True
    try:
        file = (Path(tempfile.gettempdir()) / f"harness-port-{port}.lock").open("wb")
    except OSError:  # another user's: whoever binds first has it
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return False
    _ours[port] = file  # held until this process ends
    return True


@contextlib.contextmanager
def serving(store: Store, port: int) -> Iterator[Server]:
    """Run MLflow's server until the block is left.

    Args:
        store: A local store that exists.
        port: A free port.

    Raises:
        StoreError: The server ended, or did not answer within two minutes.
    """
    writable = may_write(database_file(store))
    if not writable:
        print(f"{store.root}: cannot be written: showing a copy of MLflow's database as it is now", file=sys.stderr)
    client = connect(store, create=writable)  # what is done in the UI is written, so that it counts as a writer
    arguments = [
        *("server", "--backend-store-uri", client.uri, "--workers", "1"),
        *("--default-artifact-root", store.artifacts.as_uri(), "--no-serve-artifacts"),
    ]
    environment: dict[str, str] = dict(os.environ)
    prepare_environment(environment)
    # Nobody asks this server for jobs; its executors would be more processes.
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    with running(arguments, port, store.root, environment) as server:
        yield server
