"""PostgreSQL, nginx and moto (for S3) on this machine's loopback, and the blocks of docs/team.md."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "team.md"
BLOCK = re.compile(r"^```(?:sh|ini|nginx) (?P<name>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
PORTS = ("5432", "5000", "8080", "9000")
START_SECONDS = 240
SUMS = """
name = "sums"
license = "generated"
[source]
kind = "generator"
generator = "adding"
steps = 8
sequences = 60
[task]
kind = "regress"
metric = "mse"
"""


def blocks() -> dict[str, str]:
    """The page's commands and files by their names."""
    return {found["name"]: found["text"] for found in BLOCK.finditer(PAGE.read_text())}


def program(name: str) -> str:
    """A program's path; the test is skipped where it is not installed, unless HARNESS_SERVER_TESTS says `required`."""
    places = [os.environ["PATH"], "/usr/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    return shutil.which(name, path=os.pathsep.join(places)) or lacking(f"the program {name} (make server-programs)")


def lacking(what: str) -> str:
    why = f"{what} is not installed"
    if os.environ.get("HARNESS_SERVER_TESTS") == "required":
        pytest.fail(why)
    pytest.skip(why)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def background(command: list[str], folder: Path, ready: Callable[[], bool], **changes: str) -> Iterator[None]:
    """A server in a process group of its own, from when it answers until the block is left."""
    log = folder / f"{Path(command[0]).name}-{time.monotonic_ns()}.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(**changes), stdout=written, stderr=written, start_new_session=True
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            assert process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.2)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def environment(**changes: str) -> dict[str, str]:
    """This process's, with this Python's commands first, and nothing that names a server or a secret."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "AWS_", "HARNESS_"))}
    own = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]]),
        "PIP_NO_INDEX": "1",  # what the page installs is there: it is asked for, and nothing is fetched
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # eight processes of a server's that judge language models
        "NO_COLOR": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    return kept | own | changes


def answers(address: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            urlopen(address, timeout=5).close()
        except (URLError, OSError):
            return False
        return True

    return ready


class Team:
    """The page's blocks, with ports and folders of this test in the place of the page's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {port: str(free_port()) for port in PORTS}
        self.home = folder / "home"
        for place in (self.home / "datasets", folder / "served"):
            place.mkdir(parents=True)
        (self.home / "datasets" / "sums.toml").write_text(SUMS)

    def address(self, port: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports[port]}{path}"

    def text(self, name: str) -> str:
        text = blocks()[name].replace("/srv/mlflow", str(self.folder / "served"))
        for port, own in self.ports.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{own}").replace(f"port {port}", f"port {own}")
        # One worker, and fewer epochs than a sweep has of itself: what is tested is the way to the server.
        text = re.sub(r"^mlflow server ", "mlflow server --workers 1 ", text, flags=re.MULTILINE)
        return text.replace("-p 5432", f"-p {self.ports['5432']}").replace(
            "--trials 5", "--trials 2 --epochs 2 --confirmations 0 --workers 1"
        )

    def run(self, name: str, code: int = 0, folder: Path | None = None, **changes: str) -> str:
        """A block in a shell; what it printed, both streams."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.text(name)],
            cwd=folder or self.home,
            env=environment(**changes),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
        )
        assert done.returncode == code, done.stdout[-4000:]
        assert "Traceback" not in done.stdout, done.stdout[-4000:]
        return done.stdout

    @contextmanager
    def mlflow(self, name: str, path: str = "") -> Iterator[None]:
        """The server of a block, from when it answers."""
        ready = answers(self.address("5000", f"{path}/health"))
        with background(["bash", "-euc", self.text(name)], self.folder / "served", ready):
            self._warm(self.address("5000", f"{path}/api/2.0/mlflow/experiments/search?max_results=1"))
            yield

    def _warm(self, address: str) -> None:
        """A server loads what it needs at its first request: a busy machine takes longer for it than a client waits."""
        asked = Request(address)
        asked.add_header("Authorization", f"Basic {b64encode(b'admin:a-long-password-1').decode()}")
        quick, deadline = 0, time.monotonic() + START_SECONDS
        while quick < 3 and time.monotonic() < deadline:
            began = time.monotonic()
            urlopen(asked, timeout=START_SECONDS).close()
            quick = quick + 1 if time.monotonic() - began < 2 else 0

    @contextmanager
    def nginx(self, name: str) -> Iterator[None]:
        places = "".join(
            f"{kind}_temp_path {self.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = self.text(name).replace("http {", f"http {{ access_log off; {places}", 1)
        file = self.folder / "nginx.conf"
        # Started by root its workers are somebody else, who may not write into this test's folder.
        user = "user root;" if os.geteuid() == 0 else ""
        file.write_text(
            f"{user} daemon off; pid {self.folder}/nginx.pid; error_log stderr; worker_processes 1;\n{text}"
        )
        command = [program("nginx"), "-e", "stderr", "-c", str(file)]
        with background(command, self.folder, answers(self.address("8080", "/team/mlflow/health"))):
            yield

    @contextmanager
    def s3(self) -> Iterator[None]:
        """moto in the place of S3, with the page's bucket."""
        for package in ("moto", "boto3", "flask_wtf"):
            if importlib.util.find_spec(package) is None:
                lacking(f"{package} (the extra test-servers)")
        import boto3

        port = self.ports["9000"]
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
        with background(command, self.folder, answers(self.address("9000", "/moto-api/"))):
            self.bucket = boto3.resource(
                "s3",
                endpoint_url=self.address("9000"),
                aws_access_key_id="id",
                aws_secret_access_key="key",
                region_name="us-east-1",
            ).Bucket("mlflow")
            self.bucket.create()
            yield


@contextmanager
def postgresql(port: str) -> Iterator[None]:
    """A cluster of its own, of a user who is not root, which PostgreSQL refuses."""
    if importlib.util.find_spec("psycopg") is None:
        lacking("psycopg (the extra test-servers)")
    initdb, postgres, _ = program("initdb"), program("postgres"), program("psql")
    with tempfile.TemporaryDirectory(prefix="harness-pg-") as name:
        folder, user = Path(name), []
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            user = [program("setpriv"), "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        made = [initdb, "-D", f"{name}/data", "-U", "postgres", "--auth=trust", "--auth-host=scram-sha-256"]
        (folder / "password").write_text("postgres-password")
        (folder / "password").chmod(0o644)
        subprocess.run([*user, *made, "--pwfile", f"{name}/password"], check=True, capture_output=True, cwd=name)
        command = [*user, postgres, "-D", f"{name}/data", "-p", port, "-k", name, "-c", "listen_addresses=127.0.0.1"]
        with background(command, folder, lambda: _takes_calls(int(port))):
            yield


def _takes_calls(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


PG_PASSWORD = {"PGPASSWORD": "postgres-password"}


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    """An empty PostgreSQL with the page's database, and a folder with a small dataset."""
    one = Team(tmp_path)
    with postgresql(one.ports["5432"]):
        for _ in range(50):
            try:
                one.run("database", **PG_PASSWORD)
            except AssertionError:  # it listens before it lets anybody in
                time.sleep(0.2)
            else:
                break
        yield one
