"""`harness export --baseline-named`: another baseline of the sweep, where the best one is no formula."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from harness.cli.models import export
from harness.errors import UsageError
from harness.export import load
from harness.export.baselines import best_baseline, refit

APP = typer.Typer()
APP.command()(export)
SCORES = {"persistence": 90.0, "boosted trees on lags": 20.0, "ridge on the lags": 25.5}


@pytest.fixture
def champion(forecast: Any, tmp_path: Path) -> Path:
    """A champion beside which boosted trees were the best baseline."""
    folder = tmp_path / "champion"
    shutil.copytree(forecast.folder, folder)
    plain = json.loads((folder / "champion.json").read_text())
    words = dict.fromkeys(("verdict", "headline", "why", "budget", "oracle"), "")
    plain["evidence"] = {**words, "details": [], "cautions": [], "epochs": 3, "arms": {}}
    plain["evidence"] |= {"baselines": SCORES, "best_baseline": "boosted trees on lags"}
    (folder / "champion.json").write_text(json.dumps(plain))
    return folder


def test_what_has_no_formula_is_refused_before_it_is_fitted(champion: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refit, "load_dataset", None)  # to load the data, let alone to fit, would raise a TypeError
    with pytest.raises(UsageError) as caught:
        best_baseline(load(champion))
    text = str(caught.value)
    assert "the best baseline, boosted trees on lags, cannot be exported" in text
    assert text.endswith(
        'the best of the others is ridge on the lags (test mae 25.5, not 20 MWh): --baseline-named "ridge on the lags"'
    )


def test_a_name_that_is_no_baseline_is_refused(champion: Path) -> None:
    with pytest.raises(UsageError, match=r"--baseline-named 'ridge on lags': .* Did you mean ridge on the lags, "):
        best_baseline(load(champion), "ridge on lags")


def test_another_baseline_is_written(champion: Path, tmp_path: Path) -> None:
    plain = json.loads((champion / "champion.json").read_text())
    plain["evidence"]["baselines"]["persistence"] = _persistence(champion)
    (champion / "champion.json").write_text(json.dumps(plain))
    arguments = [str(champion), "--baseline-named", "persistence", "--to", str(tmp_path / "out")]
    done = CliRunner().invoke(APP, arguments)
    assert done.exception is None, done.exception
    assert load(tmp_path / "out").description.family == "persistence"
    assert "it was asked for by its name" in (tmp_path / "out" / "README.md").read_text()


def _persistence(champion: Path) -> float:
    from harness.baselines import refit as fit
    from harness.data import load_dataset

    ((score, _),) = fit(load_dataset(load(champion).description.dataset_config), ["persistence"])
    return score.test_score
