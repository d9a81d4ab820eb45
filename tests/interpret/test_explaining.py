"""Gradients and gates against cells written out in NumPy, and against the layers they stand in for."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from harness.config.space import SearchSpace
from harness.interpret.explain import Look, Unrolled, half_life, look_into, open_gates, openness, openness_of, reach_of
from harness.models import NetworkShape, Stack, build_stack
from harness.models.network import model_of
from harness.models.shape import length_mask
from harness.records import TaskKind
from harness.training.batches import TensorPart
from harness.training.ops import loss_of

CLOSE = 1e-5
KINDS = ("SimpleRNN", "LSTM", "GRU")


def _cells() -> ModuleType:
    place = Path(__file__).with_name("numpy_cells.py")
    spec = importlib.util.spec_from_file_location("numpy_cells", place)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CELLS = _cells().CELLS


def _stack(kind: str, *, masked: bool = False, task: TaskKind = TaskKind.REGRESS, **values: Any) -> Stack:
    space = SearchSpace.model_validate(
        {"name": "any", "layer": kind, "hyperparameters": {"units": {"type": "Fixed", "value": 5}}}
    )
    stack = build_stack(
        NetworkShape(task, 9, 3, masked, 1 if task is TaskKind.REGRESS else 2, 1), space, {"units": 5, **values}
    )
    model_of(stack)
    chance = np.random.default_rng(7)
    for variable in stack.variables:
        variable.assign(chance.normal(0, 0.6, variable.shape).astype(np.float32))
    return stack


def _batch(answer: float = 1.0, *, whole: bool = False) -> TensorPart:
    chance = np.random.default_rng(3)
    lengths = np.array([9, 9, 9, 9] if whole else [9, 4, 1, 6], np.int32)
    x = chance.normal(size=(4, 9, 3)).astype(np.float32)
    return TensorPart.of(x, lengths, np.full((4, 1), answer, np.float32))


def _look(stack: Stack, batch: TensorPart) -> Look:
    return look_into(stack, batch, loss_of(stack.shape))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_a_layer_run_step_by_step_gives_what_the_layer_gives(kind: str, bidirectional: bool, masked: bool) -> None:
    stack = _stack(kind, masked=masked, layers=2, bidirectional=bidirectional)
    x = _batch().x
    mask = length_mask(x, _batch().lengths) if masked else None
    for layer in stack.recurrent:  # the first returns every step, the second the last one
        expected = layer(x, mask=mask)
        np.testing.assert_allclose(Unrolled(layer)(x, mask), expected, atol=1e-6)
        x = layer(x, mask=mask)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_a_cell_by_hand(kind: str) -> None:
    stack = _stack(kind, masked=True)
    batch = _batch()
    found = _look(stack, batch).norms
    forward, backward = CELLS[kind]
    kernel, recurrent, bias, head, offset = (variable.numpy().astype(float) for variable in stack.variables)
    for row, length in enumerate(batch.lengths.numpy()):
        trace = forward(batch.x[row, :length].numpy().astype(float), kernel, recurrent, bias)
        wrong = float((trace[-1]["h"] @ head + offset)[0]) - 1.0
        by_hand = [np.linalg.norm(one) for one in backward(trace, recurrent, 2 * wrong * head[:, 0])]
        assert len(by_hand) == length - 1
        np.testing.assert_allclose(found[row, : length - 1], by_hand, rtol=CLOSE)
        assert np.isnan(found[row, length - 1 :]).all()


@pytest.mark.parametrize(
    ("kind", "names"), [("LSTM", {"input": "i", "forget": "f", "output": "o"}), ("GRU", {"update": "z", "reset": "r"})]
)
def test_gates_are_those_of_a_cell_by_hand(kind: str, names: dict[str, str]) -> None:
    stack = _stack(kind, masked=True)
    batch = _batch()
    lengths = batch.lengths.numpy()
    look = _look(stack, batch)
    found = openness(look.passes[0])
    assert set(found) == set(names)
    kernel, recurrent, bias = (variable.numpy().astype(float) for variable in stack.variables[:3])
    by_hand: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for row, length in enumerate(lengths):
        trace = CELLS[kind][0](batch.x[row, :length].numpy().astype(float), kernel, recurrent, bias)
        for name, letter in names.items():
            values = np.array([step[letter] for step in trace])
            np.testing.assert_allclose(found[name][row, :length], values, atol=CLOSE)
            by_hand[name].append(values)
    for gate in openness_of([open_gates(look.passes, lengths)]):
        everything = np.concatenate(by_hand[gate.gate])
        assert gate.mean == pytest.approx(everything.mean(), abs=CLOSE)
        assert gate.closed == np.mean(everything <= 0.1)
        assert gate.open == np.mean(everything >= 0.9)
        third = np.concatenate([values[2] for values in by_hand[gate.gate] if len(values) > 2])
        assert gate.by_step.median[2] == pytest.approx(np.median(third), abs=CLOSE)
        assert gate.by_step.high[2] == pytest.approx(np.quantile(third, 0.9), abs=CLOSE)
        assert len(gate.by_step.median) == lengths.max()


def test_a_plain_cell_has_no_gates() -> None:
    stack = _stack("SimpleRNN")
    assert openness_of([open_gates(_look(stack, _batch()).passes, np.full(4, 9))]) == ()


def test_the_way_back_counts_from_where_each_direction_ends() -> None:
    """Both directions read the same sequence: read from the end, a reversed sequence gives the same norms."""
    stack = _stack("GRU", masked=True, bidirectional=True)
    layer = stack.recurrent[0]
    for there, back in zip(layer.forward_layer.variables, layer.backward_layer.variables, strict=True):
        back.assign(there)
    half = stack.head.kernel.numpy()[:5]
    stack.head.kernel.assign(np.concatenate([half, half]))
    batch = _batch(-50.0)
    turned = replace(batch, x=tf.reverse_sequence(batch.x, batch.lengths, 1))
    np.testing.assert_allclose(_look(stack, batch).norms, _look(stack, turned).norms, rtol=1e-4)


def test_the_state_of_every_layer_counts() -> None:
    batch = _batch(whole=True)
    two = _stack("GRU", layers=2)
    assert len(_look(two, batch).passes) == 2
    # Cut off from the second layer's memory, gradients still come back through the first's.
    two.recurrent[1].cell.recurrent_kernel.assign(np.zeros((5, 15)))
    assert (_look(two, batch).norms[:, 1] > 0).all()


@pytest.mark.parametrize(
    ("relative", "expected"),
    [
        ((1.0, 0.5), 1.0),
        ((1.0, 0.25), 0.5),
        ((1.0, 0.9, 0.6, 0.3), 2 + math.log(0.6 / 0.5) / math.log(2)),
        ((1.0, 1.4, 0.7), None),
        ((1.0, 0.8, 0.0), 1.0),
        ((), None),
    ],
)
def test_half_lives(relative: tuple[float, ...], expected: float | None) -> None:
    assert half_life(relative) == (None if expected is None else pytest.approx(expected))


def test_sequences_without_a_gradient_say_nothing() -> None:
    norms = np.array([[2.0, 1.0, np.nan], [0.0, 0.0, 0.0], [4.0, 1.0, 0.5], [np.nan, np.nan, np.nan]])
    reach = reach_of(norms)
    assert reach.norm == 3.0
    assert reach.relative.median == (1.0, 0.375, 0.125)
    assert reach.half_life_steps == pytest.approx(math.log(2) / math.log(1 / 0.375))
    assert reach_of(np.zeros((3, 4))).half_life_steps is None


def test_where_every_step_has_an_answer_the_last_real_one_is_looked_at() -> None:
    """The same network with an answer at its end alone has the same gradients."""
    stack, end = _stack("LSTM", masked=True, task=TaskKind.LABEL), _stack("LSTM", masked=True, task=TaskKind.CLASSIFY)
    chance = np.random.default_rng(5)
    answers = chance.integers(0, 2, (4, 9)).astype(np.int32)
    batch = _batch()
    last = answers[np.arange(4), batch.lengths.numpy() - 1]
    found = _look(stack, replace(batch, y=tf.constant(answers))).norms
    np.testing.assert_allclose(found, _look(end, replace(batch, y=tf.constant(last))).norms, rtol=CLOSE)
    assert np.nanmax(found) > 0
