from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.data.channels import say_constant
from harness.data.dataset import Sequences
from harness.data.encoding import (
    fill_gaps,
    number_answers,
    number_classes,
    refuse_missing,
)
from harness.data.scaling import fit_scaling
from harness.errors import DataError
from harness.metrics import at_real_steps

NAN = np.float32(np.nan)


def sequences(y: Any) -> Sequences:
    array = np.asarray(y)
    n = len(array)
    return Sequences(
        "toy.npz", np.zeros((n, 2, 1), np.float32), np.full(n, 2, np.int32), array, ("a",), lambda at: f"x[{at}]"
    )


@pytest.mark.parametrize(
    ("gaps", "filled"),
    [
        ([1, NAN, 3], [1, 2, 3]),
        ([1, NAN, NAN, 7], [1, 3, 5, 7]),
        ([NAN, NAN, 4, 5], [4, 4, 4, 5]),
        ([4, 5, NAN, NAN], [4, 5, 5, 5]),
        ([NAN, 2, NAN, 4, NAN], [2, 2, 3, 4, 4]),
        ([1, 2], [1, 2]),
        ([NAN, NAN], [NAN, NAN]),
        ([NAN], [NAN]),
        ([3e38, NAN, -3e38], [3e38, 0, -3e38]),
    ],
)
def test_gaps_are_filled_on_the_line_between_their_neighbours(gaps: list[float], filled: list[float]) -> None:
    x = np.stack([np.array(gaps, np.float32), np.arange(len(gaps), dtype=np.float32)], axis=1)[None]
    result = fill_gaps(x)
    assert result.dtype == np.float32
    assert np.array_equal(result[0, :, 0], np.array(filled, np.float32), equal_nan=True)
    assert np.array_equal(result[0, :, 1], x[0, :, 1])


def test_a_gap_is_filled_within_the_real_steps() -> None:
    x = np.array([[1, NAN, 3, 0], [5, NAN, 0, 0], [NAN, NAN, NAN, 0], [NAN, 0, 0, 0]], np.float32)[:, :, None]
    lengths = np.array([3, 2, 3, 1], np.int32)
    assert fill_gaps(x[:2], lengths[:2])[:, :, 0].tolist() == [[1, 2, 3, 0], [5, 5, 0, 0]]
    with pytest.raises(DataError, match=r"^nothing at \(2, 0, 0\)$"):
        fill_gaps(x, lengths, lambda at: f"nothing at {at}")


def test_filling_agrees_with_numpy_interp() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(20, 15, 3)).astype(np.float32)
    x[random.random(x.shape) < 0.4] = np.nan
    filled = fill_gaps(x)
    for sequence, result in zip(x, filled, strict=True):
        for channel in range(3):
            known = np.flatnonzero(~np.isnan(sequence[:, channel]))
            expected = np.interp(np.arange(15), known, sequence[known, channel])
            assert np.allclose(result[:, channel], expected, atol=1e-5)


def test_statistics_ignore_gaps_and_know_constant_channels() -> None:
    x = np.array([[1, 0.1, 5], [3, 0.1, NAN], [NAN, 0.1, 5]], np.float32)
    mean, scale = fit_scaling(x)
    assert mean.tolist() == [2, np.float32(0.1), 5]
    assert scale.tolist() == [1, 1, 1]
    assert say_constant(x, ("a", "b", "c")) == ("constant in the training part: b, c",)
    assert mean.dtype == scale.dtype == np.float32


def test_statistics_of_large_and_tiny_numbers_stay_finite() -> None:
    mean, scale = fit_scaling(np.array([[3e38, 1e-44], [-3e38, 0]], np.float32))
    assert np.isfinite([*mean, *scale]).all()
    assert (scale > 0).all()


def test_padding_does_not_count() -> None:
    x = np.array([[[1], [2], [9]], [[3], [9], [9]]], np.float32)
    assert at_real_steps(x, np.array([2, 1], np.int32))[:, 0].tolist() == [1, 2, 3]


def test_missing_values_are_counted_and_the_first_is_named() -> None:
    refuse_missing(np.zeros((2, 2), np.float32), str)
    with pytest.raises(DataError, match=r"^\(0, 1\): missing value \(3 in all\)"):
        refuse_missing(np.array([[0, NAN], [NAN, NAN]], np.float32), str)


@pytest.mark.parametrize(
    ("answers", "classes", "numbers"),
    [
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        (["10", "9", "-1"], ("-1", "9", "10"), [2, 1, 0]),
        ([10, 9, 9], ("9", "10"), [1, 0, 0]),
        ([1.0, 0.0, 1.0], ("0", "1"), [1, 0, 1]),
        ([True, False], ("False", "True"), [1, 0]),
        (["x", "2", "10"], ("2", "10", "x"), [2, 0, 1]),
    ],
)
def test_classes_are_numbered_in_a_lasting_order(
    answers: list[Any], classes: tuple[str, ...], numbers: list[int]
) -> None:
    names, codes = number_classes(sequences(answers))
    assert (names, codes.tolist(), codes.dtype) == (classes, numbers, np.int32)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            [0.0, 0.37],
            r'x\[1\]: class 0.37: expected text or a whole number; to predict a number, write kind = "regress"',
        ),
        ([0.0, np.nan], r"x\[1\]: class nan: expected text or a whole number"),
        ([0.0, np.inf], r"x\[1\]: class inf: expected text or a whole number"),
        (["a", "a"], "all sequences are of the class 'a': expected two classes or more"),
    ],
)
def test_answers_that_are_no_classes(answers: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        number_classes(sequences(answers))


def test_answers_that_are_numbers() -> None:
    values = number_answers(sequences(["1.5", "-2"]))
    assert (values.tolist(), values.dtype) == ([[1.5], [-2.0]], np.float32)
    for bad in ([1.0, np.nan], [1.0, np.inf], [1.0, 1e39], ["1", "much"]):
        with pytest.raises(DataError, match=r"toy\.npz: x\[1\]: target .*: expected a finite number"):
            number_answers(sequences(bad))
