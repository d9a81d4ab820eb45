from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.data.windows import Span, cut, take


def test_whole_pieces_of_a_long_span_and_a_short_one_as_it_is() -> None:
    pieces = cut([Span(0, range(2, 13)), Span(1, range(3))], 1, 4, None)
    assert pieces.sequence.tolist() == [0, 0, 1]
    assert pieces.start.tolist() == [2, 6, 0]
    assert pieces.lengths.tolist() == [4, 4, 2]
    assert pieces.dropped == 2


def test_a_rest_is_kept_where_it_is_wanted() -> None:
    pieces = cut([Span(0, range(11)), Span(1, range(5))], 1, 4, None, keep_rest=True)
    assert pieces.start.tolist() == [0, 4, 8, 0]
    assert pieces.lengths.tolist() == [4, 4, 2, 4]
    assert pieces.dropped == 0


def test_inputs_and_answers_are_as_far_apart_as_the_card_says_and_padding_is_zero() -> None:
    values = np.arange(1, 21, dtype=np.float32).reshape(2, 10, 1)
    pieces = cut([Span(0, range(10)), Span(1, range(4))], 2, None, None)
    assert take(values, pieces)[:, :, 0].tolist() == [[1, 2, 3, 4, 5, 6, 7, 8], [11, 12, 0, 0, 0, 0, 0, 0]]
    assert take(values, pieces, 2)[:, :, 0].tolist() == [[3, 4, 5, 6, 7, 8, 9, 10], [13, 14, 0, 0, 0, 0, 0, 0]]


@given(
    steps=st.lists(st.integers(0, 30), min_size=1, max_size=4),
    ahead=st.integers(0, 3),
    window=st.none() | st.integers(1, 8),
    stride=st.none() | st.integers(1, 8),
)
def test_no_piece_leaves_its_span(steps: list[int], ahead: int, window: int | None, stride: int | None) -> None:
    spans = [Span(number, range(5, 5 + count)) for number, count in enumerate(steps)]
    pieces = cut(spans, ahead, window, stride)
    for sequence, start, length in zip(pieces.sequence, pieces.start, pieces.lengths, strict=True):
        span = spans[sequence].steps
        assert length >= 1
        assert start >= span.start
        assert start + length + ahead <= span.stop
        assert window is None or length <= window
    usable = [count - ahead for count in steps if count > ahead]
    assert (len(pieces) == 0) == (not usable)
    if window is None:
        assert sorted(pieces.lengths) == sorted(usable)
