"""A part of a dataset as training reads it: blocks of batches, in the order that an epoch asks for.

A part that fits stays in memory as tensors for all trials of a worker, and a block is gathered from them. A larger one
stays as the arrays that it is, views or maps of a file, and its blocks are cut and scaled in `tf.data` while the one
before is trained on. Both give the same blocks, of one shape, so that one compiled function serves both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

FloatArray: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int32]

BLOCK_BYTES = 64_000_000
"""What one block of batches may take; an epoch has as many blocks as it needs."""

LARGEST_TENSORS_BYTES = 1_000_000_000
"""What a part may take as tensors; larger ones stream."""

PREDICT_ROWS = 512
"""Sequences predicted at once."""


@dataclass(frozen=True, slots=True)
class Block:
    """Batches that one call of the compiled epoch trains on.

    Attributes:
        batches: How many of them are real; the rest is there to keep the shape.
        inputs: Sequences (batches, batch, steps, …), their lengths, answers, and what is known in advance.
        weights: (batches, batch) 1 for a sequence, 0 for a row that fills up the last batch.
    """

    batches: int
    inputs: tuple[Any, Any, Any, Any]
    weights: FloatArray


@dataclass(frozen=True, slots=True)
class TensorPart:
    """One part of a dataset in scaled units, as tensors that stay where they are for all trials of a worker.

    Attributes:
        x: (n, steps, channels) float32, or tokens (n, steps) int32.
        lengths: (n,) int32.
        y: Forecast (n, horizon, targets) or regression (n, targets) float32, classes (n,) int32; a class of each step
            (n, steps) int32, labels of each step (n, steps, targets) float32.
        future: (n, horizon, known channels) float32; (n, 0, 0) where nothing is known in advance.
    """

    x: Any
    lengths: Any
    y: Any
    future: Any

    @classmethod
    def of(
        cls, x: npt.NDArray[Any], lengths: IntArray, y: npt.NDArray[Any], future: FloatArray | None = None
    ) -> TensorPart:
        """Tensors of these arrays."""
        if future is None:
            future = np.zeros((len(x), 0, 0), np.float32)
        return cls(*(tf.constant(array) for array in (x, lengths, y, future)))

    def __len__(self) -> int:
        return int(self.x.shape[0])

    def take(self, rows: IntArray) -> tuple[npt.NDArray[Any], ...]:
        """Sequences of these numbers as (x, lengths, y, future)."""
        return tuple(tf.gather(one, rows).numpy() for one in self._tensors)

    def blocks(self, order: npt.NDArray[Any], batch_size: int) -> Iterator[Block]:
        """The sequences in this order, in batches; all blocks have one shape.

        Args:
            order: (n,) the sequences' numbers.
            batch_size: Sequences a batch; the last batch may have fewer.
        """
        for rows, weights, batches in _block_rows(order, batch_size, self._row_bytes):
            numbers = tf.constant(rows)
            yield Block(batches, tuple(tf.gather(one, numbers) for one in self._tensors), weights)

    def chunks(self) -> Iterator[tuple[Any, Any, Any]]:
        """Sequences, lengths and what is known in advance, so many at a time as are predicted at once."""
        for start in range(0, len(self), PREDICT_ROWS):
            rows = slice(start, start + PREDICT_ROWS)
            yield self.x[rows], self.lengths[rows], self.future[rows]

    @property
    def _tensors(self) -> tuple[Any, Any, Any, Any]:
        return self.x, self.lengths, self.y, self.future

    @property
    def _row_bytes(self) -> int:
        return sum(int(np.prod(one.shape[1:])) * int(one.dtype.size) for one in self._tensors)


@dataclass(frozen=True, slots=True)
class StreamedPart:
    """One part of a dataset that is too large to be held as tensors beside its arrays.

    Attributes:
        rows: How many sequences it has.
        row_bytes: What one takes, scaled.
        take: Sequences of these numbers as (x, lengths, y, future) in scaled units; see `TensorPart`.
    """

    rows: int
    row_bytes: int
    take: Callable[[IntArray], tuple[npt.NDArray[Any], ...]]

    def __len__(self) -> int:
        return self.rows

    def blocks(self, order: npt.NDArray[Any], batch_size: int) -> Iterator[Block]:
        """See `TensorPart.blocks`."""

        def cut() -> Iterator[tuple[Any, ...]]:
            for rows, weights, batches in _block_rows(order, batch_size, self.row_bytes):
                taken = self.take(rows.reshape(-1))
                yield (*(one.reshape(*rows.shape, *one.shape[1:]) for one in taken), weights, np.int32(batches))

        for *inputs, weights, batches in _streamed(cut, 2):
            yield Block(int(batches), tuple(inputs), weights)

    def chunks(self) -> Iterator[tuple[Any, Any, Any]]:
        """See `TensorPart.chunks`."""

        def cut() -> Iterator[tuple[Any, ...]]:
            for start in range(0, self.rows, PREDICT_ROWS):
                yield self.take(np.arange(start, min(start + PREDICT_ROWS, self.rows), dtype=np.int32))

        for x, lengths, _, future in _streamed(cut, 1):
            yield x, lengths, future


DataPart: TypeAlias = TensorPart | StreamedPart


def together(first: DataPart, second: DataPart) -> DataPart:
    """Two parts as one, the second's sequences after the first's."""
    if isinstance(first, TensorPart) and isinstance(second, TensorPart):
        return TensorPart(*(tf.concat(pair, axis=0) for pair in zip(first._tensors, second._tensors, strict=True)))

    def take(rows: IntArray) -> tuple[npt.NDArray[Any], ...]:
        inside = rows < len(first)
        pieces = zip(first.take(rows[inside]), second.take(rows[~inside] - np.int32(len(first))), strict=True)
        places = np.argsort(np.concatenate([np.flatnonzero(inside), np.flatnonzero(~inside)]))
        return tuple(np.concatenate(pair)[places] for pair in pieces)

    streamed = next(part for part in (first, second) if isinstance(part, StreamedPart))
    return StreamedPart(len(first) + len(second), streamed.row_bytes, take)


def _streamed(cut: Callable[[], Iterator[tuple[Any, ...]]], leading: int) -> Iterator[Any]:
    """What `cut` gives, made ready one ahead in a thread of `tf.data`'s; so many leading axes may differ in length."""
    signature = tuple(
        tf.TensorSpec([None] * min(leading, one.ndim) + list(one.shape[leading:]), one.dtype) for one in next(cut())
    )
    return iter(tf.data.Dataset.from_generator(cut, output_signature=signature).prefetch(1))


def _block_rows(order: npt.NDArray[Any], batch_size: int, row_bytes: int) -> Iterator[tuple[IntArray, FloatArray, int]]:
    """(batches, batch) numbers and weights of the rows of each block, and how many of its batches are real."""
    wanted = -(-len(order) // batch_size)
    fitting = max(1, BLOCK_BYTES // max(1, row_bytes * batch_size))
    blocks = -(-wanted // fitting)
    size = -(-wanted // blocks)  # blocks as equal as they can be, so that few batches are there for the shape alone
    rows, weights = np.zeros(blocks * size * batch_size, np.int32), np.zeros(blocks * size * batch_size, np.float32)
    rows[: len(order)], weights[: len(order)] = order, 1.0
    each = zip(rows.reshape(blocks, size, batch_size), weights.reshape(blocks, size, batch_size), strict=True)
    for number, (some, their) in enumerate(each):
        yield some, their, min(size, wanted - number * size)
