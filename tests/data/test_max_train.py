"""`[split] max_train`: fewer sequences to train on, the same validation and test part."""

from __future__ import annotations

import numpy as np
import pytest

from harness.config import find_dataset
from harness.data import SequenceData, load_dataset


def loaded(name: str, most: int | None, seed: int = 0) -> SequenceData:
    config = find_dataset(name).config
    assert config is not None
    split = config.split.model_copy(update={"max_train": most, "seed": config.split.seed or seed})
    return load_dataset(config.model_copy(update={"split": split}))


@pytest.mark.parametrize(
    ("name", "most"), [("adding_50", 100), ("japanese_vowels", 60), ("anbn", 40), ("sunspots", 30)]
)
def test_validation_and_test_part_stay_whole(name: str, most: int) -> None:
    whole, fewer = loaded(name, None), loaded(name, most)
    assert fewer.facts.sizes == (len(fewer.train), *whole.facts.sizes[1:])
    assert abs(len(fewer.train) - most) <= len(whole.classes)
    assert fewer.facts.rows[1:] == whole.facts.rows[1:]
    assert fewer.facts.steps == whole.facts.steps
    assert np.isin(fewer.train.rows, whole.train.rows).all()
    assert any(f"of {len(whole.train):,}" in note for note in fewer.facts.notes)
    assert fewer.facts.digest != whole.facts.digest


def test_of_a_single_series_the_latest_windows_stay() -> None:
    whole, fewer = loaded("sunspots", None), loaded("sunspots", 30)
    assert fewer.train.rows.tolist() == whole.train.rows[-30:].tolist()


def test_every_class_keeps_its_share() -> None:
    whole, fewer = loaded("digits", None), loaded("digits", 200)
    shares = [np.bincount(data.train.y) / len(data.train) for data in (whole, fewer)]
    assert np.abs(shares[0] - shares[1]).max() < 0.01
    least = loaded("digits", 3)
    assert set(least.train.y.tolist()) == set(range(10))


def test_the_draw_follows_the_splits_seed_and_more_than_there_are_changes_nothing() -> None:
    once, again = loaded("adding_50", 100), loaded("adding_50", 100)
    assert once.train.rows.tolist() == again.train.rows.tolist()
    assert loaded("adding_50", 10**6).facts.digest == loaded("adding_50", None).facts.digest
