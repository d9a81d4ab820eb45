from __future__ import annotations

import numpy as np
import pytest

from harness.cards.schema import GeneratorSource
from harness.data.generators import GENERATORS, adding


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
    assert set(GENERATORS) == set(annotation.__args__)  # type: ignore[union-attr]
