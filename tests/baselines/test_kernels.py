"""Random convolution kernels: as the paper defines them, blind to padding, and able to find a shape anywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.baselines.base import Clock
from harness.baselines.kernels import Kernels
from harness.baselines.linear import Features, logistic
from harness.baselines.sequences import convolved
from harness.baselines.summaries import RawSteps, steps_apart
from harness.data import SequenceData


def convolutions(data: SequenceData) -> Features:
    return convolved(data, Clock(), 1)


def steps(data: SequenceData) -> Features:
    return RawSteps(data.scaling, steps_apart(data.train))


def plainly(kernels: Kernels, x: np.ndarray, length: int) -> np.ndarray:
    """Largest output and share of positive ones of one sequence, by loops."""
    found = np.zeros((2, kernels.count))
    for group in kernels.groups:
        for column, place in enumerate(group.places):
            weights = group.weights[..., column]
            reach = (len(weights) - 1) * group.dilation
            starts: Any = range(-(reach // 2), length - reach // 2)
            if not group.pads and length > reach:
                starts = range(length - reach)
            outputs = []
            for start in starts:
                steps = [start + tap * group.dilation for tap in range(len(weights))]
                inside = [(tap, step) for tap, step in enumerate(steps) if 0 <= step < length]
                outputs.append(group.biases[column] + sum(float(weights[tap] @ x[step]) for tap, step in inside))
            found[:, place] = max(outputs), np.mean(np.array(outputs) > 0)
    return found.reshape(-1)


@pytest.mark.parametrize(("steps", "channels"), [(30, 1), (9, 3), (1, 2)])
def test_features_are_those_of_plain_loops(steps: int, channels: int) -> None:
    random = np.random.default_rng(0)
    kernels = Kernels.drawn(40, steps, channels, random)
    x, lengths = random.normal(size=(5, steps, channels)), random.integers(1, steps + 1, 5).astype(np.int32)
    expected = np.stack([plainly(kernels, row, length) for row, length in zip(x, lengths, strict=True)])
    assert np.allclose(kernels.features(x, lengths), expected, atol=1e-4)


def test_what_stands_in_the_padding_changes_no_feature() -> None:
    random = np.random.default_rng(1)
    kernels = Kernels.drawn(60, 20, 2, random)
    x, lengths = random.normal(size=(6, 20, 2)), random.integers(1, 21, 6).astype(np.int32)
    wild = np.where((np.arange(20) < lengths[:, None])[..., None], x, 1e6)
    assert np.array_equal(kernels.features(x, lengths), kernels.features(wild, lengths))


def test_a_kernel_sums_to_nothing_over_time_in_each_channel() -> None:
    for group in Kernels.drawn(50, 40, 3, np.random.default_rng(2)).groups:
        assert np.allclose(group.weights.sum(axis=0), 0, atol=1e-5)
        assert (len(group.weights) - 1) * group.dilation < 40


def test_a_shape_is_found_wherever_it_lies(sequences: Any) -> None:
    random = np.random.default_rng(3)
    x, y = random.normal(0, 0.3, size=(80, 40, 1)), np.arange(80) % 2
    for row, begin in enumerate(random.integers(0, 32, 80)):
        shape = np.array([1, 1, 1, -2, -2, 1, 1, 1.0])
        x[row, begin : begin + 8, 0] += 2 * (shape if y[row] else np.sort(shape))
    data = sequences({"kind": "classify"}, x=x, y=y)
    found, raw = (logistic(data, features(data), Clock(), 1).predict for features in (convolutions, steps))
    test = data.test.open()
    assert data.score(test, found(test)) > 0.9
    assert data.score(test, found(test)) > data.score(test, raw(test)) + 0.2
