"""Which kernel a ledger names, and when XLA is used."""

from __future__ import annotations

import keras
import pytest

from harness.training.forward import kernel_of
from harness.training.ops import XLA_SMALLEST_WORK, xla_pays

LSTM, GRU, RNN = keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN


@pytest.mark.parametrize(
    ("layers", "xla", "gpu", "expected"),
    [
        ([LSTM(2)], True, False, "xla-epoch"),
        ([GRU(2)], False, False, "tf-epoch"),
        ([LSTM(2), LSTM(2)], False, True, "cudnn"),
        ([keras.layers.Bidirectional(GRU(2))], False, True, "cudnn"),
        ([RNN(2)], False, True, "tf-epoch"),
        ([keras.layers.Bidirectional(RNN(2))], False, True, "tf-epoch"),
    ],
)
def test_the_kernel_is_named(layers: list[keras.layers.Layer], xla: bool, gpu: bool, expected: str) -> None:
    assert kernel_of(layers, xla=xla, gpu=gpu) == expected


def test_xla_is_for_work_that_pays_its_compile() -> None:
    assert not xla_pays(steps=10, layers=1, gradient_steps=XLA_SMALLEST_WORK // 10 - 1)
    assert xla_pays(steps=10, layers=1, gradient_steps=XLA_SMALLEST_WORK // 10)
    assert xla_pays(steps=10, layers=2, gradient_steps=XLA_SMALLEST_WORK // 20)
