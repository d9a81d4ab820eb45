"""`harness calibrate TABLE.csv`, as the command line runs it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from harness.cli.stats import calibrate
from harness.errors import TableError, UsageError


@pytest.fixture
def run():
    app = typer.Typer()
    app.command()(calibrate)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def table(tmp_path):
    """One family's trials: two searches of eight."""
    scores = 1 + np.random.default_rng(0).random((16, 2))
    lines = [f"toy,lstm,{i // 8 + 1},{i % 8 + 1},{v:.6g},{t:.6g}" for i, (v, t) in enumerate(scores)]
    path = tmp_path / "one family.csv"
    path.write_text("\n".join(["dataset,family,replicate,trial,validation,test", *lines]) + "\n")
    return path


def test_sizes_are_those_recorded_unless_named(run, table):
    done = run(table, "--replays", 20)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "toy lstm (16 trials), R=2 n=8",
        "toy lstm (16 trials), R=2 n=8, shift 20 %",
        "toy lstm (16 trials), R=2 n=8, shift 50 %",
    ]
    assert "false winners " in lines[0]
    assert "power " in lines[1]
    assert ", wrong 0.0 % (0.0 to 16.1 %)" in lines[2]


def test_as_json(run, table):
    sizes = ("--replicates", 1, "--replicates", 3, "--trials", 5, "--shift", 0.3)
    done = run(table, "--replays", 4, *sizes, "--json")
    cells = json.loads(done.stdout)
    assert [(c["replicates"], c["trials"], c["shift"]) for c in cells] == [
        (1, 5, 0),
        (1, 5, 0.3),
        (3, 5, 0),
        (3, 5, 0.3),
    ]
    assert cells[0]["power"] is None
    assert set(cells[1]["power"]) == {"hits", "replays", "share", "low", "high"}


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        (["--oracle", "grid"], UsageError, "--oracle grid: expected random or bayesian"),
        (["--shift", "-1"], UsageError, "shift = -1: expected a share greater than 0"),
        (["--replays", "0"], UsageError, "replays = 0: expected at least 1"),
        (["--direction", "up"], TableError, "one family.csv: direction = 'up': expected min or max"),
        (["--direction", "max"], TableError, "expected at most 1 where higher is better"),
    ],
)
def test_wrong_use(run, table, more, error, says):
    done = run(table, *more)
    assert isinstance(done.exception, error)
    assert says in str(done.exception)


def test_a_table_that_is_not_there(run):
    with pytest.raises(TableError, match=r"nowhere.csv: cannot be read"):
        raise run("nowhere.csv").exception


def test_until_decided_replays_through_the_looks(run, table):
    done = run(table, "--replays", 10, "--until-decided", "--shift", 0.5)
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "toy lstm (16 trials), R=3 5 10 n=8",
        "toy lstm (16 trials), R=3 5 10 n=8, shift 50 %",
    ]
    refused = run(table, "--until-decided", "--replicates", 4)
    assert isinstance(refused.exception, UsageError)
    assert "--replicates 4: expected none beside --until-decided" in str(refused.exception)
