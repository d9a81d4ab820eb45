"""Learning rates are those of Keras's schedules."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from harness.config.space import SCHEDULES as NAMES
from harness.training.ops import END_OF_EXPONENTIAL, SCHEDULES, rates

THEIRS = {
    "constant": lambda rate, total: lambda step: rate,
    "cosine": keras.optimizers.schedules.CosineDecay,
    "exponential": lambda rate, total: keras.optimizers.schedules.ExponentialDecay(rate, total, END_OF_EXPONENTIAL),
}


def test_every_schedule_that_cards_may_name_is_there() -> None:
    assert set(SCHEDULES) == set(NAMES) == set(THEIRS)


@pytest.mark.parametrize("name", NAMES)
def test_rates_are_those_of_keras_and_go_on_from_block_to_block(name: str) -> None:
    schedule = THEIRS[name](0.02, 10)
    ours = [*rates(name, 0.02, 0, 6, 10), *rates(name, 0.02, 6, 4, 10)]
    np.testing.assert_allclose(ours, [float(schedule(step)) for step in range(10)], rtol=1e-5)
