"""What comes after a sweep, for real and through the commands: a refit, its promotion, and a look into the networks.

One sweep of a series with a rolling split, `--refit` with it; slow, since it trains in processes of its own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.slow

CONFIG = """
name = "ups"
title = "A line with waves"
license = "CC0-1.0"
[source]
kind = "csv"
path = "ups.csv"
[task]
kind = "forecast"
target = ["y"]
time = "at"
lookback_steps = 12
horizon_steps = 2
[split]
rule = "rolling"
folds = 3
validation = 0.1
test = 0.1
"""


@dataclass(frozen=True)
class Done:
    folder: Path
    swept: object
    explained: object


@pytest.fixture(scope="module")
def done(tmp_path_factory, write_project, run) -> Done:
    folder = tmp_path_factory.mktemp("after")
    spaces = write_project(folder / "configs")
    at = np.arange(400)
    frame = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=400, freq="D"), "y": np.sin(at / 5) + at / 100})
    frame.to_csv(spaces / "ups.csv", index=False)
    (spaces / "ups.toml").write_text(CONFIG)
    sweep = (
        "sweep",
        "ups",
        "--config-dir",
        "configs",
        "--family",
        "tiny_lstm",
        "--family",
        "tiny_gru",
        "--trials",
        "5",
    )
    swept = run(folder, *sweep, "--epochs", "4", "--seeds", "1", "--workers", "1", "--refit")
    return Done(folder, swept, run(folder, "explain", "--json"))


def _versions(done, run) -> dict[str, dict]:
    listed = run(done.folder, "models", "list", "--json")
    assert listed.code == 0, listed.err
    return {str(version["version"]): version for version in json.loads(listed.out)}


def test_a_refit_is_another_version_that_nobody_has_tested(done, run) -> None:
    assert done.swept.code == 0, done.swept.err
    assert "models:/ups/2 is the champion's refit; untested, and no alias was moved" in done.swept.out
    versions = _versions(done, run)
    assert sorted(versions) == ["1", "2"]
    (alias,) = versions["1"]["aliases"]
    assert alias in ("champion", "candidate")
    assert versions["2"]["aliases"] == []
    assert versions["2"]["tags"]["status"] == "untested"
    assert "test_score" in versions["1"]["tags"]
    assert "test_score" not in versions["2"]["tags"]
    first, second = (run(done.folder, "predict", f"ups/{number}", "configs/ups.csv") for number in (1, 2))
    assert (first.code, second.code) == (0, 0)
    assert first.out.startswith("at,y\n2025-02-04,")
    assert first.out != second.out


def test_its_alias_moves_when_that_is_asked_for_and_not_before(done, run) -> None:
    refused = run(done.folder, "models", "promote", "ups/2")
    assert refused.code == 2
    assert re.fullmatch(r"harness: .*untested.*\n", refused.err)
    assert _versions(done, run)["2"]["aliases"] == []
    moved = run(done.folder, "models", "promote", "ups/2", "--untested")
    assert (moved.code, moved.out) == (0, "models:/ups@champion is version 2\n"), moved.err
    versions = _versions(done, run)
    assert versions["2"]["aliases"] == ["champion"]
    assert "champion" not in versions["1"]["aliases"]
    back = run(done.folder, "models", "promote", "ups/1")
    assert back.code == 0, back.err
    assert _versions(done, run)["2"]["aliases"] == []


def test_refitting_again_gives_the_version_that_is_there(done, run) -> None:
    again = run(done.folder, "models", "refit", "ups/1")
    assert (again.code, again.out) == (0, "models:/ups/2\n"), again.err


def test_networks_of_a_rolling_split_are_looked_into(done, run) -> None:
    """Their weights are the last division's, and so are the rows that are looked at."""
    assert done.explained.code == 0, done.explained.err
    (found,) = json.loads(done.explained.out)
    assert found["dataset"] == "ups"
    assert [cell["name"] for cell in found["cells"]] == ["tiny_lstm", "tiny_gru", "rnn"]
    for cell in found["cells"]:
        assert len(cell["after"]["relative"]["median"]) == 11
        assert cell["after"]["norm"] > 0
    verified = run(done.folder, "verify")
    assert verified.code == 0, verified.err
