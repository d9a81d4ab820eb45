"""Baselines of labels and next tokens: as their formulas say, and blind to padding."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.baselines import compute
from harness.baselines.steps import bigram, class_shares, label_given_itself, label_shares, unigram
from harness.config.dataset import DatasetConfig
from harness.data import Part, Sealed, SequenceData, load_dataset
from harness.metrics import at_real_steps


def arrays(tmp_path: Path, task: dict[str, Any], y: np.ndarray, x: np.ndarray, lengths: np.ndarray) -> SequenceData:
    np.savez(tmp_path / "a.npz", x=x, y=y, lengths=lengths)
    source = {"kind": "npz", "path": str(tmp_path / "a.npz")}
    return load_dataset(DatasetConfig.model_validate({"name": "tiny", "source": source, "task": task}))


def made(tmp_path: Path, kind: str) -> SequenceData:
    random = np.random.default_rng(0)
    x, lengths = (random.random((60, 9, 3)) < 0.4).astype(float), random.integers(2, 10, 60)
    if kind == "classes":
        y = np.where(x[:, :, 0] > 0, 1, random.integers(0, 3, (60, 9)))
        return arrays(tmp_path, {"kind": "label"}, y, x, lengths)
    if kind == "labels":
        return arrays(tmp_path, {"kind": "label", "multi_label": True}, x[:, :, :2], x, lengths)
    (tmp_path / "t.txt").write_text("".join(random.choice(list("aab c"), 3000)))
    source = {"kind": "text", "form": "whole", "path": str(tmp_path / "t.txt")}
    task = {"kind": "next_token", "metric": "log_loss"}
    return load_dataset(DatasetConfig.model_validate({"name": "tiny", "source": source, "task": task}))


def garbled(part: Part) -> Part:
    real = np.arange(part.x.shape[1]) < part.lengths[:, None]
    x, y = part.x.copy(), part.y.copy()
    x[~real], y[~real] = 1, 1
    return dataclasses.replace(part, x=x, y=y)


@pytest.mark.parametrize("kind", ["classes", "labels"])
def test_whatever_stands_in_the_padding_changes_no_score(tmp_path: Path, kind: str) -> None:
    data = made(tmp_path, kind)
    wild = dataclasses.replace(
        data,
        train=garbled(data.train),
        validation=garbled(data.validation),
        test=Sealed(garbled(data.test.open())),
    )
    scores = [[(one.name, one.validation_score, one.test_score) for one in compute(of)] for of in (data, wild)]
    assert scores[0] == scores[1]
    assert len(scores[0]) == 3
    assert len({score[2] for score in scores[0]}) > 1


def test_shares_are_those_of_real_training_steps(tmp_path: Path) -> None:
    data = made(tmp_path, "classes")
    answers = at_real_steps(data.train.y, data.train.lengths)
    expected = np.bincount(answers) / len(answers)
    assert np.allclose(class_shares(data)(data.validation)[0, 0], expected)
    labels = made(tmp_path, "labels")
    expected = at_real_steps(labels.train.y, labels.train.lengths).mean(axis=0)
    assert np.allclose(label_shares(labels)(labels.validation)[2, 1], expected)


def test_a_label_that_stays_as_it_is_is_told_by_its_present_value(tmp_path: Path) -> None:
    import scipy.io

    cells = np.empty((1, 9), object)
    for number in range(9):
        cells[0, number] = np.tile([[1.0, 0.0]], (8, 1)) if number % 2 else np.tile([[0.0, 1.0]], (8, 1))
    scipy.io.savemat(tmp_path / "m.mat", dict.fromkeys(("traindata", "validdata", "testdata"), cells))
    config = {
        "name": "tiny",
        "source": {"kind": "mat", "path": str(tmp_path / "m.mat")},
        "task": {"kind": "label", "multi_label": True, "ahead_steps": 1},
    }
    data = load_dataset(DatasetConfig.model_validate(config))
    phrase = label_given_itself(data)(data.validation)
    assert (np.abs(phrase - data.validation.y) < 0.05).all()


def test_tokens_by_their_frequency_and_by_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("ab" * 600)
    source = {"kind": "text", "form": "whole", "path": str(tmp_path / "t.txt")}
    data = load_dataset(
        DatasetConfig.model_validate({"name": "tiny", "source": source, "task": {"kind": "next_token"}})
    )
    first, second, third = compute(data)
    assert first.test_score == pytest.approx(2.0, abs=0.05)  # two tokens, as hard to guess as each other
    assert second.test_score == pytest.approx(1.0, abs=0.05)
    assert third.test_score == pytest.approx(1.0, abs=0.05)
    for baseline in (unigram(data), bigram(data)):
        assert np.allclose(baseline(data.validation).sum(axis=-1), 1, atol=1e-5)
