from __future__ import annotations

import importlib.util
import random

import numpy as np
import pytest

from harness.config.sources import GeneratorSource
from harness.data.generators import GENERATORS, adding, counting, mnist1d, temporal_order
from harness.data.readers.texts import WRITTEN


@pytest.mark.parametrize("steps", [4, 5, 50])
def test_the_adding_problem_is_as_published(steps: int) -> None:
    raw = adding(GeneratorSource(kind="generator", generator="adding", steps=steps, sequences=3000))
    numbers, marker = raw.x[:, :, 0], raw.x[:, :, 1]
    assert raw.x.shape == (3000, steps, 2)
    assert raw.x.dtype == np.float32
    assert ((numbers >= 0) & (numbers < 1)).all()
    assert np.isin(marker, [0, 1]).all()
    assert (marker[:, : steps // 2].sum(axis=1) == 1).all()
    assert (marker[:, steps // 2 :].sum(axis=1) == 1).all()
    assert np.allclose((numbers * marker).sum(axis=1), raw.y)
    assert marker.any(axis=0).all()  # every place is marked at some time
    assert np.square(raw.y - 1).mean() == pytest.approx(1 / 6, rel=0.1)


def test_the_seed_decides() -> None:
    source = GeneratorSource(kind="generator", generator="adding", sequences=20)
    assert np.array_equal(adding(source).x, adding(source).x)
    assert not np.array_equal(adding(source).x, adding(source.model_copy(update={"seed": 1})).x)


def test_every_generator_that_a_card_may_name_exists() -> None:
    annotation = GeneratorSource.model_fields["generator"].annotation
    assert {*GENERATORS, *WRITTEN} == set(annotation.__args__)  # type: ignore[union-attr]


@pytest.mark.parametrize("steps", [20, 100])
def test_temporal_order_is_as_published(steps: int) -> None:
    raw = temporal_order(GeneratorSource(kind="generator", generator="temporal_order", steps=steps, sequences=400))
    symbols = raw.x.argmax(axis=2)
    assert (raw.x.sum(axis=2) == 1).all()
    assert (symbols[:, 0] == 6).all()
    assert (symbols[:, -1] == 7).all()
    for sequence, answer in zip(symbols, raw.y, strict=True):
        places = np.flatnonzero((sequence == 4) | (sequence == 5))
        assert len(places) == 2
        assert steps // 10 <= places[0] < steps // 5
        assert steps // 2 <= places[1] < steps * 6 // 10
        assert "".join("XY"[symbol - 4] for symbol in sequence[places]) == answer
    assert np.unique(raw.y, return_counts=True)[1].min() > 70


@pytest.mark.skipif(importlib.util.find_spec("mnist1d") is None, reason="mnist1d makes the data")
def test_mnist1d_leaves_the_global_random_states_alone() -> None:
    source = GeneratorSource(kind="generator", generator="mnist1d", steps=40, sequences=200, seed=42)
    random.seed(1)
    np.random.seed(1)
    expected = random.random(), np.random.random()
    random.seed(1)
    np.random.seed(1)
    raw = mnist1d(source)
    assert (random.random(), np.random.random()) == expected
    assert raw.x.shape == (200, 40, 1)
    assert raw.own_parts == (160, 40)
    assert np.bincount(raw.y).tolist() == [20] * 10
    assert np.array_equal(mnist1d(source).x, raw.x)


@pytest.mark.parametrize("steps", [20, 80])
def test_counting_is_tested_on_longer_strings_than_it_is_trained_on(steps: int) -> None:
    raw = counting(GeneratorSource(kind="generator", generator="counting", steps=steps, sequences=300))
    train, validation, test = raw.own_parts
    assert (train, validation, test) == (210, 45, 45)
    counts = raw.x.sum(axis=1)
    for (a, b), length, answer, sequence in zip(counts, raw.lengths, raw.y, raw.x, strict=True):
        assert a + b == length <= steps
        assert answer == ("as many" if a == b else "fewer b" if b < a else "more b")
        assert (sequence[: int(a), 0] == 1).all()  # all a stand before the first b
        assert abs(a - b) <= 3
    assert counts[:train, 0].max() < counts[train:-test, 0].min()
    assert counts[train:-test, 0].max() < counts[-test:, 0].min()
    assert np.unique(raw.y, return_counts=True)[1].min() == 100
