"""n-grams with back-off: by the formula, and as long as pays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.baselines import compute
from harness.baselines.base import Clock, answers
from harness.baselines.ngrams import back_off
from harness.metrics import at_real_steps


def test_what_two_tokens_decide_needs_contexts_of_two(text: Any) -> None:
    random = np.random.default_rng(0)
    told = ["a", "b"]
    for _ in range(6000):
        same = told[-1] == told[-2]
        told.append(random.choice(["a", "b"], p=[0.95, 0.05] if same else [0.05, 0.95]))
    data = text("".join(told))
    scores = {score.name: score for score in compute(data)}
    found = scores["n-grams with back-off"]
    assert found.test_score == pytest.approx(np.exp(-(0.95 * np.log(0.95) + 0.05 * np.log(0.05))), rel=0.03)
    assert found.test_score < 0.8 * scores["frequencies after the present token"].test_score


def test_noise_gets_no_context(text: Any) -> None:
    data = text("".join(np.random.default_rng(0).choice(list("abcdefgh"), 2000)))
    assert back_off(data, len(data.vocabulary), Clock()).note == "contexts of 0 tokens"


def test_probabilities_are_witten_and_bells(text: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.baselines.ngrams.LONGEST", 1)
    random, following = np.random.default_rng(0), {"a": "ab", "b": "bc", "c": "ca"}
    told = ["a"]
    for _ in range(3000):
        told.append(random.choice(list(following[told[-1]])))
    data = text("".join(told))
    fitted = back_off(data, size := len(data.vocabulary), Clock())
    assert fitted.note == "contexts of 1 token"
    present, true = at_real_steps(data.train.x, data.train.lengths), answers(data.train)
    shares = (np.bincount(true, minlength=size) + 1) / (len(true) + size)
    counts = np.bincount(present * size + true, minlength=size * size).reshape(size, size)
    novel = (counts > 0).sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        expected = (counts + novel * shares) / (counts.sum(axis=1, keepdims=True) + novel)
    said = at_real_steps(fitted.predict(data.validation), data.validation.lengths)
    assert np.allclose(said, expected[at_real_steps(data.validation.x, data.validation.lengths)], atol=1e-6)
