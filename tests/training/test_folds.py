"""A rolling split: a trial trains on every division, its scores are the means, its weights the last one's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.baselines import compute
from harness.baselines import run as run_baselines
from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.data import fold_configs, load_dataset
from harness.records import Phase, SealedScore, TrialKey, TrialRecord, TrialRequest
from harness.training.trial import run_trial


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> DatasetConfig:
    path = tmp_path_factory.mktemp("data") / "y.csv"
    pd.DataFrame({"y": np.sin(np.arange(300) / 5) + np.arange(300) / 100}).to_csv(path, index=False)
    task = {"kind": "forecast", "target": ["y"], "lookback_steps": 6}
    split = {"rule": "rolling", "folds": 3, "validation": 0.1, "test": 0.1}
    source = {"kind": "csv", "path": str(path)}
    return DatasetConfig.model_validate({"name": "toy", "source": source, "task": task, "split": split})


def run(config: DatasetConfig, weights: Path | None = None) -> tuple[TrialRecord, SealedScore]:
    space = SearchSpace.model_validate(
        {"name": "gru", "layer": "GRU", "hyperparameters": {"units": {"type": "Fixed", "value": 4}}}
    )
    request = TrialRequest(TrialKey("toy", "gru", 1, Phase.SEARCH, 1), "gru", {"units": 4}, 3, 2, 2)
    plain: dict[str, Any] = {
        "request": request.to_json(),
        "dataset": config.model_dump_json(),
        "spaces": {"gru": space.model_dump_json()},
        "digest": load_dataset(config).facts.digest,
        "weights_to": str(weights) if weights else None,
    }
    done = run_trial(plain)
    return done["trial"], done["sealed"]


def test_scores_are_means_over_the_divisions_and_weights_the_last_ones(config: DatasetConfig, tmp_path: Path) -> None:
    whole, sealed = run(config, tmp_path / "whole.npz")
    alone = [run(fold, tmp_path / f"{number}.npz") for number, fold in enumerate(fold_configs(config))]
    assert len(alone) == 3
    assert whole.validation_score == pytest.approx(np.mean([record.validation_score for record, _ in alone]))
    assert sealed.test_score == pytest.approx(np.mean([score.test_score for _, score in alone]))
    assert whole.epochs == sum(record.epochs for record, _ in alone)
    assert whole.gradient_steps == sum(record.gradient_steps for record, _ in alone)
    with np.load(tmp_path / "whole.npz") as ours, np.load(tmp_path / "2.npz") as last:
        assert all(np.array_equal(ours[name], last[name]) for name in last.files)


def test_baselines_are_means_too(config: DatasetConfig) -> None:
    (first, *_) = run_baselines({"dataset": config.model_dump(mode="json")})["baselines"]
    alone = [compute(load_dataset(fold))[0] for fold in fold_configs(config)]
    assert first["test_score"] == pytest.approx(np.mean([score.test_score for score in alone]))


def test_nothing_of_a_later_block_reaches_an_earlier_divisions_training(config: DatasetConfig, tmp_path: Path) -> None:
    marked = pd.DataFrame({"y": np.arange(300.0)})
    for fold in fold_configs(config):
        clean = load_dataset(fold)
        first_unseen = int(clean.validation.rows.min())
        marked.loc[first_unseen:, "y"] = 1e9
        marked.to_csv(tmp_path / "marked.csv", index=False)
        source = fold.source.model_copy(update={"path": str(tmp_path / "marked.csv")})
        data = load_dataset(fold.model_copy(update={"source": source}))
        assert data.train.x.max() < 1e6
        assert data.train.y.max() < 1e6
        assert data.scaling.input_mean.max() < 1e6
        assert data.scaling.output_scale.max() < 1e6
        marked = pd.DataFrame({"y": np.arange(300.0)})
