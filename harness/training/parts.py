"""A part of a dataset as training reads it: blocks of batches, in the order that an epoch asks for.

A part that fits stays in memory as tensors for all trials of a worker, and a block is gathered from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

FloatArray: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int32]

BLOCK_BYTES = 64_000_000
"""What one block of batches may take; an epoch has as many blocks as it needs."""

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
