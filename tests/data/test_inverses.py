"""What is divided is disjoint and whole, what is scaled or padded comes back."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from harness.config.dataset import SplitConfig
from harness.data.scaling import Kind, fit_inputs, fit_outputs
from harness.data.splits import Rule, sequence_parts
from harness.errors import DataError
from harness.metrics import at_real_steps
from harness.models.shape import length_mask

few = settings(max_examples=50, deadline=None)
SHARES = st.floats(0.01, 0.4)
RULES: list[Rule] = ["stratified", "shuffled", "group", "archive"]


@few
@given(
    rule=st.sampled_from(RULES),
    codes=st.lists(st.integers(0, 3), min_size=1, max_size=80),
    own=st.lists(st.integers(1, 40), min_size=2, max_size=3),
    seed=st.integers(0, 9),
    validation=SHARES,
    test=SHARES,
)
def test_parts_are_disjoint_and_whole_or_refused(
    rule: Rule, codes: list[int], own: list[int], seed: int, validation: float, test: float
) -> None:
    n = sum(own) if rule == "archive" else len(codes)
    of = np.resize(codes, n)
    split = SplitConfig(validation=validation, test=test, seed=seed)
    classes = of if rule == "stratified" else None
    try:
        members = sequence_parts(rule, split, classes, ("a", "b", "c", "d"), n, tuple(own), "toy", of)
    except DataError:
        return
    parts = (members.train, members.validation, members.test)
    assert sorted(np.concatenate(parts)) == list(range(n))
    assert all(len(part) for part in parts)
    if rule == "group":
        assert sum(len(np.unique(of[part])) for part in parts) == len(np.unique(of))


@pytest.mark.parametrize("kind", get_args(Kind))
@few
@given(
    x=arrays.arrays(np.float32, (7, 5, 3), elements=st.floats(-1000, 1000, width=32)),
    y=arrays.arrays(np.float32, (7, 2, 2), elements=st.floats(-1000, 1000, width=32)),
)
def test_scaled_outputs_are_restored(kind: Kind, x: Any, y: Any) -> None:
    scaling = fit_outputs(fit_inputs(x.reshape(-1, 3), kind, held=(2,)), y, x, (0, 1))
    restored = scaling.restore_outputs(scaling.scale_outputs(y, x), x)
    np.testing.assert_allclose(restored, y, rtol=2e-5, atol=2e-5 * max(1, np.abs(x).max(), np.abs(y).max()))


@few
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6), spare=st.integers(0, 3))
def test_padding_and_its_mask_tell_real_steps_apart(lengths: list[int], spare: int) -> None:
    steps = max(lengths) + spare
    real = np.arange(1.0, sum(lengths) + 1)[:, None]
    padded = np.zeros((len(lengths), steps, 1))
    for row, values in zip(padded, np.split(real, np.cumsum(lengths)[:-1]), strict=True):
        row[: len(values)] = values
    assert np.array_equal(at_real_steps(padded, lengths), real)
    assert np.array_equal(np.asarray(length_mask(padded, np.array(lengths))), padded[:, :, 0] > 0)
