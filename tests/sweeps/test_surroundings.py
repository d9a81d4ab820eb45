"""A sweep started as people, containers, cron and services start one gives the same scores everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

import harness
from harness.journal import EventKind, Journal

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.geteuid() != 0, reason="starts sweeps as another user")]

NOBODY = 54321
"""A user that no table of users names, as containers have one."""
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
ODD = {
    "KERAS_BACKEND": "jax",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_DETERMINISTIC_OPS": "1",
    "TF_USE_LEGACY_KERAS": "1",
    "XLA_FLAGS": "--broken",
    "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3",
    "LC_ALL": "POSIX",
    "PYTHONHASHSEED": "7",
}
ARGUMENTS = (
    "sweep tiny_adding --cards cards --family tiny_lstm --family tiny_gru "
    "--trials 2 --epochs 2 --workers 1 --confirmations 0"
)


def scores_of(
    project: Path,
    environment: Mapping[str, str],
    before: Sequence[str] = (),
    after: str = "",
    python: str = sys.executable,
) -> list[object]:
    """Run the sweep in a folder, with this environment and nothing else, and read each trial's scores."""
    command = [*before, python, "-c", "from harness.cli import main; main()", *ARGUMENTS.split()]
    places = (str(Path(harness.__file__).parents[1]), *sys.path)  # an editable installation is on no path
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(places), "HARNESS_XLA_CACHE": "off"}
    shell = ["sh", "-c", f'exec "$@" {after}', "sh", *command]
    done = subprocess.run(shell, cwd=project, env={**own, **environment}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (sweep,) = (path.parent for path in project.glob("mlruns/sweeps/*/journal.db"))
    with Journal.read(sweep) as journal:
        records = [event.payload for event in journal.events(EventKind.ENDED)]
    assert [record["status"] for record in records] == 4 * ["completed"]
    return [[record[name] for name in ("key", "train_losses", "validation_scores")] for record in records]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, write_project: Callable[[Path], Path]) -> Callable[[str], Path]:
    """Makes a project of the toys below `/tmp`, which another user can reach."""

    def made(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        write_project(folder / "cards")
        return folder

    return made


@pytest.fixture(scope="module")
def expected(project) -> list[object]:
    return scores_of(project("plain"), {"HOME": str(Path.home())})


def test_without_any_variable(project, expected) -> None:
    assert scores_of(project("empty"), {}) == expected


def test_as_cron_starts_it_without_streams(project, expected) -> None:
    assert scores_of(project("cron"), {"HOME": "/", "SHELL": "/bin/sh"}, after="<&- >&- 2>&-") == expected


def test_with_odd_variables_and_keras_settings(project, expected, tmp_path: Path) -> None:
    home = tmp_path / "-a \"b' $c"
    (home / ".keras").mkdir(parents=True)
    (home / ".keras" / "keras.json").write_text('{"floatx": "float64", "epsilon": 0.1, "backend": "torch"}')
    assert scores_of(project("odd"), {**ODD, "HOME": str(home)}) == expected


def everybodys_python() -> str:
    """An interpreter of this version that another user may start, which one below a home folder is not."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (os.path.realpath(sys.executable), f"/usr/local/bin/{version}", f"/usr/bin/{version}"):
        if subprocess.run([*AS_NOBODY, "test", "-x", candidate], check=False).returncode == 0:
            return candidate
    pytest.skip(f"no {version} that another user may start")


@pytest.mark.parametrize("home", ["/", "/nonexistent"])
def test_as_a_user_without_a_name_or_a_home(project, expected, home: str) -> None:
    folder = project("nobody")
    for path in (folder.parent.parent, folder.parent, folder):
        path.chmod(path.stat().st_mode | 0o055)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    assert scores_of(folder, {"HOME": home}, AS_NOBODY, python=everybodys_python()) == expected
