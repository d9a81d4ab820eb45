"""Equal capacity: the counts of Keras's own layers, and the largest networks that fit."""

from __future__ import annotations

import pytest

from harness.config import find_space
from harness.models import NetworkShape, build_network
from harness.models.network import (
    build_stack,
    fitted,
    recurrent_parameters,
    units_that_fit,
)
from harness.records import TaskKind

KINDS = ("LSTM", "GRU", "SimpleRNN")
SHAPE = NetworkShape(TaskKind.CLASSIFY, 5, channels=3, masked=False, outputs=4, horizon_steps=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_counts_are_those_of_keras(kind: str, layers: int, bidirectional: bool) -> None:
    space = find_space("lstm").config.model_copy(update={"layer": kind})
    values = {"units": 7, "layers": layers, "bidirectional": bidirectional}
    network = build_network(SHAPE, space, values)
    built = network.count_params() - network.get_layer("head").count_params()
    assert recurrent_parameters(kind, 3, 7, layers, bidirectional=bidirectional) == built


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parameters", [1, 100, 20_000, 1_000_000])
def test_the_most_units_that_fit(kind: str, parameters: int) -> None:
    units = units_that_fit(kind, 88, parameters, 2)
    assert units == 1 or recurrent_parameters(kind, 88, units, 2) <= parameters
    assert recurrent_parameters(kind, 88, units + 1, 2) > parameters


def test_the_sizes_of_chung_et_al() -> None:
    """Their Table 1, polyphonic music of 88 keys at about 20 thousand parameters: 36 units of LSTM, 46 of GRU."""
    assert units_that_fit("LSTM", 88, 20_000) == pytest.approx(36, abs=3)
    assert units_that_fit("GRU", 88, 20_000) == pytest.approx(46, abs=3)


def test_families_of_a_space_in_parameters_get_their_own_units_and_nearly_equal_weights() -> None:
    values, found = {"recurrent_parameters": 5000, "layers": 1}, {}
    for family in ("lstm_parity", "gru_parity"):
        stack = build_stack(SHAPE, find_space(family).config, values)
        found[family] = stack.units
        assert recurrent_parameters(find_space(family).config.layer, 3, stack.units) == pytest.approx(5000, rel=0.05)
    assert found["gru_parity"] > found["lstm_parity"]


def test_a_space_in_units_keeps_them() -> None:
    values = {"units": 9}
    assert fitted(SHAPE, find_space("gru").config, values) is values
    assert build_stack(SHAPE, find_space("gru").config, values).units == 9
