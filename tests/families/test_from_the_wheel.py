"""A network of the user's against LSTM and GRU on two data sets, from the wheel, in a folder of the user's."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.journal import EventKind, Journal

HERE = Path(__file__).parent
MINE = HERE / "conv_lstm_attention.py"
COMMAND = [sys.executable, "-P", "-c", "from harness.cli import main; main()"]
BUDGET = ("--trials", "3", "--epochs", "2", "--seeds", "0", "--seed", "5", "--workers", "2")
TRIALS = 2 * 3 * 3


def sweeps(project: Path) -> list[Path]:
    return sorted((project / "mlruns" / "sweeps").glob("*"))


def ended(project: Path) -> int:
    found = 0
    for folder in sweeps(project):
        with suppress(HarnessError, OSError), Journal.read(folder) as journal:
            found += len(list(journal.events(EventKind.ENDED)))
    return found


@pytest.mark.slow
def test_a_network_of_the_users_takes_part_from_search_to_export(
    wheel: Path, tmp_path: Path, write_project: Callable[[Path], Path]
) -> None:
    project = write_project(tmp_path / "theirs")
    spaces = project / "search_spaces"
    spaces.mkdir()
    shutil.copy(MINE, spaces / "mine.py")
    for name in ("mine", "again"):
        (spaces / f"{name}.toml").write_text(f'name = "{name}"\nbuild = "mine.py:build_model"\n')
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(wheel), os.environ.get("PYTHONPATH", "")])}

    def run(*arguments: str, code: int = 0) -> str:
        ran = subprocess.run(
            [*COMMAND, *arguments], cwd=project, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    against = ("--family", "tiny_lstm.toml", "--family", "tiny_gru.toml")
    sweep = ("sweep", "tiny_adding.toml", "tiny_waves.toml", "--family", "mine", *against, *BUDGET)
    running = subprocess.Popen(
        [*COMMAND, *sweep], cwd=project, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 400
    while ended(project) < 2 and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert running.poll() is None, running.communicate()[1]
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    assert 0 < ended(project) < TRIALS
    run(*sweep)
    assert ended(project) == TRIALS
    (folder,) = sweeps(project)
    with Journal.read(folder) as journal:
        plan = journal.plan["spaces"]["mine"]
        kernels = {event.payload["kernel"] for event in journal.events(EventKind.ENDED) if "/mine/" in event.trial_key}
    searched = {"filters", "units", "scores", "width", "drop", "rate", "learning_rate"}
    assert set(plan["hyperparameters"]) == searched
    assert plan["hyperparameters"]["width"]["parent_values"] == ["several"]
    assert kernels <= {"tf-epoch", "xla-epoch"}
    run("verify", folder.name)
    assert "mine is not looked into: build_model builds it, which --code mine.py lets run" in run(
        "explain", folder.name
    )
    explained = run("explain", folder.name, "--again", "--code", "search_spaces/mine.py")
    assert explained.count("mine (inputs): the gradient halves in") == 2  # of both data sets

    # Two families of the same file, so that whoever wins needs it.
    run("sweep", "tiny_adding.toml", "--family", "mine", "--family", "again", *BUDGET, "--register-as", "sums")
    (second,) = [one for one in sweeps(project) if one != folder]
    champion = str(second / "champions" / "tiny_adding")
    assert json.loads((Path(champion) / "champion.json").read_text())["code"] == "mine.py"
    code = ("--code", "search_spaces/mine.py")
    assert "--code mine.py" in run("predict", champion, "--test", code=1)
    assert "logged" in run("predict", champion, "--test", "-o", "out.csv", *code)
    assert len((project / "out.csv").read_text().splitlines()) == 15
    for kind in ("saved-model", "onnx", "litert"):
        run("export", champion, "--format", kind, "--to", kind, *code)
        shutil.move(spaces / "mine.py", spaces / "away.py")  # an exported model needs no code
        script = subprocess.run(
            [sys.executable, "predict.py"], cwd=project / kind, env=environment, capture_output=True, check=False
        )
        shutil.move(spaces / "away.py", spaces / "mine.py")
        assert script.returncode == 0, script.stderr
