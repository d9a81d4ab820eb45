"""`harness predict` says on standard error which model answered, and when the verdict recommends another one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from harness.cli.predict import predict
from harness.store import Store
from harness.tracking import move_alias, register

APP = typer.Typer()
APP.command()(predict)


def _said(*arguments: object) -> list[str]:
    result = CliRunner().invoke(APP, [str(argument) for argument in arguments])
    assert result.exception is None, result.exception
    return result.stderr.splitlines()


def test_version_aliases_and_family_are_named(regress: Any, store: Store, project: Any, tmp_path: Path) -> None:
    import numpy as np

    project(store, regress)
    registered = register(store, regress.folder, {})
    move_alias(store, registered.name, registered.version, "candidate")
    np.savez(tmp_path / "in.npz", x=np.ones((1, 12, 2)))
    assert _said(registered.name, tmp_path / "in.npz", "--store", store.root) == ["sums/1 @candidate (gru)"]


@pytest.mark.parametrize(
    ("use", "baseline", "end"),
    [
        ("baseline", "boosted trees on lags", "(gru): the verdict recommends the baseline boosted trees on lags"),
        ("model", None, "(gru): the verdict recommends lstm"),
    ],
)
def test_what_the_verdict_recommends_instead_is_said(
    forecast: Any, tmp_path: Path, use: str, baseline: str | None, end: str
) -> None:
    folder = tmp_path / "champion"
    shutil.copytree(forecast.folder, folder)
    plain = json.loads((folder / "champion.json").read_text())
    found = {"use": use, "family": "lstm", "baseline": baseline, "reason": "validation", "because": "", "against": None}
    found |= {"lower_loss": None, "probability": None, "regret": None, "level": 0.95, "abstains": ""}
    plain["evidence"] = {"recommendation": {**found, "scores": {}, "scored_cases": None, "baseline_score": None}}
    (folder / "champion.json").write_text(json.dumps(plain))
    assert _said(folder, forecast.data)[0] == f"{folder} {end}"
