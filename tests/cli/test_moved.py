"""A project of 0.1.0 at another place than it was made at, used as people do, with real commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harness.journal import Journal

pytestmark = pytest.mark.slow

READING = (
    ("sweeps", "list"),
    ("models", "list"),
    ("models", "show", "waves"),
    ("verify", "FIRST"),
    ("predict", "waves", "--test", "--output", "OUT/test.csv"),
    ("predict", "waves", "datasets/waves.csv", "--output", "OUT/rows.csv"),
    ("predict", "sums", "--test", "--output", "OUT/sums.csv"),
    ("report", "FIRST", "--output", "OUT/report.html"),
    ("trials", "FIRST"),
    ("export", "waves", "--to", "OUT/exported"),
)
BORN = "/srv/example"


def harness(project: Path, out: Path, *arguments: str, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    (first,) = (path.name for path in project.glob("mlruns/sweeps/first-*"))
    words = [word.replace("FIRST", first).replace("OUT", str(out)) for word in arguments]
    kept = {key: value for key, value in os.environ.items() if key not in ("HARNESS_STORE", "MLFLOW_TRACKING_URI")}
    command = [*before, sys.executable, "-c", "from harness.cli import main; main()", *words]
    return subprocess.run(command, cwd=project, env=kept, capture_output=True, text=True, timeout=600, check=False)


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and time, but what SQLite's readers make beside a database: an index, an empty log."""
    states = {path: path.stat() for path in folder.rglob("*") if path.is_file() and not path.name.endswith("-shm")}
    return {
        str(path): (state.st_size, state.st_mtime_ns)
        for path, state in states.items()
        if state.st_size or not path.name.endswith("-wal")
    }


@pytest.fixture
def project(tmp_path: Path, unpack_example: Callable[[Path], Path]) -> Path:
    return unpack_example(tmp_path / "it was moved")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_a_moved_project_is_read_at_once_and_goes_on(project: Path, out: Path) -> None:
    born, before = tree(Path(BORN)), tree(project)
    for command in READING:
        done = harness(project, out, *command)
        assert (done.returncode, "stood at" in done.stderr) == (0, False), f"{command}: {done.stdout}{done.stderr}"
    assert tree(project) == before
    (second,) = (path.name for path in project.glob("mlruns/sweeps/second-*"))
    writing = (
        ("sweep", "--resume", second, "--accept-changes"),
        ("sweep", "waves", "--trials", "1", "--epochs", "1", "--seeds", "1", "--workers", "1", "--fresh"),
        ("explain", "FIRST", "waves"),
        ("models", "refit", "waves/1"),
        ("models", "promote", "waves/1"),
        ("doctor",),
        ("verify", "FIRST"),
        ("predict", "waves", "--test", "--output", "OUT/again.csv"),
    )
    phrase = [harness(project, out, *command) for command in writing]
    for command, done in zip(writing, phrase, strict=True):
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    assert ["the store stood at" in done.stderr for done in phrase] == [True] + [False] * (len(phrase) - 1)
    with Journal.read(project / "mlruns" / "sweeps" / second) as journal:
        assert [line for line in journal.changes if BORN in line] == []  # versions may have changed, no place of data
    assert tree(Path(BORN)) == born


def test_a_copy_that_is_swept_leaves_its_original_alone(project: Path, out: Path, tmp_path: Path) -> None:
    assert harness(project, out, "doctor").returncode == 0
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    before = tree(project)
    swept = harness(copy, out, "sweep", "waves", "--trials", "1", "--epochs", "1", "--seeds", "1", "--workers", "1")
    assert swept.returncode == 0, swept.stderr
    assert tree(project) == before
    shutil.rmtree(project)
    for command in (*READING[3:], ("doctor",)):
        done = harness(copy, out, *command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    assert not project.exists()


@pytest.fixture
def read_only(project: Path) -> Sequence[str]:
    """What a command begins with, to which the project is one that it may only read."""
    if os.geteuid():
        subprocess.run(["chmod", "-R", "a-w", project], check=True)
        return ()
    mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"'
    begin = ("unshare", "--mount", "sh", "-c", mount, str(project))
    if not shutil.which("unshare") or subprocess.run([*begin, "true"], check=False, capture_output=True).returncode:
        pytest.skip("root may write everywhere, and this machine lets nothing be mounted")
    return begin


def test_whoever_may_only_read_gets_answers(project: Path, out: Path, read_only: Sequence[str]) -> None:
    before = tree(project)
    for command in READING:
        done = harness(project, out, *command, before=read_only)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    for command in (("report", "FIRST"), ("models", "promote", "sums/1"), ("export", "sums")):
        done = harness(project, out, *command, before=read_only)
        assert done.returncode in (1, 2), command
        assert done.stderr.splitlines()[-1].startswith("harness: "), done.stderr
        assert "Traceback" not in done.stderr
    assert tree(project) == before
    subprocess.run(["chmod", "-R", "u+w", project], check=True)
