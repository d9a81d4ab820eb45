"""Datasets that are alike share what is compiled, and no score hangs on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.config.dataset import DatasetConfig
from harness.config.space import SearchSpace
from harness.data import load_dataset
from harness.records import Phase, TrialKey, TrialRequest
from harness.training import cache
from harness.training.trial import run_trial


def adding(name: str, seed: int, sequences: int = 120) -> DatasetConfig:
    source = {"kind": "generator", "generator": "adding", "steps": 8, "sequences": sequences, "seed": seed}
    return DatasetConfig.model_validate({"name": name, "source": source, "task": {"kind": "regress"}})


@pytest.fixture
def train(make_space: Callable[[str], SearchSpace]) -> Callable[[DatasetConfig], dict[str, Any]]:
    """Trains one network of a dataset's."""

    def train(config: DatasetConfig) -> dict[str, Any]:
        values = {"units": 4, "dropout": 0.2, "learning_rate": 1e-2, "batch_size": 16}
        key = TrialKey(config.name, "gru", 1, Phase.SEARCH, 1)
        return run_trial(
            {
                "request": TrialRequest(key, "gru", values, 1, 4, 4).to_json(),
                "dataset": config.model_dump_json(),
                "spaces": {"gru": make_space("GRU").model_dump_json()},
                "digest": load_dataset(config).facts.digest,
                "weights_to": None,
            }
        )

    return train


def test_a_dataset_that_is_alike_is_trained_by_the_same_function_to_the_same_scores(train) -> None:
    def scores(config: DatasetConfig) -> tuple[Any, ...]:
        answer = train(config)
        trial = answer["trial"]
        return trial.train_losses, trial.validation_scores, answer["sealed"].test_score

    first, second = adding("one", 1), adding("two", 2)
    cache._trainers.clear()
    alone = scores(second)
    cache._trainers.clear()
    other = scores(first)
    assert scores(second) == alone != other
    assert len(cache._trainers) == 1
    assert train(first)["trial"].train_losses == other[0]


def test_a_dataset_of_another_size_has_a_function_of_its_own(train) -> None:
    cache._trainers.clear()
    for number, sequences in enumerate((120, 140)):
        train(adding(f"size-{number}", number, sequences))
    assert len(cache._trainers) == 2
