"""What docs/data.md tells people to do works: its three steps are run, its config is valid, its names are there."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import harness
from harness.cli.app import app
from harness.config import DatasetConfig, list_datasets, suites_of

PAGE = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")
STEPS = [line.partition("#")[0].strip() for line in re.findall(r"```bash\n(.*?)```", PAGE, re.S)[0].splitlines()]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    hours = pd.date_range("2024-01-01", periods=600, freq="h")
    frame = pd.DataFrame({"time": hours, "temp": np.sin(np.arange(600) * 2 * np.pi / 24), "wind": np.arange(600) % 7})
    frame.to_csv("temperatures.csv", index=False)
    return tmp_path


def run(line: str, *more: str) -> str:
    result = CliRunner().invoke(app, [*shlex.split(line)[1:], *more])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.slow
def test_the_three_steps(project: Path) -> None:
    new, check, sweep = STEPS
    assert "season_steps = 24" in run(new)
    assert "temperatures: valid" in run(check)
    assert (project / "check.png").stat().st_size > 10_000
    assert "temperatures" in run(sweep, "--dry-run")


@pytest.mark.slow
def test_the_third_step_to_its_end(project: Path) -> None:
    """Shows that the third step ends in a champion (about a minute)."""
    run(STEPS[0])
    run(STEPS[2].partition("--trials")[0], "--trials", "1", "--epochs", "1", "--seeds", "0")
    assert list((project / "mlruns" / "sweeps").glob("*/champions/temperatures"))


def test_the_config_is_valid() -> None:
    config, *_ = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", PAGE, re.S)]
    DatasetConfig.model_validate(config)


def test_what_it_names_is_there() -> None:
    known = list_datasets()
    names = {found.name for found in known if found.builtin}
    assert set(re.findall(r"^\| `(\w+)`(?:, `(\w+)`)", PAGE.partition("| datasets | need |")[2], re.M)[0]) <= names
    assert {"small", "medium", "large", "known-answers", "music", "online", "aeon", "atlas"} == suites_of(
        [found for found in known if found.builtin]
    ).keys()
    assert set(re.findall(r"harness\.(\w+)\(", PAGE)) <= set(harness.__all__)
