"""A Ray cluster on this machine, of nodes that are processes: started, killed, stopped, and joined late.

Ray puts an outside address in the place of 127.0.0.1 and listens on every interface, so all of it runs inside a network
namespace that has loopback alone: `inside` starts a program in one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
PORT = 26379
ADDRESS = f"127.0.0.1:{PORT}"
STORE_BYTES = 100_000_000


def can_isolate() -> bool:
    """Whether this user may make a network namespace here."""
    command = [*_isolated(), "true"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


def inside(command: Sequence[str], environment: Mapping[str, str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a program in a namespace of its own for the network and for processes, all of which end with it."""
    return subprocess.run(
        isolated(command),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def isolated(command: Sequence[str]) -> list[str]:
    """A command that runs another one in such a namespace."""
    return [*_isolated(), "bash", "-c", 'ip link set lo up && exec "$@"', "inside", *command]


def _isolated() -> list[str]:
    # Root keeps its other users, as whom PostgreSQL runs; anybody else is root inside.
    users = [] if os.geteuid() == 0 else ["-r"]
    return ["unshare", *users, "-n", "--pid", "--fork", "--mount-proc", "--kill-child"]


@dataclass
class RayNode:
    """One node: the command that stays with it, and all that it has started."""

    process: subprocess.Popen[bytes]
    home: Path

    def processes(self) -> list[psutil.Process]:
        """All of them that live."""
        with contextlib.suppress(psutil.NoSuchProcess):
            top = psutil.Process(self.process.pid)
            return [top, *top.children(recursive=True)]
        return []

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all of its processes, the command first so that it repairs nothing."""
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut does."""
        self.send(signal.SIGKILL)
        self.process.wait()


@dataclass
class Cluster:
    """Nodes below one folder, each with a HOME of its own."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    nodes: list[RayNode] = field(default_factory=list)

    def head(self, cpus: int = 0) -> RayNode:
        """Start the head; the commands that use the cluster run on its machine."""
        options = ["--head", f"--port={PORT}", "--include-dashboard=false", f"--temp-dir={self.folder / 'ray'}"]
        return self._start("head", cpus, [*options, "--disable-usage-stats"], 20_000)

    def node(self, name: str, cpus: int = 1, extra: Mapping[str, str] | None = None) -> RayNode:
        """Start another node; a name that was used before has the same HOME again."""
        return self._start(name, cpus, [f"--address={ADDRESS}"], 21_000 + 200 * len(self.nodes), extra)

    def _start(
        self, name: str, cpus: int, options: Sequence[str], ports: int, extra: Mapping[str, str] | None = None
    ) -> RayNode:
        home = self.folder / "homes" / name
        home.mkdir(parents=True, exist_ok=True)
        more = [f"--num-cpus={cpus}", f"--object-store-memory={STORE_BYTES}", "--node-ip-address=127.0.0.1"]
        more += [f"--min-worker-port={ports}", f"--max-worker-port={ports + 150}", "--block"]
        environment = {**os.environ, **self.environment, **(extra or {}), "HOME": str(home)}
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, (environment.get("PYTHONPATH"), str(ROOT), os.environ.get("PYTHONPATH")))
        )
        command = [str(Path(sys.executable).parent / "ray"), "start", *options, *more]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
        self.nodes.append(RayNode(process, home))
        return self.nodes[-1]

    def wait(self, name: str, seconds: float = 60.0) -> None:
        """Until a node that was started says that it runs."""
        end = time.monotonic() + seconds
        while "Ray runtime started" not in (self.folder / f"{name}.log").read_text(errors="replace"):
            if time.monotonic() > end:
                raise SystemExit(f"{name}: {(self.folder / f'{name}.log').read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)

    def end(self) -> None:
        """End all of it."""
        for node in self.nodes:
            node.kill()


@contextlib.contextmanager
def cluster(environment: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A folder for a cluster, which ends with the block; the path is short, since sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    made = Cluster(folder, environment or {})
    try:
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)
